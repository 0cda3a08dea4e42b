//! AWS's programs get a session through our `credential_process`, from files that we read, too. Invariant: no peer sees the long-term key or
//! calls STS for a session itself; what it signs with is in the lab's log.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::home::{Home, Run, one_line};
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};
use crate::lab::role::Role;
use crate::moto::Moto;
use crate::peers::{PEERS, Peer};

const PROGRAM: &str = env!("CARGO_BIN_EXE_keyrotate");
const USER: &str = "arn:aws:iam::000000000000:user/dev";
const ROLE: &str = "arn:aws:iam::444455556666:role/team/Reader";
const SERIAL: &str = "arn:aws:iam::000000000000:mfa/dev";
/// The shortest time that a caller gives the program: the SDK for Rust's (the Go SDK's is 60 s).
const PATIENCE: Duration = Duration::from_secs(22);

/// The profile that has the key and those that programs use differ: static keys in the credentials file win over a credential_process.
fn config(serial: &str, more: &str) -> String {
    format!(
        "[profile key]\nmfa_serial = {serial}\n{more}\n[profile key-as-role]\nrole_arn = {ROLE}\nsource_profile = key\n\n\
         [profile work]\ncredential_process = {PROGRAM} credential-process key\nregion = eu-west-1\n\n\
         [profile reader]\ncredential_process = {PROGRAM} credential-process key-as-role\n\n\
         [profile snake]\ncredential_process = {PROGRAM} credential-process snake\n"
    )
}

fn start(more: &str) -> Arc<Home> {
    let home = Home::new(PROGRAM, Settings::default(), false);
    let (id, secret) = (&home.old.id, &home.old.secret);
    home.write(".aws/credentials", &format!("[key]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"));
    home.write(".aws/config", &config(SERIAL, more));
    home.holds(cache(&home));
    home
}

fn cache(home: &Home) -> PathBuf {
    home.path().join(".cache/keyrotate/sessions")
}

/// Opens the session of `profile` as a person in the morning does.
fn login(home: &Home, url: &str, profile: &str, code: &str) {
    let args = ["login", profile, "--mfa-code", code];
    let mut run = Run::new(&args);
    run.env.push(("AWS_ENDPOINT_URL", url.to_owned()));
    let output = home.run_with(&run);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
}

