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
use crate::model::{AccessKeyPair, Identity, KeyStatus};

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
        look_at_the_clocks(seen, world);
        if let Some(signal) = world.interrupted().filter(|_| !matches!(record.state, State::Done(_))) {
            if !is_unsent(record, seen) {
                return Ended::Stopped(interrupted(record, signal));
            }
            record.state = State::Done(End::Aborted { why: format!("stopped by {signal}"), lost_at: None });
        }
        match next(record, seen, rules) {
            Step::Enter(state) => {
                error = seen.act.take().and_then(|act| act.result.err()).or_else(|| seen.listing_error(Which::Old).cloned());
                record.state = state;
                if let Err(error) = world.persist(record) {
                    return Ended::Stopped(not_written(record, &error));
                }
                seen.enter();
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
            | Step::AskAboutSuspect { .. }) => {
                let outcome = world.perform(record, &step);
                look_at_the_clocks(seen, world);
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
            let renamed = answer.as_ref().ok().is_some_and(|identity| rename(record, identity));
            if renamed {
                // What was asked under the old name says nothing.
                (seen.listing_errors, seen.act, seen.attempts) = (Default::default(), None, 0);
            }
            seen.prove(which, answer);
            renamed
        }
        Outcome::LastUse(last_use) => {
            seen.last_use = Some(last_use);
            false
        }
        // A key that was there before is not the answer to this call: a proxy or a cache told an old one.
        Outcome::Created(Ok((pair, _))) if pair.id == record.old.id || record.keys_before.contains(&pair.id) => {
            let error = AwsError::garbled("iam:CreateAccessKey", "the key in the answer was there before");
            seen.act = Some(Act { clock: seen.clock, result: Err(error) });
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

/// The same user may have another name by now, under which its keys are found. Returns whether it has.
fn rename(record: &mut Record, identity: &Identity) -> bool {
    let Some(name) = identity.user_name().filter(|name| *name != record.user_name && identity.same_principal(&record.identity)) else {
        return false;
    };
    record.user_name = name.to_owned();
    record.identity = identity.clone();
    true
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::holder::{Place, Sight};
    use crate::model::*;
    use crate::profile::FileKind;
    use crate::rotation::HolderEntry;

    const OLD: &str = "AKIAOLD0000000000001";

    fn pair(id: &str) -> AccessKeyPair {
        AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new("canary") }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn record() -> Record {
        let arn = Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap();
        Record {
            id: "r".into(),
            machine: "m".into(),
            host: "h".into(),
            started_at: at(0),
            identity: Identity { account: "111122223333".into(), arn, user_id: "AIDADEV".into() },
            user_name: "dev".into(),
            profile: ProfileName::default(),
            old: pair(OLD),
            old_created_at: at(-9_000_000),
            keys_before: ["AKIAOTHER00000000001", OLD].map(|id| AccessKeyId::parse(id).unwrap()).to_vec(),
            adopted: false,
            state: State::Intent { signed_at: at(0), throttled: 0 },
            new: None,
            holders: vec![HolderEntry {
                place: Place::AwsFile { kind: FileKind::Credentials, path: "/c".into() },
                sections: vec!["default".into()],
                stagings: 0,
                staged: None,
                staged_to: Which::New,
                displaced: vec![],
                left_out: false,
            }],
            grace: Grace::default(),
        }
    }

    #[test]
    fn a_new_key_that_was_there_before_is_a_lost_answer() {
        for id in [OLD, "AKIAOTHER00000000001"] {
            let (mut record, mut seen) = (record(), Observation::default());
            let changed = fold(&mut record, &mut seen, &Step::CreateAccessKey, Outcome::Created(Ok((pair(id), at(1)))));
            assert!(!changed && record.new.is_none() && matches!(record.state, State::Intent { .. }), "{id}: {record:?}");
            let error = seen.act.and_then(|act| act.result.err()).expect("an error");
            assert_eq!((error.kind, error.is_definitive()), (crate::aws::ErrorKind::Garbled, false));
        }
    }

    /// A world in which AWS's answers never tell a time.
    struct Timeless(Duration);

    impl World for Timeless {
        fn observe(&self, known: Option<DateTime<Utc>>) -> (Duration, Option<DateTime<Utc>>) {
            (self.0, known)
        }

        fn persist(&mut self, _: &Record) -> Result<(), JournalError> {
            Ok(())
        }

        fn perform(&mut self, _: &Record, step: &Step) -> Outcome {
            assert!(self.0 < Duration::from_secs(7_000), "it waits for ever");
            match step {
                Step::Wait(duration, _) => self.0 += *duration,
                Step::ReadHolders => {
                    let old = vec!["default".to_owned()];
                    return Outcome::Read(vec![Sight::Seen { old, new: vec![], foreign: vec![], others: vec![] }]);
                }
                Step::ListAccessKeys(signer) => {
                    self.0 += Duration::from_millis(100);
                    let old = AccessKey { id: pair(OLD).id, status: KeyStatus::Active, created_at: at(-9_000_000) };
                    return Outcome::Listed(*signer, Ok(vec![old]));
                }
                other => panic!("{other:?}"),
            }
            Outcome::Waited
        }

        fn close(&mut self, _: &Record) -> Result<(), JournalError> {
            Ok(())
        }

        fn interrupted(&self) -> Option<&'static str> {
            None
        }
    }

    #[test]
    fn where_no_answer_tells_the_time_the_wait_ends_by_the_boot_clock() {
        let clock = Duration::from_secs(5_000);
        let mut seen = Observation { now: Some(at(0)), clock, entered: clock, resumed: true, ..Observation::default() };
        let rules = Rules { timing: Timing::default(), ..Rules::default() };
        let ended = drive(&mut record(), &mut seen, &rules, &mut Timeless(clock));
        assert!(matches!(ended, Ended::Closed { end: End::Aborted { .. }, .. }), "{ended:?}");
        let passed = seen.now.unwrap() - at(0);
        assert!(passed >= TimeDelta::seconds(120) && passed < TimeDelta::seconds(130), "{passed}");
    }
}
