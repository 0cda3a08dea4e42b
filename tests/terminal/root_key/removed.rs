//! A root user's key that is removed: by a session, by another key, by itself, at a dry run, or not at all.

use super::{ACCOUNT, Boss, CONFIRM, OFFLINE, one_line};
use crate::bench::calls;
use crate::lab::key::Status;

#[test]
fn with_a_device_the_key_is_deactivated_watched_and_deleted_by_a_session() {
    let boss = Boss::new(1, true);
    let mut terminal = boss.waiting("");
    assert_eq!(boss.status(), Status::Inactive);
    let waiting = boss.home.run(OFFLINE);
    assert!(waiting.stdout.contains("is not finished") || waiting.stderr.contains("is not finished"), "{waiting:?}");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    let screen = one_line(&screen);
    for said in [
        "arn:aws:iam::000000000000:user/dev, of the same account; AWS's policy simulator says",
        "[profile boss] - aws_access_key_id =",
        "- aws_secret_access_key = ****",
        "`--profile default`",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    for action in ["UpdateAccessKey", "DeleteAccessKey"] {
        let signers = boss.signers(action);
        assert!(signers.len() == 1 && signers[0].starts_with("ASIA"), "{action} {signers:?}");
    }
    let calls = boss.home.lab.calls();
    assert!(calls.iter().all(|call| !call.params.contains_key("UserName")), "the root user has no name");
    let sessions = std::fs::read_dir(boss.home.path().join(".cache/keyrotate/sessions")).unwrap().flatten();
    assert_eq!(sessions.filter(|file| file.path().extension().is_some_and(|ext| ext == "json")).count(), 0, "the session is forgotten");
}

#[test]
fn when_nobody_answers_the_wait_ends_by_itself() {
    let boss = Boss::new(1, true);
    let terminal = boss.waiting("--wait 1s");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
}

#[test]
fn no_and_ctrl_c_during_the_wait_activate_it_again() {
    for (keys, ends) in [("n\n", 0), ("\x03", 130)] {
        let boss = Boss::new(1, true);
        let mut terminal = boss.waiting("");
        assert_eq!(boss.status(), Status::Inactive);
        terminal.press(keys);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(ends), "{screen}");
        boss.is_as_before(&screen);
        assert_eq!(calls(&boss.home, "DeleteAccessKey"), 0);
    }
}

#[test]
fn without_a_device_another_key_of_root_signs() {
    let boss = Boss::new(2, false);
    let (code, screen) = boss.answered(boss.open(""));
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    assert_eq!([boss.signers("UpdateAccessKey"), boss.signers("DeleteAccessKey")], [[boss.keys[1].id.clone()], [boss.keys[1].id.clone()]]);
    assert!(screen.contains("which stays"), "{screen}");
}

#[test]
fn alone_it_signs_its_own_deletion_which_is_said_first() {
    let boss = Boss::new(1, false);
    let mut terminal = boss.open("");
    terminal.expect(CONFIRM);
    assert!(one_line(&terminal.screen()).contains("at once, signed by itself: the root user has no MFA device"), "{}", terminal.screen());
    assert_eq!(calls(&boss.home, "DeleteAccessKey") + calls(&boss.home, "UpdateAccessKey"), 0);
    terminal.press(ACCOUNT);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    assert_eq!(calls(&boss.home, "UpdateAccessKey"), 0, "what it could not take back is not done");
}

#[test]
fn a_dry_run_needs_no_terminal_and_changes_nothing() {
    let boss = Boss::new(1, true);
    let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default", "--dry-run"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    for said in ["deactivate", "wait 10m", "delete", "remove its lines", "nothing was changed"] {
        assert!(output.stdout.contains(said), "{said}: {}", output.stdout);
    }
    boss.is_as_before(&output.stdout);
}
