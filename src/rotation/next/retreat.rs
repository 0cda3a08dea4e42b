//! Ways back: the old key is activated again, or the holders return to the old pair. Nothing is undone before the old pair has
//! proved that AWS accepts it.

use std::time::Duration;

use super::super::observation::{Act, Listing, Observation};
use super::super::record::{End, HolderEntry, Record, Rival, State, Which};
use super::super::resolve::Direction;
use super::super::step::{Step, Stop, StopKind};
use super::evidence::{Listed, Proven, is_settled, is_settled_here, list_again, listed, prove};
use super::holders::{Brought, bring};
use super::retire::is_gone;
use super::{Rules, rival, words};
use crate::aws::ErrorKind;
use crate::holder::Sight;
use crate::model::KeyStatus;

/// How often the old key is activated again before a person has to look.
const ROUNDS: u32 = 3;

/// A listing newer than an act whose outcome is unclear, signed by whichever pair may.
fn look<'a>(record: &Record, seen: &'a Observation, signers: &[Which]) -> Result<&'a Listing, Step> {
    let since = match &seen.act {
        Some(Act { clock, result: Err(_) }) => *clock,
        Some(Act { result: Ok(()), .. }) | None => Duration::ZERO,
    };
    match listed(seen, since, signers) {
        Listed::Yes(listing) => Ok(listing),
        Listed::First(step) => Err(step),
        Listed::Error(error) if matches!(error.kind, ErrorKind::Denied { explicit: true }) => Err(words::refused(record, &error)),
        Listed::Error(error) => Err(words::stop(
            record,
            StopKind::Attention,
            "AWS accepts neither the old key nor the new one, or neither may list keys".to_owned(),
            vec![error.to_string()],
            format!("ask an administrator to activate {}, then {}", record.old.id, words::again(record)),
        )),
    }
}

fn status<'a>(record: &Record, listing: &'a Listing, which: Which) -> Option<&'a KeyStatus> {
    record.pair(which).and_then(|pair| listing.status(&pair.id))
}

fn is_active(record: &Record, listing: &Listing, which: Which) -> bool {
    status(record, listing, which) == Some(&KeyStatus::Active)
}

/// The act did not go through, and was tried often enough.
fn given_up(record: &Record, seen: &Observation) -> Option<Step> {
    match &seen.act {
        Some(Act { result: Err(error), .. }) if !is_gone(seen.act.as_ref()) && (seen.attempts >= ROUNDS || !error.is_transient()) => {
            Some(words::refused(record, error))
        }
        Some(_) | None => None,
    }
}

/// The old key, inactive, is needed again.
pub(super) fn reactivating(record: &Record, seen: &Observation, rules: &Rules, why: &str, rounds: u32) -> Step {
    let listing = match look(record, seen, &[Which::New, Which::Old]) {
        Ok(listing) => listing,
        Err(step) => return step,
    };
    let new_active = is_active(record, listing, Which::New);
    match status(record, listing, Which::Old) {
        None if !is_settled_here(listing, seen, &rules.timing) => {
            list_again(record, seen, rules, listing.signer, "waiting until AWS lists the keys reliably")
        }
        None if new_active => Step::Enter(State::Deleted),
        None => both_dead(record),
        Some(status) => activate(record, seen, rules, listing, status)
            .or_else(|| unproved(record, seen, rules, Which::Old))
            .unwrap_or_else(|| back_to(record, new_active, why, rounds)),
    }
}

/// What is missing to the old key being active for certain. IAM may list, and even accept, a key that this rotation deactivated a
/// moment ago: until the window is over only an activation of our own counts, which is harmless where it was not needed.
fn activate(record: &Record, seen: &Observation, rules: &Rules, listing: &Listing, status: &KeyStatus) -> Option<Step> {
    let is_active = *status == KeyStatus::Active;
    let is_ours = matches!(&seen.act, Some(Act { result: Ok(()), .. })) || !seen.proof(Which::Old).successes.is_empty();
    if is_active && (is_ours || is_settled_here(listing, seen, &rules.timing)) {
        return None;
    }
    Some(match given_up(record, seen) {
        Some(_) if is_active => list_again(record, seen, rules, listing.signer, "waiting until AWS lists the keys reliably"),
        Some(stop) => stop,
        // The listing is late, or the user has another name by now.
        None if is_gone(seen.act.as_ref()) => match &seen.act {
            Some(Act { result: Err(error), .. }) if is_settled_here(listing, seen, &rules.timing) => words::refused(record, error),
            Some(_) | None => list_again(record, seen, rules, listing.signer, "waiting until AWS lists the keys reliably"),
        },
        None => Step::UpdateAccessKey { key: Which::Old, status: KeyStatus::Active, signer: listing.signer },
    })
}

