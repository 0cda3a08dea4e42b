//! `keyrotate rotate`: resumes what was interrupted, then rotates what was asked for.

mod resume;

use std::path::PathBuf;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use crate::aws::Aws;
use crate::journal::{Entry, History};
use crate::model::{AccessKeyId, AccessKeyPair, Age, Grace, LastUsed, ProfileName};
use crate::os::disk::RealDisk;
use crate::os::lock::{Lock, LockError};
use crate::os::machine;
use crate::os::private_directory::private_directory;
use crate::os::signals::Signals;
use crate::os::terminal::{Answer, Console, Question};
use crate::profile::{OwnKey, Refusal, ResolvedProfile, choose_profile};
use crate::rotation::{
    Begun, Direction, End, Ended, Files, HistoryLine, Observation, Permissions, Preflight, RealWorld, Record, Rules, Stop, StopKind, begin,
    describe, drive, plan,
};

/// What `rotate` was asked for.
#[derive(Clone, Debug, Default)]
pub struct RotateOptions {
    /// The profiles; none means the chosen one, or all with `all` or `due`.
    pub profiles: Vec<String>,
    /// Every own key.
    pub all: bool,
    /// Only keys that are due or overdue.
    pub due: bool,
    /// Look and tell, change nothing.
    pub dry_run: bool,
    /// Instead of the settings' grace.
    pub grace: Option<Grace>,
    /// A second key that is inactive may go unasked.
    pub reclaim_inactive: bool,
    /// A key that may be deleted.
    pub delete_key: Option<AccessKeyId>,
    /// End a rotation that stopped.
    pub resolve: Option<(AccessKeyId, Direction)>,
    /// No confirmation.
    pub yes: bool,
}

/// What became of one key.
#[derive(Clone, Debug, PartialEq)]
pub enum Rotated {
    /// It was rotated, or an interrupted rotation of it was finished.
    Done {
        /// The rotation, without secrets.
        record: Box<Record>,
        /// An earlier run began it.
        resumed: bool,
    },
    /// The holders have the new key; the old one rests.
    Resting {
        /// What to say.
        message: String,
        /// How it goes on.
        hint: String,
    },
    /// An interrupted rotation was taken back.
    TakenBack {
        /// The key that is in use.
        key: AccessKeyId,
        /// Why, and what happened.
        why: String,
    },
    /// A person closed it as it was.
    Forgotten {
        /// The old key.
        key: AccessKeyId,
        /// The file that has both pairs, readable by its owner only.
        pairs: PathBuf,
    },
    /// What would be done.
    Planned {
        /// The key.
        key: AccessKeyId,
        /// Its last use.
        last_use: LastUsed,
        /// What a person should know.
        notes: Vec<String>,
        /// The steps.
        steps: Vec<String>,
    },
    /// It is not due.
    NotDue {
        /// The key.
        key: AccessKeyId,
        /// Its age in days.
        days: u64,
    },
    /// The person said no.
    Declined(AccessKeyId),
    /// It did not go through.
    Failed(Failure),
}

/// What came of the run: one result a key, and what a person should know beside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RotateOutcome {
    /// The results.
    pub keys: Vec<Rotated>,
    /// Notes.
    pub notes: Vec<String>,
}

/// What a run works with.
pub(super) struct Run<'a> {
    context: &'a Context,
    console: &'a Console,
    signals: &'a Signals,
    options: &'a RotateOptions,
    disk: RealDisk,
    machine: String,
}

/// Runs the command.
pub fn rotate(context: &Context, console: &Console, signals: &Signals, options: &RotateOptions) -> Result<RotateOutcome, Failure> {
    let machine = machine::machine_id().unwrap_or_else(machine::host_name);
    let run = Run { context, console, signals, options, disk: RealDisk, machine };
    let mut outcome = RotateOutcome::default();
    let _lock = if options.dry_run { None } else { Some(run.lock()?) };
    let resumed = if options.dry_run { run.pending(&mut outcome)? } else { run.resume(&mut outcome)? };
    if options.resolve.is_some() {
        return Run::resolved(resumed, outcome);
    }
    for key in run.wanted(&resumed, &mut outcome)? {
        let result = run.one(&key, &resumed, &mut outcome.notes);
        let stop = result.is_err() && signals.raised().is_some();
        outcome.keys.push(result.unwrap_or_else(Rotated::Failed));
        if stop {
            break;
        }
    }
    console.progress_done();
    Ok(outcome)
}

