//! Somebody without a device gets one where everything is denied without MFA, also after a kill that left one half-made.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::{actions, allow, shown, start, without};
use crate::home::{Home, one_line};
use crate::lab::faults::{Fault, Rule};
use crate::lab::parallel::every;
use crate::terminal::Terminal;
use crate::wire::{Signer, ask};

const PHONE: &str = "arn:aws:iam::000000000000:mfa/phone";
const TABLET: &str = "arn:aws:iam::000000000000:mfa/tablet";

fn without_device() -> Arc<Home> {
    let home = start("[default]\nregion = us-east-1\n");
    home.lab.world().users[0].serials.clear();
    home.shows_seeds();
    home.hands_out_sessions();
    home
}

/// Types two codes of the device, where it gets so far as to ask.
fn with_codes(home: &Arc<Home>, args: &str, serial: &str) -> (Option<i32>, String) {
    let mut terminal = Terminal::open(home, args, &[]);
    while !terminal.screen().contains("shows now: ") && !terminal.is_over() {
        std::thread::sleep(Duration::from_millis(10));
    }
    if !terminal.is_over() {
        let [first, second] = home.lab.two_codes("dev", serial).expect("two codes");
        terminal.press(&format!("{first}\n"));
        terminal.expect("within half a minute: ");
        terminal.press(&format!("{second}\n"));
    }
    terminal.end()
}

/// Makes a device and is killed, makes another, brings it in step and lists it. All that was said, and whether all of it went well.
fn enroll(home: &Arc<Home>) -> (bool, String) {
    home.lab.rules(vec![Rule::on("CreateVirtualMFADevice", Fault::PauseAfter)]);
    let mut terminal = Terminal::open(home, "mfa enroll --name phone --yes", &[]);
    while !home.lab.wait_paused(Duration::from_millis(10)) && !terminal.is_over() {}
    let mut told = terminal.screen();
    terminal.kill();
    home.lab.release(true);
    home.lab.rules(vec![]);
    let made = with_codes(home, "mfa enroll --name tablet --yes", TABLET);
    // Other codes than those that were sent before.
    home.lab.world().device(TABLET).ahead = 90;
    let in_step = with_codes(home, "mfa resync", TABLET);
    let listed = home.run(&["mfa", "list"]);
    let is_well = [made.0, in_step.0, listed.code].iter().all(|code| *code == Some(0));
    told.extend([made.1, in_step.1, listed.said()]);
    (is_well, one_line(&told))
}

fn documents(home: &Home) -> Vec<serde_json::Value> {
    vec![shown(home, &["mfa", "default"]), shown(home, &["force-mfa"])]
}

#[test]
fn somebody_without_a_device_gets_one_where_nothing_is_allowed_without_mfa() {
    let home = without_device();
    allow(&home, &documents(&home));
    let (is_well, told) = enroll(&home);
    assert!(is_well, "{told}");
    assert_eq!(home.lab.world().users[0].serials, [TABLET]);
    assert!(!home.lab.world().devices.contains_key(PHONE), "half-made, and nobody's: {told}");
}

#[test]
fn each_action_of_mfa_that_is_taken_away_is_named() {
    let of_whom = without_device();
    let all = documents(&of_whom);
    every(&actions(&all), |action| {
        let home = without_device();
        allow(&home, &without(&all, action));
        let (_, told) = enroll(&home);
        if told.contains(action.as_str()) { Ok(()) } else { Err(format!("without {action}: {told}")) }
    });
}

#[test]
fn when_everybody_has_a_device_a_key_alone_enrolls_no_other() {
    let home = start("");
    allow(&home, &[shown(&home, &["mfa", "default"]), shown(&home, &["force-mfa", "--enrolled"])]);
    let answer = ask(&home.lab, &Signer::of(&home.old), "iam", "Action=CreateVirtualMFADevice&VirtualMFADeviceName=phone");
    assert!(answer.contains("AccessDenied") && answer.contains("explicit deny"), "{answer}");
}
