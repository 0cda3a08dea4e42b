//! What is wrong in the files and the variables.

use crate::bench::{SERIAL, asked, code, given, login, start, start_with, told, words};
use crate::home::{Home, Run};
use crate::lab::Settings;

fn with(home: &Home, args: &[&str], env: &[(&'static str, &str)]) -> crate::home::Output {
    let mut run = Run::new(args);
    run.env.extend(env.iter().map(|(name, value)| (*name, (*value).to_owned())));
    home.run_with(&run)
}

#[test]
fn a_session_token_left_in_the_profile_is_refused_before_anything_is_asked() {
    let home = start();
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", &text.replace("region = eu-west-1", "aws_session_token = stale"));
    told(&home.run(&["login", "--mfa-code", &code(&home)]), 1, &["line 6", "a session token stands with the long-term key"]);
    assert_eq!(asked(&home), Vec::<String>::new());
}

#[test]
fn where_the_variables_differ_it_is_said_and_the_first_counts() {
    let home = start();
    login(&home);
    let differ = [("AWS_PROFILE", "default"), ("AWS_DEFAULT_PROFILE", "other")];
    let output = with(&home, &["env", "--no-input", "--format", "json"], &differ);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(words(&output.stderr).contains("AWS_PROFILE is default and AWS_DEFAULT_PROFILE is other"), "{}", output.stderr);
    let named = with(&home, &["credential-process", "default", "--no-input"], &differ);
    assert_eq!((named.code, named.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_device_in_the_profile_that_is_none_is_told_with_its_line() {
    for (serial, said) in [
        ("arn:aws:iam::000000000000:user/dev", "is not an MFA device"),
        ("arn:aws:iam::000000000000:u2f/user/dev/key-EXAMPLE", "FIDO security key"),
    ] {
        let home = start_with(Settings::default(), &format!("[default]\nmfa_serial = {serial}\n"));
        told(&home.run(&["login", "--mfa-code", &code(&home)]), 1, &["line 2", said]);
        assert_eq!(asked(&home), Vec::<String>::new());
    }
}

#[test]
fn a_hardware_tokens_serial_is_sent_as_it_is() {
    let home = start_with(Settings::default(), "[default]\nmfa_serial = GAHT12345678\n");
    home.lab.world().users[0].serials = vec!["GAHT12345678".to_owned()];
    login(&home);
    given(&home, "default");
}

#[test]
fn a_profile_that_is_not_there_and_one_without_a_key() {
    let home = start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n[profile empty]\nregion = eu-west-1\n"));
    for profile in ["nowhere", "empty"] {
        let output = home.run(&["login", profile]);
        assert_ne!(output.code, Some(0));
        told(&output, output.code.unwrap_or_default(), &[profile]);
    }
    assert_eq!(asked(&home), Vec::<String>::new());
}

#[test]
fn settings_of_a_length_that_aws_does_not_give_are_refused() {
    let home = start();
    crate::bench::settings(&home, "[defaults]\nsession_duration = \"10m\"\n");
    told(&home.run(&["login", "--mfa-code", &code(&home)]), 2, &["session_duration", "15 minutes"]);
}
