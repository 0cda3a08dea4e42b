//! What to do now. The whole policy of a rotation, without a clock, a file or a socket.

mod create;
mod drain;
mod evidence;
mod holders;
#[cfg(test)]
mod properties;
mod pull;
mod retire;
mod retreat;
mod rival;
mod session;
#[cfg(test)]
mod tests;
pub(crate) mod words;

pub(super) use holders::is_hopeless;
pub use retire::end_of;
pub(super) use session::likely_alive;
pub use session::wants_session;

use super::observation::Observation;
use super::record::{Record, State, Which};
use super::resolve::Direction;
use super::step::Step;
use crate::model::{AccessKeyId, Timing};

/// What a run may do beside what the record says.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// How long to wait for what.
    pub timing: Timing,
    /// A person can be asked.
    pub attended: bool,
    /// The person named this key for deletion.
    pub delete_key: Option<AccessKeyId>,
    /// A new rotation needs the old key's place, which ends a grace of "next".
    pub place_needed: bool,
    /// An MFA device of the user is known, so that a permission that is missing may be missing without MFA only.
    pub has_device: bool,
    /// What a person decided about this rotation. Forward: on a way back it turns round, and it ends even where the old key cannot be
    /// deleted. Back: what appeared while a key was being made stays as it is.
    pub decided: Option<Direction>,
}

/// The next step of a rotation.
pub fn next(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    if record.pulled {
        return pull::next(record, seen, rules);
    }
    session::first(record, seen, rules).unwrap_or_else(|| by_state(record, seen, rules))
}

fn by_state(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    match &record.state {
        State::Intent { signed_at, throttled } => create::intent(record, seen, rules, *signed_at, *throttled),
        State::Suspect { key, created_at } => create::suspect(record, seen, rules, key, *created_at),
        State::Created => create::created(record, seen, rules),
        State::Verified => create::verified(record, seen, rules),
        State::Committed { rounds } => retire::committed(record, seen, rules, *rounds),
        State::Draining { at } => drain::draining(record, seen, rules, *at),
        State::OldInactive { at, rounds, .. } => retire::old_inactive(record, seen, rules, *at, *rounds),
        State::Deleted => retire::deleted(record, seen, rules),
        State::Reactivating { why, rounds } => retreat::reactivating(record, seen, rules, why, *rounds),
        State::RollingBack { why, lost_to } => retreat::rolling_back(record, seen, rules, why, lost_to.as_ref()),
        State::Undoing { why } => retreat::undoing(record, seen, rules, why),
        State::Done(_) => Step::Close,
    }
}
