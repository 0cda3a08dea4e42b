//! `--dry-run`: the steps that the same `next` takes when everything succeeds.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::drive::{Ended, drive};
use super::next::Rules;
use super::observation::{Observation, SessionSight};
use super::record::{Record, State, Which};
use super::step::{Step, Stop};
use super::world::{Outcome, Prepared, World, say};
use crate::holder::{Sight, Staged};
use crate::journal::JournalError;
use crate::model::{AccessKey, AccessKeyId, AccessKeyPair, KeyStatus, LastUsed, SecretAccessKey};

/// Stands for the new key's ID, which AWS chooses.
const NEW: &str = "AKIANEWKEYNEWKEYNEWK";

/// The steps of this rotation, in order and in a person's words. Nothing is read, written or sent.
pub fn plan(record: &Record, seen: &Observation, rules: &Rules) -> Vec<String> {
    let keys = seen.listing.as_ref().map(|listing| listing.keys.clone()).unwrap_or_default();
    let written = record.holders.iter().map(|entry| (entry.sections.clone(), false)).collect();
    let mut world = Imaginary { clock: seen.clock, now: seen.now, keys, written, steps: Vec::new() };
    let (mut record, mut seen) = (record.clone(), seen.clone());
    drive(&mut record, &mut seen, rules, &mut world);
    world.steps
}

/// The steps with which a run at `now` would go on with a rotation that an earlier run began, and where it would stop, as far as that can
/// be known beforehand.
pub fn plan_resumed(record: &Record, rules: &Rules, now: DateTime<Utc>) -> (Vec<String>, Option<Stop>) {
    let (old, is_new) = match &record.state {
        State::Intent { .. } | State::Suspect { .. } | State::Created | State::Verified | State::RollingBack { .. } => {
            (Some(KeyStatus::Active), false)
        }
        State::Committed { .. } | State::Draining { .. } => (Some(KeyStatus::Active), true),
        State::OldInactive { .. } | State::Reactivating { .. } | State::Undoing { .. } => (Some(KeyStatus::Inactive), true),
        State::Deleted | State::Done(_) => (None, true),
    };
    let suspect = if let State::Suspect { key, created_at } = &record.state {
        Some(AccessKey { id: key.clone(), status: KeyStatus::Active, created_at: *created_at })
    } else {
        None
    };
    let old = old.map(|status| AccessKey { id: record.old.id.clone(), status, created_at: record.old_created_at });
    let new = record.new.as_ref();
    let new = new.map(|new| AccessKey { id: new.pair.id.clone(), status: KeyStatus::Active, created_at: new.created_at });
    let keys = old.into_iter().chain(new).chain(suspect).collect();
    let written = record.holders.iter().map(|entry| (entry.sections.clone(), is_new)).collect();
    let mut world = Imaginary { clock: Duration::ZERO, now: Some(now), keys, written, steps: Vec::new() };
    let mut seen = Observation { now: Some(now), resumed: true, ..Observation::default() };
    match drive(&mut record.clone(), &mut seen, rules, &mut world) {
        Ended::Stopped(stop) => (world.steps, Some(stop)),
        Ended::Closed { .. } => (world.steps, None),
    }
}

/// A world in which every act succeeds at once.
struct Imaginary {
    clock: Duration,
    now: Option<DateTime<Utc>>,
    keys: Vec<AccessKey>,
    /// Sections, and whether they have the new pair.
    written: Vec<(Vec<String>, bool)>,
    steps: Vec<String>,
}

impl Imaginary {
    fn note(&mut self, record: &Record, step: &Step) {
        let worth = match step {
            Step::ListAccessKeys(_) | Step::ReadHolders | Step::Wait(..) | Step::PrepareHolder { .. } | Step::ReleaseHolder { .. } => false,
            Step::AskAboutSuspect { .. } | Step::OpenSession(_) | Step::Enter(_) | Step::Close | Step::Stop(_) => false,
            Step::GetCallerIdentity(_) | Step::GetAccessKeyLastUsed { .. } | Step::CreateAccessKey => true,
            Step::UpdateAccessKey { .. } | Step::DeleteAccessKey { .. } | Step::WriteHolder { .. } => true,
        };
        let said = say(record, step).replace(NEW, "the new key");
        if worth && self.steps.last() != Some(&said) {
            self.steps.push(said);
        }
    }

