//! Where the session comes from: one code, or one that is open.

use std::time::{Duration, Instant};

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

/// Somebody is asked for a code meanwhile, and does not answer: the lock is the test's.
#[test]
fn a_session_that_is_being_opened_does_not_hold_up_the_rotation() {
    let home = start(1.0);
    assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code(&home))).code, Some(0));
    let lock = std::fs::File::open(sessions(&home).join(format!("{}.lock", home.old.id))).unwrap();
    lock.lock().unwrap();
    let since = Instant::now();
    let output = run(&home, ROTATE);
    rotated(&home, &output);
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    assert!(output.stderr.contains("stay behind") && output.stderr.contains("asks for a code"), "{}", output.stderr);
    drop(lock);
    let login = run_with(&home, &["login", "--no-input"], Some(&code(&home)));
    assert!(login.stdout.starts_with("open: "), "{}{}", login.stdout, login.stderr);
}

/// The file has another key of the user now, and the one that opened the session is gone: it was rotated elsewhere.
#[test]
fn a_session_that_is_found_by_its_device_alone_is_used_where_aws_says_that_it_is_the_same_users() {
    let home = start(1.0);
    home.write(".aws/config", &format!("[default]\nmfa_serial = {}\n", home.lab.world().users[0].serials[0]));
    assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code(&home))).code, Some(0));
    let new = home.lab.world().add_settled_key(home.old.user);
    home.lab.world().keys.retain(|key| key.id != home.old.id);
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", &text.replace(&home.old.id, &new.id).replace(&home.old.secret, &new.secret));
    let output = run(&home, ROTATE);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert!(home.lab.live_keys("dev").iter().all(|key| key.id != new.id));
    codes(&home, 1);
    let session = home.lab.world().sessions[0].id.clone();
    assert!(
        home.lab.calls().iter().any(|call| call.action == "GetCallerIdentity" && call.key_id == session),
        "AWS was not asked whose it is"
    );
}

/// As where two users' files name one device: the session's own file says it is this one's.
#[test]
fn a_session_of_somebody_else_with_the_same_device_signs_nothing() {
    let home = start(1.0);
    let serials: Vec<String> = home.lab.world().users.iter().flat_map(|user| user.serials.clone()).collect();
    let (mine, theirs) = (&serials[0], &serials[1]);
    home.write(".aws/config", &format!("[default]\nmfa_serial = {mine}\n[profile other]\nmfa_serial = {theirs}\n"));
    assert_eq!(run_with(&home, &["login", "other", "--no-input"], Some(&home.lab.code("other").unwrap())).code, Some(0));
    let file = std::fs::read_dir(sessions(&home)).unwrap().map(|entry| entry.unwrap().path());
    let file = file.filter(|path| path.extension().is_some_and(|extension| extension == "json")).last().expect("a session");
    let text = std::fs::read_to_string(&file).unwrap().replace(theirs, mine);
    std::fs::write(&file, &text).unwrap();
    let of: serde_json::Value = serde_json::from_str(&text).unwrap();
    let request: keyrotate::session::Request = serde_json::from_value(of["request"].clone()).unwrap();
    std::fs::rename(&file, file.with_file_name(format!("{}.json", request.digest()))).unwrap();
    refused(&home, &run(&home, ROTATE), 20);
    let session = home.lab.world().sessions[0].id.clone();
    let signed: Vec<String> = home.lab.calls().into_iter().filter(|call| call.key_id == session).map(|call| call.action).collect();
    assert_eq!(signed, ["GetCallerIdentity"]);
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    codes(&home, 2);
}
