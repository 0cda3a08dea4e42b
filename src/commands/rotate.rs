//! `keyrotate rotate`: resumes what was interrupted, then rotates what was asked for.

mod create_secret;
mod home;
mod managed;
mod one;
mod probing;
mod pull;
mod resume;
mod sessions;
mod targets;
mod way;

use std::path::PathBuf;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::pick::correction;
use crate::aws::Secrets;
use crate::holder::Reach;
use crate::journal::History;
use crate::model::{AccessKeyId, Grace, LastUsed, ProfileName, TokenCode};
use crate::os::disk::RealDisk;
use crate::os::keychain::ItemName;
use crate::os::lock::{Lock, LockError};
use crate::os::machine;
use crate::os::private_directory::private_directory;
use crate::os::signals::Signals;
use crate::os::terminal::{Answer, Console, Question};
use crate::profile::{INSIDE, OwnKey, ProfileSource, Refusal, ResolvedProfile, choose_profile};
use crate::rotation::{Direction, Record};

pub(super) use home::{elsewhere, is_elsewhere};
pub(super) use probing::is_cut_off;
pub(super) use resume::concerns;
pub(super) use sessions::Sessions;
pub(super) use targets::{first_held, secrets};

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
    /// Secrets that the settings name, and that are not there, are made.
    pub create_secret: bool,
    /// The key is the root user's of this account, which a person wants rotated all the same.
    pub root_key: Option<String>,
    /// End a rotation that stopped.
    pub resolve: Option<(AccessKeyId, Direction)>,
    /// No confirmation.
    pub yes: bool,
    /// A code of the MFA device.
    pub mfa_code: Option<TokenCode>,
}

/// What became of one key.
#[derive(Clone, Debug, PartialEq)]
pub enum Rotated {
    /// It was rotated, or an interrupted rotation of it was finished.
    Done {
        /// The rotation, without secrets.
        record: Box<Record>,
        /// What this run did of it.
        finish: Finish,
    },
    /// The holders have the new key; the old one rests.
    Resting {
        /// What this run did of it.
        finish: Finish,
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
        /// The keychain item that has them instead, where no file may.
        item: Option<ItemName>,
        /// What each holder has now.
        holders: Vec<String>,
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
    /// What would be done with a rotation that an earlier run began.
    WouldGoOn {
        /// The old key.
        key: AccessKeyId,
        /// What state it is in.
        state: String,
        /// The steps.
        steps: Vec<String>,
    },
    /// What would be taken over from the machine that rotates the key.
    WouldPull {
        /// The key here.
        key: AccessKeyId,
        /// The key that the secret has.
        new: AccessKeyId,
        /// The secret.
        secret: String,
        /// The steps.
        steps: Vec<String>,
    },
    /// Another machine rotates it and has made no newer one, or it is that of a `[key.NAME]`, by which it is rotated.
    Elsewhere {
        /// The key.
        key: AccessKeyId,
        /// The machine, or the table.
        rotator: String,
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

impl Rotated {
    /// Why it did not go through, if it did not.
    pub fn failure(&self) -> Option<&Failure> {
        if let Rotated::Failed(failure) = self { Some(failure) } else { None }
    }

    /// Whether it replaced this key.
    fn is_of(&self, id: &AccessKeyId) -> bool {
        matches!(self, Rotated::Done { record, .. } if record.old.id == *id)
    }
}

/// What a run did of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// All of it.
    Fresh,
    /// An earlier run was interrupted.
    Resumed,
    /// Its grace was over, or ended by this run.
    AfterGrace,
}

/// What came of the run: one result a key, and what a person should know beside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RotateOutcome {
    /// The results.
    pub keys: Vec<Rotated>,
    /// Notes.
    pub notes: Vec<String>,
}

/// What a run works with, also one of another command that goes on with rotations.
pub(super) struct Run<'a> {
    /// The command's name, for who waits for the lock, for hints and for the history.
    pub(super) command: &'static str,
    pub(super) context: &'a Context,
    pub(super) console: &'a Console,
    pub(super) signals: &'a Signals,
    pub(super) options: &'a RotateOptions,
    pub(super) disk: RealDisk,
    pub(super) machine: String,
}

