//! The cases that concern sessions, answered by the real binary against the lab: what is refused before anybody is asked for a code, what is sent
//! and by whom, and what a person is told. The case's pair is replaced by one that the lab knows; nothing else of its files is.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use crate::home::{Home, Output, Run};
use crate::lab::role::Role;
use crate::lab::{Call, Settings};

/// A code that is on the command line, so that whatever is not sent is not sent although it could be.
const CODE: &str = "000000";
const COMMANDS: [&[&str]; 4] = [
    &["login", "default", "--mfa-code", CODE],
    &["env", "default", "--mfa-code", CODE],
    &["credential-process", "default", "--mfa-code", CODE],
    &["exec", "default", "--mfa-code", CODE, "--", "/bin/true"],
];
const NO_CODE: [&[&str]; 4] =
    [&["login", "default"], &["env", "default"], &["credential-process", "default"], &["exec", "default", "--", "/bin/true"]];
const REFUSED: &str = "no session was opened";

struct Case {
    toml: toml::Table,
    home: Arc<Home>,
}

/// The case's files with the lab's pair, and `more` at the end of the config.
fn case(id: &str, more: &str) -> Case {
    let read = |name: &str| std::fs::read_to_string(format!("tests/cases/{id}/{name}"));
    let toml: toml::Table = read("case.toml").unwrap().parse().unwrap();
    let settings = Settings { account: "111122223333".into(), ..Settings::default() };
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, false);
    let credentials = read("credentials").unwrap();
    let (id, secret) = credentials.lines().fold((String::new(), String::new()), |(id, secret), line| match line.split_once(" = ") {
        Some(("aws_access_key_id", value)) => (value.to_owned(), secret),
        Some(("aws_secret_access_key", value)) => (id, value.to_owned()),
        _ => (id, secret),
    });
    home.write(".aws/credentials", &credentials.replace(&id, &home.old.id).replace(&secret, &home.old.secret));
    home.write(".aws/config", &format!("{}{more}", read("config").unwrap_or_default()));
    home.holds(home.path().join(".cache/keyrotate/sessions"));
    Case { toml, home }
}

impl Case {
    fn expect(&self, field: &str) -> Option<&str> {
        self.toml["expect"].get(field)?.as_str()
    }

    /// Where the config and the environment, not the harness, say which region it is.
    fn run(&self, args: &[&str]) -> Output {
        let mut run = Run::new(args);
        run.env.push(("AWS_REGION", String::new()));
        self.home.run_with(&run)
    }

    fn calls(&self) -> Vec<Call> {
        let calls = self.home.lab.calls();
        let forbidden = self.toml["expect"].get("forbidden").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        for call in &calls {
            let name = toml::Value::String(format!("{}:{}", call.service, call.action));
            assert!(!forbidden.contains(&name), "{name:?}");
        }
        assert_eq!(self.home.lab.resent(), []);
        calls
    }

    fn actions(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.action).collect()
    }

    fn login(&self, profile: &str) -> Output {
        self.run(&["login", profile, "--mfa-code", &self.home.lab.code("dev").unwrap()])
    }
}

fn refused(output: &Output, parts: &[&str]) {
    let code = output.code.unwrap();
    assert!(code == 1 || code == 125, "{code}: {}", output.stderr);
    assert!(output.stdout.is_empty(), "{}", output.stdout);
    for part in parts {
        assert!(output.stderr.contains(part), "{part} is not said: {}", output.stderr);
    }
    assert!(!output.stderr.contains(CODE), "{}", output.stderr);
}

#[test]
fn a_serial_that_shows_no_code_is_refused_before_a_code_is_asked_for() {
    for (id, said) in [("mfa-serial-is-user-arn", "is not an MFA device"), ("mfa-serial-u2f", "FIDO security key")] {
        let case = case(id, "");
        let asked = case.home.path().join("asked");
        // A person or a program that could be asked.
        let config = std::fs::read_to_string(case.home.path().join(".aws/config")).unwrap();
        case.home.write(".aws/config", &format!("{config}mfa_process = /usr/bin/touch '{}'\n", asked.display()));
        for args in COMMANDS.into_iter().chain(NO_CODE) {
            let output = case.run(args);
            refused(&output, &[".aws/config, line 3: mfa_serial: ", said, "aws iam list-mfa-devices", REFUSED]);
        }
        assert!(case.calls().is_empty() && !asked.exists(), "{id}: {:?}", case.actions());
        let reason = {
            let path = |name: &str| case.home.path().join(".aws").join(name);
            let paths = keyrotate::profile::AwsPaths { credentials: path("credentials"), config: path("config") };
            let (credentials, config) = (std::fs::read(&paths.credentials).ok(), std::fs::read(&paths.config).ok());
            let files = keyrotate::profile::AwsFiles::parse(paths, credentials, config).unwrap();
            let environment = keyrotate::profile::Environment::from_vars([]).unwrap();
            files.route(&keyrotate::model::ProfileName::new("default"), &environment).unwrap_err().code()
        };
        assert_eq!(case.expect("reason"), Some(reason), "{id}");
    }
}

