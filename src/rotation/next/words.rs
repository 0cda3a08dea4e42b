//! How stops are worded.

use super::super::describe;
use super::super::record::Record;
use super::super::step::{Step, Stop, StopKind};
use crate::aws::{AwsError, ErrorKind};
use crate::model::AccessKeyId;

/// A stop that running again may get past.
pub(super) fn failed(record: &Record, message: String, causes: Vec<String>) -> Step {
    stop(record, StopKind::Failed, message, causes, again(record))
}

/// A stop for a person to look at.
pub(super) fn attention(record: &Record, message: String, hint: String) -> Step {
    stop(record, StopKind::Attention, message, Vec::new(), hint)
}

/// A stop because a call to AWS did not go through.
pub(super) fn refused(record: &Record, error: &AwsError) -> Step {
    let (kind, hint) = match error.kind {
        ErrorKind::Denied { .. } if record.managed_as.is_some() => {
            let may = format!("allow the profile {} {} on the user {}", record.profile, error.operation, record.user_name);
            (StopKind::Failed, format!("{may}, then {}", again(record)))
        }
        ErrorKind::NotYetValid | ErrorKind::Expired if record.managed_as.is_some() => {
            (StopKind::MfaNeeded, format!("run `keyrotate login {}`, then {}", record.profile.quoted(), again(record)))
        }
        ErrorKind::Denied { explicit: true } => {
            (StopKind::MfaNeeded, format!("{} once you are allowed {}", again(record), error.operation))
        }
        ErrorKind::Denied { explicit: false } => {
            (StopKind::Failed, format!("allow {} for the user {}, then {}", error.operation, record.user_name, again(record)))
        }
        ErrorKind::NotYetValid
        | ErrorKind::BadSignature
        | ErrorKind::ClockSkew
        | ErrorKind::Throttled
        | ErrorKind::Gone
        | ErrorKind::LimitExceeded
        | ErrorKind::Conflict
        | ErrorKind::Expired
        | ErrorKind::PendingDeletion
        | ErrorKind::Kms
        | ErrorKind::Server
        | ErrorKind::Unreachable(_)
        | ErrorKind::Garbled
        | ErrorKind::Other => (StopKind::Failed, again(record)),
    };
    stop(record, kind, format!("{} did not go through", error.operation), vec![error.to_string()], hint)
}

pub(super) fn stop(record: &Record, kind: StopKind, message: String, causes: Vec<String>, hint: String) -> Step {
    Step::Stop(Stop { kind, message, causes, state: describe::state(record), hint })
}

/// Holders refuse, each with its reason.
pub(super) fn holders_refuse(record: &Record, message: &str, reasons: Vec<String>) -> Step {
    let hint = format!("put that right and {}, or end it with {}", again(record), resolve_hint(&record.old.id));
    stop(record, StopKind::Failed, message.to_owned(), reasons, hint)
}

/// No holder is left, of which the rotation could go on.
pub(super) fn no_place(record: &Record) -> Step {
    let hint = format!("bring one back and {}, or end it with {}", again(record), resolve_hint(&record.old.id));
    attention(record, NO_PLACE.to_owned(), hint)
}

pub(super) const NO_PLACE: &str = "none of the places that had the key is there any more";

/// The command that goes on.
pub(crate) fn again(record: &Record) -> String {
    format!("run `keyrotate rotate {}` again", record.called())
}

/// Ends a rotation that has no new key in use, and touches nothing.
pub(super) fn back_hint(record: &Record) -> String {
    format!("`keyrotate rotate --resolve {} back`", record.old.id)
}

/// Ends any rotation.
pub(super) fn forget_hint(record: &Record) -> String {
    format!("`keyrotate rotate --resolve {} forget`, which keeps its pairs in a file", record.old.id)
}

/// The way out of every stop.
pub(super) fn resolve_hint(id: &AccessKeyId) -> String {
    format!("`keyrotate rotate --resolve {id} forward|back|forget`")
}