/// Runs the command.
pub fn rotate(context: &Context, console: &Console, signals: &Signals, options: &RotateOptions) -> Result<RotateOutcome, Failure> {
    let mut outcome = rotate_all(&Run::new("rotate", context, console, signals, options))?;
    outcome.notes.extend(context.unknown_tables().into_iter().chain(context.absent()));
    Ok(outcome)
}

/// Goes on with what is in the journal, then rotates what the options name.
pub(super) fn rotate_all(run: &Run<'_>) -> Result<RotateOutcome, Failure> {
    let Run { console, signals, options, .. } = run;
    let mut outcome = RotateOutcome::default();
    let _lock = if options.dry_run { None } else { Some(run.lock()?) };
    if !options.dry_run {
        run.tidy_probe();
    }
    let mut resumed = if options.dry_run { run.pending()? } else { run.resume(&mut outcome)? };
    if options.resolve.is_some() {
        return Run::resolved(resumed, outcome);
    }
    // Not returned: what was resumed has to be told all the same.
    let wanted = run.wanted(&mut resumed, &mut outcome).unwrap_or_else(|failure| {
        outcome.keys.push(Rotated::Failed(failure));
        Vec::new()
    });
    for key in &wanted {
        let result = match key {
            // A key that this run replaced by another one it already had is gone.
            Wanted::Own(key) if outcome.keys.iter().any(|done| done.is_of(&key.pair.id)) => continue,
            Wanted::Own(key) => run.one(key, &mut resumed, &mut outcome.notes),
            Wanted::Managed(name) => run.managed(name, &mut resumed, &mut outcome.notes),
        };
        let stop = result.is_err() && signals.raised().is_some();
        let result = result.map_err(|failure| if wanted.len() > 1 { failure.of(&key.names()) } else { failure });
        outcome.keys.push(result.unwrap_or_else(Rotated::Failed));
        if stop {
            break;
        }
    }
    outcome.keys.extend(resumed.untold());
    console.progress_done();
    Ok(outcome)
}

/// A key to rotate.
enum Wanted {
    /// One that profiles here have.
    Own(OwnKey),
    /// Another user's, by the name of its `[key.NAME]`.
    Managed(ProfileName),
}

