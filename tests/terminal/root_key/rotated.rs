//! A root user's key that is rotated: only by the account ID, twice.

use super::{Boss, CONFIRM, ROTATE, told};
use crate::bench::{Terminal, calls};
use crate::lab::Key;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;

/// The pair that the profile `boss` has now, as the lab knows it.
fn held(boss: &Boss) -> Key {
    let config = boss.config();
    let keys = boss.home.lab.world().keys.clone();
    keys.into_iter().find(|key| config.contains(&key.id) && config.contains(&key.secret)).expect("a whole pair")
}

/// The root user has one key, which the profile has, and nothing else is changed.
#[track_caller]
fn is_rotated(boss: &Boss, why: &str) {
    let (old, new) = (&boss.keys[0], held(boss));
    assert_ne!(new.id, old.id, "{why}");
    let live: Vec<String> = boss.home.lab.world().live_keys(old.user).into_iter().map(|key| key.id).collect();
    assert_eq!((live, boss.status()), (vec![new.id.clone()], Status::Deleted), "{why}");
    assert_eq!(boss.config(), boss.config.replace(&old.id, &new.id).replace(&old.secret, &new.secret), "{why}");
    assert_eq!(boss.home.told(), "", "{why}");
}

#[test]
fn a_root_key_is_rotated_only_by_the_account_id_in_the_option_and_typed() {
    let boss = Boss::new(1, false);
    for (args, code, said) in [
        (&["rotate", "boss"][..], 11, "keyrotate rotate boss --root-key 000000000000"),
        (&["rotate", "boss", "--root-key", "000000000001"], 1, "is for the root user of account 000000000001"),
        (&["rotate", "default", "--root-key", "000000000000"], 1, "is a key of arn:aws:iam::000000000000:user/dev"),
        (&["rotate", "boss", "--root-key", "000000000000", "--yes"], 1, "the account ID has to be typed"),
        (&["rotate", "boss", "--root-key", "12"], 2, "twelve digits"),
        (&["rotate", "--all", "--root-key", "000000000000"], 2, "cannot be used with"),
    ] {
        told(&boss.home.run(args), code, said);
    }
    let planned = boss.home.run(&["rotate", "boss", "--root-key", "000000000000", "--dry-run"]);
    assert!(planned.code == Some(0) && planned.stdout.contains("would be rotated"), "{planned:?}");
    for typed in ["y\n", "\n", "\x03"] {
        let mut terminal = Terminal::open(&boss.home, &format!("{ROTATE} --yes"), &[]);
        terminal.expect(CONFIRM);
        terminal.press(typed);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(if typed == "\x03" { 130 } else { 1 }), "{screen}");
    }
    boss.is_as_before("");
    assert_eq!(calls(&boss.home, "CreateAccessKey"), 0);
    let (code, screen) = boss.answered(Terminal::open(&boss.home, ROTATE, &[]));
    assert_eq!(code, Some(0), "{screen}");
    is_rotated(&boss, &screen);
    let about_keys = |action: &str| ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"].contains(&action);
    let calls = boss.home.lab.calls();
    assert!(calls.iter().filter(|call| about_keys(&call.action)).all(|call| !call.params.contains_key("UserName")), "root has no name");
    let history = boss.home.run(&["history", "boss"]);
    assert!(history.stdout.contains("root (000000000000)"), "{}", history.stdout);
}

#[test]
fn within_its_grace_a_rotation_of_a_root_key_is_undone() {
    let boss = Boss::new(1, false);
    let (code, screen) = boss.answered(Terminal::open(&boss.home, &format!("{ROTATE} --grace 7d"), &[]));
    assert_eq!((code, boss.status()), (Some(0), Status::Inactive), "{screen}");
    let refused = boss.home.run(&["root-key", "remove", "boss", "--admin", "default", "--dry-run"]);
    told(&refused, 1, "`keyrotate rotate boss --grace 0s` deletes it now; then run this again");
    let undone = boss.home.run(&["undo", "boss", "--yes"]);
    assert_eq!(undone.code, Some(0), "{}", undone.stderr);
    assert_eq!((boss.status(), boss.config()), (Status::Active, boss.config.clone()), "{}", undone.stdout);
}

#[test]
fn killed_at_a_change_the_rotation_of_a_root_key_goes_on_without_the_option() {
    for action in ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"] {
        for fault in [Fault::PauseBefore, Fault::PauseAfter] {
            let boss = Boss::new(1, false);
            boss.home.lab.rules(vec![Rule::on(action, fault.clone())]);
            let why = format!("{action} {fault:?}");
            boss.killed_at_pause_of(ROTATE);
            boss.home.lab.rules(vec![]);
            let again = boss.home.run(&["rotate", "boss", "--no-input"]);
            match (action, &fault, again.code) {
                ("UpdateAccessKey" | "DeleteAccessKey", _, Some(0)) => {}
                // No key was made; or one whose secret nobody has, which only a person may have deleted.
                ("CreateAccessKey", Fault::PauseBefore, Some(11)) | ("CreateAccessKey", Fault::PauseAfter, Some(10)) => {
                    let (code, screen) = boss.answered(Terminal::open(&boss.home, ROTATE, &[]));
                    assert_eq!(code, Some(0), "{why}: {} {screen}", again.stderr);
                }
                (_, _, code) => panic!("{why}: {code:?} {}", again.stderr),
            }
            is_rotated(&boss, &why);
        }
    }
}