fn back_to(record: &Record, new_active: bool, why: &str, rounds: u32) -> Step {
    match new_active {
        true if rounds >= ROUNDS => {
            words::attention(record, format!("the old key was activated {ROUNDS} times: {why}"), words::resolve_hint(&record.old.id))
        }
        true => Step::Enter(State::Committed { rounds: rounds + 1 }),
        false => Step::Enter(State::Undoing { why: why.to_owned() }),
    }
}

fn both_dead(record: &Record) -> Step {
    let hint = format!(
        "ask an administrator for a new key for the user {}, then end this with {}",
        record.user_name,
        words::resolve_hint(&record.old.id)
    );
    words::attention(record, "the old key and the new one are both deleted or inactive".to_owned(), hint)
}

/// What is missing to the proof that AWS accepts a pair.
fn unproved(record: &Record, seen: &Observation, rules: &Rules, which: Which) -> Option<Step> {
    match prove(seen, rules, which, 1, Duration::ZERO) {
        Proven::Yes => None,
        Proven::First(step) => Some(step),
        Proven::Error(error) => Some(words::refused(record, &error)),
        Proven::NotYet => {
            let id = record.pair(which).map_or("the new key", |pair| pair.id.as_str());
            Some(words::failed(record, format!("AWS does not accept {id} yet"), Vec::new()))
        }
    }
}

/// The old key is dead: the only way is forward, with a new one that is alive.
fn forward(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    unproved(record, seen, rules, Which::New).unwrap_or(Step::Enter(State::Verified))
}

/// A person wants to go on with the new key. An earlier run may have deleted or deactivated it a moment ago, which IAM does not tell
/// at once.
fn turn_round(record: &Record, seen: &Observation, rules: &Rules, listing: &Listing) -> Step {
    if !is_settled_here(listing, seen, &rules.timing) {
        return list_again(record, seen, rules, listing.signer, "waiting until AWS lists the keys reliably: the new one may be gone");
    }
    if is_active(record, listing, Which::New) {
        return forward(record, seen, rules);
    }
    words::failed(record, "the new key is not active any more, so that there is no way forward".to_owned(), Vec::new())
}

/// Before Committed: holders back to the old pair, then the new key is deleted.
pub(super) fn rolling_back(record: &Record, seen: &Observation, rules: &Rules, why: &str, lost_to: Option<&Rival>) -> Step {
    let listing = match look(record, seen, &[Which::Old, Which::New]) {
        Ok(listing) => listing,
        Err(step) => return step,
    };
    if rules.decided == Some(Direction::Forward) {
        return turn_round(record, seen, rules, listing);
    }
    let over = || abort(record, seen, rules, lost_to.map_or_else(|| End::aborted(why), |rival| End::lost(why, rival.clone())));
    let delete = || match (status(record, listing, Which::New), &record.new) {
        (_, None) => over(),
        // The only act of this state: we deleted it.
        (None, Some(_)) if matches!(&seen.act, Some(Act { result: Ok(()), .. })) => over(),
        (None, Some(_)) => new_gone(record, seen, rules, listing).unwrap_or_else(over),
        (Some(_), Some(new)) => given_up(record, seen).unwrap_or(Step::DeleteAccessKey { key: new.pair.id.clone(), signer: Which::Old }),
    };
    if let Some(rival) = lost_to {
        if seen.holders.is_none() {
            return Step::ReadHolders;
        }
        if rival::has_all(record, seen, rival) && listing.status(&rival.key) == Some(&KeyStatus::Active) {
            return delete();
        }
    }
    if !is_active(record, listing, Which::Old) {
        return match is_active(record, listing, Which::New) {
            _ if !is_settled_here(listing, seen, &rules.timing) => {
                list_again(record, seen, rules, listing.signer, "waiting until AWS lists the keys reliably")
            }
            true => forward(record, seen, rules),
            false => both_dead(record),
        };
    }
    if let Some(step) = unproved(record, seen, rules, Which::Old) {
        return step;
    }
    // Both keys were in use here before: each holder may keep the one that it has.
    if record.adopted {
        return all_there(record, seen).unwrap_or(Step::Enter(State::Done(End::aborted(why))));
    }
    if let Some(step) = restore(record, seen, rules).or_else(|| lost_to.and_then(|_| still_alive(record, seen, rules))) {
        return step;
    }
    delete()
}