impl Wanted {
    fn names(&self) -> String {
        match self {
            Wanted::Own(key) => key.profiles.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", "),
            Wanted::Managed(name) => name.to_string(),
        }
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        command: &'static str,
        context: &'a Context,
        console: &'a Console,
        signals: &'a Signals,
        options: &'a RotateOptions,
    ) -> Self {
        let machine = machine::machine_id().unwrap_or_else(machine::host_name);
        Self { command, context, console, signals, options, disk: RealDisk, machine }
    }

    /// Whether a person is asked. `--yes` answers the confirmation only: what deletes a key is never answered by it.
    pub(super) fn is_attended(&self) -> bool {
        self.console.can_ask() && !self.options.yes
    }

    /// A person's yes. An interruption at the question is told: nothing is in hand.
    pub(super) fn agreed(&self, text: String, yes: &str, state: String) -> Result<bool, Failure> {
        self.console.progress_done();
        let choices = vec![('y', yes.to_owned()), ('n', "leave it".to_owned())];
        let answer = self.signals.held(|| self.console.ask(&Question { text, choices, default: Some('y') }));
        match self.signals.raised() {
            Some(signal) => Err(Failure::new(FailureKind::Failed, format!("stopped by {signal}")).state(state)),
            None => Ok(answer == Answer::Choice('y')),
        }
    }

    pub(super) fn state_file(&self, name: &str) -> PathBuf {
        self.context.paths.state_dir.join(name)
    }

    /// What the holders are reached through.
    pub(super) fn reach<'r>(&'r self, secrets: &'r dyn Secrets) -> Reach<'r> {
        Reach { disk: &self.disk, secrets, keychain: &self.context.keychain }
    }

    pub(super) fn history(&self) -> History<'_> {
        History::new(&self.disk, self.state_file("history.jsonl"))
    }

    pub(super) fn lock(&self) -> Result<Lock, Failure> {
        for directory in [self.context.paths.state_dir.clone(), self.state_file("journal")] {
            private_directory(&directory).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state("nothing was changed"))?;
        }
        let waiting = &mut |owner: &crate::os::lock::Owner| self.console.progress(&format!("waiting for another keyrotate: {owner}"));
        let command = format!("keyrotate {}", self.command);
        Lock::acquire(&self.state_file("lock"), self.context.waits().lock_wait, &command, &|| self.signals.raised().is_some(), waiting)
            .map_err(|error| {
                let kind = match &error {
                    LockError::Busy(_) => FailureKind::Locked,
                    LockError::Interrupted | LockError::Io { .. } => FailureKind::Failed,
                };
                Failure::from_error(kind, &error).state("nothing was changed")
            })
    }

    /// The keys to rotate: each once, whatever profiles have it.
    fn wanted(&self, resumed: &mut resume::Resumed, outcome: &mut RotateOutcome) -> Result<Vec<Wanted>, Failure> {
        let context = self.context;
        if self.options.profiles.is_empty() && (self.options.all || self.options.due) {
            let own = context.files()?.own_keys(&context.environment);
            let broken = own.skipped.iter().filter(|(_, refusal)| refusal.is_broken_key());
            let broken = broken.map(|(_, refusal)| Failure::from_error(FailureKind::Unchecked, refusal).state("nothing was changed"));
            outcome.keys.extend(broken.map(Rotated::Failed));
            return Ok(own.keys.into_iter().map(Wanted::Own).chain(self.managed_here().map(Wanted::Managed)).collect());
        }
        let (mut keys, mut managed): (Vec<OwnKey>, Vec<Wanted>) = Default::default();
        for name in self.names()? {
            if self.is_managed(&name)? {
                managed.push(Wanted::Managed(name));
                continue;
            }
            let profile = match context.files().and_then(|files| resolve(context, files, &name)) {
                Ok(profile) => profile,
                Err(failure) => {
                    // A resumed rotation answers for the profile, even where its file cannot be read now.
                    let result = resumed.of_profile(&name).ok_or(failure)?;
                    outcome.keys.push(result.unwrap_or_else(Rotated::Failed));
                    continue;
                }
            };
            match keys.iter_mut().find(|key| key.pair.id == profile.pair.id) {
                Some(key) => key.profiles.push(profile),
                None => keys.push(OwnKey { pair: profile.pair.clone(), profiles: vec![profile] }),
            }
        }
        Ok(keys.into_iter().map(Wanted::Own).chain(managed).collect())
    }

    /// The profiles that are meant. What may mean several is refused: a key is about to change.
    pub(super) fn names(&self) -> Result<Vec<ProfileName>, Failure> {
        if !self.options.profiles.is_empty() {
            return Ok(self.options.profiles.iter().map(ProfileName::new).collect());
        }
        let chosen = choose_profile(&self.context.environment, None);
        if let Some((profile, default_profile)) = chosen.conflict {
            let message =
                format!("AWS_PROFILE is {profile} and AWS_DEFAULT_PROFILE is {default_profile}: programs differ in which they take");
            return Err(Failure::new(FailureKind::Usage, message)
                .state("nothing was changed")
                .hint(format!("name the profile: `keyrotate {} PROFILE`", self.command)));
        }
        if let Some(inside) = self.context.environment.get(INSIDE).filter(|_| chosen.source == ProfileSource::Default) {
            let message = format!("this is inside a session of the profile {inside}, and nothing says whose key is meant");
            let named = format!("`keyrotate {} {}`", self.command, ProfileName::new(inside).quoted());
            let hint = format!("run {named}; or leave the session with `exit` or `kr --unset` first");
            return Err(Failure::new(FailureKind::Usage, message).state("nothing was changed").hint(hint));
        }
        if chosen.env_keys_shadow {
            let message = "AWS_ACCESS_KEY_ID is exported, which the AWS CLI takes before any profile";
            let hint = format!("unset it, or name the profile whose key is meant: `keyrotate {} PROFILE`", self.command);
            return Err(Failure::new(FailureKind::Usage, message).state("nothing was changed").hint(hint));
        }
        Ok(vec![chosen.name])
    }
}

/// The profile as the AWS files have it.
pub(super) fn resolve(context: &Context, files: &crate::profile::AwsFiles, name: &ProfileName) -> Result<ResolvedProfile, Failure> {
    files.resolve(name, &context.environment).map_err(|refusal| {
        let is_no_key = matches!(refusal, Refusal::NoFiles { .. } | Refusal::NoKey { .. });
        let kind = if is_no_key { FailureKind::Unchecked } else { FailureKind::Failed };
        let hint = correction(context, name, &refusal);
        Failure { hint, ..Failure::from_error(kind, &refusal).state("nothing was changed") }
    })
}