impl Run<'_> {
    /// Whether a person is asked. `--yes` answers the confirmation only: what deletes a key is never answered by it.
    fn is_attended(&self) -> bool {
        self.console.can_ask() && !self.options.yes
    }

    fn state_file(&self, name: &str) -> PathBuf {
        self.context.paths.state_dir.join(name)
    }

    fn history(&self) -> History<'_> {
        History::new(&self.disk, self.state_file("history.jsonl"))
    }

    fn lock(&self) -> Result<Lock, Failure> {
        for directory in [self.context.paths.state_dir.clone(), self.state_file("journal")] {
            private_directory(&directory).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state("nothing was changed"))?;
        }
        let waiting = &mut |owner: &crate::os::lock::Owner| self.console.progress(&format!("waiting for another keyrotate: {owner}"));
        Lock::acquire(&self.state_file("lock"), self.context.lock_wait(), "keyrotate rotate", &|| self.signals.raised().is_some(), waiting)
            .map_err(|error| {
                let kind = match &error {
                    LockError::Busy(_) => FailureKind::Locked,
                    LockError::Interrupted | LockError::Io { .. } => FailureKind::Failed,
                };
                Failure::from_error(kind, &error).state("nothing was changed")
            })
    }

    /// The keys to rotate: each once, whatever profiles have it.
    fn wanted(&self, resumed: &resume::Resumed, outcome: &mut RotateOutcome) -> Result<Vec<OwnKey>, Failure> {
        let context = self.context;
        if self.options.profiles.is_empty() && (self.options.all || self.options.due) {
            return Ok(context.files()?.own_keys(&context.environment).keys);
        }
        let mut keys: Vec<OwnKey> = Vec::new();
        for name in self.names()? {
            // A resumed rotation answers for the profile, even where its file cannot be read now.
            let profile = match (context.files().and_then(|files| resolve(context, files, &name)), resumed.of_profile(&name)) {
                (Ok(profile), _) => profile,
                (Err(_), Some(result)) => {
                    outcome.keys.push(result.clone().unwrap_or_else(Rotated::Failed));
                    continue;
                }
                (Err(failure), None) => return Err(failure),
            };
            match keys.iter_mut().find(|key| key.pair.id == profile.pair.id) {
                Some(key) => key.profiles.push(profile),
                None => keys.push(OwnKey { pair: profile.pair.clone(), profiles: vec![profile] }),
            }
        }
        Ok(keys)
    }

    fn names(&self) -> Result<Vec<ProfileName>, Failure> {
        if !self.options.profiles.is_empty() {
            return Ok(self.options.profiles.iter().map(ProfileName::new).collect());
        }
        let chosen = choose_profile(&self.context.environment, None);
        if let Some((profile, default_profile)) = chosen.conflict {
            let message =
                format!("AWS_PROFILE is {profile} and AWS_DEFAULT_PROFILE is {default_profile}: programs differ in which they take");
            return Err(Failure::new(FailureKind::Usage, message)
                .state("nothing was changed")
                .hint("name the profile: `keyrotate rotate PROFILE`"));
        }
        if chosen.env_keys_shadow {
            let message = "AWS_ACCESS_KEY_ID is exported, which the AWS CLI takes before any profile";
            let hint = "unset it, or name the profile whose key is meant: `keyrotate rotate PROFILE`";
            return Err(Failure::new(FailureKind::Usage, message).state("nothing was changed").hint(hint));
        }
        Ok(vec![chosen.name])
    }

    /// Rotates one key, unless an earlier run's rotation of it was finished just now.
    fn one(&self, key: &OwnKey, resumed: &resume::Resumed, notes: &mut Vec<String>) -> Result<Rotated, Failure> {
        if let Some(result) = resumed.of_key(&key.pair.id) {
            return result.clone();
        }
        let Some(profile) = key.profiles.first() else { return Ok(Rotated::Declined(key.pair.id.clone())) };
        let settings = self.context.settings.for_profile(&profile.name);
        if !settings.targets.is_empty() {
            let message = format!("the settings give [{}] targets that this keyrotate cannot write yet", profile.name);
            return Err(Failure::new(FailureKind::Usage, message).state("nothing was changed").hint("take the targets out of config.toml"));
        }
        let (aws, timing) = self.context.aws(self.context.files()?, &profile.name, profile.region.clone(), profile.ca_bundle.clone())?;
        let history: Vec<HistoryLine> = self.history().lines().map_err(|error| Failure::from_error(FailureKind::Failed, &error))?;
        let attended = self.is_attended();
        let preflight = Preflight {
            aws: &aws,
            disk: &self.disk,
            console: self.console,
            profile: profile.name.clone(),
            pair: key.pair.clone(),
            places: self.context.places(),
            others: self.others(&key.pair.id)?,
            history: &history,
            grace: self.options.grace.unwrap_or(settings.grace),
            may: Permissions {
                attended,
                reclaim_inactive: self.options.reclaim_inactive || settings.reclaim_inactive,
                delete_key: self.options.delete_key.clone(),
            },
            timing,
            machine: self.machine.clone(),
            dry_run: self.options.dry_run,
        };
        let begun = begin(&preflight)?;
        if self.options.due && settings.limits.level(age(&begun.record)) == crate::model::AgeLevel::Fresh {
            return Ok(Rotated::NotDue { key: key.pair.id.clone(), days: age(&begun.record).days() });
        }
        let rules = Rules { timing, attended, delete_key: self.options.delete_key.clone(), place_needed: false };
        if self.options.dry_run {
            let steps = plan(&begun.record, &begun.seen, &rules);
            return Ok(Rotated::Planned { key: key.pair.id.clone(), last_use: begun.last_use, notes: begun.notes, steps });
        }
        notes.extend(begun.notes.iter().cloned());
        if attended && !self.confirmed(&begun) {
            return Ok(Rotated::Declined(key.pair.id.clone()));
        }
        self.execute(begun, &aws, &rules)
    }

    /// The other long-term keys that profiles here have.
    fn others(&self, id: &AccessKeyId) -> Result<Vec<(AccessKeyPair, String)>, Failure> {
        let keys = self.context.files()?.own_keys(&self.context.environment).keys;
        let others = keys.into_iter().filter(|key| key.pair.id != *id);
        Ok(others
            .flat_map(|key| key.profiles.into_iter().map(move |profile| (key.pair.clone(), format!("profile {}", profile.name))))
            .collect())
    }

    fn confirmed(&self, begun: &Begun) -> bool {
        self.console.progress_done();
        let record = &begun.record;
        let text = format!(
            "rotate {} of {} in account {} ({} days old; {})?",
            record.old.id,
            record.user_name,
            record.identity.account,
            age(record).days(),
            describe::last_use(&begun.last_use)
        );
        let choices = vec![('y', "rotate".to_owned()), ('n', "leave it".to_owned())];
        self.console.ask(&Question { text, choices, default: Some('y') }) == Answer::Choice('y')
    }

    fn execute(&self, begun: Begun, aws: &Aws, rules: &Rules) -> Result<Rotated, Failure> {
        let Begun { mut record, mut seen, .. } = begun;
        let path = self.state_file("journal").join(format!("{}.json", record.id));
        let entry = Entry::begin(&self.disk, path, &record).map_err(|error| {
            Failure::from_error(FailureKind::Failed, &error).state("no key was created").hint("make room or correct the permissions there")
        })?;
        self.drive(&mut record, &mut seen, rules, self.world(aws, entry), false)
    }

    /// Signals are held from here to the end of the drive: the entry is on the disk.
    fn drive(
        &self,
        record: &mut Record,
        seen: &mut Observation,
        rules: &Rules,
        mut world: RealWorld<'_>,
        resumed: bool,
    ) -> Result<Rotated, Failure> {
        self.signals.hold();
        let ended = drive(record, seen, rules, &mut world);
        self.signals.let_go();
        self.console.progress_done();
        finished(record, ended, resumed)
    }

    fn world<'w>(&'w self, aws: &'w Aws, entry: Entry<'w>) -> RealWorld<'w> {
        RealWorld {
            aws,
            files: Files { disk: &self.disk, entry: Some(entry), history: self.history() },
            console: self.console,
            signals: self.signals,
        }
    }
}

