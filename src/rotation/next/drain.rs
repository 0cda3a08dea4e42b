//! The old key of a shared secret drains: it stays active through the grace, while other machines take over the new pair.
//!
//! Invariant: it is not deactivated while it was used lately, by whoever has not taken over yet, unless a person says so.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::describe;
use super::super::observation::Observation;
use super::super::record::{Record, State};
use super::super::resolve::Direction;
use super::super::step::{Step, StopKind};
use super::evidence::{is_settled_here, list_again};
use super::retire::{deactivate, deactivated, end_of, heal, look};
use super::{Rules, Which, words};
use crate::model::{Grace, KeyStatus, LastUsed};

/// How long nobody may have used the key where the grace lasts until the next rotation.
const QUIET: Duration = Duration::from_secs(12 * 3_600);

/// Every holder here has the new pair, and the old key is active: wait for the others.
pub(super) fn draining(record: &Record, seen: &Observation, rules: &Rules, at: DateTime<Utc>) -> Step {
    if let Some(step) = heal(record, seen, rules) {
        return step;
    }
    let listing = match look(record, seen, rules) {
        Ok(listing) => listing,
        Err(step) => return step,
    };
    let now = seen.now.unwrap_or(listing.at);
    match listing.status(&record.old.id) {
        None if is_settled_here(listing, seen, &rules.timing) => Step::Enter(State::Deleted),
        None => list_again(record, seen, rules, Which::New, "waiting until AWS lists the keys reliably"),
        Some(status) => match resting(record, rules, status, at, now) {
            Some(stop) => stop,
            None if *status == KeyStatus::Inactive => deactivated(seen, listing, 0),
            None => in_use(record, seen, rules, now).unwrap_or_else(|| deactivate(record, seen, rules)),
        },
    }
}

/// The stop while the grace lasts.
fn resting(record: &Record, rules: &Rules, status: &KeyStatus, at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Step> {
    let (until, then) = match record.grace {
        Grace::After(grace) => {
            let due = end_of(grace, at);
            if now >= due {
                return None;
            }
            (format!("until {}", describe::time(due)), "a run after that deletes it")
        }
        Grace::Next if rules.place_needed => return None,
        Grace::Next => ("until the next rotation".to_owned(), "the next rotation deletes it"),
    };
    let new = record.new.as_ref().map_or("the new key", |new| new.pair.id.as_str());
    let stays = match status {
        KeyStatus::Inactive => "somebody made it inactive, and it stays".to_owned(),
        KeyStatus::Active | KeyStatus::Other(_) => "it stays active for the machines that pull the new one,".to_owned(),
    };
    let message = format!("{} is replaced by {new} in every holder here; {stays} {until}", record.old.id);
    let called = record.called();
    let hint = format!(
        "{then}; `keyrotate undo {called}` puts it back, `keyrotate rotate {called} --grace 0s` deletes it now, \
         wherever it is still in use"
    );
    Some(words::stop(record, StopKind::Resting, message, Vec::new(), hint))
}

/// The stop while somebody uses the old key.
fn in_use(record: &Record, seen: &Observation, rules: &Rules, now: DateTime<Utc>) -> Option<Step> {
    let quiet = match record.grace {
        Grace::After(grace) if grace.is_zero() => return None,
        Grace::After(grace) => grace / 2,
        Grace::Next => QUIET,
    };
    if rules.decided == Some(Direction::Forward) {
        return None;
    }
    let (old, called) = (&record.old.id, record.called());
    match &seen.last_use {
        None => Some(Step::GetAccessKeyLastUsed { key: old.clone(), signer: Which::New }),
        Some(LastUsed::Used(used)) if (now - used.at).to_std().unwrap_or_default() < quiet => {
            let said = describe::last_use(&LastUsed::Used(used.clone()));
            let message = format!("{old} was {said}: a machine has not taken over the new key, so that the old one stays active");
            let hint =
                format!("run `keyrotate auto` there, where its error is told; or end this with `keyrotate rotate {called} --grace 0s`");
            Some(words::attention(record, message, hint))
        }
        Some(LastUsed::Used(_) | LastUsed::Never | LastUsed::Unknown(_)) => None,
    }
}
