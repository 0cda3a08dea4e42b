//! `keyrotate root-key remove`: a root user's key goes, from the proof that somebody else administers the account to the lines of the files.
//!
//! Invariants: nothing is changed before another identity of the account has shown that it may administer IAM, and before a person has typed the
//! account ID; what was begun is written down until nothing of it is left.

mod acts;
mod admin;
mod sight;
mod stranded;

use std::path::PathBuf;
use std::time::Duration;

use super::account_id::typed;
use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::known::{Pending, removals_directory, under_way};
use super::rotate::{RotateOptions, Run};
use super::session::route;
use crate::aws::Aws;
use crate::holder::keychain::NoPair;
use crate::journal::Entry;
use crate::model::{AccessKeyId, AccessKeyPair, ProfileName};
use crate::os::clock;
use crate::os::lock::{Lock, LockError};
use crate::os::private_directory::private_directory;
use crate::os::signals::Signals;
use crate::os::terminal::Console;
use crate::profile::{Route, Shown};
use crate::root_key::{LONGEST_WAIT, Removal, State, Step, Unread, unfinished};
use sight::Sight;

/// The state of things where nothing was done.
const UNCHANGED: &str = "nothing was changed";

/// What `root-key remove` was asked for.
#[derive(Clone, Debug, Default)]
pub struct RemoveOptions {
    /// The profile; none means the chosen one.
    pub profile: Option<String>,
    /// The profile of who administers the account without the key.
    pub admin: Option<String>,
    /// How long the key is inactive before it is deleted.
    pub wait: Duration,
    /// A person has seen that the root user does not have the key any more.
    pub seen_gone: bool,
    /// Tell, change nothing.
    pub dry_run: bool,
}

/// What is known, and what is to be done, for a person to read first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What was seen, each with a label.
    pub facts: Vec<(&'static str, String)>,
    /// What is done, in order.
    pub steps: Vec<String>,
    /// What becomes of the files.
    pub files: Vec<Shown>,
}

/// Who asks, and how.
pub struct Request<'a> {
    /// The person.
    pub console: &'a Console,
    /// What asks to stop.
    pub signals: &'a Signals,
    /// The options.
    pub options: &'a RemoveOptions,
    /// What shows what was seen.
    pub tell: &'a dyn Fn(&Told),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKeyRemoved {
    /// What became of the key.
    pub result: RemoveResult,
    /// The key.
    pub id: AccessKeyId,
    /// The root user's account.
    pub account: String,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// What became of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoveResult {
    /// It is deleted, and its lines are gone.
    Done,
    /// Its lines are gone, on the word of a person who saw that it is deleted.
    DoneOnWord,
    /// A person had it activated again.
    Activated,
    /// Nothing was changed, as was asked.
    Planned,
}

/// Runs the command.
pub fn remove(context: &Context, request: &Request<'_>) -> Result<RootKeyRemoved, Failure> {
    let Request { console, signals, options, .. } = *request;
    if options.wait > LONGEST_WAIT {
        let message = "the session that signs the deletion lasts an hour: --wait is 50m at most";
        return Err(Failure::new(FailureKind::Usage, message).state(UNCHANGED).hint("correct --wait"));
    }
    let rotate = RotateOptions { profiles: options.profile.iter().cloned().collect(), ..RotateOptions::default() };
    let run = Run::new("root-key remove", context, console, signals, &rotate);
    let name = run.names()?.into_iter().next().unwrap_or_default();
    let _lock = if options.dry_run { None } else { Some(own_lock(&run)?) };
    let begun = begun(&run, &name)?;
    if let Some((path, removal)) = begun.as_ref().filter(|(_, removal)| removal.is_over_at_aws() && !options.dry_run) {
        let entry = Entry::resume(&run.disk, path.clone(), removal).map_err(|error| unchanged(&error))?;
        return acts::clean_up(&run, request, entry, removal.clone(), Vec::new());
    }
    not_rotating(&run, begun.as_ref().map(|(_, removal)| removal.id.clone()).or_else(|| own_id(context, &name)).as_ref())?;
    let Some(admin) = options.admin.as_deref().map(ProfileName::new) else { return Err(admin::missing(&name)) };
    let key = Key::new(context, &name, begun.as_ref().map(|(_, removal)| removal))?;
    let removing = Removing { run: &run, request, key, admin, begun };
    removing.run()
}

