//! Roles: one code opens all of them; what the profile says of a role reaches AWS.

use crate::bench::{SERIAL, asked, code, codes_sent, given, given_by, last_call, settings, start_with, told, words};
use crate::lab::{Call, Settings};

const ARN: &str = "arn:aws:iam::111122223333:role";

pub fn role(name: &str, source: &str, more: &str) -> String {
    format!("[profile {name}]\nrole_arn = {ARN}/{name}\nsource_profile = {source}\n{more}\n")
}

pub fn base() -> String {
    format!("[default]\nmfa_serial = {SERIAL}\n")
}

fn calls(config: &str, profile: &str) -> Vec<Call> {
    let home = start_with(Settings::default(), config);
    given_by(&home, &home.run(&["credential-process", profile, "--mfa-code", &code(&home)]));
    given(&home, profile);
    home.lab.calls()
}

fn actions(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.action.as_str()).collect()
}

#[test]
fn the_device_may_be_named_by_the_role_or_by_its_source() {
    for config in [base() + &role("r", "default", ""), "[default]\n".to_owned() + &role("r", "default", &format!("mfa_serial={SERIAL}"))] {
        let calls = calls(&config, "r");
        assert_eq!(actions(&calls), ["GetSessionToken", "AssumeRole"], "{config}");
        assert_eq!(calls[0].params["SerialNumber"], SERIAL);
        assert!(calls[1].key_id.starts_with("ASIA") && !calls[1].params.contains_key("SerialNumber"), "{:?}", calls[1]);
    }
}

#[test]
fn one_code_is_enough_for_every_role_of_the_key() {
    let config = base() + &role("one", "default", "") + &role("two", "default", "") + &role("far", "one", "");
    let home = start_with(Settings::default(), &config);
    given_by(&home, &home.run(&["credential-process", "one", "--mfa-code", &code(&home)]));
    for profile in ["two", "far", "default", "one"] {
        given(&home, profile);
    }
    assert_eq!(asked(&home), ["GetSessionToken", "AssumeRole", "AssumeRole", "AssumeRole"]);
    assert_eq!(codes_sent(&home), 1);
}

#[test]
fn a_role_that_lasts_longer_than_an_hour_is_assumed_by_the_key_with_the_code() {
    let calls = calls(&(base() + &role("long", "default", "duration_seconds = 7200")), "long");
    assert_eq!(actions(&calls), ["AssumeRole"]);
    let params = &calls[0].params;
    assert_eq!((params["SerialNumber"].as_str(), params["DurationSeconds"].as_str()), (SERIAL, "7200"));
    assert!(calls[0].key_id.starts_with("AKIA"));
}

#[test]
fn at_the_end_of_a_chain_an_hour_is_all_and_it_is_said() {
    let config = base() + &role("hop", "default", "") + &role("far", "hop", "duration_seconds = 7200");
    let home = start_with(Settings::default(), &config);
    let output = home.run(&["credential-process", "far", "--mfa-code", &code(&home)]);
    given_by(&home, &output);
    assert!(words(&output.stderr).contains("which AWS ends after an hour"), "{}", output.stderr);
    let calls = home.lab.calls();
    assert_eq!(actions(&calls), ["GetSessionToken", "AssumeRole", "AssumeRole"]);
    assert_eq!((calls[1].params["RoleArn"].as_str(), calls[2].params["DurationSeconds"].as_str()), (&*format!("{ARN}/hop"), "3600"));
}

#[test]
fn what_the_profile_says_of_a_role_reaches_aws_and_makes_another_session() {
    let more = "external_id = x-1\nrole_session_name = me\nsource_identity = dev\nsession_tags = team=blue\ntransitive_session_tags = team";
    let home = start_with(Settings::default(), &(base() + &role("r", "default", more)));
    given_by(&home, &home.run(&["credential-process", "r", "--mfa-code", &code(&home)]));
    let params = last_call(&home).params;
    for (name, value) in [
        ("ExternalId", "x-1"),
        ("RoleSessionName", "me"),
        ("SourceIdentity", "dev"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "blue"),
        ("TransitiveTagKeys.member.1", "team"),
    ] {
        assert_eq!(params.get(name).map(String::as_str), Some(value), "{name} in {params:?}");
    }
    for change in ["external_id = x-2", "role_session_name = you", "session_tags = team=red"] {
        let name = change.split(' ').next().unwrap();
        let text: Vec<&str> = more.lines().map(|line| if line.starts_with(name) { change } else { line }).collect();
        home.write(".aws/config", &(base() + &role("r", "default", &text.join("\n"))));
        let before = home.lab.calls().len();
        given(&home, "r");
        assert_eq!(home.lab.calls().len() - before, 1, "{change}");
    }
    let policy = home.scratch("policy.json");
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    std::fs::write(&policy, text).unwrap();
    given_by(&home, &home.run(&["credential-process", "r", "--no-input", "--policy", &policy.display().to_string()]));
    assert_eq!(last_call(&home).params["Policy"], text);
    for cut in [["--policy", &*policy.display().to_string()], ["--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"]] {
        let uncut = home.run(&["credential-process", "default", cut[0], cut[1]]);
        told(&uncut, 2, &["only a role's session can have a session policy", "name a profile with a role_arn"]);
    }
}

#[test]
fn without_mfa_a_role_is_assumed_by_the_key_itself() {
    let home = start_with(Settings::default(), &("[default]\n".to_owned() + &role("r", "default", "")));
    settings(&home, "[defaults]\nrequire_mfa = false\n");
    given(&home, "r");
    assert_eq!(asked(&home), ["AssumeRole"]);
    assert!(!last_call(&home).params.contains_key("SerialNumber"));
}

#[test]
fn a_loop_of_roles_and_a_source_that_is_not_there_are_told_before_anything_is_asked() {
    let config = base() + &role("a", "b", "") + &role("b", "a", "") + &role("lost", "nowhere", "");
    let home = start_with(Settings::default(), &config);
    let output = home.run(&["login", "a", "--mfa-code", &code(&home)]);
    told(&output, 1, &["source_profile"]);
    let output = home.run(&["login", "lost", "--mfa-code", &code(&home)]);
    told(&output, output.code.unwrap_or_default(), &["nowhere"]);
    assert_ne!(output.code, Some(0));
    assert_eq!(asked(&home), Vec::<String>::new());
}
