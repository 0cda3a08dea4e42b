//! Who signs for the root user, and who may say that the account is administered without it.

use super::{ACCOUNT, Boss, CODE, CONFIRM, DENIED, REMOVE, WAIT, one_line, told};
use crate::bench::{Terminal, calls};
use crate::lab::faults::Rule;
use crate::lab::key::Status;

/// A removal by the second key that was killed in its wait.
fn killed_in_its_wait() -> Boss {
    let boss = Boss::new(2, true);
    let mut terminal = boss.open("");
    terminal.expect(CONFIRM);
    terminal.press(ACCOUNT);
    terminal.expect(WAIT);
    terminal.kill();
    assert_eq!((boss.status(), boss.written_down()), (Status::Inactive, 1));
    boss
}

#[test]
fn a_second_key_signs_without_a_code_although_there_is_a_device() {
    let boss = Boss::new(2, true);
    let (code, screen) = boss.answered(boss.open(""));
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    assert_eq!([boss.signers("UpdateAccessKey"), boss.signers("DeleteAccessKey")], [[boss.keys[1].id.clone()], [boss.keys[1].id.clone()]]);
    assert_eq!((calls(&boss.home, "GetSessionToken"), screen.contains(CODE)), (0, false), "{screen}");
}

#[test]
fn a_second_key_takes_a_removal_back_that_was_killed() {
    let boss = killed_in_its_wait();
    boss.is_taken_back();
}

#[test]
fn a_session_that_is_open_goes_before_a_second_key() {
    let boss = Boss::new(2, true);
    let mut login = Terminal::open(&boss.home, "login boss --duration 1h", &[]);
    login.expect(CODE);
    login.press(&boss.code());
    assert_eq!(login.end().0, Some(0));
    let (code, screen) = boss.answered(boss.open(""));
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    assert!(boss.signers("UpdateAccessKey").iter().all(|id| id.starts_with("ASIA")), "{screen}");
}

/// A session of the root user that is open for a quarter of an hour.
fn short_session(boss: &Boss) {
    let mut login = Terminal::open(&boss.home, "login boss --duration 15m", &[]);
    login.expect(CODE);
    login.press(&boss.code());
    assert_eq!(login.end().0, Some(0));
}

#[test]
fn a_session_that_ends_before_the_wait_does_goes_after_a_second_key() {
    let boss = Boss::new(2, true);
    short_session(&boss);
    let terminal = boss.open("--wait 30m");
    terminal.expect(CONFIRM);
    assert!(one_line(&terminal.screen()).contains("sign with the root user's other key"), "{}", terminal.screen());
    let (code, screen) = boss.answered(terminal);
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    assert_eq!((calls(&boss.home, "GetSessionToken"), boss.signers("UpdateAccessKey")), (1, vec![boss.keys[1].id.clone()]), "{screen}");
}

#[test]
fn where_no_second_key_is_the_plan_says_that_a_short_session_needs_another_code() {
    let boss = Boss::new(1, true);
    short_session(&boss);
    let terminal = boss.open("--wait 30m");
    terminal.expect(CONFIRM);
    assert!(one_line(&terminal.screen()).contains("open a session of the root user with a code"), "{}", terminal.screen());
    let (code, screen) = boss.answered(terminal);
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    assert_eq!(calls(&boss.home, "GetSessionToken"), 2, "{screen}");
}

#[test]
fn the_key_that_a_removal_needs_is_not_removed_before_it() {
    let boss = killed_in_its_wait();
    let output = boss.home.run(&["root-key", "remove", "boss2", "--admin", "default", "--dry-run"]);
    told(&output, 1, &format!("the removal of {} (boss) is not over, and this key may have to sign what is left of it", boss.keys[0].id));
    told(&output, 1, &format!("run `keyrotate {REMOVE}` first"));
    let (code, screen) = boss.answered(boss.open(""));
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(boss.home.run(&["root-key", "remove", "boss2", "--admin", "default", "--dry-run"]).code, Some(0));
}

#[test]
fn where_a_second_key_is_denied_a_session_with_mfa_is_named() {
    let boss = Boss::new(2, true);
    boss.home.lab.rules(vec![Rule::on("UpdateAccessKey", DENIED)]);
    let (code, screen) = boss.answered(boss.open(""));
    assert!(
        code == Some(1) && one_line(&screen).contains("`keyrotate login boss --duration 1h` opens a session with MFA"),
        "{code:?} {screen}"
    );
    boss.is_as_before(&screen);
}

#[test]
fn an_administrator_is_who_has_a_key_that_works_and_not_only_a_session() {
    let boss = Boss::new(1, true);
    let home = &boss.home;
    home.write(".aws/config", &format!("{}[default]\nmfa_serial = arn:aws:iam::000000000000:mfa/dev\n", boss.config));
    let mut login = Terminal::open(home, "login default", &[]);
    login.expect(CODE);
    login.press(&(home.lab.code("dev").expect("a code") + "\n"));
    assert_eq!(login.end().0, Some(0));
    let dry_run = || home.run(&["root-key", "remove", "boss", "--admin", "default", "--dry-run"]);
    let (proved, id) = (dry_run(), home.lab.first_key().id);
    assert_eq!(proved.code, Some(0), "{}", proved.stderr);
    assert!(one_line(&proved.stdout).contains(&format!("by a session; AWS accepts the key behind it, {id}, too")), "{}", proved.stdout);
    home.lab.world().set_status(&id, Status::Inactive);
    told(&dry_run(), 1, &format!("default is a session that is still open, and AWS does not accept the key behind it, {id}"));
    assert_eq!(calls(home, "UpdateAccessKey") + calls(home, "DeleteAccessKey"), 0);
}