/// The key that is to go, and the way to AWS.
struct Key {
    id: AccessKeyId,
    /// The pair, where the profile has it.
    pair: Option<AccessKeyPair>,
    /// The profile's way, where that leads to the key.
    route: Option<Route>,
    /// The profile that has it.
    profile: ProfileName,
    aws: Aws,
}

impl Key {
    fn new(context: &Context, name: &ProfileName, begun: Option<&Removal>) -> Result<Self, Failure> {
        let files = context.files()?;
        let found = route(context, name).map_err(|failure| failure.state(UNCHANGED));
        let route = match (found, begun) {
            (Ok(route), Some(removal)) => Some(route).filter(|route| route.key.pair.id == removal.id),
            (Err(_), Some(_)) => None,
            (Ok(route), None) => Some(route),
            (Err(failure), None) => return Err(failure),
        };
        if let Some(role) = route.as_ref().and_then(|route| route.roles.last()) {
            let message = format!("{name} is the role {}, and has no key of its own", role.arn);
            let has = route.as_ref().map(|route| route.key.key_profile.quoted()).unwrap_or_default();
            return Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(format!("name the profile with the key: {has}")));
        }
        let pair = route.as_ref().map(|route| context.pair(&route.key.pair));
        let pair = pair.transpose().map_err(|error: NoPair| unchanged(&error))?;
        let id = pair.as_ref().map(|pair| pair.id.clone()).or_else(|| begun.map(|removal| removal.id.clone()));
        let id = id.ok_or_else(|| Failure::new(FailureKind::Failed, format!("{name} has no key")).state(UNCHANGED))?;
        let way = route.as_ref().map(|route| (route.key.region.clone(), route.key.ca_bundle.clone())).unwrap_or_default();
        let profile = route.as_ref().map_or_else(|| name.clone(), |route| route.key.key_profile.clone());
        let (aws, _) = context.aws(files, &profile, way.0, way.1)?;
        Ok(Self { id, pair, route, profile, aws })
    }
}

/// A removal in hand.
struct Removing<'a> {
    run: &'a Run<'a>,
    request: &'a Request<'a>,
    key: Key,
    admin: ProfileName,
    begun: Option<(PathBuf, Removal)>,
}

impl Removing<'_> {
    fn run(&self) -> Result<RootKeyRemoved, Failure> {
        let Request { console, options, .. } = *self.request;
        console.progress("asking AWS whose the key is");
        let known = self.itself();
        console.progress_done();
        let (itself, account) = known?;
        self.not_needed(&account)?;
        let proof = self.prove(&account)?;
        console.progress("asking AWS about the key");
        let sight = self.look(itself, account, proof);
        console.progress_done();
        let sight = sight?;
        let step = sight.next(options.seen_gone || self.word_was_given());
        match step {
            Step::Stranded => return Err(self.stranded(&sight)),
            Step::Later => return Err(self.later()),
            Step::Contradicted => return Err(self.taken_back(&sight)),
            Step::Deactivate(_) | Step::DeleteAtOnce | Step::Decide(_) | Step::CleanUp | Step::Believe => {}
        }
        (self.request.tell)(&self.told(&sight, step)?);
        if options.dry_run {
            return Ok(self.outcome(&sight, RemoveResult::Planned, Vec::new()));
        }
        self.confirm(&sight, step)?;
        self.request.signals.hold();
        self.carry_out(&sight, step)
    }

    /// A removal of another key that is not over may have nothing but this key to sign what is left of it.
    fn not_needed(&self, account: &str) -> Result<(), Failure> {
        let waits = |other: &Removal| other.account == account && other.id != self.key.id && !other.is_over_at_aws();
        let (all, _) = unfinished(&self.run.disk, &removals_directory(self.run.context));
        // One that has begun is gone on with, whatever else waits.
        match all.iter().find(|other| self.begun.is_none() && waits(other)) {
            None => Ok(()),
            Some(other) => {
                let (id, profile) = (&other.id, &other.profile);
                let message = format!("the removal of {id} ({profile}) is not over, and this key may have to sign what is left of it");
                Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(format!("run `{}` first", other.again())))
            }
        }
    }

    /// A person types the account ID.
    fn confirm(&self, sight: &Sight<'_>, step: Step) -> Result<(), Failure> {
        let Request { console, signals, .. } = *self.request;
        let what = match step {
            Step::Deactivate(_) => "deactivate and then delete",
            Step::DeleteAtOnce => "delete at once",
            Step::Decide(_) => "decide what becomes of",
            // That it was to be deleted has been typed.
            Step::CleanUp if self.begun.as_ref().is_some_and(|(_, removal)| removal.state == State::Deleting) => return Ok(()),
            Step::CleanUp | Step::Believe => "remove the lines of",
            Step::Later | Step::Stranded | Step::Contradicted => return Ok(()),
        };
        typed(console, signals, &sight.account, &format!("{what} {}", self.key.id), &self.again())
    }

    /// An earlier run has a person's word that the key is gone.
    fn word_was_given(&self) -> bool {
        self.begun.as_ref().is_some_and(|(_, removal)| removal.state == State::SeenGone)
    }

    /// A word that AWS contradicts is not written down any more, so that the next run goes on with the key.
    fn taken_back(&self, sight: &Sight<'_>) -> Failure {
        let contradicted = self.contradicted(sight);
        if !self.word_was_given() || self.request.options.dry_run {
            return contradicted;
        }
        match self.entry(sight, State::Deactivating, None) {
            Ok(_) => contradicted,
            Err(failure) => failure,
        }
    }

    /// The command that goes on, or begins anew.
    fn again(&self) -> String {
        format!("keyrotate root-key remove {} --admin {}", self.key.profile.quoted(), self.admin.quoted())
    }

    fn outcome(&self, sight: &Sight<'_>, result: RemoveResult, notes: Vec<String>) -> RootKeyRemoved {
        RootKeyRemoved { result, id: self.key.id.clone(), account: sight.account.clone(), notes }
    }
}

