//! A session is opened once and found again: cold asks AWS, warm asks nobody.

use crate::bench::{SERIAL, program};
use crate::bench::{age, asked, code, codes_sent, given, given_by, last_call, login, runs, settings, start, start_with, told, words};
use crate::home::Run;
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};

#[test]
fn a_login_asks_for_a_session_with_mfa_and_everything_after_it_asks_nothing() {
    let home = start();
    let output = login(&home);
    assert!(words(&output.stdout).contains("the session of default lasts until"), "{}", output.stdout);
    let call = last_call(&home);
    assert_eq!((call.action.as_str(), call.params["SerialNumber"].as_str()), ("GetSessionToken", SERIAL));
    assert_eq!((call.params["DurationSeconds"].as_str(), call.key_id), ("43200", home.old.id.clone()));
    let session = given(&home, "default");
    assert!(session.mfa && session.role.is_none());
    assert_eq!(given(&home, "default").id, session.id);
    let env = home.run(&["env", "--format", "json", "--no-input"]);
    assert!(env.code == Some(0) && env.stdout.contains(&session.token), "{}", env.stderr);
    let again = home.run(&["login", "--no-input"]);
    assert!(again.code == Some(0) && again.stdout.contains("open already"), "{}", again.stderr);
    assert_eq!(asked(&home), ["GetSessionToken"]);
}

#[test]
fn credential_process_opens_what_is_not_open_and_says_nothing_else() {
    let home = start();
    let output = home.run(&["credential-process", "default", "--mfa-code", &code(&home)]);
    given_by(&home, &output);
    assert_eq!((output.stderr.as_str(), asked(&home).len()), ("", 1));
}

#[test]
fn profiles_with_one_key_share_its_session_and_another_key_has_its_own() {
    let home = start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n[profile same]\nmfa_serial = {SERIAL}\n"));
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    let pair = format!("\n[same]\naws_access_key_id = {}\naws_secret_access_key = {}\n", home.old.id, home.old.secret);
    home.write(".aws/credentials", &(text + &pair));
    login(&home);
    assert_eq!(given(&home, "same").id, given(&home, "default").id);
    let other = home.run(&["credential-process", "other", "--no-input"]);
    told(&other, 20, &["keyrotate login other"]);
}

#[test]
fn a_fresh_login_replaces_the_session_and_an_abandoned_one_leaves_it() {
    let home = start();
    login(&home);
    let first = given(&home, "default").id;
    told(&home.run(&["login", "--fresh", "--no-input"]), 20, &["an MFA code is needed"]);
    assert_eq!(given(&home, "default").id, first, "the session is gone, though no other one was opened");
    let fresh = home.run(&["login", "--fresh", "--no-input", "--mfa-code", &code(&home)]);
    assert_eq!(fresh.code, Some(0), "{}", fresh.stderr);
    assert_ne!(given(&home, "default").id, first);
    assert_eq!(codes_sent(&home), 2);
}

#[test]
fn nobody_to_ask_is_told_at_once_with_the_command_to_run() {
    let home = start();
    for args in [&["login"][..], &["env"], &["credential-process", "default"], &["login", "--no-input"]] {
        told(&home.run(args), 20, &["an MFA code is needed, and nobody can be asked here", "run `keyrotate login default` in a terminal"]);
    }
    told(&home.run(&["exec", "--", "true"]), 125, &["an MFA code is needed, and nobody can be asked here"]);
    assert_eq!(asked(&home), Vec::<String>::new());
}

#[test]
fn a_session_that_ends_too_soon_is_opened_anew_where_a_code_can_be_had() {
    let home = start();
    login(&home);
    let first = given(&home, "default").id;
    let longer = home.run(&["credential-process", "default", "--min-ttl", "13h", "--mfa-code", &code(&home)]);
    assert_ne!(given_by(&home, &longer).id, first);
    age(&home, 43_200 - 800);
    let usual = home.run(&["credential-process", "default", "--mfa-code", &code(&home)]);
    assert_eq!(given_by(&home, &usual).expires_at as i64 / 100, (home.lab.world().now() as i64 + 43_200) / 100);
    assert_eq!(codes_sent(&home), 3);
}

#[test]
fn what_is_left_of_a_session_is_used_with_a_warning_where_nobody_can_be_asked() {
    let home = start();
    login(&home);
    let first = given(&home, "default").id;
    age(&home, 43_200 - 300);
    let output = home.run(&["credential-process", "default", "--no-input"]);
    assert!(words(&output.stderr).contains("ends soon, and nobody can be asked for a code"), "{}", output.stderr);
    // Its time was set back in the cache only.
    assert!(output.code == Some(0) && output.stdout.contains(&first), "{}", output.stderr);
    age(&home, 280);
    told(&home.run(&["credential-process", "default", "--no-input"]), 20, &["nobody can be asked"]);
    assert_eq!(asked(&home), ["GetSessionToken"]);
}

