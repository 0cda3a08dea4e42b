//! What earlier runs left in the journal: taken up before anything new begins.

use std::path::{Path, PathBuf};

use super::{RotateOutcome, Rotated, Run};
use crate::aws::AwsError;
use crate::commands::failure::{Failure, FailureKind};
use crate::journal::{Entry, JournalError};
use crate::model::{AccessKeyId, Grace, ProfileName};
use crate::os::{atomic_file, clock};
use crate::rotation::{Direction, End, Observation, Record, Rules, State, Which, describe, explain, refusing, resolve};

/// What became of the rotations that were under way.
#[derive(Debug, Default)]
pub(super) struct Resumed(Vec<Taken>);

#[derive(Debug)]
struct Taken {
    record: Record,
    result: Result<Rotated, Failure>,
    /// It stands for the rotation that was asked for now.
    counts: bool,
}

impl Resumed {
    /// The result that stands for a rotation of this key.
    pub(super) fn of_key(&self, id: &AccessKeyId) -> Option<&Result<Rotated, Failure>> {
        self.find(|record| concerns(record, id))
    }

    /// The result that stands for a rotation of this profile's key, where the profile itself cannot be resolved now.
    pub(super) fn of_profile(&self, name: &ProfileName) -> Option<&Result<Rotated, Failure>> {
        self.find(|record| record.profile == *name)
    }

    fn find(&self, is_it: impl Fn(&Record) -> bool) -> Option<&Result<Rotated, Failure>> {
        self.0.iter().find(|taken| taken.counts && is_it(&taken.record)).map(|taken| &taken.result)
    }
}

fn concerns(record: &Record, id: &AccessKeyId) -> bool {
    record.old.id == *id || record.pair(Which::New).is_some_and(|pair| pair.id == *id)
}

