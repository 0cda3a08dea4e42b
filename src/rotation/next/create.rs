//! From the intent to every holder having the new pair. Until then the old key is untouched.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::observation::{Act, Listing, Observation, is_refusal};
use super::super::record::{End, Record, State, Which};
use super::super::resolve::Direction;
use super::super::step::{Step, StopKind};
use super::evidence::{Listed, Proven, enough, is_settled, is_stranger, list_again, listed, prove};
use super::holders::{Brought, Held, bring, held_here};
use super::retreat::abort;
use super::rival;
use super::{Rules, words};
use crate::aws::{AwsError, ErrorKind};
use crate::model::{AccessKey, AccessKeyId, KeyStatus, LastUsed};

/// How often CreateAccessKey may be answered with "too many requests".
const THROTTLED: u32 = 3;

/// Sends CreateAccessKey, once; or finds out what became of it.
pub(super) fn intent(record: &Record, seen: &Observation, rules: &Rules, signed_at: DateTime<Utc>, throttled: u32) -> Step {
    match &seen.act {
        None if seen.resumed => lost(record, seen, rules, signed_at),
        None => create(record, seen, rules, signed_at, throttled),
        Some(Act { result: Err(error), clock }) if error.is_definitive() => not_created(record, seen, rules, error, *clock, throttled),
        Some(Act { .. }) => lost(record, seen, rules, signed_at),
    }
}

fn create(record: &Record, seen: &Observation, rules: &Rules, signed_at: DateTime<Utc>, throttled: u32) -> Step {
    let youngest = seen.clock.saturating_sub(rules.timing.listing_max_age);
    match listed(seen, youngest, &[Which::Old]) {
        Listed::First(step) => step,
        Listed::Error(error) => abort(record, seen, rules, End::aborted(error.to_string())),
        Listed::Yes(listing) => match newcomers(record, listing).next() {
            Some(newcomer) => abort(record, seen, rules, End::aborted(appeared(newcomer))),
            None if listing.status(&record.old.id) != Some(&KeyStatus::Active) => {
                abort(record, seen, rules, End::aborted(format!("{} is no longer active", record.old.id)))
            }
            // What a lost answer is judged by later: after a suspend the date in the journal is not that of the request.
            None => match seen.now.filter(|now| (*now - signed_at).to_std().is_ok_and(|passed| passed > rules.timing.listing_max_age)) {
                Some(now) => Step::Enter(State::Intent { signed_at: now, throttled }),
                None => Step::CreateAccessKey,
            },
        },
    }
}

fn appeared(newcomer: &AccessKey) -> String {
    format!("{} has appeared: another rotation of this user's keys is under way", newcomer.id)
}

/// A clear refusal: nothing was created, and a newcomer in the listing is somebody else's.
fn not_created(record: &Record, seen: &Observation, rules: &Rules, error: &AwsError, at: Duration, throttled: u32) -> Step {
    if error.kind == ErrorKind::Throttled && throttled < THROTTLED {
        let pause = (at + rules.timing.poll * 2_u32.pow(throttled)).saturating_sub(seen.clock);
        return match seen.now {
            Some(now) if pause.is_zero() => Step::Enter(State::Intent { signed_at: now, throttled: throttled + 1 }),
            Some(_) | None => Step::Wait(pause, "AWS answers that it is asked too often; trying again".to_owned()),
        };
    }
    if error.kind == ErrorKind::LimitExceeded {
        return match listed(seen, at, &[Which::Old]) {
            Listed::First(step) => step,
            Listed::Error(_) => abort(record, seen, rules, End::aborted(error.to_string())),
            Listed::Yes(listing) => match newcomers(record, listing).next() {
                Some(newcomer) => abort(record, seen, rules, End::aborted(appeared(newcomer))),
                None => abort(record, seen, rules, End::aborted(error.to_string())),
            },
        };
    }
    abort(record, seen, rules, End::aborted(error.to_string()))
}

fn newcomers<'a>(record: &'a Record, listing: &'a Listing) -> impl Iterator<Item = &'a AccessKey> {
    listing.keys.iter().filter(|key| !record.keys_before.contains(&key.id))
}