#[test]
fn what_is_left_is_used_too_where_sts_is_down_or_the_program_gives_no_code() {
    let home = start();
    login(&home);
    let first = given(&home, "default").id;
    age(&home, 43_200 - 300);
    home.lab.rules(vec![Rule::on("GetSessionToken", Fault::error(500, "ServiceFailure")).times(0)]);
    let output = home.run(&["credential-process", "default", "--mfa-code", &code(&home)]);
    assert!(output.code == Some(0) && output.stdout.contains(&first), "{}", output.stderr);
    assert!(words(&output.stderr).contains("a new one could not be opened: sts:GetSessionToken"), "{}", output.stderr);
    program(&home, "exit 3");
    let output = home.run(&["credential-process", "default"]);
    assert!(output.code == Some(0) && output.stdout.contains(&first), "{}", output.stderr);
    assert!(words(&output.stderr).contains("ended with exit code 3") && runs(&home) == 1, "{}", output.stderr);
}

#[test]
fn without_a_device_a_session_is_opened_only_where_the_settings_say_so() {
    let home = start_with(Settings::default(), "[default]\n");
    home.lab.world().users[0].serials.clear();
    told(&home.run(&["login"]), 1, &["the user has no MFA device", "require_mfa = false"]);
    settings(&home, "[profile.default]\nrequire_mfa = false\n");
    let session = given(&home, "default");
    assert!(!session.mfa);
    assert_eq!(asked(&home), ["ListMFADevices", "GetSessionToken"]);
}

#[test]
fn what_is_said_to_do_without_mfa_works_as_it_is_written() {
    let role = "role_arn = arn:aws:iam::111122223333:role/R\nsource_profile = default\n";
    let home = start_with(Settings::default(), &format!("[default]\n[profile it.eu]\n{role}[profile \"it is\"]\n{role}"));
    home.lab.world().users[0].serials.clear();
    for (profile, table) in [("it.eu", "[profile.\"it.eu\"]"), ("it is", "[profile.\"it is\"]"), ("default", "[profile.default]")] {
        told(&home.run(&["login", profile]), 1, &["the user has no MFA device", &format!("`require_mfa = false` into {table} of")]);
        settings(&home, &format!("{table}\nrequire_mfa = false\n"));
        assert_eq!(home.run(&["login", profile]).code, Some(0));
    }
}

#[test]
fn a_session_is_of_one_length_and_one_endpoint() {
    let home = start();
    login(&home);
    let mut run = Run::new(&["credential-process", "default", "--no-input"]);
    let elsewhere = home.lab.url().replace("127.0.0.1", "localhost");
    run.env.push(("AWS_ENDPOINT_URL", elsewhere));
    told(&home.run_with(&run), 20, &["an MFA code is needed"]);
    told(&home.run(&["credential-process", "default", "--no-input", "--duration", "1h"]), 20, &["an MFA code is needed"]);
}

#[test]
fn a_session_that_was_asked_for_longer_serves_everything_that_names_no_length() {
    let home = start_with(Settings::default(), &(crate::roles::base() + &crate::roles::role("r", "default", "")));
    for length in ["14m", "37h"] {
        told(
            &home.run(&["login", "default", "--duration", length, "--mfa-code", &code(&home)]),
            2,
            &["15 minutes to 36 hours", "--duration"],
        );
    }
    told(&home.run(&["login", "r", "--duration", "13h", "--mfa-code", &code(&home)]), 2, &["15 minutes to 12 hours"]);
    assert_eq!(asked(&home), Vec::<String>::new(), "a code was used up");
    let login = home.run(&["login", "default", "--duration", "36h", "--mfa-code", &code(&home)]);
    assert_eq!(login.code, Some(0), "{}", login.stderr);
    assert_eq!(last_call(&home).params["DurationSeconds"], "129600");
    let session = given(&home, "default");
    assert_eq!(home.run(&["login", "default", "--no-input"]).code, Some(0));
    given(&home, "r");
    given(&home, "r");
    assert_eq!((asked(&home), given(&home, "default").id), (vec!["GetSessionToken".to_owned(), "AssumeRole".to_owned()], session.id));
    told(&home.run(&["login", "default", "--duration", "12h", "--no-input"]), 20, &["an MFA code is needed"]);
}

#[test]
fn a_role_has_the_program_of_the_profile_whose_key_it_uses() {
    let home = start_with(Settings::default(), &(crate::roles::base() + &crate::roles::role("r", "default", "")));
    program(&home, &format!("echo {}", code(&home)));
    let output = home.run(&["login", "r", "--no-input"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}
