//! `auto`, which asks nobody.

use crate::bench::{ROTATE, alone, changes, code, codes, config, refused, rotated, run, run_with, start};
use crate::home::Run;
use crate::lab::faults::{Fault, Rule};

#[test]
fn auto_without_a_session_exits_with_20_changes_nothing_and_says_what_to_do() {
    let home = start(100.0);
    alone(&home);
    // A program that prints codes is for a person who is there.
    config(&home, &format!("[profile.default]\nmfa_command = [\"echo\", \"{}\"]\n", code(&home)));
    let output = run(&home, &["auto", "--now"]);
    refused(&home, &output, 20);
    assert!(output.stderr.contains("`keyrotate login"), "{}", output.stderr);
    codes(&home, 0);
}

#[test]
fn auto_with_a_session_rotates_what_is_due_and_goes_on_with_what_waits() {
    for interrupted in [false, true] {
        let home = start(100.0);
        alone(&home);
        assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code(&home))).code, Some(0));
        if interrupted {
            home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseAfter)]);
            let mut broken = Run::new(ROTATE);
            broken.kill_at_pause = true;
            assert_eq!(home.run_with(&broken).code, None);
            home.lab.rules(Vec::new());
        }
        let output = run(&home, &["auto", "--now"]);
        rotated(&home, &output);
        codes(&home, 1);
        let again = run(&home, &["auto", "--now"]);
        assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""), "{}", again.stdout);
    }
}

#[test]
fn auto_leaves_an_interrupted_rotation_as_it_is_without_a_session() {
    let home = start(100.0);
    alone(&home);
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseBefore)]);
    let mut broken = Run::new(ROTATE);
    broken.kill_at_pause = true;
    broken.env.push(("KEYROTATE_MFA_CODE", code(&home)));
    assert_eq!(home.run_with(&broken).code, None);
    home.lab.rules(Vec::new());
    assert_eq!(run(&home, &["logout", "--all"]).code, Some(0));
    let before = changes(&home);
    let output = run(&home, &["auto", "--now"]);
    assert_eq!(output.code, Some(20), "{}{}", output.stdout, output.stderr);
    assert_eq!(changes(&home), before, "{}", output.stderr);
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    assert_eq!(home.lab.resent(), []);
}
