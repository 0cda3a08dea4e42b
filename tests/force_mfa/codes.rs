//! Where the session comes from: one code, or one that is open.

use crate::bench::{CHANGES, ROTATE, changes, code, codes, config, refused, rotated, run, run_with, sessions, start};
use crate::home::Home;
use crate::lab::Settings;

#[test]
fn one_code_given_with_the_command_rotates_every_profile_that_has_the_key() {
    for (args, by_variable) in [(&["rotate", "default", "work", "--yes", "--no-input"][..], false), (ROTATE, true)] {
        let home = start(1.0);
        let code = code(&home);
        let args: Vec<&str> = args.iter().copied().chain(if by_variable { vec![] } else { vec!["--mfa-code", &code] }).collect();
        let output = run_with(&home, &args, by_variable.then_some(&code));
        rotated(&home, &output);
        codes(&home, 1);
        home.look("after the rotation");
        assert_eq!(home.told(), "");
        let whose = home.lab.calls().into_iter().filter(|call| CHANGES.contains(&call.action.as_str())).map(|call| call.key_id);
        assert!(whose.clone().count() == 3 && whose.clone().all(|id| id.starts_with("ASIA")), "{:?}", whose.collect::<Vec<_>>());
        let proofs = home.lab.calls().into_iter().filter(|call| call.action == "GetCallerIdentity");
        assert!(proofs.into_iter().all(|call| call.key_id.starts_with("AKIA")), "a session proved a pair");
    }
}

#[test]
fn two_users_in_one_run_are_two_codes_and_nobody_is_asked_for_a_third() {
    let home = start(1.0);
    let log = home.scratch("asked");
    let other = home.lab.code("other").unwrap();
    let mine = code(&home);
    let command = |name: &str, code: &str| {
        format!("[profile.{name}]\nmfa_command = [\"sh\", \"-c\", \"echo {name} >> {}; echo {code}\"]\n", log.display())
    };
    config(&home, &(command("default", &mine) + &command("other", &other)));
    let output = run(&home, &["rotate", "--all", "--yes", "--no-input"]);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    codes(&home, 2);
    assert_eq!(std::fs::read_to_string(log).unwrap(), "default\nother\n");
}

#[test]
fn without_such_a_policy_nobody_is_asked_and_no_call_is_made_more() {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    let output = run(&home, ROTATE);
    rotated(&home, &output);
    codes(&home, 0);
    assert_eq!(home.lab.calls().len(), 16);
}

#[test]
fn a_session_that_is_open_is_used_unasked_and_goes_on_under_the_new_key() {
    let home = start(1.0);
    home.write(".aws/config", &format!("[profile work]\nmfa_serial = {}\n", home.lab.world().users[0].serials[0]));
    assert_eq!(run_with(&home, &["login", "work", "--no-input"], Some(&code(&home))).code, Some(0));
    rotated(&home, &run(&home, &["rotate", "work", "--yes", "--no-input"]));
    let again = run(&home, &["login", "work", "--no-input"]);
    assert!(again.code == Some(0) && again.stdout.contains("open already"), "{}{}", again.stdout, again.stderr);
    codes(&home, 1);
}

#[test]
fn what_it_was_asked_for_in_a_rotation_is_the_session_of_the_day() {
    let home = start(1.0);
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    let login = run(&home, &["login", "--no-input"]);
    assert!(login.code == Some(0) && login.stdout.contains("open already"), "{}{}", login.stdout, login.stderr);
    codes(&home, 1);
}

#[test]
fn a_session_that_aws_does_not_take_any_more_is_replaced() {
    let home = start(1.0);
    assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code(&home))).code, Some(0));
    home.lab.world().sessions[0].mfa = false;
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    codes(&home, 2);
}

#[test]
fn with_nobody_to_ask_nothing_is_changed_and_the_command_is_named() {
    let home = start(100.0);
    let output = run(&home, ROTATE);
    refused(&home, &output, 20);
    assert!(output.stderr.contains("`keyrotate login default`") || output.stderr.contains("`keyrotate login`"), "{}", output.stderr);
    codes(&home, 0);
}

#[test]
fn a_wrong_code_and_a_used_one_change_nothing() {
    let home = start(1.0);
    let output = run_with(&home, ROTATE, Some("000000"));
    refused(&home, &output, 1);
    let first = output.stderr.lines().next().unwrap_or_default();
    assert!(first.contains("AWS did not take the MFA code") && output.stderr.contains("is denied"), "{}", output.stderr);
    let code = code(&home);
    assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code)).code, Some(0));
    std::fs::remove_dir_all(sessions(&home).parent().unwrap().join("sessions")).unwrap();
    let output = run_with(&home, ROTATE, Some(&code));
    assert_eq!((output.code, changes(&home)), (Some(1), 0), "{}", output.stderr);
    // Its memory was taken away, so that AWS itself had to refuse the code.
    assert_eq!(home.lab.resent().len(), 1);
    home.lab.world().codes.clear();
}