#[test]
fn the_serial_of_an_old_hardware_token_goes_as_it_is() {
    let case = case("mfa-hardware-serial", "");
    let serial = case.expect("serial").unwrap().to_owned();
    case.home.lab.world().users[0].serials = vec![serial.clone()];
    let output = case.login("default");
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let calls = case.calls();
    let [call] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((call.action.as_str(), call.params.get("SerialNumber")), ("GetSessionToken", Some(&serial)));
}

#[test]
fn the_serial_of_another_user_is_not_a_wrong_code() {
    let case = case("mfa-serial-of-other-user", "");
    let output = case.login("default");
    let told = ["AWS does not know arn:aws:iam::111122223333:mfa/colleague as an MFA device of this user", ".aws/config", REFUSED];
    refused(&output, &told);
    assert_eq!(case.actions(), ["GetSessionToken"], "once: another code would not help");
}

#[test]
fn a_quarantined_key_gets_no_session_and_its_person_is_told_why() {
    let case = case("quarantined-key", "");
    case.home.lab.world().users[0].policies.push("AWSCompromisedKeyQuarantineV2".into());
    let output = case.login("default");
    refused(&output, &["sts:GetSessionToken answered AccessDenied", "AWSCompromisedKeyQuarantine", "the key may have leaked", REFUSED]);
    assert_eq!(case.actions(), ["ListMFADevices", "GetSessionToken"]);
}

#[test]
fn a_clock_that_is_hours_behind_is_called_that() {
    let serial = "[default]\nmfa_serial = arn:aws:iam::111122223333:mfa/dev\n";
    for more in ["", serial] {
        let case = case("clock-behind-after-sleep", more);
        case.home.lab.world().settings.clock_offset = 11_430.0;
        let output = case.login("default");
        refused(&output, &["this machine's clock is 3 h 10 min behind AWS's", REFUSED]);
        assert!(!output.stderr.contains("secret"), "{}", output.stderr);
        assert_eq!(case.calls().len(), 1, "{:?}", case.actions());
    }
}

#[test]
fn a_stale_token_beside_the_pair_is_refused_with_its_line() {
    let case = case("stale-session-token", "");
    for args in COMMANDS.into_iter().chain(NO_CODE) {
        refused(&case.run(args), &[".aws/credentials, line 4: a session token stands with the long-term key", REFUSED]);
    }
    assert!(case.calls().is_empty(), "{:?}", case.actions());
}

#[test]
fn a_chain_of_roles_is_opened_with_one_code_and_one_call_for_each_hop() {
    let (hop, outer) = ("arn:aws:iam::444455556666:role/Hop", "arn:aws:iam::777788889999:role/Outer");
    let case = case("source-chain", "");
    let user = "arn:aws:iam::111122223333:user/dev";
    case.home.lab.world().roles = vec![Role { needs_mfa: true, ..Role::new(hop, &[user]) }, Role::new(outer, &[hop])];
    let output = case.home.run(&["login", "outer", "--mfa-code", &case.home.lab.code("dev").unwrap()]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let sessions: Vec<_> = case.home.lab.world().sessions.iter().map(|session| session.id.clone()).collect();
    let told: Vec<_> =
        case.calls().iter().map(|call| (call.action.clone(), call.key_id.clone(), call.params.get("RoleArn").cloned())).collect();
    let (key, token) = (case.home.old.id.clone(), "GetSessionToken".to_owned());
    let assume = |signer: &str, role: &str| ("AssumeRole".to_owned(), signer.to_owned(), Some(role.to_owned()));
    assert_eq!(told, [(token, key, None), assume(&sessions[0], hop), assume(&sessions[1], outer)]);
    // Each profile on the way is open then.
    for profile in ["base", "hop", "outer"] {
        let output = case.home.run(&["login", profile, "--no-input"]);
        assert_eq!(output.code, Some(0), "{profile}: {}", output.stderr);
    }
    assert_eq!(case.calls().len(), 3);
}

#[test]
fn a_session_for_an_opt_in_region_is_of_its_own_sts() {
    let case = case("opt-in-region-session", "mfa_serial = arn:aws:iam::111122223333:mfa/dev\n");
    assert_eq!(case.login("default").code, Some(0));
    let key = case.home.lab.first_key();
    assert_eq!(key.uses.last().map(|used| used.region.as_str()), Some("ap-east-1"), "the region that was signed for");

    // Without the lab, through a proxy that lets nothing through and says where it was to go.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 1_024];
        let length = stream.read(&mut head).unwrap_or_default();
        let _ = stream.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
        String::from_utf8_lossy(&head[..length]).lines().next().unwrap_or_default().to_owned()
    });
    let mut run = Run::new(&["login", "default", "--fresh", "--mfa-code", CODE]);
    run.env = vec![("AWS_REGION", String::new()), ("AWS_ENDPOINT_URL", String::new()), ("HTTPS_PROXY", format!("http://{address}"))];
    // What shortens waits is for endpoints on loopback only.
    run.prefix = ["env", "-u", "KEYROTATE_TIME_SCALE"].map(str::to_owned).to_vec();
    let output = case.home.run_with(&run);
    // Nobody came: the listener is not kept waiting.
    drop(TcpStream::connect(address));
    let host = case.expect("sts_host").unwrap();
    assert_eq!(seen.join().unwrap(), format!("CONNECT {host}:443 HTTP/1.1"), "{}", output.stderr);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
}
