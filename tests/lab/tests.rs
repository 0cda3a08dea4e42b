//! The lab tests itself: what it accepts, what it refuses, what each fault does, and that each check of the harness can fail.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test bench on loopback"
)]

#[expect(dead_code, reason = "the lab's tests use a part of it")]
#[path = "mod.rs"]
mod lab;

#[expect(dead_code, reason = "the lab's tests use a part of the harness")]
#[path = "home.rs"]
mod home;

mod planted;
mod sessions;
mod versions;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use home::{Home, Problem};
use keyrotate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
use lab::faults::{Fault, Rule};
use lab::front::{Manner, Proxy};
use lab::key::Status;
use lab::sigv4::{Authorization, Request, signature};
use lab::{Lab, Settings, Verdict};

/// Sends one signed call and returns everything that came back; empty when the connection was closed.
fn call(lab: &Lab, id: &str, secret: &str, service: &str, body: &str) -> String {
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
    let mut auth = Authorization {
        key_id: id.into(),
        date: stamp[..8].into(),
        region: "us-east-1".into(),
        service: service.into(),
        signed_headers: vec!["host".into(), "x-amz-date".into()],
        signature: String::new(),
    };
    let host = lab.url().replace("http://", "");
    let headers = [("host".to_owned(), host.clone()), ("x-amz-date".to_owned(), stamp.clone())].into();
    let request = Request { method: "POST".into(), path: "/".into(), headers, body: body.into(), ..Request::default() };
    auth.signature = signature(secret, &auth, &request);
    send(&auth, &request)
}

/// Sends a signed request and returns everything that came back; empty when the connection was closed.
fn send(auth: &Authorization, request: &Request) -> String {
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (scope, signed) = (format!("{}/{}/{}/aws4_request", auth.date, auth.region, auth.service), auth.signed_headers.join(";"));
    let text = format!(
        "POST / HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential={}/{scope}, SignedHeaders={signed}, Signature={}\r\n\r\n{}",
        request.body.len(),
        auth.key_id,
        auth.signature,
        String::from_utf8_lossy(&request.body)
    );
    let mut stream = TcpStream::connect(&request.headers["host"]).expect("the lab listens");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    stream.write_all(text.as_bytes()).expect("the lab reads");
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(got) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..got]);
        if got == 0 || answer.ends_with(b"Response>") {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn started() -> (Lab, impl Fn(&str) -> String) {
    let lab = Lab::start(Settings::default());
    let (key, used) = (lab.first_key(), lab.clone());
    (lab, move |body: &str| call(&used, &key.id, &key.secret, "iam", body))
}

#[test]
fn signature_is_the_one_of_awss_published_example() {
    let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                  SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
    let auth = Authorization::parse(header).expect("a good header");
    let headers = [
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", "iam.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
    ];
    let request = Request {
        method: "GET".into(),
        path: "/".into(),
        query: "Action=ListUsers&Version=2010-05-08".into(),
        headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
        body: Vec::new(),
    };
    assert_eq!(signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &auth, &request), auth.signature);
    assert_ne!(signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEZ", &auth, &request), auth.signature);
}

#[test]
fn token_codes_are_those_of_rfc_6238() {
    assert_eq!(lab::totp::code(b"12345678901234567890", lab::totp::step(59.0)), "287082");
    assert_eq!(lab::totp::code(b"12345678901234567890", lab::totp::step(1_111_111_109.0)), "081804");
}

#[test]
fn every_action_answers_a_whole_response() {
    let (lab, ask) = started();
    let id = lab.first_key().id;
    for body in [
        "Action=CreateAccessKey&UserName=dev".to_owned(),
        "Action=ListAccessKeys&UserName=dev".to_owned(),
        format!("Action=GetAccessKeyLastUsed&AccessKeyId={id}"),
        "Action=GetUser".to_owned(),
        "Action=ListMFADevices".to_owned(),
        "Action=GetAccountSummary".to_owned(),
        "Action=ListAttachedUserPolicies&UserName=dev".to_owned(),
        "Action=ListGroupsForUser&UserName=dev".to_owned(),
        format!("Action=UpdateAccessKey&UserName=dev&Status=Active&AccessKeyId={id}"),
        format!("Action=DeleteAccessKey&UserName=dev&AccessKeyId={id}"),
    ] {
        let answer = ask(&body);
        let action = body.split(['=', '&']).nth(1).expect("an action");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains(&format!("<{action}Response xmlns=")) && answer.ends_with(&format!("</{action}Response>")), "{answer}");
    }
    assert!(lab.calls().iter().all(|c| c.status == Some(200)));
}

