//! When something seen is enough to go by: IAM answers late, and not always the same.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::observation::{Listing, Observation, Proof, is_refusal};
use super::super::record::{Record, Which};
use super::super::step::Step;
use super::{Rules, words};
use crate::aws::{AwsError, ErrorKind};
use crate::model::Timing;

/// Whether AWS accepts a pair.
pub(super) enum Proven {
    /// It does.
    Yes,
    /// Do this first.
    First(Step),
    /// Not within the time that one run waits.
    NotYet,
    /// The question could not be asked.
    Error(AwsError),
}

/// Whether `which` is accepted, by at least `successes` answers since `since` and none against it. Several must span
/// `verify_span`; after a refusal they must span more, for then IAM is flapping.
pub(super) fn prove(seen: &Observation, rules: &Rules, which: Which, successes: u32, since: Duration) -> Proven {
    let (proof, timing) = (seen.proof(which), &rules.timing);
    let fresh: Vec<Duration> = proof.successes.iter().copied().filter(|at| *at >= since).collect();
    if is_enough(proof, &fresh, timing, successes) {
        return Proven::Yes;
    }
    if let Some(error) = proof.error.as_ref().filter(|error| !is_refusal(error) && !error.is_transient()) {
        return Proven::Error(error.clone());
    }
    // What took so long may be the holders: after them it is asked once at least.
    if seen.clock.saturating_sub(seen.entered) >= timing.verify_cap && proof.tried.is_some_and(|tried| tried >= since) {
        return match &proof.error {
            Some(error) if !is_refusal(error) => Proven::Error(error.clone()),
            Some(_) | None => Proven::NotYet,
        };
    }
    let due = due(proof, &fresh, timing, successes);
    let step = if due <= seen.clock { Step::GetCallerIdentity(which) } else { Step::Wait(due - seen.clock, waiting_for(which)) };
    Proven::First(step)
}

/// How many answers of AWS it takes that the new pair is accepted, before something depends on it. One, in the run that waited for all of them and
/// where AWS has had the key for long. A run that goes on with a young one has seen none of them: AWS may have flapped since.
pub(super) fn enough(record: &Record, seen: &Observation, timing: &Timing) -> u32 {
    let age = record.new.as_ref().zip(seen.now).map(|(new, now)| now - new.created_at);
    let is_known_everywhere = age.and_then(|age| age.to_std().ok()).is_some_and(|age| age >= timing.give_up);
    if seen.resumed && !is_known_everywhere { timing.verify_successes } else { 1 }
}

fn waiting_for(which: Which) -> String {
    match which {
        Which::Old => "waiting until AWS accepts the old key again".to_owned(),
        Which::New => "waiting until AWS accepts the new key everywhere".to_owned(),
    }
}

fn is_enough(proof: &Proof, fresh: &[Duration], timing: &Timing, successes: u32) -> bool {
    let (Some(first), Some(last)) = (fresh.first(), fresh.last()) else { return false };
    match proof.refused {
        Some(refused) => fresh.len() > 1 && *last >= refused + timing.verify_span_flapping,
        None => fresh.len() >= successes as usize && (successes <= 1 || *last >= *first + timing.verify_span),
    }
}

/// When to ask next: at 0, 5, 50 and 100 % of the span while all goes well, in growing steps while not.
fn due(proof: &Proof, fresh: &[Duration], timing: &Timing, successes: u32) -> Duration {
    let Some(tried) = proof.tried else { return Duration::ZERO };
    if proof.error.is_some() {
        return tried + timing.poll;
    }
    if let Some(refused) = proof.refused {
        return tried + (tried.saturating_sub(refused) / 2).clamp(timing.poll, timing.poll_max);
    }
    let Some(first) = fresh.first() else { return Duration::ZERO };
    let share = match fresh.len() {
        _ if successes <= 1 => 0.0,
        1 => 0.05,
        count if count + 1 < successes as usize => 0.5,
        _ => 1.0,
    };
    *first + timing.verify_span.mul_f64(share)
}

/// A listing to decide by, or what to do to get one.
pub(super) enum Listed<'a> {
    /// This one.
    Yes(&'a Listing),
    /// Do this first.
    First(Step),
    /// None of the signers may list.
    Error(AwsError),
}

/// A listing taken at or after `after` (boot clock), asked for with the first of `signers` that is not refused.
pub(super) fn listed<'a>(seen: &'a Observation, after: Duration, signers: &[Which]) -> Listed<'a> {
    if let Some(listing) = seen.listing.as_ref().filter(|listing| listing.clock >= after) {
        return Listed::Yes(listing);
    }
    match signers.iter().find(|signer| seen.listing_error(**signer).is_none()) {
        Some(signer) => Listed::First(Step::ListAccessKeys(*signer)),
        None => match signers.iter().rev().find_map(|signer| Some((*signer, seen.listing_error(*signer)?))) {
            // A user that was renamed is not found under the old name.
            Some((signer, error)) if error.kind == ErrorKind::Gone && seen.proof(signer).tried.is_none() => {
                Listed::First(Step::GetCallerIdentity(signer))
            }
            Some((_, error)) => Listed::Error(error.clone()),
            None => Listed::First(Step::ListAccessKeys(Which::Old)),
        },
    }
}

/// Takes the listing again after a pause: it contradicts what we know, and IAM lists late. With `signer`, unless it was refused since;
/// when nobody may list any more, this stops.
pub(super) fn list_again(record: &Record, seen: &Observation, rules: &Rules, signer: Which, why: &str) -> Step {
    let pause = seen.listing.as_ref().map_or(Duration::ZERO, |listing| (listing.clock + rules.timing.poll).saturating_sub(seen.clock));
    if !pause.is_zero() {
        return Step::Wait(pause, why.to_owned());
    }
    let signers = [signer, signer.other()].map(|which| (which, seen.listing_error(which)));
    match signers {
        [(first, None), _] => Step::ListAccessKeys(first),
        [_, (second, None)] if record.pair(second).is_some() => Step::ListAccessKeys(second),
        [(_, Some(error)), _] => words::refused(record, error),
    }
}

/// Whether the consistency window after `since` (AWS's clock) was over when the listing was taken.
pub(super) fn is_settled(listing: &Listing, since: DateTime<Utc>, timing: &Timing) -> bool {
    listing.at - since >= TimeDelta::from_std(timing.consistency_window).unwrap_or_default()
}

/// Whether the window after this run entered the state was over when the listing was taken.
pub(super) fn is_settled_here(listing: &Listing, seen: &Observation, timing: &Timing) -> bool {
    listing.clock >= seen.entered + timing.consistency_window
}

/// Whether a pair that was accepted belongs to somebody else.
pub(super) fn is_stranger(record: &Record, seen: &Observation, which: Which) -> bool {
    seen.proof(which).identity.as_ref().is_some_and(|identity| !identity.same_principal(&record.identity))
}
