//! What AWS's refusals mean for a person, and what to do.

use super::Refused;
use crate::aws::{AwsError, ErrorKind};
use crate::model::AccessKeyId;
use crate::rotation::step::StopKind;

/// What a refusal of AWS means for a person who has this key in use, and what to do.
pub fn explain(id: &AccessKeyId, error: &AwsError) -> Refused {
    let (kind, message, hint) = match error.kind {
        ErrorKind::Denied { explicit: true } => (
            StopKind::MfaNeeded,
            format!("{} is denied, as by a policy that wants MFA", error.operation),
            "open an MFA session, or have the policy allow it",
        ),
        ErrorKind::Denied { explicit: false } => {
            (StopKind::Failed, format!("{} is not allowed", error.operation), "have an administrator allow it; it may also need MFA")
        }
        ErrorKind::NotYetValid => (
            StopKind::Failed,
            format!("AWS does not accept {id}: it is inactive or deleted"),
            "have an administrator activate it or make a new one, and put that in the profile",
        ),
        ErrorKind::BadSignature => {
            (StopKind::Failed, format!("the secret access key of {id} is not the right one"), "put the right pair in the profile")
        }
        ErrorKind::ClockSkew => (StopKind::Failed, "this machine's clock is wrong".to_owned(), "set the clock, then run this again"),
        ErrorKind::Unreachable(_) => (StopKind::Failed, "AWS cannot be reached".to_owned(), "check the network, then run this again"),
        ErrorKind::Throttled
        | ErrorKind::Gone
        | ErrorKind::LimitExceeded
        | ErrorKind::Conflict
        | ErrorKind::Expired
        | ErrorKind::PendingDeletion
        | ErrorKind::Kms
        | ErrorKind::Server
        | ErrorKind::Garbled
        | ErrorKind::Other => (StopKind::Failed, format!("{} did not go through", error.operation), "run this again in a few minutes"),
    };
    Refused { kind, message, causes: vec![error.to_string()], hint: hint.to_owned() }
}

/// AWS attaches one of these policies to the user of a key that it found in public.
pub(super) fn quarantine(policies: &[String]) -> Result<(), Refused> {
    match policies.iter().find(|name| name.starts_with("AWSCompromisedKeyQuarantine")) {
        None => Ok(()),
        Some(name) => Err(Refused::new(
            StopKind::Failed,
            format!("AWS found a key of this user in public and attached {name}, which denies what a rotation needs"),
            "make a new key in the AWS console, delete the exposed one, look for what was done with it, then detach the policy",
        )),
    }
}
