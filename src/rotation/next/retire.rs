//! The end of the old key: deactivate, prove, delete. From here on the way is forward.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::describe;
use super::super::observation::{Act, Listing, Observation};
use super::super::record::{End, NewKey, Record, State, Which};
use super::super::resolve::Direction;
use super::super::step::{Step, StopKind};
use super::evidence::{Listed, Proven, enough, is_settled, is_settled_here, list_again, listed, prove};
use super::holders::{Brought, bring};
use super::{Rules, words};
use crate::aws::ErrorKind;
use crate::model::{Grace, KeyStatus, LastUsed};

/// How often a call whose outcome is unclear is made again in one run.
const ATTEMPTS: u32 = 3;

/// How often the old key is activated again before a person has to look.
const ROUNDS: u32 = 3;

/// Every holder has the new pair: deactivate the old key.
pub(super) fn committed(record: &Record, seen: &Observation, rules: &Rules, rounds: u32) -> Step {
    if let Some(step) = heal(record, seen, rules) {
        return step;
    }
    let listing = match look(record, seen, rules) {
        Ok(listing) => listing,
        Err(step) => return step,
    };
    match listing.status(&record.old.id) {
        Some(KeyStatus::Inactive) => deactivated(seen, listing, rounds),
        None if is_settled_here(listing, seen, &rules.timing) => Step::Enter(State::Deleted),
        None => list_again(record, seen, rules, Which::New, "waiting until AWS lists the keys reliably"),
        // A key that had to be activated again has drained before.
        Some(KeyStatus::Active | KeyStatus::Other(_)) if record.drains && rounds == 0 && !is_over(record) => {
            Step::Enter(State::Draining { at: seen.now.unwrap_or(listing.at) })
        }
        Some(KeyStatus::Active | KeyStatus::Other(_)) => deactivate(record, seen, rules),
    }
}

/// The old key is seen inactive.
pub(super) fn deactivated(seen: &Observation, listing: &Listing, rounds: u32) -> Step {
    let last_use = seen.last_use.clone().unwrap_or_else(|| LastUsed::Unknown("not asked".to_owned()));
    Step::Enter(State::OldInactive { at: seen.now.unwrap_or(listing.at), last_use, rounds })
}

/// The old key is active, and every holder has the new pair.
pub(super) fn deactivate(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    match &seen.act {
        Some(Act { result: Err(error), .. }) if seen.attempts >= ATTEMPTS || !error.is_transient() => words::refused(record, error),
        _ if !is_over(record) && seen.last_use.is_none() => Step::GetAccessKeyLastUsed { key: record.old.id.clone(), signer: Which::New },
        Some(Act { .. }) | None => unproven_beside_the_listing(record, seen, rules).unwrap_or(Step::UpdateAccessKey {
            key: Which::Old,
            status: KeyStatus::Inactive,
            signer: Which::New,
        }),
    }
}

/// Whether the grace is none.
fn is_over(record: &Record) -> bool {
    record.grace == Grace::After(Duration::ZERO)
}

/// What is missing to the proof of the new pair: where a session signed the listing, which then proves nothing of it, and where one answer is not
/// enough.
fn unproven_beside_the_listing(record: &Record, seen: &Observation, rules: &Rules) -> Option<Step> {
    let successes = enough(record, seen, &rules.timing);
    if !seen.session.signs() && successes == 1 {
        return None;
    }
    match prove(seen, rules, Which::New, successes, Duration::ZERO) {
        Proven::Yes => None,
        Proven::First(step) => Some(step),
        Proven::Error(error) => Some(words::refused(record, &error)),
        Proven::NotYet => {
            let message = "AWS lists the new key as active and does not accept it, so that the old one stays".to_owned();
            Some(words::failed(record, message, Vec::new()))
        }
    }
}

/// Brings every holder to the new pair. Nothing is written before AWS accepted that pair in this state: `dead` says what to do if it
/// does not.
pub(super) fn bring_alive(record: &Record, seen: &Observation, rules: &Rules, dead: impl FnOnce() -> Step) -> Brought {
    match bring(record, seen, rules, Which::New, true) {
        Brought::First(step @ (Step::PrepareHolder { .. } | Step::WriteHolder { .. })) => {
            Brought::First(match prove(seen, rules, Which::New, 1, Duration::ZERO) {
                Proven::Yes => step,
                Proven::First(step) => step,
                Proven::Error(error) => words::refused(record, &error),
                Proven::NotYet => dead(),
            })
        }
        brought @ (Brought::First(_) | Brought::All { .. } | Brought::Refused(_) | Brought::None) => brought,
    }
}

/// Rereads and heals the holders, and takes away what the changes displaced.
pub(super) fn heal(record: &Record, seen: &Observation, rules: &Rules) -> Option<Step> {
    let dead = || match look(record, seen, rules) {
        Ok(_) => words::failed(record, "AWS does not accept the new key any more, so that it is not written again".to_owned(), Vec::new()),
        Err(step) => step,
    };
    match bring_alive(record, seen, rules, dead) {
        Brought::First(step) => Some(step),
        Brought::All { .. } => None,
        Brought::Refused(reasons) => Some(words::holders_refuse(record, "a holder does not have the new key", reasons)),
        Brought::None => Some(words::no_place(record)),
    }
}