impl Run<'_> {
    /// Tells what is under way, and touches nothing.
    pub(super) fn pending(&self, outcome: &mut RotateOutcome) -> Result<Resumed, Failure> {
        for (_, record) in self.entries()? {
            let state = describe::state(&record);
            outcome.notes.push(format!("a rotation of {} is under way: {state}; the next run goes on with it", record.old.id));
        }
        Ok(Resumed::default())
    }

    /// Goes on with every rotation in the journal, as far as each goes.
    pub(super) fn resume(&self, outcome: &mut RotateOutcome) -> Result<Resumed, Failure> {
        let mut resumed = Resumed::default();
        let tidied = Entry::sweep(&self.disk, &self.state_file("journal"));
        tidied.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state("nothing was changed"))?;
        for (path, record) in self.entries()? {
            if self.options.resolve.as_ref().is_some_and(|(id, _)| !concerns(&record, id)) {
                continue;
            }
            let taken = self.take_up(&path, record);
            match &taken.result {
                Ok(Rotated::TakenBack { key, why }) if !taken.counts => {
                    outcome.notes.push(format!("an interrupted rotation was taken back, {key} is in use as before: {why}"));
                }
                Err(failure) if !self.is_asked_for(&taken.record) => {
                    outcome.notes.push(format!("another rotation waits, of {}: {}", taken.record.old.id, failure.message));
                }
                Ok(_) | Err(_) => {}
            }
            resumed.0.push(taken);
        }
        Ok(resumed)
    }

    /// The result of `--resolve`.
    pub(super) fn resolved(resumed: Resumed, mut outcome: RotateOutcome) -> Result<RotateOutcome, Failure> {
        if resumed.0.is_empty() {
            return Err(Failure::new(FailureKind::Usage, "no rotation of that key is under way").hint("`keyrotate status` shows what is"));
        }
        outcome.keys = resumed.0.into_iter().map(|taken| taken.result.unwrap_or_else(Rotated::Failed)).collect();
        Ok(outcome)
    }

    fn entries(&self) -> Result<Vec<(PathBuf, Record)>, Failure> {
        let failed = |error: JournalError| {
            let hint = "keep the file until every profile's key is known to work; after that it can be removed by hand";
            Failure::from_error(FailureKind::Failed, &error).state("nothing was changed").hint(hint)
        };
        let paths = Entry::list(&self.disk, &self.state_file("journal")).map_err(failed)?;
        paths.into_iter().map(|path| Entry::load(&self.disk, &path).map(|record| (path, record)).map_err(failed)).collect()
    }

    fn take_up(&self, path: &Path, mut record: Record) -> Taken {
        let anew = self.begins_anew(&record);
        let result = self.go_on(path, &mut record);
        let counts = match &result {
            Ok(Rotated::TakenBack { .. }) => !matches!(record.state, State::Done(End::Aborted { .. })),
            Ok(Rotated::Done { .. }) => !anew,
            Ok(_) | Err(_) => true,
        };
        Taken { record, result, counts }
    }

    /// Whether the old key only rested, so that finishing it is not the rotation that was asked for now.
    fn begins_anew(&self, record: &Record) -> bool {
        let at_once = Grace::default();
        matches!(record.state, State::OldInactive { .. }) && record.grace != at_once && self.options.grace != Some(at_once)
    }

    fn is_asked_for(&self, record: &Record) -> bool {
        let files = self.context.files_or_empty();
        let leads_here = |name: &ProfileName| {
            *name == record.profile
                || files.resolve(name, &self.context.environment).is_ok_and(|profile| concerns(record, &profile.pair.id))
        };
        self.options.all || self.options.due || self.names().unwrap_or_default().iter().any(leads_here)
    }

    fn go_on(&self, path: &Path, record: &mut Record) -> Result<Rotated, Failure> {
        if record.machine != self.machine {
            let message = format!(
                "the rotation of {} began on another machine, {}, whose files cannot be seen from here",
                record.old.id, record.host
            );
            let failure = Failure::new(FailureKind::Attention, message).state(describe::state(record));
            return Err(failure.hint(format!("run `keyrotate rotate {}` there; the entry is {}", record.profile, path.display())));
        }
        let failed = |error: JournalError| Failure::from_error(FailureKind::Failed, &error);
        let mut entry = Entry::resume(&self.disk, path.to_owned()).map_err(failed)?;
        if self.decide(record)? {
            entry.update(record).map_err(failed)?;
        }
        let files = self.context.files_or_empty();
        let profile = files.resolve(&record.profile, &self.context.environment).ok();
        let (region, ca_bundle) = profile.map_or((None, None), |profile| (profile.region, profile.ca_bundle));
        let (aws, timing) = self.context.aws(files, &record.profile, region, ca_bundle)?;
        let place_needed = self.is_asked_for(record);
        let rules = Rules { timing, attended: self.is_attended(), delete_key: self.options.delete_key.clone(), place_needed };
        let clock = clock::boot_time();
        let mut seen = Observation { now: Some(record.started_at), clock, entered: clock, resumed: true, ..Observation::default() };
        let result = self.drive(record, &mut seen, &rules, self.world(&aws, entry), true)?;
        if record.state == State::Done(End::Forgotten) {
            return Ok(Rotated::Forgotten { key: record.old.id.clone(), pairs: self.forgotten(record) });
        }
        Ok(result)
    }

    /// Applies what the person decided about this rotation. Returns whether the record changed.
    fn decide(&self, record: &mut Record) -> Result<bool, Failure> {
        let mut changed = false;
        // A grace until the next rotation is for the rotation that begins now; one that rests keeps its own.
        let is_for_this = |grace: &Grace| *grace != Grace::Next || !matches!(record.state, State::OldInactive { .. });
        if let Some(grace) = self.options.grace.filter(|grace| is_for_this(grace) && *grace != record.grace && self.is_asked_for(record)) {
            record.grace = grace;
            changed = true;
        }
        let Some((id, direction)) = self.options.resolve.as_ref().filter(|(id, _)| concerns(record, id)) else { return Ok(changed) };
        if *direction == Direction::Forget {
            self.keep_pairs(record)?;
        }
        let Some(resolved) = resolve(record, *direction, &refusing(&self.disk, record)) else {
            let message = format!("{id} cannot go back: the old key is deleted");
            return Err(Failure::new(FailureKind::Usage, message)
                .state(describe::state(record))
                .hint(format!("use `--resolve {id} forward`")));
        };
        *record = resolved;
        Ok(true)
    }

    fn forgotten(&self, record: &Record) -> PathBuf {
        self.state_file(&format!("forgotten-{}.json", record.id))
    }

    /// Before an entry is forgotten, its pairs go to a file that only the owner can read.
    fn keep_pairs(&self, record: &Record) -> Result<(), Failure> {
        let path = self.forgotten(record);
        let text = serde_json::to_vec_pretty(record).map(zeroize::Zeroizing::new);
        let text = text.map_err(|_| Failure::new(FailureKind::Failed, "the entry cannot be written as JSON"))?;
        atomic_file::replace(&self.disk, &path, &text).map_err(|error| {
            let mut failure = Failure::new(FailureKind::Failed, format!("{} cannot be written", path.display()));
            failure.causes.push(error.to_string());
            failure
        })
    }
}

/// The rotation ended before there was a new key in use.
pub(super) fn aborted(record: &Record, why: String, error: Option<&AwsError>) -> Failure {
    let state = format!("nothing was changed; {} is in use as before", record.old.id);
    match error {
        Some(error) if error.to_string() == why => Failure::from(explain(&record.old.id, error)).state(state),
        cause => {
            let hint = format!("`keyrotate status {}` shows the user's keys", record.profile);
            let failure = Failure::new(FailureKind::Failed, why).state(state).hint(hint);
            Failure { causes: cause.map(ToString::to_string).into_iter().collect(), ..failure }
        }
    }
}
