//! `rotate_on_login`: a key that is due is rotated with the session that a person has just opened.
//!
//! Invariants: only after a code was given; only what is due; the lock of every rotation holds here too. What fails is seen by the next
//! `status` or `auto`, and never fails the command that opened the session.

use std::ffi::OsString;
use std::path::Path;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::rotate::{RotateOptions, RotateOutcome, Rotated, rotate};
use super::session::Access;
use crate::os::private_directory::private_directory;
use crate::os::process;
use crate::os::signals::Signals;
use crate::os::terminal::Console;
use crate::profile::settings::RotateOnLogin;
use crate::session::environment::MFA_CODE;

/// The command that a rotation in the background is left to; hidden.
pub const COMMAND: &str = "after-login";
/// More of a log than this is begun anew.
const LOG_BYTES: u64 = 64 * 1_024;

/// Does what the settings want after this session was opened: rotates now and tells what came of it, or leaves that to a process in the
/// background.
pub fn after_login(context: &Context, access: &Access, console: &Console, signals: &Signals) -> Result<RotateOutcome, Failure> {
    match wanted(context, access) {
        RotateOnLogin::Off => Ok(RotateOutcome::default()),
        RotateOnLogin::Background => begin(context, access).map(|()| RotateOutcome::default()),
        RotateOnLogin::Foreground => {
            let options = RotateOptions { profiles: vec![access.profile.to_string()], due: true, yes: true, ..RotateOptions::default() };
            let mut outcome = rotate(context, console, signals, &options)?;
            outcome.keys.retain(|key| !matches!(key, Rotated::NotDue { .. }));
            Ok(outcome)
        }
    }
}

/// What is to be done after this session was opened, if it was.
pub fn wanted(context: &Context, access: &Access) -> RotateOnLogin {
    match context.settings.for_profile(&access.profile).rotate_on_login {
        _ if !access.used_code => RotateOnLogin::Off,
        // Who waits would end the rotation in the middle.
        RotateOnLogin::Foreground if access.is_process => RotateOnLogin::Background,
        wanted @ (RotateOnLogin::Off | RotateOnLogin::Background | RotateOnLogin::Foreground) => wanted,
    }
}

/// Runs the process between: it lets go of us, and whoever takes our place is nobody's parent.
fn begin(context: &Context, access: &Access) -> Result<(), Failure> {
    let state_dir = &context.paths.state_dir;
    private_directory(state_dir).map_err(|error| Failure::from_error(FailureKind::Failed, &error))?;
    let log = state_dir.join("login-rotation.log");
    let words: [OsString; 4] = [COMMAND.into(), "--".into(), access.profile.as_str().into(), log.into()];
    process::own(&words, &[MFA_CODE]).map_err(|error| {
        let mut failure = Failure::new(FailureKind::Failed, "the rotation in the background could not be begun");
        failure.causes.push(error.to_string());
        failure.hint(format!("run `keyrotate rotate {} --due`", access.profile.quoted()))
    })
}

/// What the process between does: starts the rotation, on its own. Reads nothing first, for somebody waits.
pub fn leave(profile: &str, log: &Path) -> Result<(), Failure> {
    let words = ["rotate", "--due", "--yes", "--no-input", "--", profile].map(OsString::from);
    process::leave(&words, log, LOG_BYTES).map_err(|error| {
        let mut failure = Failure::new(FailureKind::Failed, "the rotation could not be begun");
        failure.causes.push(error.to_string());
        failure
    })
}