/// A listing, newer than the last act, in which the new key is Active; or what to do instead. It is signed by the new pair, so that
/// it also proves the pair.
pub(super) fn look<'a>(record: &'a Record, seen: &'a Observation, rules: &'a Rules) -> Result<&'a Listing, Step> {
    let Some(NewKey { pair, created_at }) = &record.new else { return Err(Step::Enter(State::Deleted)) };
    // A clear success needs no second look.
    let mut since = match &seen.act {
        Some(Act { clock, result: Err(_) }) => *clock,
        Some(Act { result: Ok(()), .. }) | None => Duration::ZERO,
    };
    let refused = !seen.session.signs() && seen.listing_error(Which::New).is_some_and(super::super::observation::is_refusal);
    if refused {
        match prove(seen, rules, Which::New, 1, Duration::ZERO) {
            Proven::Yes => {
                // It flaps; the pair is accepted by now.
                if seen.listing.as_ref().is_none_or(|listing| listing.clock < since) {
                    return Err(Step::ListAccessKeys(Which::New));
                }
            }
            Proven::First(step) => return Err(step),
            Proven::Error(error) => return Err(words::refused(record, &error)),
            // A listing from before the refusal says nothing of now.
            Proven::NotYet => since = since.max(seen.proof(Which::New).refused.unwrap_or_default()),
        }
    }
    let listing = match listed(seen, since, &[Which::New, Which::Old]) {
        Listed::Yes(listing) => listing,
        Listed::First(step) => return Err(step),
        Listed::Error(error) if refused => return Err(nobody(record, error.to_string())),
        Listed::Error(error) => return Err(words::refused(record, &error)),
    };
    match listing.status(&pair.id) {
        Some(KeyStatus::Active) => Ok(listing),
        None if !is_settled(listing, *created_at, &rules.timing) => {
            Err(list_again(record, seen, rules, listing.signer, "waiting until AWS lists the new key"))
        }
        None if !is_settled_here(listing, seen, &rules.timing) && listing.signer == Which::New => {
            Err(list_again(record, seen, rules, Which::New, "waiting until AWS lists the keys reliably"))
        }
        None => Err(Step::Enter(State::Undoing { why: format!("{} is gone: somebody deleted it", pair.id) })),
        Some(KeyStatus::Inactive) => Err(Step::Enter(State::Undoing { why: format!("{} was made inactive by somebody", pair.id) })),
        Some(KeyStatus::Other(word)) => Err(words::attention(
            record,
            format!("{} has the status {word}, which this keyrotate does not know", pair.id),
            words::resolve_hint(&record.old.id),
        )),
    }
}

/// Neither pair is accepted.
fn nobody(record: &Record, cause: String) -> Step {
    let new = record.new.as_ref().map_or_else(|| "the new key".to_owned(), |new| new.pair.id.to_string());
    let hint = format!("ask an administrator to activate {new} or {}, then {}", record.old.id, words::again(record));
    words::stop(record, StopKind::Attention, "AWS accepts neither the old key nor the new one".to_owned(), vec![cause], hint)
}

/// The old key is inactive: prove the new one, wait for the grace, delete.
pub(super) fn old_inactive(record: &Record, seen: &Observation, rules: &Rules, at: DateTime<Utc>, rounds: u32) -> Step {
    let away = match bring_alive(record, seen, rules, || unproven(record, seen, rounds)) {
        Brought::First(step) => return step,
        Brought::Refused(reasons) => return unhealed(reasons.join("; "), rounds, record),
        Brought::None => return unhealed("no holder is there that has the new key".to_owned(), rounds, record),
        Brought::All { away } => away,
    };
    match prove(seen, rules, Which::New, enough(record, seen, &rules.timing), seen.holders_at) {
        Proven::Yes => {}
        Proven::First(step) => return step,
        Proven::Error(error) => return words::refused(record, &error),
        Proven::NotYet => return unproven(record, seen, rounds),
    }
    if let Some(step) = resting(record, seen, rules, at) {
        return step;
    }
    if !away.is_empty() {
        let message = format!("{} is not there, so that the old key stays, inactive", away.join(" and "));
        return words::attention(
            record,
            message,
            format!("bring it back and {}, or end it with {}", words::again(record), words::resolve_hint(&record.old.id)),
        );
    }
    let listing = match look(record, seen, rules) {
        Ok(listing) => listing,
        Err(step) => return step,
    };
    match (listing.status(&record.old.id), &seen.act) {
        (None, _) => Step::Enter(State::Deleted),
        (Some(KeyStatus::Active | KeyStatus::Other(_)), _) if !is_settled(listing, at, &rules.timing) => {
            list_again(record, seen, rules, Which::New, "waiting until AWS lists the old key as inactive")
        }
        (Some(KeyStatus::Active | KeyStatus::Other(_)), _) => {
            let message = format!("somebody activated {} again, so it is not deleted", record.old.id);
            let hint = format!("find out who uses it; end the rotation with {}", words::resolve_hint(&record.old.id));
            kept(rules, words::attention(record, message, hint))
        }
        (Some(KeyStatus::Inactive), Some(Act { result: Err(error), .. })) if seen.attempts >= ATTEMPTS || !error.is_transient() => {
            kept(rules, words::refused(record, error))
        }
        (Some(KeyStatus::Inactive), _) => delete(record, seen, rules, at),
    }
}

