//! The MFA device of a key's user, where no file names one.

use std::path::Path;

use super::super::failure::{Failure, FailureKind};
use super::NONE_OPENED;
use super::advice::{of_call, patiently};
use crate::aws::{Aws, AwsError, ErrorKind, Signer};
use crate::model::{AccessKeyPair, MfaSerial, NotAnMfaSerial, ProfileName, Timing};
use crate::os::lock::{Lock, LockError, Turn};
use crate::os::terminal::{Answer, Console, Question};
use crate::session::Cache;

/// What it takes to find the device of a key's user.
pub(in crate::commands) struct Asking<'a> {
    pub(in crate::commands) aws: &'a Aws,
    pub(in crate::commands) pair: &'a AccessKeyPair,
    /// The profile that has the key.
    pub(in crate::commands) profile: &'a ProfileName,
    /// The profile that was asked for, whose settings count.
    pub(in crate::commands) asked: &'a ProfileName,
    pub(in crate::commands) cache: &'a Cache<'a>,
    pub(in crate::commands) console: &'a Console,
    pub(in crate::commands) timing: &'a Timing,
    /// Our command, as it is shown to who waits for us.
    pub(in crate::commands) command: &'a str,
    /// The file that may name the device.
    pub(in crate::commands) config: &'a Path,
    /// The file of keyrotate's own settings.
    pub(in crate::commands) settings: &'a Path,
}

/// The device of the key's user, where the files name none: asked of AWS by one process of many, and remembered.
pub(in crate::commands) fn device(asking: &Asking<'_>) -> Result<MfaSerial, Failure> {
    let Asking { aws, pair, profile, asked, cache, console, timing, command, config, settings } = asking;
    let path = cache.lock(&pair.id).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(NONE_OPENED))?;
    let known = || cache.device(&pair.id);
    let lock = match Lock::acquire_unless(&path, console.left(timing.lock_wait), command, &|| console.stopped(), &mut |_| {}, &known) {
        Ok(Turn::Spared(serial)) => return Ok(serial),
        Ok(Turn::Lock(lock)) => lock,
        Err(error) => return Err(locked(&error, profile, console)),
    };
    if let Some(serial) = known() {
        return Ok(serial);
    }
    let answer = aws.list_mfa_devices(&Signer::LongTerm((*pair).clone()));
    let named = format!("put `mfa_serial = …` into the profile {profile} in {}", config.display());
    let serials = answer.map_err(|error| unlisted(&error, &named))?;
    let usable: Vec<MfaSerial> = serials.iter().filter_map(|serial| MfaSerial::parse(serial).ok()).collect();
    let serial = match &usable[..] {
        [only] => only.clone(),
        [] => return Err(no_device(&serials, asked, settings)),
        several => choose(several, console).ok_or_else(|| {
            let list: Vec<&str> = several.iter().map(MfaSerial::as_str).collect();
            let message = format!("the user has {} MFA devices, and the profile names none of them", several.len());
            let failure = Failure::new(FailureKind::MfaNeeded, message).state(NONE_OPENED).hint(named.clone());
            Failure { causes: vec![list.join(", ")], ..failure }
        })?,
    };
    // Asked again next time, if it cannot be kept.
    let _ = cache.keep_device(&pair.id, &serial);
    drop(lock);
    Ok(serial)
}

fn locked(error: &LockError, profile: &ProfileName, console: &Console) -> Failure {
    let kind = if matches!(error, LockError::Busy(_)) { FailureKind::Locked } else { FailureKind::Failed };
    Failure::from_error(kind, error).state(NONE_OPENED).hint(patiently("answer its question, or end it", profile, console))
}

/// The devices cannot be listed: a file may name the one where that is not allowed, anything else has its own remedy.
fn unlisted(error: &AwsError, named: &str) -> Failure {
    let (why, hint) = match error.kind {
        ErrorKind::Denied { explicit: true } => ("a policy denies listing the user's MFA devices", format!("{named}; {}", of_call(error))),
        ErrorKind::Denied { explicit: false } => {
            ("the user may not list their own MFA devices", format!("{named}, or have {} allowed", error.operation))
        }
        ErrorKind::Unreachable(_) => ("AWS cannot be asked for the user's MFA devices", of_call(error)),
        ErrorKind::NotYetValid | ErrorKind::BadSignature | ErrorKind::ClockSkew | ErrorKind::Throttled | ErrorKind::Gone => {
            ("the user's MFA devices cannot be listed", of_call(error))
        }
        ErrorKind::LimitExceeded
        | ErrorKind::Conflict
        | ErrorKind::Expired
        | ErrorKind::Server
        | ErrorKind::PendingDeletion
        | ErrorKind::Kms
        | ErrorKind::Garbled
        | ErrorKind::Other => ("the user's MFA devices cannot be listed", of_call(error)),
    };
    let failure = Failure::new(FailureKind::Failed, format!("the profile names no mfa_serial, and {why}"));
    Failure { causes: vec![error.to_string()], ..failure.state(NONE_OPENED).hint(hint) }
}

fn no_device(serials: &[String], asked: &ProfileName, settings: &Path) -> Failure {
    let is_fido = |serial: &String| matches!(MfaSerial::parse(serial), Err(NotAnMfaSerial::Fido(_)));
    let enroll = format!("`keyrotate mfa enroll {}`", asked.quoted());
    let (message, hint) = if serials.iter().any(is_fido) {
        (
            "the user has FIDO security keys only, which show no code for AWS's API",
            format!("{enroll} adds a virtual device beside it: a user may have eight"),
        )
    } else {
        (
            "the user has no MFA device, and no session is opened without MFA",
            format!(
                "{enroll} adds one; to do without MFA, put `require_mfa = false` into [profile.{}] of {}",
                asked.as_key(),
                settings.display()
            ),
        )
    };
    Failure::new(FailureKind::Failed, message).state(NONE_OPENED).hint(hint)
}

fn choose(serials: &[MfaSerial], console: &Console) -> Option<MfaSerial> {
    let choices = ('1'..='9').zip(serials).map(|(key, serial)| (key, serial.to_string())).collect();
    let question = Question { text: "Which MFA device?".to_owned(), choices, default: None };
    match console.ask(&question) {
        Answer::Choice(key) => ('1'..='9').zip(serials).find(|(other, _)| *other == key).map(|(_, serial)| serial.clone()),
        Answer::None => None,
    }
}