    fn create(&mut self) -> Outcome {
        let now = self.now.unwrap_or_default();
        let Ok(id) = AccessKeyId::parse(NEW) else { return Outcome::Waited };
        self.keys.push(AccessKey { id: id.clone(), status: KeyStatus::Active, created_at: now });
        Outcome::Created(Ok((AccessKeyPair { id, secret: SecretAccessKey::new("") }, now)))
    }

    fn update(&mut self, record: &Record, which: Which, status: &KeyStatus) -> Outcome {
        for key in self.keys.iter_mut().filter(|key| record.pair(which).is_some_and(|pair| pair.id == key.id)) {
            key.status = status.clone();
        }
        Outcome::Changed(Ok(()))
    }

    fn write(&mut self, holder: usize, to: Which) -> Outcome {
        if let Some((_, is_new)) = self.written.get_mut(holder) {
            *is_new = to == Which::New;
        }
        Outcome::Written(holder, Ok(None))
    }

    fn staged() -> Staged {
        let none = String::new;
        Staged::Beside { target: none().into(), temporary: none().into(), base: none(), edited: none() }
    }

    fn sights(&self) -> Vec<Sight> {
        let sight = |(sections, is_new): &(Vec<String>, bool)| {
            let (old, new) = if *is_new { (Vec::new(), sections.clone()) } else { (sections.clone(), Vec::new()) };
            Sight::Seen { old, new, foreign: Vec::new(), others: Vec::new() }
        };
        self.written.iter().map(sight).collect()
    }
}

impl World for Imaginary {
    fn observe(&self, _known: Option<DateTime<Utc>>) -> (Duration, Option<DateTime<Utc>>) {
        (self.clock, self.now)
    }

    fn persist(&mut self, _record: &Record) -> Result<(), JournalError> {
        Ok(())
    }

    fn perform(&mut self, record: &Record, step: &Step) -> Outcome {
        self.note(record, step);
        match step {
            Step::ListAccessKeys(signer) => Outcome::Listed(*signer, Ok(self.keys.clone())),
            Step::GetCallerIdentity(which) => Outcome::Identified(*which, Ok(record.identity.clone())),
            Step::GetAccessKeyLastUsed { .. } => Outcome::LastUse(LastUsed::Never),
            Step::CreateAccessKey => self.create(),
            Step::UpdateAccessKey { key, status, .. } => self.update(record, *key, status),
            Step::DeleteAccessKey { key, .. } => {
                self.keys.retain(|listed| listed.id != *key);
                Outcome::Changed(Ok(()))
            }
            Step::ReadHolders => Outcome::Read(self.sights()),
            Step::PrepareHolder { holder, to } => Outcome::Prepared(*holder, *to, Ok(Prepared { staged: Self::staged(), displaced: None })),
            Step::WriteHolder { holder, to } => self.write(*holder, *to),
            Step::ReleaseHolder { holder, .. } => Outcome::Released(*holder, Ok(())),
            Step::Wait(duration, _) => {
                self.clock += *duration;
                self.now = self.now.map(|now| now + *duration);
                Outcome::Waited
            }
            Step::AskAboutSuspect { .. } => Outcome::Answered(false),
            Step::OpenSession(_) => Outcome::Opened(SessionSight::Unavailable),
            Step::Enter(_) | Step::Close | Step::Stop(_) => Outcome::Waited,
        }
    }

    fn close(&mut self, _record: &Record) -> Result<(), JournalError> {
        Ok(())
    }

    fn interrupted(&self) -> Option<&'static str> {
        None
    }
}
