//! When an MFA session has to sign: a policy denies what the bare key wants to do.
//!
//! Invariant: the pairs are tried first, so that a user without such a policy costs no call more; a code is asked for once in a run, and again
//! only where AWS does not take a session that was open before.

use super::super::observation::{Observation, SessionSight};
use super::super::record::{Record, State, Which};
use super::super::step::Step;
use super::Rules;
use crate::aws::{AwsError, ErrorKind};

/// Whether a session, or another one than the present, may be allowed what was refused so.
pub fn wants_session(session: SessionSight, error: &AwsError, has_device: bool) -> bool {
    match (session, error.kind) {
        (SessionSight::None, ErrorKind::Denied { explicit }) => explicit || has_device,
        // A policy may want a younger code (aws:MultiFactorAuthAge) or session (aws:TokenIssueTime).
        // QUIRK(iam): a session without MFA is refused as an unknown key is.
        (SessionSight::Found, ErrorKind::Denied { explicit: true } | ErrorKind::Expired | ErrorKind::NotYetValid) => true,
        (SessionSight::None | SessionSight::Found | SessionSight::Opened, _) => false,
        (SessionSight::Unavailable | SessionSight::Operator, _) => false,
    }
}

/// What comes first where the last answers want a session.
pub(super) fn first(record: &Record, seen: &Observation, rules: &Rules) -> Option<Step> {
    let wants = |error: &AwsError| wants_session(seen.session, error, rules.has_device);
    let refused = seen.act.as_ref().and_then(|act| act.result.as_ref().err());
    let is_wanted = refused.is_some_and(wants)
        || [Which::Old, Which::New].iter().any(|which| seen.listing_error(*which).is_some_and(wants))
        || seen.holder_errors.values().any(wants);
    if !is_wanted || matches!(record.state, State::Done(_)) {
        return None;
    }
    likely_alive(record).into_iter().filter(|which| record.pair(*which).is_some()).find_map(|which| open(seen, which))
}

/// The pair that is most likely alive, then the other one.
pub(in crate::rotation) fn likely_alive(record: &Record) -> [Which; 2] {
    match record.state {
        State::Intent { .. } | State::Suspect { .. } | State::Created | State::Verified => [Which::Old, Which::New],
        State::RollingBack { .. } | State::Done(_) => [Which::Old, Which::New],
        State::Committed { .. } | State::Draining { .. } | State::OldInactive { .. } | State::Deleted => [Which::New, Which::Old],
        State::Reactivating { .. } | State::Undoing { .. } => [Which::New, Which::Old],
    }
}

/// Opens the session with this pair, once AWS is seen to accept it: a code must not be spent on a dead one.
fn open(seen: &Observation, which: Which) -> Option<Step> {
    let proof = seen.proof(which);
    // Denied is what AWS says to a key that it knows.
    let is_known = !seen.session.signs() && seen.listing_error(which).is_some_and(|error| matches!(error.kind, ErrorKind::Denied { .. }));
    if is_known || (!proof.successes.is_empty() && proof.error.is_none()) {
        return Some(Step::OpenSession(which));
    }
    proof.tried.is_none().then_some(Step::GetCallerIdentity(which))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_wanted_where_it_may_help_and_not_twice() {
        let (denied, missing) = (ErrorKind::Denied { explicit: true }, ErrorKind::Denied { explicit: false });
        for (session, kind, has_device, wanted) in [
            (SessionSight::None, denied, false, true),
            (SessionSight::None, missing, false, false),
            (SessionSight::None, missing, true, true),
            (SessionSight::None, ErrorKind::NotYetValid, true, false),
            (SessionSight::Found, denied, false, true),
            (SessionSight::Found, ErrorKind::NotYetValid, false, true),
            (SessionSight::Found, ErrorKind::Expired, false, true),
            (SessionSight::Found, missing, true, false),
            (SessionSight::Found, ErrorKind::Throttled, true, false),
            (SessionSight::Opened, denied, true, false),
            (SessionSight::Unavailable, denied, true, false),
            (SessionSight::Operator, denied, true, false),
        ] {
            let error = AwsError::for_tests("iam:ListAccessKeys", kind, true);
            assert_eq!(wants_session(session, &error, has_device), wanted, "{session:?} {kind:?} {has_device}");
        }
    }
}