/// The key that the profile has, as far as the files say.
fn own_id(context: &Context, name: &ProfileName) -> Option<AccessKeyId> {
    route(context, name).ok().map(|route| route.key.pair.id)
}

/// A rotation that is not over has its own plans for its keys.
fn not_rotating(run: &Run<'_>, id: Option<&AccessKeyId>) -> Result<(), Failure> {
    let of_key = |pending: &Pending| id.is_some_and(|id| pending.old == *id || pending.new.as_ref() == Some(id));
    match under_way(run.context).into_iter().find(of_key) {
        None => Ok(()),
        Some(pending) => {
            let message = format!("the rotation of {} ({}) is not over, and the key is part of it", pending.old, pending.profile);
            let hint = format!("{}; then run this again", pending.hint_at(clock::local_now()));
            Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint))
        }
    }
}

/// An error before anything was done.
fn unchanged(error: &dyn std::error::Error) -> Failure {
    Failure::from_error(FailureKind::Failed, error).state(UNCHANGED)
}

/// What an earlier run began with the profile's key and did not finish, by this profile or by another one with the same key.
fn begun(run: &Run<'_>, name: &ProfileName) -> Result<Option<(PathBuf, Removal)>, Failure> {
    let id = run.context.files_or_empty().route(name, &run.context.environment).ok().map(|route| route.key.pair.id);
    for path in Entry::list(&run.disk, &removals_directory(run.context)).map_err(|error| unchanged(&error))? {
        match Entry::load::<Removal>(&run.disk, &path).map_err(Unread::from) {
            Ok(removal) if removal.profile == *name || id.as_ref() == Some(&removal.id) => return Ok(Some((path, removal))),
            Ok(_) => {}
            Err(unread) if id.is_some() && unread.id() == id => return Err(unchanged(&unread).hint(unread.hint())),
            // Another key's, or nobody's.
            Err(_) => {}
        }
    }
    Ok(None)
}

/// Removals wait for a person, and nothing else waits for them: a lock of their own.
fn own_lock(run: &Run<'_>) -> Result<Lock, Failure> {
    for path in [run.context.paths.state_dir.clone(), removals_directory(run.context)] {
        private_directory(&path).map_err(|error| unchanged(&error))?;
    }
    let waiting = &mut |owner: &crate::os::lock::Owner| run.console.progress(&format!("waiting for another keyrotate: {owner}"));
    let (path, wait) = (run.state_file("root-key.lock"), run.context.waits().lock_wait);
    let lock = Lock::acquire(&path, wait, "keyrotate root-key remove", &|| run.signals.raised().is_some(), waiting);
    run.console.progress_done();
    lock.map_err(|error| {
        let kind = if matches!(error, LockError::Busy(_)) { FailureKind::Locked } else { FailureKind::Failed };
        Failure { kind, ..unchanged(&error) }
    })
}