/// A stop because the old key cannot go; the end where a person accepts that.
fn kept(rules: &Rules, stop: Step) -> Step {
    if rules.decided == Some(Direction::Forward) { Step::Enter(State::Done(End::RotatedOldInactive)) } else { stop }
}

/// Deletes the old key, unless somebody used it between the two looks of a grace.
fn delete(record: &Record, seen: &Observation, rules: &Rules, at: DateTime<Utc>) -> Step {
    // A run that finds the old key inactive does not know for how long it was.
    if !is_over(record) || seen.resumed {
        match &seen.last_use {
            None => return Step::GetAccessKeyLastUsed { key: record.old.id.clone(), signer: Which::New },
            Some(LastUsed::Used(last_use)) if last_use.at > at => {
                let message = format!(
                    "{} was used at {} for {} in {}, after it was replaced: it is not deleted",
                    record.old.id,
                    describe::time(last_use.at),
                    last_use.service,
                    last_use.region
                );
                let hint = format!("give the new key to who used it, then end the rotation with {}", words::resolve_hint(&record.old.id));
                return kept(rules, words::attention(record, message, hint));
            }
            Some(LastUsed::Never | LastUsed::Used(_) | LastUsed::Unknown(_)) => {}
        }
    }
    Step::DeleteAccessKey { key: record.old.id.clone(), signer: Which::New }
}

/// When a grace that began then is over.
pub fn end_of(grace: Duration, at: DateTime<Utc>) -> DateTime<Utc> {
    TimeDelta::from_std(grace).ok().and_then(|grace| at.checked_add_signed(grace)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The stop while the grace lasts.
fn resting(record: &Record, seen: &Observation, rules: &Rules, at: DateTime<Utc>) -> Option<Step> {
    let new = record.new.as_ref().map_or("the new key", |new| new.pair.id.as_str());
    let replaced = format!("{} is replaced by {new} in every holder", record.old.id);
    if record.drains {
        // The grace was spent active.
        return None;
    }
    let (message, hint) = match record.grace {
        Grace::After(grace) if grace.is_zero() => return None,
        Grace::After(grace) => {
            let due = end_of(grace, at);
            if seen.now.is_some_and(|now| now >= due) {
                return None;
            }
            (format!("{replaced} and stays inactive until {}", describe::time(due)), "a run after that deletes it")
        }
        Grace::Next if rules.place_needed => return None,
        Grace::Next => (format!("{replaced} and stays inactive until the next rotation"), "the next rotation deletes it"),
    };
    let profile = record.called();
    let hint = format!("{hint}; `keyrotate undo {profile}` puts it back, `keyrotate rotate {profile} --grace 0s` deletes it now");
    Some(words::stop(record, StopKind::Resting, message, Vec::new(), hint))
}

fn unhealed(why: String, rounds: u32, record: &Record) -> Step {
    if rounds >= ROUNDS {
        return words::attention(record, format!("a holder cannot be healed: {why}"), words::resolve_hint(&record.old.id));
    }
    Step::Enter(State::Reactivating { why, rounds })
}

/// The new pair is not accepted while the old key is inactive. Whoever of the two can list says how things are.
fn unproven(record: &Record, seen: &Observation, rounds: u32) -> Step {
    match listed(seen, seen.holders_at, &[Which::New, Which::Old]) {
        Listed::First(step) => step,
        Listed::Error(error) => nobody(record, error.to_string()),
        Listed::Yes(listing) => match record.new.as_ref().and_then(|new| listing.status(&new.pair.id)) {
            Some(KeyStatus::Active) => unhealed("AWS does not accept the new key any more".to_owned(), rounds, record),
            Some(KeyStatus::Inactive | KeyStatus::Other(_)) | None => {
                Step::Enter(State::Undoing { why: "the new key was deleted or made inactive by somebody".to_owned() })
            }
        },
    }
}

/// The old key is gone: look at every holder once more.
pub(super) fn deleted(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    match bring(record, seen, rules, Which::New, true) {
        Brought::First(step) => step,
        Brought::All { away } if away.is_empty() => Step::Enter(State::Done(End::Rotated)),
        Brought::All { away } => {
            let message = format!("{} is not there; it may still have the old key, which is deleted", away.join(" and "));
            words::attention(
                record,
                message,
                format!("bring it back and {}, or end it with {}", words::again(record), words::resolve_hint(&record.old.id)),
            )
        }
        Brought::Refused(reasons) => words::holders_refuse(record, "a holder does not have the new key", reasons),
        Brought::None => words::no_place(record),
    }
}

/// Whether the error says that the key, or its user, is not there under this name.
pub(super) fn is_gone(act: Option<&Act>) -> bool {
    act.is_some_and(|act| act.result.as_ref().is_err_and(|error| error.kind == ErrorKind::Gone))
}
