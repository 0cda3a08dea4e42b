//! Why there is no session, and what a person can do about it.

use super::super::context::Context;
use super::super::failure::{Failure, FailureKind};
use super::NONE_OPENED;
use crate::aws::{AwsError, ErrorKind};
use crate::model::ProfileName;
use crate::os::lock::LockError;
use crate::os::terminal::Console;
use crate::profile::Route;
use crate::session::{CacheError, NoCode, NoSession};

const QUARANTINE: &str =
    "a policy denies it in so many words; look for one named AWSCompromisedKeyQuarantine… at the user: the key may have leaked";

/// The failure of a session for this profile. `command` is run again; none is `keyrotate login`.
pub(super) fn failed(
    context: &Context,
    profile: &ProfileName,
    route: &Route,
    command: Option<&str>,
    error: NoSession,
    console: &Console,
) -> Failure {
    let patiently = |hint: &str| patiently(hint, profile, console);
    let run = command.map_or_else(|| login(profile), |command| format!("run `{command}`"));
    let again = format!("{run} again");
    let key_profile = &route.key.key_profile;
    let (kind, hint) = match &error {
        NoSession::NoCode(NoCode::Nobody) => (FailureKind::MfaNeeded, format!("{run} in a terminal")),
        NoSession::NoCode(NoCode::TooLate) => (FailureKind::Failed, format!("{run} in a terminal")),
        NoSession::NoCode(NoCode::Abandoned | NoCode::NotACode) | NoSession::Elsewhere(_) => (FailureKind::Failed, again),
        NoSession::NoCode(NoCode::Command { .. }) => (FailureKind::Failed, patiently("run it by hand: it has to print six digits")),
        NoSession::WrongCode { .. } | NoSession::UsedCode { .. } => (FailureKind::Failed, format!("{again} with the next code")),
        NoSession::WrongSerial { .. } if route.mfa_serial.is_none() => (FailureKind::Failed, again),
        NoSession::WrongSerial { .. } => {
            let place = context.aws_paths.config.display();
            let list = format!("`keyrotate mfa list {}`", profile.quoted());
            (FailureKind::Failed, format!("correct mfa_serial of {key_profile} in {place}; {list} lists the user's"))
        }
        NoSession::Aws(error) => (FailureKind::Failed, advice(error, route)),
        NoSession::Lock(LockError::Busy(_)) => (FailureKind::Locked, patiently("answer its question, or end it")),
        NoSession::Cache(CacheError::Keychain { .. }) => {
            let settings = context.paths.config_file.display();
            (FailureKind::Failed, format!("{again} when the keychain answers; or set session_store = \"file\" in [keychain] of {settings}"))
        }
        NoSession::Lock(_) | NoSession::Cache(_) | NoSession::Memory(_) => (FailureKind::Failed, again),
        NoSession::Pair(_) | NoSession::OtherKey(_) => (FailureKind::Failed, again),
    };
    Failure::from_error(kind, &error).state(NONE_OPENED).hint(hint)
}

/// What to do about a session that cannot be had, where no profile's files are to blame.
pub(in crate::commands) fn hint(error: &NoSession, again: &str) -> String {
    match error {
        NoSession::WrongCode { .. } | NoSession::UsedCode { .. } => format!("{again} with the next code"),
        NoSession::NoCode(NoCode::Command { .. }) => "run it by hand: it has to print six digits".to_owned(),
        NoSession::WrongSerial { .. } => "correct mfa_serial; `aws iam list-mfa-devices` lists the user's".to_owned(),
        NoSession::Lock(LockError::Busy(_)) => "answer its question, or end it".to_owned(),
        NoSession::Aws(error) if matches!(error.kind, ErrorKind::Denied { explicit: true }) => {
            "look for a policy named AWSCompromisedKeyQuarantine… at the user: the key may have leaked".to_owned()
        }
        NoSession::NoCode(NoCode::Nobody | NoCode::Abandoned | NoCode::TooLate | NoCode::NotACode) | NoSession::Aws(_) => again.to_owned(),
        NoSession::Cache(CacheError::Keychain { .. }) => {
            format!("{again} when the keychain answers; or set session_store = \"file\" in [keychain] of the settings")
        }
        NoSession::Elsewhere(_) | NoSession::Lock(_) | NoSession::Cache(_) | NoSession::Memory(_) => again.to_owned(),
        NoSession::Pair(_) | NoSession::OtherKey(_) => again.to_owned(),
    }
}

/// What to do, and where a wait was cut short, the command that waits longer.
pub(super) fn patiently(hint: &str, profile: &ProfileName, console: &Console) -> String {
    if !console.is_late() {
        return hint.to_owned();
    }
    format!("{hint}; or {} in a terminal, which waits longer than an SDK does", login(profile))
}

fn login(profile: &ProfileName) -> String {
    format!("run `keyrotate login {}`", profile.quoted())
}

fn advice(error: &AwsError, route: &Route) -> String {
    let role = route.roles.last().map_or_else(String::new, |role| role.arn.to_string());
    if matches!(error.kind, ErrorKind::Denied { explicit: false }) && error.operation == "sts:AssumeRole" {
        let action = error.operation;
        return format!(
            "the trust policy of {role} has to allow this user, and the user's policies {action} on it; also the external_id counts"
        );
    }
    if error.kind == ErrorKind::Other && error.message.contains("DurationSeconds") {
        return format!("ask for less with --duration or duration_seconds, or raise the longest session of {role}");
    }
    of_call(error)
}

/// What to do about a call that failed, whichever it was.
pub(super) fn of_call(error: &AwsError) -> String {
    let text = match error.kind {
        ErrorKind::Denied { explicit: true } => QUARANTINE,
        ErrorKind::Denied { explicit: false } => return format!("allow the user {}", error.operation),
        ErrorKind::NotYetValid => "AWS does not know the key: run `keyrotate status`",
        ErrorKind::BadSignature => "the secret in the file is not this key's: put the right pair there",
        ErrorKind::ClockSkew => "set the clock, then run this again",
        ErrorKind::Unreachable(_) => "check the network, then run this again",
        ErrorKind::Throttled | ErrorKind::Gone | ErrorKind::LimitExceeded | ErrorKind::Conflict => "run this again in a few minutes",
        ErrorKind::Expired | ErrorKind::Server | ErrorKind::PendingDeletion | ErrorKind::Kms | ErrorKind::Garbled | ErrorKind::Other => {
            "run this again in a few minutes"
        }
    };
    text.to_owned()
}