#[test]
fn wrong_secrets_unknown_ids_inactive_keys_and_old_signatures_are_refused() {
    let (lab, ask) = started();
    let key = lab.first_key();
    assert!(call(&lab, &key.id, "wrong", "iam", "Action=GetUser").contains("SignatureDoesNotMatch"));
    assert!(call(&lab, "AKIAUNKNOWN", &key.secret, "iam", "Action=GetUser").contains("InvalidClientTokenId"));
    lab.world().settings.clock_offset = 901.0;
    assert!(ask("Action=GetUser").contains("Signature expired"));
    lab.world().settings.clock_offset = -302.0;
    assert!(ask("Action=GetUser").contains("Signature not yet current"));
    lab.world().settings.clock_offset = 0.0;
    lab.world().set_status(&key.id, Status::Inactive);
    assert!(ask("Action=GetUser").contains("InvalidClientTokenId"));
}

#[test]
fn twelve_threads_never_exceed_two_keys() {
    let (lab, ask) = started();
    let made: usize = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..12).map(|_| scope.spawn(|| usize::from(ask("Action=CreateAccessKey").contains("<SecretAccessKey>")))).collect();
        workers.into_iter().map(|w| w.join().expect("a worker")).sum()
    });
    assert_eq!((made, lab.live_keys("dev").len()), (1, 2));
    assert_eq!(lab.calls().iter().filter(|c| c.code.as_deref() == Some("LimitExceeded")).count(), 11);
}

#[test]
fn a_code_works_once_and_opens_a_session_that_force_mfa_lets_through() {
    let (lab, ask) = started();
    let key = lab.first_key();
    lab.world().settings.force_mfa = true;
    assert!(ask("Action=ListAccessKeys").contains("with an explicit deny in an identity-based policy"));
    let serial = lab.world().users[0].serials[0].clone();
    let body = format!("Action=GetSessionToken&SerialNumber={serial}&TokenCode={}", lab.code("dev").expect("a code"));
    assert!(call(&lab, &key.id, &key.secret, "sts", &body).contains("<SessionToken>"));
    assert!(call(&lab, &key.id, &key.secret, "sts", &body).contains("invalid MFA one time pass code"));
    assert!(lab.calls().iter().all(|c| c.params.get("TokenCode").is_none_or(|code| code == "***")));
}

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
fn new_keys_flap_until_settled_and_pages_end() {
    let (lab, ask) = started();
    lab.world().settings.propagation = (1000.0, 1000.0);
    assert!(ask("Action=CreateAccessKey").contains("<SecretAccessKey>"));
    let new = lab.live_keys("dev")[1].clone();
    assert_eq!(lab.accepts(&new.id, &new.secret), Verdict::Flapping);
    assert!(call(&lab, &new.id, &new.secret, "sts", "Action=GetCallerIdentity").contains("InvalidClientTokenId"));
    lab.world().settings.page_size = 1;
    let first = ask("Action=ListAccessKeys");
    assert!(first.contains("<IsTruncated>true</IsTruncated><Marker>1</Marker>") && !first.contains(&new.id));
    assert!(ask("Action=ListAccessKeys&Marker=1").contains(&new.id));
}

/// The product's own client over the TLS front.
fn client(url: &str, ca_file: &std::path::Path) -> keyrotate::aws::Aws {
    let endpoints = keyrotate::aws::Endpoints { iam: Some(url.to_owned()), sts: Some(url.to_owned()), secrets_manager: None };
    let options = keyrotate::aws::ClientOptions { region: None, endpoints, ca_bundle: Some(ca_file.to_owned()) };
    keyrotate::aws::Aws::new(options).expect("good options")
}

