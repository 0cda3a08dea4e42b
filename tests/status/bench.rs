//! HOMEs, and `status` with what holds for every run of it.

use std::sync::Arc;

use crate::home::{Home, Output};
use crate::lab::Settings;
use crate::lab::faults::Fault;
use serde_json::Value;

pub const DAY: f64 = 86_400.0;
pub const STATE: &str = ".local/state/keyrotate";
pub const DENIED: Fault =
    Fault::ErrorBefore { status: 403, code: "AccessDenied", message: "User is not authorized to perform this action" };

pub fn start(settings: Settings) -> Arc<Home> {
    Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, true)
}

pub fn age(home: &Home, days: f64) {
    home.lab.world().keys[0].created_at -= days * DAY;
}

/// Runs it and checks what holds for every run of it.
pub fn status(home: &Home, args: &[&str]) -> Output {
    let before = home.lab.live_keys("dev").len();
    let output = home.run(args);
    home.look(&format!("after {args:?}"));
    assert_eq!(home.lab.live_keys("dev").len(), before);
    let changes = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"];
    let changed = home.lab.calls().iter().filter(|call| changes.contains(&call.action.as_str())).count();
    assert_eq!(changed, 0, "it changed a key");
    output
}

pub fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr))
}
