//! Where everything is denied without MFA: nobody is locked out, and a timer still sees how old keys are.

use serde_json::Value;

use crate::bench::{DAY, NAMES_DEVICE, SERIAL, allow, logged_in, rotated, run, run_with_code, settings, shown, start};
use crate::home::Home;
use crate::wire::{Signer, ask, open};

/// What a person has who may do all keyrotate needs, with MFA.
fn forced(home: &Home, more: &[&[&str]]) -> Vec<Value> {
    let own: [&[&str]; 5] = [&["rotate", "default"], &["sessions", "default"], &["root-check"], &["mfa"], &["force-mfa"]];
    own.iter().chain(more).map(|words| shown(home, words)).collect()
}

#[test]
fn one_code_rotates_whether_a_file_names_the_device_or_not() {
    for config in ["", NAMES_DEVICE] {
        let home = start(config);
        allow(&home, &forced(&home, &[]));
        let refused = run(&home, &["rotate", "default", "--yes", "--no-input"]);
        assert_eq!(refused.code, Some(20), "{}", refused.said());
        let made = home.lab.calls().iter().filter(|call| call.action == "CreateAccessKey" && call.status == Some(200)).count();
        assert_eq!(made, 0, "a key was made before there was a code");
        rotated(&home, &run_with_code(&home, &["rotate", "default", "--yes", "--no-input"]));
        assert_eq!(home.lab.world().codes.len(), 1);
    }
}

#[test]
fn a_session_that_is_open_is_enough_where_no_file_names_the_device() {
    let home = start("");
    logged_in(&home);
    allow(&home, &[shown(&home, &["rotate", "default"])]);
    rotated(&home, &run(&home, &["rotate", "default", "--yes", "--no-input"]));
}

#[test]
fn a_secret_is_behind_mfa_like_everything_else() {
    let home = start("");
    home.secret("prod/ci", r#"{"AccessKeyId":"{id}","SecretAccessKey":"{secret}"}"#);
    settings(&home, "[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"prod/ci\"\nregion = \"us-east-1\"\n");
    allow(&home, &forced(&home, &[&["secretsmanager", "default"]]));
    rotated(&home, &run_with_code(&home, &["rotate", "default", "--yes", "--no-input"]));
}

#[test]
fn a_timer_sees_how_old_keys_are_and_changes_none() {
    let home = start("");
    home.lab.world().keys[0].created_at -= 80.0 * DAY;
    allow(&home, &forced(&home, &[]));
    let status = run(&home, &["status", "default"]);
    let text = status.said();
    assert!(status.code == Some(10) && text.contains("80 days") && !text.contains("unknown"), "{text}");
    let auto = run(&home, &["auto", "--now"]);
    assert_eq!(auto.code, Some(20), "{}", auto.said());
    assert_eq!(home.lab.live_keys("dev").len(), 1);
    assert_eq!(home.lab.live_keys("dev")[0].id, home.old.id);
}

#[test]
fn a_key_alone_does_nothing_else() {
    let home = start("");
    let mut documents = forced(&home, &[]);
    documents.push(serde_json::json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}));
    allow(&home, &documents);
    let key = Signer::of(&home.old);
    let may = |signer: &Signer, body: &str| !ask(&home.lab, signer, "iam", &format!("Action={body}")).contains("explicit deny");
    for body in [
        "ListUserPolicies&UserName=dev",
        "CreateAccessKey&UserName=dev",
        "DeactivateMFADevice&UserName=dev&SerialNumber=arn:aws:iam::000000000000:mfa/dev",
        "GenerateCredentialReport",
    ] {
        assert!(!may(&key, body), "{body}");
    }
    let plain = open(&home.lab, &key, "Action=GetSessionToken");
    let answer = ask(&home.lab, &plain, "iam", "Action=ListUserPolicies&UserName=dev");
    assert!(!answer.starts_with("HTTP/1.1 200"), "a session without MFA is no better: {answer}");
    let code = home.lab.code("dev").unwrap();
    let session = open(&home.lab, &key, &format!("Action=GetSessionToken&SerialNumber={SERIAL}&TokenCode={code}"));
    assert!(may(&session, "ListUserPolicies&UserName=dev"));
}