/// The answer was lost. Only what is there when the consistency window is over counts.
fn lost(record: &Record, seen: &Observation, rules: &Rules, signed_at: DateTime<Utc>) -> Step {
    let listing = match listed(seen, Duration::ZERO, &[Which::Old]) {
        Listed::First(step) => return step,
        Listed::Error(error) if is_refusal(&error) => return unknown(record, &error),
        Listed::Error(error) => return words::refused(record, &error),
        Listed::Yes(listing) => listing,
    };
    if !is_settled(listing, signed_at, &rules.timing) {
        let window = TimeDelta::from_std(rules.timing.consistency_window).unwrap_or_default();
        let left = (window - (seen.now.unwrap_or(listing.at) - signed_at)).to_std().unwrap_or_default();
        let why = "the answer to CreateAccessKey was lost; waiting until AWS would list a key that it made";
        return if left.is_zero() { list_again(record, seen, rules, Which::Old, why) } else { Step::Wait(left, why.to_owned()) };
    }
    let span = TimeDelta::from_std(rules.timing.suspect_span).unwrap_or_default();
    let ours = |key: &&AccessKey| (TimeDelta::seconds(-1)..=span).contains(&(key.created_at - signed_at));
    let suspects: Vec<&AccessKey> = newcomers(record, listing).filter(ours).collect();
    match suspects.as_slice() {
        [] => {
            let why = "the answer to CreateAccessKey was lost, and AWS made no key".to_owned();
            abort(record, seen, rules, End::Aborted { why, lost_at: Some(signed_at), left_alone: Vec::new(), lost_to: None })
        }
        [one] => suspected(record, seen, rules, one),
        several => {
            let ids: Vec<AccessKeyId> = several.iter().map(|key| key.id.clone()).collect();
            let names = ids.iter().map(AccessKeyId::as_str).collect::<Vec<_>>().join(" and ");
            let message = format!("the answer to CreateAccessKey was lost, and {names} appeared since: one of them may be its");
            left_alone(record, seen, rules, message, &ids)
        }
    }
}

fn unknown(record: &Record, error: &AwsError) -> Step {
    let message = format!("AWS does not accept {} any more, so that it cannot be found out whether a new key was made", record.old.id);
    let hint = format!("have an administrator activate it, then {}; or end this with {}", words::again(record), words::forget_hint(record));
    words::stop(record, StopKind::Attention, message, vec![error.to_string()], hint)
}

/// Something that may be somebody else's is there: nothing is done about it, and the rotation ends once a person says so.
fn left_alone(record: &Record, seen: &Observation, rules: &Rules, message: String, keys: &[AccessKeyId]) -> Step {
    if rules.decided == Some(Direction::Back) {
        return abort(record, seen, rules, End::Aborted { why: message, lost_at: None, left_alone: keys.to_vec(), lost_to: None });
    }
    words::attention(
        record,
        message,
        format!("find out whose it is and delete what nobody uses; {} ends this without touching it", words::back_hint(record)),
    )
}

fn suspected(record: &Record, seen: &Observation, rules: &Rules, key: &AccessKey) -> Step {
    let enter = || Step::Enter(State::Suspect { key: key.id.clone(), created_at: key.created_at });
    match &seen.last_use {
        None => Step::GetAccessKeyLastUsed { key: key.id.clone(), signer: Which::Old },
        Some(LastUsed::Never) => enter(),
        Some(LastUsed::Used(last_use)) => {
            let message =
                format!("{} appeared while a key was being made, and {} was used with it: it is somebody else's", key.id, last_use.service);
            left_alone(record, seen, rules, message, std::slice::from_ref(&key.id))
        }
        Some(LastUsed::Unknown(_)) if rules.delete_key.as_ref() == Some(&key.id) => enter(),
        Some(LastUsed::Unknown(why)) => {
            let message = format!("{} appeared while a key was being made, and whether somebody uses it is unknown ({why})", key.id);
            left_alone(record, seen, rules, message, std::slice::from_ref(&key.id))
        }
    }
}

/// A key that is probably ours and whose secret nobody has. It goes only if a person says so.
pub(super) fn suspect(record: &Record, seen: &Observation, rules: &Rules, key: &AccessKeyId, created_at: DateTime<Utc>) -> Step {
    let end = |fate: &str, left_alone| {
        let why = format!("{key}, whose secret nobody had, {fate}");
        abort(record, seen, rules, End::Aborted { why, lost_at: None, left_alone, lost_to: None })
    };
    let since = match &seen.act {
        Some(Act { result: Ok(()), .. }) => return end("is deleted", Vec::new()),
        Some(Act { result: Err(error), .. }) if error.kind != ErrorKind::Gone => return words::refused(record, error),
        Some(Act { clock, .. }) => *clock,
        None => Duration::ZERO,
    };
    let listing = match listed(seen, since, &[Which::Old]) {
        Listed::First(step) => return step,
        Listed::Error(error) if is_refusal(&error) => return unknown(record, &error),
        Listed::Error(error) => return words::refused(record, &error),
        Listed::Yes(listing) => listing,
    };
    if listing.status(key).is_none() {
        return end("is no longer there", Vec::new());
    }
    match held_here(record, seen, key) {
        Held::First(step) => return step,
        Held::By(place) => {
            let message = format!("{key} appeared while a key was being made, and {place} has it now: somebody knows its secret");
            return left_alone(record, seen, rules, message, std::slice::from_ref(key));
        }
        Held::Nowhere => {}
    }
    if rules.decided == Some(Direction::Back) {
        return end("was left alone", vec![key.clone()]);
    }
    let named = rules.delete_key.as_ref() == Some(key) || seen.delete_suspect == Some(true);
    if named && listing.status(&record.old.id) == Some(&KeyStatus::Active) {
        return Step::DeleteAccessKey { key: key.clone(), signer: Which::Old };
    }
    if rules.attended && seen.delete_suspect.is_none() {
        return Step::AskAboutSuspect { key: key.clone(), created_at };
    }
    let message = format!("{key} was probably made for an earlier run, whose answer was lost: nobody has its secret");
    let delete = format!("if nobody uses it, run `keyrotate rotate {} --delete-key {key}`", record.called());
    words::attention(record, message, format!("{delete}; {} leaves it alone", words::back_hint(record)))
}