fn resolve(context: &Context, files: &crate::profile::AwsFiles, name: &ProfileName) -> Result<ResolvedProfile, Failure> {
    files.resolve(name, &context.environment).map_err(|refusal| {
        let is_no_key = matches!(refusal, Refusal::NoFiles { .. } | Refusal::NoKey { .. });
        let kind = if is_no_key { FailureKind::Unchecked } else { FailureKind::Failed };
        Failure::from_error(kind, &refusal).state("nothing was changed")
    })
}

fn age(record: &Record) -> Age {
    Age::at(record.started_at, record.old_created_at)
}

/// What an end means for the person.
fn finished(record: &Record, ended: Ended, resumed: bool) -> Result<Rotated, Failure> {
    let (end, error) = match ended {
        Ended::Stopped(Stop { kind: StopKind::Resting, message, hint, .. }) => return Ok(Rotated::Resting { message, hint }),
        Ended::Stopped(stop) => return Err(Failure::from(stop)),
        Ended::Closed { end, error } => (end, error),
    };
    match end {
        End::Rotated | End::RotatedOldInactive | End::Forgotten => Ok(Rotated::Done { record: Box::new(record.scrubbed()), resumed }),
        End::Undone { why } => Ok(Rotated::TakenBack { key: record.old.id.clone(), why }),
        End::Aborted { why, .. } if resumed => Ok(Rotated::TakenBack { key: record.old.id.clone(), why }),
        End::Aborted { why, .. } => Err(resume::aborted(record, why, error.as_ref())),
    }
}