/// What is missing to the old key being alive after the holders were read last. Whoever was faster is about to deactivate it, and then the new
/// key is what this machine has.
fn still_alive(record: &Record, seen: &Observation, rules: &Rules) -> Option<Step> {
    if matches!(&seen.act, Some(Act { result: Ok(()), .. })) {
        return None;
    }
    match listed(seen, seen.holders_at, &[Which::Old, Which::New]) {
        Listed::First(step) => return Some(step),
        Listed::Error(error) => return Some(words::refused(record, &error)),
        Listed::Yes(_) => {}
    }
    match prove(seen, rules, Which::Old, 1, seen.holders_at) {
        Proven::Yes => None,
        Proven::First(step) => Some(step),
        Proven::Error(error) => Some(words::refused(record, &error)),
        Proven::NotYet => Some(words::failed(record, format!("AWS does not accept {} any more", record.old.id), Vec::new())),
    }
}

/// Nothing comes of the rotation. Its entry may have the only copy of the old pair, so that it is closed only while every place has it.
pub(super) fn abort(record: &Record, seen: &Observation, rules: &Rules, end: End) -> Step {
    match restore(record, seen, rules) {
        None => Step::Enter(State::Done(end)),
        Some(Step::Stop(stop)) => {
            let hint = format!(
                "put the pair of {} back there and {}, or end it with {}",
                record.old.id,
                words::again(record),
                words::forget_hint(record)
            );
            Step::Stop(Stop { causes: end.why().map(str::to_owned).into_iter().chain(stop.causes).collect(), hint, ..stop })
        }
        Some(step) => step,
    }
}

/// What is missing to a new key that is not listed being gone: a young one may be listed late, and would be left behind.
fn new_gone(record: &Record, seen: &Observation, rules: &Rules, listing: &Listing) -> Option<Step> {
    let new = record.new.as_ref().filter(|new| listing.status(&new.pair.id).is_none())?;
    if is_settled(listing, new.created_at, &rules.timing) {
        return None;
    }
    Some(list_again(record, seen, rules, listing.signer, "waiting until AWS lists the new key"))
}

fn missing(record: &Record, what: &str) -> Step {
    let hint = format!("bring it back and {}, or end it with {}", words::again(record), words::resolve_hint(&record.old.id));
    words::attention(record, what.to_owned(), hint)
}

/// What is missing to every holder being there, with one pair or the other.
pub(super) fn all_there(record: &Record, seen: &Observation) -> Option<Step> {
    let Some(sights) = &seen.holders else { return Some(Step::ReadHolders) };
    let has_one = |sight: &Sight| matches!(sight, Sight::Seen { old, new, .. } if !old.is_empty() || !new.is_empty());
    let lacks = |entry: &HolderEntry, sight: &Sight| !entry.left_out && !entry.sections.is_empty() && !has_one(sight);
    let lacking = record.holders.iter().zip(sights).find(|(entry, sight)| lacks(entry, sight));
    lacking.map(|(entry, _)| missing(record, &format!("{} has neither pair now", entry.place)))
}

/// What is missing to every holder having the old pair again.
fn restore(record: &Record, seen: &Observation, rules: &Rules) -> Option<Step> {
    match bring(record, seen, rules, Which::Old, true) {
        Brought::First(step) => Some(step),
        Brought::All { away } if away.is_empty() => None,
        // Whatever is away may have the new pair: it must not come back to a dead one.
        Brought::All { away } => Some(missing(record, &format!("{} is not there, and may have the new key", away.join(" and ")))),
        Brought::None => Some(missing(record, words::NO_PLACE)),
        Brought::Refused(reasons) => Some(words::holders_refuse(record, "a holder cannot be put back", reasons)),
    }
}

/// After Committed: the old key is activated, holders go back to it, the new key is deactivated.
pub(super) fn undoing(record: &Record, seen: &Observation, rules: &Rules, why: &str) -> Step {
    let listing = match look(record, seen, &[Which::Old, Which::New]) {
        Ok(listing) => listing,
        Err(step) => return step,
    };
    if rules.decided == Some(Direction::Forward) {
        return turn_round(record, seen, rules, listing);
    }
    let done = || Step::Enter(State::Done(End::Undone { why: why.to_owned() }));
    let new_active = is_active(record, listing, Which::New);
    match status(record, listing, Which::Old) {
        None if !is_settled_here(listing, seen, &rules.timing) => {
            return list_again(record, seen, rules, listing.signer, "waiting until AWS lists the keys reliably");
        }
        None if new_active => return forward(record, seen, rules),
        None => return both_dead(record),
        Some(status) => {
            if let Some(step) = activate(record, seen, rules, listing, status) {
                return step;
            }
        }
    }
    if let Some(step) = unproved(record, seen, rules, Which::Old).or_else(|| restore(record, seen, rules)) {
        return step;
    }
    if !new_active || record.adopted {
        return new_gone(record, seen, rules, listing).unwrap_or_else(done);
    }
    given_up(record, seen).unwrap_or(Step::UpdateAccessKey { key: Which::New, status: KeyStatus::Inactive, signer: Which::Old })
}
