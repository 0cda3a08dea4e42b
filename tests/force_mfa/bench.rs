//! A HOME under such a policy, and what holds after every run.

use std::path::PathBuf;
use std::sync::Arc;

use crate::home::{Home, Output, Run};
use crate::lab::{Settings, Verdict};

pub const ROTATE: &[&str] = &["rotate", "default", "--yes", "--no-input"];

/// Of the waits: short, and long enough for a machine that has much to do.
pub const SCALE: &str = "0.05";
pub const DAY: f64 = 86_400.0;
pub const CHANGES: [&str; 3] = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"];

/// A key of that many days in two profiles, under a policy that denies everything without MFA.
pub fn start(days: f64) -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings { force_mfa: true, ..Settings::default() }, true);
    home.lab.world().keys[0].created_at -= days * DAY;
    home.holds(sessions(&home));
    home
}

pub fn sessions(home: &Home) -> PathBuf {
    home.path().join(".cache/keyrotate/sessions")
}

/// Without the other user's key, which is not this test's matter.
pub fn alone(home: &Home) {
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", text.split("\n[other]").next().unwrap());
}

pub fn config(home: &Home, text: &str) {
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", text);
}

pub fn run(home: &Home, args: &[&str]) -> Output {
    run_with(home, args, None)
}

/// With short waits, and with a code in the variable.
pub fn run_with(home: &Home, args: &[&str], code: Option<&str>) -> Output {
    let mut run = Run::new(args);
    run.env.push(("KEYROTATE_TIME_SCALE", SCALE.to_owned()));
    run.env.extend(code.map(|code| ("KEYROTATE_MFA_CODE", code.to_owned())));
    home.run_with(&run)
}

pub fn code(home: &Home) -> String {
    home.lab.code("dev").expect("a code that was not used")
}

pub fn count(home: &Home, action: &str) -> usize {
    home.lab.calls().iter().filter(|call| call.action == action).count()
}

pub fn changes(home: &Home) -> usize {
    CHANGES.iter().map(|action| count(home, action)).sum()
}

/// One code was asked for, and no code was sent twice.
#[track_caller]
pub fn codes(home: &Home, expected: usize) {
    assert_eq!(home.lab.resent(), [], "a code was sent twice");
    assert_eq!(home.lab.world().codes.len(), expected, "codes that were sent");
}

/// One active key that every profile has, and the first one gone.
#[track_caller]
pub fn rotated(home: &Home, output: &Output) {
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::No, "{}{}", output.stdout, output.stderr);
    let live = home.lab.live_keys("dev");
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    assert!(live.len() == 1 && text.matches(&live[0].secret).count() == 2, "{}", output.stderr);
}

/// The run failed with this code, and changed nothing.
#[track_caller]
pub fn refused(home: &Home, output: &Output, exit: i32) {
    assert_eq!(output.code, Some(exit), "{}{}", output.stdout, output.stderr);
    assert_eq!(changes(home), 0, "{}", output.stderr);
    assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::Yes);
}
