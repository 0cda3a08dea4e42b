//! The lab misbehaves as it is told, at the calls that it is told, and so does the proxy before it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::lab::faults::{Fault, Rule};
use super::lab::front::{Manner, Proxy};
use super::lab::{Lab, Settings};
use super::started;

#[test]
fn each_fault_does_what_it_says() {
    let after = Fault::ErrorAfter { status: 500, code: "ServiceFailure", message: "late" };
    let cases: [(Fault, usize, &str); 8] = [
        (Fault::DropBefore, 1, ""),
        (Fault::Reset, 1, ""),
        (Fault::DropAfter, 2, ""),
        (Fault::error(400, "Throttling"), 1, "Throttling"),
        (after, 2, "ServiceFailure"),
        (Fault::Garbage, 2, "garbage"),
        (Fault::Truncate, 2, "<CreateAccessKeyResponse"),
        (Fault::Hang(Duration::from_millis(100)), 2, "</CreateAccessKeyResponse>"),
    ];
    for (fault, keys, shown) in cases {
        let (lab, ask) = started();
        lab.rules(vec![Rule::on("CreateAccessKey", fault.clone())]);
        let began = Instant::now();
        let answer = ask("Action=CreateAccessKey");
        assert_eq!((lab.live_keys("dev").len(), lab.fired()), (keys, 1), "{fault:?}");
        assert!(if shown.is_empty() { answer.is_empty() } else { answer.contains(shown) }, "{fault:?}: {answer}");
        assert!(fault != Fault::Truncate || !answer.ends_with("Response>"));
        assert!(!matches!(fault, Fault::Hang(_)) || began.elapsed() >= Duration::from_millis(100));
        assert!(ask("Action=GetUser").starts_with("HTTP/1.1 200"), "only the named call is broken");
    }
}

#[test]
fn a_rule_counts_matches_and_skew_shifts_clock_and_date() {
    let (lab, ask) = started();
    lab.rules(vec![Rule::on("*", Fault::error(500, "ServiceFailure")).nth(2).times(2)]);
    let hit: Vec<bool> = (0..4).map(|_| ask("Action=GetUser").contains("ServiceFailure")).collect();
    assert_eq!(hit, [false, true, true, false]);
    lab.rules(vec![Rule::call(5, Fault::Skew(-3600.0))]);
    let answer = ask("Action=GetUser");
    assert!(answer.contains("Signature not yet current"), "{answer}");
    let hour_ago = (chrono::Utc::now() - chrono::TimeDelta::hours(1)).format("%d %b %Y %H:").to_string();
    let same_hour = (chrono::Utc::now() - chrono::TimeDelta::minutes(61)).format("%d %b %Y %H:").to_string();
    assert!(answer.contains(&hour_ago) || answer.contains(&same_hour), "{answer}");
}

#[test]
fn a_paused_call_waits_and_can_be_discarded() {
    for (fault, keys) in [(Fault::PauseBefore, 1), (Fault::PauseAfter, 2)] {
        let (lab, ask) = started();
        lab.rules(vec![Rule::on("CreateAccessKey", fault)]);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| ask("Action=CreateAccessKey"));
            assert!(lab.wait_paused(Duration::from_secs(5)));
            lab.release(true);
            assert_eq!(asked.join().expect("the caller"), "");
        });
        assert_eq!(lab.live_keys("dev").len(), keys);
    }
}

#[test]
fn the_proxy_forwards_refuses_and_closes() {
    let (lab, proxy) = (Lab::start(Settings::default()), Proxy::start());
    for (manner, start, whole) in [
        (Manner::Forward, "HTTP/1.1 200", true),
        (Manner::Refuse(407), "HTTP/1.1 407", false),
        (Manner::Refuse(403), "HTTP/1.1 403", false),
        (Manner::AcceptAndClose, "HTTP/1.1 200", false),
    ] {
        proxy.set(manner);
        let mut stream = TcpStream::connect(proxy.url().replace("http://", "")).expect("the proxy listens");
        stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
        let request = format!("CONNECT {} HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", lab.url().replace("http://", ""));
        stream.write_all(request.as_bytes()).expect("the proxy reads");
        let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(got @ 1..) = stream.read(&mut chunk) {
            answer.extend_from_slice(&chunk[..got]);
        }
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(start) && answer.contains("MissingAuthenticationToken") == whole, "{manner:?}: {answer}");
    }
    assert_eq!((proxy.seen(), lab.calls().len()), (4, 1));
}