fn said(output: &Output) -> String {
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Asks a peer who it is; the calls that this made, by action and the kind of the key that signed.
fn ask(home: &Home, peer: Peer, profile: &str) -> (Output, Vec<(String, String)>) {
    let before = home.lab.calls().len();
    let output = peer.command(&home.path(), &home.lab.url(), profile).output().expect("a peer that starts");
    home.search_files(&format!("after {peer:?}"), false);
    let calls = home.lab.calls().split_off(before);
    (output, calls.into_iter().map(|call| (call.action, call.key_id.chars().take(4).collect())).collect())
}

fn log(calls: &[(&str, &str)]) -> Vec<(String, String)> {
    calls.iter().map(|(action, key)| ((*action).to_owned(), (*key).to_owned())).collect()
}

#[test]
fn every_peer_works_on_the_session_of_the_key_and_on_a_role() {
    let home = start("");
    home.lab.world().roles = vec![Role { needs_mfa: true, ..Role::new(ROLE, &[USER]) }];
    login(&home, &home.lab.url(), "key", &home.lab.code("dev").expect("a code"));
    for (at, peer) in PEERS.into_iter().enumerate() {
        let (output, calls) = ask(&home, peer, "work");
        assert!(output.status.success() && said(&output).contains(USER), "{peer:?}: {}", said(&output));
        assert_eq!(calls, log(&[("GetCallerIdentity", "ASIA")]), "{peer:?}");
        let (output, calls) = ask(&home, peer, "reader");
        let arn = "arn:aws:sts::444455556666:assumed-role/Reader/keyrotate";
        assert!(output.status.success() && said(&output).contains(arn), "{peer:?}: {}", said(&output));
        let first = [("AssumeRole", "ASIA"), ("GetCallerIdentity", "ASIA")];
        assert_eq!(calls, log(if at == 0 { &first } else { &first[1..] }), "{peer:?}: a role's session is opened once for all");
    }
    assert_eq!(home.lab.world().codes.len(), 1, "one code for all of them");
}

#[test]
fn every_peer_gets_a_cold_session_where_a_program_gives_the_code() {
    for (at, peer) in PEERS.into_iter().enumerate() {
        let home = start("");
        let (serial, code) = (format!("GAHT0000000{at}"), home.path().join("code"));
        home.lab.world().users[0].serials = vec![serial.clone()];
        home.write(".aws/config", &config(&serial, &format!("mfa_process = /bin/cat '{}'\n", code.display())));
        std::fs::write(&code, home.lab.code("dev").expect("a code")).expect("a writable file");
        let (output, calls) = ask(&home, peer, "work");
        assert!(output.status.success() && said(&output).contains(USER), "{peer:?}: {}", said(&output));
        assert_eq!(calls, log(&[("GetSessionToken", "AKIA"), ("GetCallerIdentity", "ASIA")]), "{peer:?}");
        assert_eq!(home.lab.resent(), [], "{peer:?}");
    }
}

#[test]
fn where_nobody_can_be_asked_every_peer_fails_at_once_and_nothing_is_sent() {
    let home = start("");
    let began = Instant::now();
    let output = home.run(&["credential-process", "key"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(20), ""), "{}", output.stderr);
    assert!(output.stderr.contains("keyrotate login key"), "{}", output.stderr);
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    for peer in PEERS {
        let (output, calls) = ask(&home, peer, "work");
        assert!(!output.status.success(), "{peer:?}: {}", said(&output));
        assert_eq!(calls, [], "{peer:?}");
    }
}

#[test]
fn an_sts_that_does_not_answer_is_given_up_before_the_caller_gives_us_up() {
    let home = start("");
    home.lab.rules(vec![Rule::on("GetSessionToken", Fault::Hang(2 * PATIENCE))]);
    let began = Instant::now();
    let output = home.run(&["credential-process", "key", "--mfa-code", &home.lab.code("dev").expect("a code")]);
    assert!(output.code == Some(1) && began.elapsed() < PATIENCE, "{:?} {}", began.elapsed(), output.stderr);
    assert_eq!((home.lab.resent(), home.lab.calls().len()), (vec![], 1));
}

#[test]
fn a_program_that_calls_itself_ends() {
    let home = start("");
    let (output, calls) = ask(&home, Peer::Boto3, "snake");
    assert!(!output.status.success() && calls.is_empty(), "{}", said(&output));
    let output = home.run(&["credential-process", "snake"]);
    assert!(
        output.code == Some(1) && output.stderr.contains("gets its credentials by keyrotate, which has no key for it"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_pipe_into_the_callers_standard_input_stays_whole() {
    const LINES: &str = "012345\none line\nand one without an end";
    let home = start("");
    login(&home, &home.lab.url(), "key", &home.lab.code("dev").expect("a code"));
    for (peer, warm) in PEERS.into_iter().flat_map(|peer| [(peer, true), (peer, false)]) {
        if !warm {
            std::fs::remove_dir_all(cache(&home)).ok();
        }
        let own = peer.command(&home.path(), &home.lab.url(), "work");
        // The peer first, whose input is the pipe, then whoever is to read it.
        let script = if warm { "\"$@\" >/dev/null || exit 9; exec cat" } else { "\"$@\" >/dev/null 2>&1 && exit 9; exec cat" };
        let mut both = peer.alone(&home.path(), &home.lab.url());
        both.args(["/bin/sh", "-c", script, "sh"]).arg(own.get_program()).args(own.get_args());
        let mut child = both.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        child.stdin.take().expect("a pipe").write_all(LINES.as_bytes()).expect("room in a pipe");
        let output = child.wait_with_output().expect("a child of ours");
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()), (Some(0), LINES), "{peer:?}, warm: {warm}");
        if !warm {
            let code = loop {
                // Three codes are good at a time; the next comes with the lab's clock.
                match home.lab.code("dev") {
                    Some(code) => break code,
                    None => home.lab.world().settings.clock_offset += 30.0,
                }
            };
            login(&home, &home.lab.url(), "key", &code);
        }
    }
}

/// botocore, the AWS CLI and the Go SDK alike: what is in the credentials file under the same name is used, and no program is run.
#[test]
fn static_keys_under_the_same_name_win_so_the_advice_names_two_profiles() {
    let home = start("");
    let (id, secret) = (&home.old.id, &home.old.secret);
    home.write(".aws/credentials", &format!("[work]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"));
    home.write(".aws/config", &format!("[profile work]\ncredential_process = {PROGRAM} credential-process work\n"));
    for peer in PEERS {
        let (output, calls) = ask(&home, peer, "work");
        assert!(output.status.success(), "{peer:?}: {}", said(&output));
        assert_eq!(calls, log(&[("GetCallerIdentity", "AKIA")]), "{peer:?}");
    }
    let help = one_line(&home.run(&["credential-process", "--help"]).stdout);
    let (_, advice) = help.split_once("[profile ").expect("a profile in the help");
    let profile = advice.split_once(']').expect("a header").0;
    let key = advice.split_once("credential-process ").expect("the command").1.split(['.', ' ']).next();
    assert_ne!(Some(profile), key, "{help}");
}

/// moto takes any code, and its sessions are always the same one.
#[test]
fn every_peer_works_on_sessions_of_moto() {
    let moto = Moto::start();
    let home = start("");
    home.write(".aws/credentials", &format!("[key]\naws_access_key_id = {}\naws_secret_access_key = {}\n", moto.dev.0, moto.dev.1));
    login(&home, &moto.url, "key", "000000");
    for peer in PEERS {
        for (profile, arn) in [("work", "arn:aws:sts::123456789012:user/moto"), ("reader", "assumed-role/Reader/keyrotate")] {
            let output = peer.command(&home.path(), &moto.url, profile).output().expect("a peer that starts");
            assert!(output.status.success() && said(&output).contains(arn), "{peer:?}: {}", said(&output));
        }
    }
    assert_eq!(home.lab.calls().len(), 0);
}
