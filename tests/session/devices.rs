//! The profile names no device: AWS is asked which one the user has, once.

use std::sync::Arc;

use crate::bench::{SERIAL, Terminal, asked, cache_folder, code, given, settings, start_with, told};
use crate::home::Home;
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};

fn unnamed(serials: &[&str]) -> Arc<Home> {
    let home = start_with(Settings::default(), "[default]\n");
    home.lab.world().users[0].serials = serials.iter().map(|serial| (*serial).to_owned()).collect();
    home
}

const FIDO: &str = "arn:aws:iam::000000000000:u2f/user/dev/key-EXAMPLE";
const SECOND: &str = "arn:aws:iam::000000000000:mfa/second";

#[test]
fn the_only_device_is_taken_and_remembered() {
    for serials in [&[SERIAL][..], &[FIDO, SERIAL]] {
        let home = unnamed(serials);
        home.lab.world().users[0].serials.sort_by_key(|serial| serial != SERIAL);
        let login = home.run(&["login", "--mfa-code", &code(&home)]);
        assert_eq!(login.code, Some(0), "{}", login.stderr);
        assert_eq!(asked(&home), ["ListMFADevices", "GetSessionToken"]);
        given(&home, "default");
        assert_eq!(home.run(&["logout"]).code, Some(0));
        assert_eq!(home.run(&["login", "--mfa-code", &code(&home)]).code, Some(0));
        assert_eq!(asked(&home), ["ListMFADevices", "GetSessionToken", "GetSessionToken"]);
    }
}

#[test]
fn a_device_that_was_replaced_is_forgotten_at_the_first_refusal() {
    let home = unnamed(&[SERIAL]);
    assert_eq!(home.run(&["login", "--mfa-code", &code(&home)]).code, Some(0));
    home.lab.world().users[0].serials = vec![SECOND.to_owned()];
    told(
        &home.run(&["login", "--fresh", "--mfa-code", "000000"]),
        1,
        &["AWS does not know", SERIAL, "run `keyrotate login default` again"],
    );
    let again = home.run(&["login", "--fresh", "--mfa-code", &code(&home)]);
    // The code is another device's.
    assert!(again.code == Some(0) || again.stderr.contains("MFA code"), "{}", again.stderr);
    assert_eq!(asked(&home).iter().filter(|action| *action == "ListMFADevices").count(), 2);
}

#[test]
fn a_device_that_was_found_out_is_no_reason_to_ask_for_a_code_where_mfa_is_not_required_any_more() {
    let home = unnamed(&[SERIAL]);
    assert_eq!(home.run(&["login", "--mfa-code", &code(&home)]).code, Some(0));
    settings(&home, "[defaults]\nrequire_mfa = false\n");
    assert!(given(&home, "default").mfa, "one that is open will do");
    assert_eq!(home.run(&["logout"]).code, Some(0));
    assert!(!given(&home, "default").mfa);
    assert_eq!(asked(&home), ["ListMFADevices", "GetSessionToken", "GetSessionToken"]);
}

#[test]
fn of_several_devices_none_is_guessed() {
    let home = unnamed(&[SERIAL, SECOND]);
    let output = home.run(&["login", "--mfa-code", &code(&home)]);
    told(&output, 20, &["the user has 2 MFA devices", SERIAL, SECOND, "mfa_serial = "]);
    assert_eq!(asked(&home), ["ListMFADevices"]);
    assert!(!cache_folder(&home).join(format!("{}.device", home.old.id)).exists());
}

#[test]
fn of_several_devices_a_person_chooses_one_and_is_asked_once() {
    let home = unnamed(&[SERIAL, SECOND]);
    let mut terminal = Terminal::open(&home, "login default");
    terminal.expect("Which MFA device?", 1);
    terminal.press("1\n");
    terminal.expect(&format!("MFA code of {SERIAL}"), 1);
    terminal.press(&format!("{}\n", code(&home)));
    let (status, screen) = terminal.end();
    assert_eq!(status, Some(0), "{screen}");
    given(&home, "default");
    assert_eq!(home.run(&["login", "--fresh", "--mfa-code", &code(&home)]).code, Some(0));
    assert_eq!(asked(&home), ["ListMFADevices", "GetSessionToken", "GetSessionToken"]);
}

#[test]
fn a_security_key_shows_no_code_and_what_to_do_is_said() {
    let home = unnamed(&[FIDO]);
    told(&home.run(&["login"]), 1, &["FIDO security keys only", "`keyrotate mfa enroll default` adds a virtual device"]);
    assert_eq!(asked(&home), ["ListMFADevices"]);
}

#[test]
fn a_user_who_may_not_list_devices_is_told_what_to_write_into_the_profile() {
    let home = unnamed(&[SERIAL]);
    home.lab.world().settings.denied.insert("iam:ListMFADevices".to_owned());
    let output = home.run(&["login", "--mfa-code", &code(&home)]);
    let file = home.path().join(".aws/config").display().to_string();
    told(&output, 1, &["may not list", "AccessDenied", "mfa_serial = ", "the profile default", &file, "iam:ListMFADevices"]);
}

/// Whatever else stops the call, a device in the file is not the remedy.
#[test]
fn what_stops_the_listing_is_told_apart_each_with_its_advice() {
    let explicit = "User is not authorized to perform: iam:ListMFADevices with an explicit deny in an identity-based policy";
    for (fault, said) in [
        (
            Fault::ErrorBefore { status: 403, code: "AccessDenied", message: explicit },
            &["explicit deny", "AWSCompromisedKeyQuarantine"][..],
        ),
        (Fault::error(400, "Throttling"), &["Throttling", "in a few minutes"]),
        (Fault::error(503, "ServiceUnavailable"), &["ServiceUnavailable", "in a few minutes"]),
        (Fault::DropBefore, &["cannot be asked", "check the network"]),
        (Fault::Skew(7_200.0), &["clock", "set the clock"]),
        (Fault::error(403, "InvalidClientTokenId"), &["does not know the key", "keyrotate status"]),
    ] {
        let home = unnamed(&[SERIAL]);
        home.lab.rules(vec![Rule::on("ListMFADevices", fault.clone()).times(0)]);
        let output = home.run(&["login", "--mfa-code", &code(&home)]);
        told(&output, 1, said);
        let is_deny = said[0] == "explicit deny";
        assert_eq!(output.stderr.contains("mfa_serial = "), is_deny, "{fault:?}: {}", output.stderr);
        assert!(asked(&home).iter().all(|action| action == "ListMFADevices"), "{fault:?}");
    }
}
