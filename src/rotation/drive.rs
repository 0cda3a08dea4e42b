//! The loop: look, decide, write down, act.

use super::describe;
use super::next::{Rules, next, words};
use super::observation::{Act, Listing, Observation, is_refusal};
use super::record::{End, NewKey, Record, State, Which};
use super::step::{Step, Stop, StopKind};
use super::world::{Outcome, World};
use crate::aws::AwsError;
use crate::holder::HolderError;
use crate::journal::JournalError;
use crate::model::{AccessKeyPair, KeyStatus};

/// How a run of the loop ended.
#[derive(Debug)]
pub enum Ended {
    /// The rotation is over and its entry closed.
    Closed {
        /// How it ended.
        end: End,
        /// AWS's refusal, where one ended it.
        error: Option<AwsError>,
    },
    /// The entry stays.
    Stopped(Stop),
}

/// Goes on with a rotation until it is over or has to stop. The record on the disk is `record` when this is called.
pub fn drive(record: &mut Record, seen: &mut Observation, rules: &Rules, world: &mut dyn World) -> Ended {
    let mut error = None;
    loop {
        (seen.clock, seen.now) = world.observe(seen.now);
        if let Some(signal) = world.interrupted().filter(|_| !matches!(record.state, State::Done(_))) {
            if !is_unsent(record, seen) {
                return Ended::Stopped(interrupted(record, signal));
            }
            record.state = State::Done(End::Aborted { why: format!("stopped by {signal}"), lost_at: None });
        }
        match next(record, seen, rules) {
            Step::Enter(state) => {
                error = seen.act.take().and_then(|act| act.result.err()).or_else(|| seen.listing_error(Which::Old).cloned());
                // An intent that is only dated anew keeps the listing, whose age is looked at apart.
                let listing = seen.listing.take().filter(|_| matches!(state, State::Intent { .. }));
                record.state = state;
                if let Err(error) = world.persist(record) {
                    return Ended::Stopped(not_written(record, &error));
                }
                seen.enter();
                seen.listing = listing;
            }
            Step::Close => {
                if let Err(error) = world.close(record) {
                    return Ended::Stopped(not_written(record, &error));
                }
                let State::Done(end) = record.state.clone() else { continue };
                return Ended::Closed { end, error };
            }
            Step::Stop(stop) => return Ended::Stopped(stop),
            step @ (Step::ListAccessKeys(_)
            | Step::GetCallerIdentity(_)
            | Step::GetAccessKeyLastUsed { .. }
            | Step::CreateAccessKey
            | Step::UpdateAccessKey { .. }
            | Step::DeleteAccessKey { .. }
            | Step::ReadHolders
            | Step::PrepareHolder { .. }
            | Step::WriteHolder { .. }
            | Step::ReleaseHolder { .. }
            | Step::Wait(..)
            | Step::AskAboutSuspect(_)) => {
                let outcome = world.perform(record, &step);
                (seen.clock, seen.now) = world.observe(seen.now);
                let created = matches!(outcome, Outcome::Created(Ok(_)));
                if fold(record, seen, &step, outcome)
                    && let Err(error) = world.persist(record)
                {
                    return Ended::Stopped(if created { unwritten_secret(record, world, &error) } else { not_written(record, &error) });
                }
            }
        }
    }
}

/// Whether CreateAccessKey was not sent yet, so that nothing has to be found out.
fn is_unsent(record: &Record, seen: &Observation) -> bool {
    matches!(record.state, State::Intent { .. }) && seen.act.is_none() && !seen.resumed
}

/// A signal asked to stop. What was under way is finished.
fn interrupted(record: &Record, signal: &str) -> Stop {
    Stop {
        kind: StopKind::Failed,
        message: format!("stopped by {signal}"),
        causes: Vec::new(),
        state: describe::state(record),
        hint: words::again(record),
    }
}

fn not_written(record: &Record, error: &JournalError) -> Stop {
    Stop {
        kind: StopKind::Failed,
        message: error.to_string(),
        causes: std::error::Error::source(error).map(ToString::to_string).into_iter().collect(),
        state: describe::state(record),
        hint: format!("make room or correct the permissions there, then {}", words::again(record)),
    }
}

/// The secret of the key that was just made is in no file: the key goes at once.
fn unwritten_secret(record: &mut Record, world: &mut dyn World, error: &JournalError) -> Stop {
    let mut stop = not_written(record, error);
    let Some(new) = record.new.take() else { return stop };
    let delete = Step::DeleteAccessKey { key: new.pair.id.clone(), signer: Which::Old };
    let deleted = matches!(world.perform(record, &delete), Outcome::Changed(Ok(())));
    let fate = if deleted { "was deleted again" } else { "could not be deleted, and its secret is in no file" };
    stop.state = format!("{} is in use as before; the new key {} {fate}", record.old.id, new.pair.id);
    stop
}

