//! The loop: look, decide, write down, act.

mod fold;
#[cfg(test)]
mod tests;

use super::describe;
use super::next::{Rules, next, words};
use super::observation::Observation;
use super::record::{End, Record, State, Which};
use super::step::{Step, Stop, StopKind};
use super::world::{Outcome, World};
use crate::aws::AwsError;
use crate::journal::JournalError;
use fold::fold;

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
    // A person may have taken their time since it began.
    look_at_the_clocks(seen, world);
    seen.entered = seen.clock;
    loop {
        look_at_the_clocks(seen, world);
        if let Some(signal) = world.interrupted().filter(|_| !matches!(record.state, State::Done(_))) {
            if !is_unsent(record, seen) {
                return Ended::Stopped(interrupted(record, signal));
            }
            record.state = State::Done(End::aborted(format!("stopped by {signal}")));
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
            | Step::OpenSession(_)
            | Step::ReadHolders
            | Step::PrepareHolder { .. }
            | Step::WriteHolder { .. }
            | Step::ReleaseHolder { .. }
            | Step::Wait(..)
            | Step::AskAboutSuspect { .. }) => {
                let outcome = world.perform(record, &step);
                look_at_the_clocks(seen, world);
                let created = matches!(outcome, Outcome::Created(Ok(_)));
                if fold(record, seen, &step, outcome)
                    && let Err(error) = world.persist(record)
                {
                    let is_lost = created && is_nowhere(record, &error);
                    return Ended::Stopped(if is_lost { unwritten_secret(record, world, &error) } else { not_written(record, &error) });
                }
            }
        }
    }
}

/// Where no answer tells AWS's time, the latest that is known runs on with the boot clock: a wait for it must end.
fn look_at_the_clocks(seen: &mut Observation, world: &dyn World) {
    let (clock, told) = world.observe(None);
    let passed = clock.saturating_sub(seen.clock);
    (seen.clock, seen.now) = (clock, told.or_else(|| seen.now.map(|now| now + passed)));
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
        hint: match error {
            JournalError::Keychain { .. } => words::again(record),
            JournalError::Io { .. }
            | JournalError::NotDurable { .. }
            | JournalError::NotNoted(_)
            | JournalError::Damaged { .. }
            | JournalError::OtherFormat { .. } => {
                format!("make room or correct the permissions there, then {}", words::again(record))
            }
        },
    }
}

/// Whether the secret that could not be written down is lost: one that is there to be read is not given up, for the next run goes on from it.
fn is_nowhere(record: &Record, error: &JournalError) -> bool {
    match error {
        JournalError::NotDurable { .. } | JournalError::NotNoted(_) => false,
        JournalError::Keychain { .. } => true,
        // It is kept in the keychain before the entry is written.
        JournalError::Io { .. } | JournalError::Damaged { .. } | JournalError::OtherFormat { .. } => !record.is_in_keychain(),
    }
}

/// The secret of the key that was just made is in no file: the key goes at once.
fn unwritten_secret(record: &mut Record, world: &mut dyn World, error: &JournalError) -> Stop {
    let mut stop = not_written(record, error);
    let Some(new) = record.new.take() else { return stop };
    // A keychain that does not answer may have the pair, or get it yet, and AWS accepts a deleted key for a while: nobody may take it up.
    let is_told = matches!(error, JournalError::Keychain { .. });
    let end = |left_alone| End::Aborted { why: error.to_string(), lost_at: None, left_alone, lost_to: None };
    if is_told {
        record.state = State::Done(end(vec![new.pair.id.clone()]));
        let _ = world.persist(record);
    }
    let delete = Step::DeleteAccessKey { key: new.pair.id.clone(), signer: Which::Old };
    let deleted = matches!(world.perform(record, &delete), Outcome::Changed(Ok(())));
    if is_told && deleted {
        record.state = State::Done(end(Vec::new()));
        let _ = world.persist(record);
    }
    let fate = if deleted { "was deleted again" } else { "could not be deleted, and its secret is in no file" };
    stop.state = format!("{} is in use as before; the new key {} {fate}", record.old.id, new.pair.id);
    stop
}