#[test]
fn the_products_client_reads_the_lab_over_tls_by_its_ca_only() {
    let (lab, folder) = (Lab::start(Settings::default()), tempfile::tempdir().expect("a directory"));
    let (ca_file, other_ca) = (folder.path().join("ca.pem"), folder.path().join("other.pem"));
    let url = lab::front::serve_tls(&lab, &ca_file);
    lab::front::serve_tls(&lab, &other_ca);
    let key = lab.first_key();
    let pair = AccessKeyPair { id: AccessKeyId::parse(&key.id).expect("an ID"), secret: SecretAccessKey::new(key.secret.clone()) };
    let signer = keyrotate::aws::Signer::LongTerm(pair);
    let identity = client(&url, &ca_file).get_caller_identity(&signer).expect("an identity");
    assert_eq!(identity.user_name(), Some("dev"));
    let calls = lab.calls().len();
    client(&url, &other_ca).get_caller_identity(&signer).expect_err("another CA is not trusted");
    assert_eq!(lab.calls().len(), calls, "nothing was asked over an untrusted connection");
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

#[test]
fn users_are_renamed_deleted_quarantined_and_root_is_the_account() {
    let (lab, ask) = started();
    lab.world().users[0].policies.push("AWSCompromisedKeyQuarantineV3".into());
    assert!(ask("Action=CreateAccessKey").contains("explicit deny"));
    lab.world().users[0].policies.clear();
    lab.world().settings.denied.insert("iam:CreateAccessKey".into());
    assert!(ask("Action=CreateAccessKey").contains("because no identity-based policy allows the iam:CreateAccessKey action"));
    lab.world().rename_user("dev", "eve");
    assert!(ask("Action=ListAccessKeys&UserName=dev").contains("NoSuchEntity"));
    assert!(ask("Action=GetUser").contains(":user/eve<"));
    lab.world().delete_user("eve");
    assert!(ask("Action=GetUser").contains("InvalidClientTokenId"));
    let key = {
        let mut world = lab.world();
        let root = world.add_root();
        world.add_settled_key(root)
    };
    let answer = call(&lab, &key.id, &key.secret, "sts", "Action=GetCallerIdentity");
    assert!(answer.contains("arn:aws:iam::000000000000:root<") && answer.contains("<UserId>000000000000</UserId>"), "{answer}");
}

#[test]
fn last_use_is_shown_after_its_lag() {
    let (lab, ask) = started();
    let body = format!("Action=GetAccessKeyLastUsed&AccessKeyId={}", lab.first_key().id);
    lab.world().settings.last_use_lag = 60.0;
    assert!(ask(&body).contains("<ServiceName>N/A</ServiceName>"));
    lab.world().settings.last_use_lag = 0.0;
    assert!(ask(&body).contains("<ServiceName>iam</ServiceName>"));
    assert_eq!(lab.first_key().uses.len(), 1, "one record per 15 minutes");
}

#[test]
fn the_harness_finds_nothing_in_an_untouched_home_and_something_after_each_kind_of_damage() {
    let damage = [
        (":", None),
        ("chmod 644 ~/.aws/credentials", Some(Problem::Open)),
        (": > ~/.aws/credentials", Some(Problem::Locked)),
        ("sed -i s/Keep/keep/ ~/.aws/credentials", Some(Problem::Changed)),
        ("sed -i '0,/aws_secret_access_key=./s//aws_secret_access_key=/' ~/.aws/credentials", Some(Problem::Torn)),
        ("printf '\\n[default]\\n' >> ~/.aws/credentials", Some(Problem::Torn)),
        ("exit 1", Some(Problem::Stuck)),
    ];
    for (script, expected) in damage {
        let home = Home::new("/bin/sh", Settings::default(), true);
        let output = home.run(&["-c", script]);
        home.look("after");
        home.finish("after", &output);
        let found = home.found();
        assert_eq!(expected.is_none(), found.is_empty(), "{script}: {}", home.told());
        assert!(expected.is_none_or(|kind| found.contains_key(&kind)), "{script}: {}", home.told());
    }
}

#[test]
fn the_harness_sees_keys_that_nobody_holds_and_foreign_keys_touched() {
    let home = Home::new("/bin/true", Settings::default(), false);
    let output = home.run(&[]);
    home.lab.world().add_key(0);
    home.lab.world().set_status(&home.other.id, Status::Inactive);
    home.look("after");
    home.finish("after", &output);
    let found = home.found();
    assert!(found.contains_key(&Problem::Orphan) && found.contains_key(&Problem::Foreign), "{}", home.told());
}