/// The new pair is on the disk: is it accepted?
pub(super) fn created(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    if is_stranger(record, seen, Which::New) {
        return Step::Enter(State::RollingBack { why: "the new key belongs to another user".to_owned(), lost_to: None });
    }
    match prove(seen, rules, Which::New, rules.timing.verify_successes, Duration::ZERO) {
        Proven::Yes => Step::Enter(State::Verified),
        Proven::First(step) => step,
        Proven::Error(error) => words::refused(record, &error),
        Proven::NotYet => not_accepted(record, seen, rules),
    }
}

/// AWS does not accept the new key: is it there at all?
fn not_accepted(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    let Some(new) = &record.new else { return abort(record, seen, rules, End::aborted("there is no new key")) };
    let listing = match listed(seen, seen.entered + rules.timing.verify_cap, &[Which::Old]) {
        Listed::First(step) => return step,
        Listed::Error(error) => return words::refused(record, &error),
        Listed::Yes(listing) => listing,
    };
    let early = record.state == State::Created;
    match listing.status(&new.pair.id) {
        // A key that was there before may be in a holder, which only a rollback leaves as it is.
        None if is_settled(listing, new.created_at, &rules.timing) && early && !record.adopted => {
            abort(record, seen, rules, End::aborted(format!("{} is gone: somebody deleted it", new.pair.id)))
        }
        None if is_settled(listing, new.created_at, &rules.timing) => {
            Step::Enter(State::RollingBack { why: format!("{} is gone: somebody deleted it", new.pair.id), lost_to: None })
        }
        Some(KeyStatus::Inactive) if early => {
            let message = format!("{} was made inactive by somebody before it was in use", new.pair.id);
            words::attention(record, message, format!("activate it, or give it up with {}", words::resolve_hint(&new.pair.id)))
        }
        Some(KeyStatus::Inactive) => {
            Step::Enter(State::RollingBack { why: format!("{} was made inactive by somebody", new.pair.id), lost_to: None })
        }
        None | Some(KeyStatus::Active | KeyStatus::Other(_)) => {
            let age = (listing.at - new.created_at).to_std().unwrap_or_default();
            if age >= rules.timing.give_up {
                return Step::Enter(State::RollingBack { why: format!("AWS did not accept {} in time", new.pair.id), lost_to: None });
            }
            let cause = seen.proof(Which::New).error.as_ref().map(ToString::to_string);
            let message = format!("AWS does not accept {} everywhere yet, so it was not put into use", new.pair.id);
            words::failed(record, message, cause.into_iter().collect())
        }
    }
}

/// Writes the holders, all that can be written.
pub(super) fn verified(record: &Record, seen: &Observation, rules: &Rules) -> Step {
    if seen.resumed || seen.proof(Which::New).refused.is_some() {
        match prove(seen, rules, Which::New, enough(record, seen, &rules.timing), Duration::ZERO) {
            Proven::Yes => {}
            Proven::First(step) => return step,
            Proven::Error(error) => return words::refused(record, &error),
            Proven::NotYet => return not_accepted(record, seen, rules),
        }
    }
    if let Some(step) = rival::yields(record, seen, rules) {
        return step;
    }
    match bring(record, seen, rules, Which::New, false) {
        Brought::First(step) => step,
        Brought::Refused(reasons) if let Some(rival) = rival::find(record, seen) => rival::both_stay(record, &rival, reasons),
        Brought::Refused(reasons) => words::holders_refuse(record, "a holder cannot be written", reasons),
        Brought::None => words::no_place(record),
        // One call with what was just read back.
        Brought::All { .. } => match prove(seen, rules, Which::New, 1, seen.holders_at) {
            Proven::Yes => Step::Enter(State::Committed { rounds: 0 }),
            Proven::First(step) => step,
            Proven::Error(error) => words::refused(record, &error),
            Proven::NotYet => not_accepted(record, seen, rules),
        },
    }
}