/// Takes an outcome in. Returns whether the record changed, and so has to be written down before anything else.
fn fold(record: &mut Record, seen: &mut Observation, step: &Step, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Listed(signer, answer) => {
            listed(seen, signer, answer);
            false
        }
        Outcome::Identified(which, answer) => {
            seen.prove(which, answer);
            false
        }
        Outcome::LastUse(last_use) => {
            seen.last_use = Some(last_use);
            false
        }
        Outcome::Created(Ok((pair, created_at))) => {
            record.new = Some(NewKey { pair, created_at });
            record.state = State::Created;
            seen.enter();
            true
        }
        Outcome::Created(Err(error)) => {
            seen.act = Some(Act { clock: seen.clock, result: Err(error) });
            false
        }
        Outcome::Changed(result) => {
            changed(record, seen, step, result);
            false
        }
        Outcome::Read(sights) => {
            seen.holders_at = seen.clock;
            seen.holders = Some(sights);
            false
        }
        Outcome::Prepared(holder, to, result) => prepared(record, seen, holder, to, result),
        Outcome::Written(holder, result) => written(record, seen, holder, result),
        Outcome::Released(holder, result) => {
            seen.holders = None;
            match result {
                Ok(()) => edit(record, holder, |entry| entry.displaced.clear()),
                Err(error) => collided(seen, holder, &error),
            }
        }
        Outcome::Waited => false,
        Outcome::Answered(delete) => {
            seen.delete_suspect = Some(delete);
            false
        }
    }
}

fn listed(seen: &mut Observation, signer: Which, answer: Result<Vec<crate::model::AccessKey>, AwsError>) {
    let [old, new] = &mut seen.listing_errors;
    let slot = match signer {
        Which::Old => old,
        Which::New => new,
    };
    match answer {
        Ok(keys) => {
            *slot = None;
            seen.listing = seen.now.map(|at| Listing { keys, signer, clock: seen.clock, at });
        }
        Err(error) => {
            if is_refusal(&error) {
                let [old, new] = &mut seen.proofs;
                let proof = match signer {
                    Which::Old => old,
                    Which::New => new,
                };
                proof.successes.clear();
                (proof.refused, proof.tried) = (Some(seen.clock), Some(seen.clock));
            }
            *slot = Some(error);
        }
    }
}

/// A clear success is applied to the listing: after a clear answer, go on.
fn changed(record: &Record, seen: &mut Observation, step: &Step, result: Result<(), AwsError>) {
    if result.is_ok()
        && let Some(listing) = &mut seen.listing
    {
        if let Step::UpdateAccessKey { key, status, .. } = step {
            set_status(listing, record.pair(*key), status);
        }
        if let Step::DeleteAccessKey { key, .. } = step {
            listing.keys.retain(|listed| listed.id != *key);
        }
    }
    seen.attempts = if result.is_ok() { 0 } else { seen.attempts + 1 };
    seen.act = Some(Act { clock: seen.clock, result });
}

fn set_status(listing: &mut Listing, pair: Option<&AccessKeyPair>, status: &KeyStatus) {
    for key in listing.keys.iter_mut().filter(|key| pair.is_some_and(|pair| pair.id == key.id)) {
        key.status = status.clone();
    }
}

fn prepared(
    record: &mut Record,
    seen: &mut Observation,
    holder: usize,
    to: Which,
    result: Result<super::world::Prepared, HolderError>,
) -> bool {
    match result {
        Ok(prepared) => edit(record, holder, |entry| {
            entry.displaced.extend(prepared.displaced);
            entry.staged = Some(prepared.staged);
            entry.staged_to = to;
            entry.stagings += 1;
        }),
        Err(error) => {
            seen.holders = None;
            collided(seen, holder, &error)
        }
    }
}

fn written(
    record: &mut Record,
    seen: &mut Observation,
    holder: usize,
    result: Result<Option<crate::holder::Displaced>, HolderError>,
) -> bool {
    seen.holders = None;
    match result {
        Ok(displaced) => edit(record, holder, |entry| {
            entry.displaced.extend(displaced);
            entry.staged = None;
        }),
        Err(error) => {
            // A busy holder may have displaced something already, which only the staged change knows of.
            let stale = matches!(error, HolderError::Changed { .. });
            collided(seen, holder, &error);
            stale && edit(record, holder, |entry| entry.staged = None)
        }
    }
}

/// Another program was faster, which is tried again; or the holder refuses, which is told.
fn collided(seen: &mut Observation, holder: usize, error: &HolderError) -> bool {
    let faster = matches!(error, HolderError::Changed { .. } | HolderError::Busy { .. });
    seen.collisions += u32::from(faster);
    seen.collided_at = seen.clock;
    if !faster || super::next::is_hopeless(seen.collisions) {
        let cause = std::error::Error::source(error).map(|source| format!(" ({source})")).unwrap_or_default();
        seen.refusals.insert(holder, format!("{error}{cause}"));
    }
    false
}

fn edit(record: &mut Record, holder: usize, change: impl FnOnce(&mut super::record::HolderEntry)) -> bool {
    if let Some(entry) = record.holders.get_mut(holder) {
        change(entry);
    }
    true
}
