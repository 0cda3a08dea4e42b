//! At a terminal: the question, the wait for the mailbox, and Ctrl-C in both.

use std::time::Duration;

use crate::bench::{INSTALL, MAILBOX, account, confirm, ours, start, well};
use crate::lab::faults::{Fault, Rule};
use crate::terminal::Terminal;

const QUICK: &[(&str, &str)] = &[("KEYROTATE_TIME_SCALE", "0.02"), ("NO_COLOR", "1")];
const QUESTION: &str = "set this up in account 000000000000?";

fn command() -> String {
    format!("alarm install --email {MAILBOX} --root")
}

#[test]
fn it_is_asked_for_and_waits_until_the_mailbox_has_confirmed() {
    let home = start();
    let mut terminal = Terminal::open(&home, &command(), QUICK);
    terminal.expect(QUESTION);
    assert_eq!(ours(&home), 0);
    terminal.press("y\n");
    terminal.expect("waiting for security@example.com");
    assert!(ours(&home) > 0);
    confirm(&home);
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("set up:") && screen.contains("keyrotate alarm test default"), "{code:?} {screen}");
}

#[test]
fn a_no_and_a_ctrl_c_at_the_question_change_nothing() {
    for (keys, wanted) in [("n\n", Some(0)), ("\x03", Some(130))] {
        let home = start();
        let before = account(&home);
        let mut terminal = Terminal::open(&home, &command(), QUICK);
        terminal.expect(QUESTION);
        terminal.press(keys);
        let (code, screen) = terminal.end();
        assert_eq!((code, account(&home)), (wanted, before), "{screen}");
        assert!(screen.contains("nothing was changed"), "{screen}");
    }
}

#[test]
fn a_ctrl_c_in_the_wait_leaves_everything_set_up_and_says_what_is_missing() {
    let home = start();
    let mut terminal = Terminal::open(&home, &(command() + " --yes"), QUICK);
    terminal.expect("waiting for security@example.com");
    terminal.press("\x03");
    let (_, screen) = terminal.end();
    assert!(screen.contains("waits: for security@example.com"), "{screen}");
    // And where nothing is left to be made.
    let mut terminal = Terminal::open(&home, &command(), QUICK);
    terminal.expect("waiting for security@example.com");
    terminal.press("\x03");
    let (_, screen) = terminal.end();
    assert!(screen.contains("waits: for security@example.com"), "{screen}");
    confirm(&home);
    let output = well(&home, INSTALL);
    assert!(output.code == Some(0) && output.said().contains("nothing is missing"), "{output:?}");
}

#[test]
fn a_ctrl_c_between_two_changes_ends_it_there_and_the_next_run_goes_on() {
    let whole = start();
    well(&whole, INSTALL);
    let home = start();
    home.lab.rules(vec![Rule::on("PutMetricFilter", Fault::Hang(Duration::from_secs(2)))]);
    let mut terminal = Terminal::open(&home, &(command() + " --yes"), QUICK);
    terminal.expect("metric filter keyrotate-iam-policy-changes");
    while !home.lab.calls().iter().any(|call| call.action == "PutMetricFilter") {
        std::thread::sleep(Duration::from_millis(10));
    }
    terminal.press("\x03");
    let (code, screen) = terminal.end();
    assert!(code == Some(130) && screen.contains("of 8 parts are made"), "{code:?} {screen}");
    assert_ne!(account(&home), account(&whole));
    well(&home, INSTALL);
    assert_eq!(account(&home), account(&whole));
}
