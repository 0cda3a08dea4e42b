//! Taking over a key that another machine rotated: this machine's holders get the pair that the secret has.
//!
//! Invariant: nothing here makes, changes or deletes a key at AWS, or asks IAM anything: who pulls needs no more than to read the secret.

use std::time::Duration;

use super::super::observation::Observation;
use super::super::record::{End, Record, State, Which};
use super::super::resolve::Direction;
use super::super::step::Step;
use super::evidence::{Proven, is_stranger, prove};
use super::holders::Brought;
use super::retire::bring_alive;
use super::retreat::{abort, all_there};
use super::{Rules, words};

/// The next step.
pub(super) fn next(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    match &record.state {
        State::Created => created(record, seen, rules),
        State::Verified => verified(record, seen, rules),
        State::RollingBack { why, .. } | State::Undoing { why } => back(record, seen, rules, why),
        State::Done(_) => Step::Close,
        State::Intent { .. } | State::Suspect { .. } | State::Committed { .. } | State::Draining { .. } => not_ours(record),
        State::OldInactive { .. } | State::Reactivating { .. } | State::Deleted => not_ours(record),
    }
}

/// Nothing is written yet.
fn created(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    let end = |why: String| leave(record, seen, &why);
    let id = record.pair(Which::New).map_or("the new key", |pair| pair.id.as_str());
    if is_stranger(record, seen, Which::New) {
        return end(format!("{id} belongs to another user"));
    }
    match prove(seen, rules, Which::New, rules.timing.verify_successes, Duration::ZERO) {
        Proven::Yes => Step::Enter(State::Verified),
        Proven::First(step) => step,
        Proven::Error(error) => words::refused(record, &error),
        Proven::NotYet => end(format!("AWS does not accept {id}")),
    }
}

/// Writes the holders, reads them back and makes one call with what was read.
fn verified(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    let dead = || {
        let id = record.pair(Which::New).map_or("the new key", |pair| pair.id.as_str());
        Step::Enter(State::RollingBack { why: format!("AWS does not accept {id} any more"), lost_to: None })
    };
    let away = match bring_alive(record, seen, rules, dead) {
        Brought::First(step) => return step,
        Brought::Refused(reasons) => return words::holders_refuse(record, "a holder cannot be written", reasons),
        Brought::None => return words::no_place(record),
        Brought::All { away } => away,
    };
    match prove(seen, rules, Which::New, 1, seen.holders_at) {
        Proven::Yes if away.is_empty() => Step::Enter(State::Done(End::Pulled)),
        Proven::Yes => {
            let message = format!("{} is not there, and may have the old key, which is about to be deleted", away.join(" and "));
            let hint = format!("bring it back and {}, or end it with {}", words::again(record), words::resolve_hint(&record.old.id));
            words::attention(record, message, hint)
        }
        Proven::First(step) => step,
        Proven::Error(error) => words::refused(record, &error),
        Proven::NotYet => dead(),
    }
}

/// The holders go back to the old pair, unless it is dead and the new one lives.
fn back(record: &Record, seen: &Observation, rules: &Rules, why: &str) -> Step {
    let first = if rules.decided == Some(Direction::Forward) { Which::New } else { Which::Old };
    for which in [first, first.other()] {
        match (prove(seen, rules, which, 1, Duration::ZERO), which) {
            (Proven::Yes, Which::New) => return Step::Enter(State::Verified),
            (Proven::Yes, Which::Old) => return abort(record, seen, rules, End::aborted(why)),
            (Proven::First(step), _) => return step,
            (Proven::Error(error), _) => return words::refused(record, &error),
            (Proven::NotYet, _) => {}
        }
    }
    leave(record, seen, why)
}

/// Nothing is proved of the old pair: every place keeps what it has, which may be the new one from before. The next run takes over what the
/// secret has then.
fn leave(record: &Record, seen: &Observation, why: &str) -> Step {
    all_there(record, seen).unwrap_or_else(|| Step::Enter(State::Done(End::aborted(why))))
}

/// Only a journal that somebody edited has such a state.
fn not_ours(record: &Record) -> Step {
    let message = "the journal has a key that is taken over in a state that only the machine that rotates it can be in".to_owned();
    words::attention(record, message, words::resolve_hint(&record.old.id))
}
