//! The acts: deactivate, wait, delete, or activate again; then the lines of the files.
//!
//! Invariants: each is written down before it is done; what cannot be told by an answer is told by looking; a signal during the wait has the key
//! activated again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::sight::Sight;
use super::{RemoveResult, Removing, Request, RootKeyRemoved, UNCHANGED, not_rotating, unchanged};
use crate::aws::{AwsError, ErrorKind, RootUser, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::known::removals_directory;
use crate::commands::rotate::Run;
use crate::commands::session::{SessionOptions, access, root_warning};
use crate::journal::Entry;
use crate::model::{AccessKeyId, AccessKeyPair, KeyStatus, SecretAccessKey, format_duration};
use crate::os::clock;
use crate::os::terminal::{Answer, Question};
use crate::profile::FileKind;
use crate::root_key::{By, Removal, State, Step};
use crate::rotation::describe;
use crate::session::Whose;

/// A session of the root user is an hour long.
const SESSION: Duration = Duration::from_secs(3_600);
/// What has to be left of it when the wait is over.
const SPARE: Duration = Duration::from_secs(300);

/// What a person wants of an inactive key.
enum Wish {
    Delete,
    Activate,
}

impl Removing<'_> {
    /// Does what is to be done.
    pub(super) fn carry_out(&self, sight: &Sight<'_>, step: Step) -> Result<RootKeyRemoved, Failure> {
        match step {
            Step::Deactivate(by) => {
                let opened = self.session(sight, by)?;
                let Some(root) = opened.as_ref().or(sight.other.as_ref()) else { return Err(self.stranded(sight)) };
                self.deactivate(sight, root)
            }
            Step::Decide(_) => {
                let Some(root) = sight.other.as_ref() else { return Err(self.stranded(sight)) };
                let entry = self.entry(sight, State::Deactivating, Some(root))?;
                match self.ask(&format!("{} is inactive: delete it?", self.key.id), None) {
                    Some(wish) => self.end(sight, root, entry, &wish),
                    None => Err(self.stopped().state("the key is inactive").hint(self.goes_on(root))),
                }
            }
            Step::DeleteAtOnce => {
                let Some(root) = sight.itself.as_ref() else { return Err(self.stranded(sight)) };
                let entry = self.entry(sight, State::Deleting, Some(root))?;
                self.delete(sight, root, entry)
            }
            Step::CleanUp => {
                let entry = self.entry(sight, State::Deleted, None)?;
                self.cleaned(sight, entry, State::Deleted)
            }
            Step::Believe => {
                let entry = self.entry(sight, State::SeenGone, None)?;
                self.cleaned(sight, entry, State::SeenGone)
            }
            Step::Later => Err(self.later()),
            Step::Stranded => Err(self.stranded(sight)),
            Step::Contradicted => Err(self.contradicted(sight)),
        }
    }

    /// A session of the root user that is kept for the next run, too, and lasts beyond the wait; none is needed where another key signs.
    fn session(&self, sight: &Sight<'_>, by: By) -> Result<Option<RootUser<'_>>, Failure> {
        let run = self.run;
        if by != By::Session {
            return Ok(None);
        }
        let lasts = |signer: &Signer| match signer {
            Signer::Session(session) => self.lasts(Some(session.expires_at)),
            Signer::LongTerm(_) => false,
        };
        if self.open_session()?.as_ref().is_some_and(lasts) && sight.other.is_some() {
            return Ok(None);
        }
        let options = SessionOptions {
            profile: Some(self.key.profile.to_string()),
            duration: Some(SESSION),
            min_ttl: Some(self.least()),
            again: Some(self.again()),
            ..SessionOptions::default()
        };
        let access = access(run.context, &|| Ok(run.console.clone()), &options, "keyrotate root-key remove");
        let access = access.map_err(|failure| failure.state(UNCHANGED))?;
        let known = root_warning(&self.key.id, &self.key.profile);
        access.notes.iter().filter(|note| **note != known).for_each(|note| run.console.note(note));
        // From where the next run has it: who is killed during the wait leaves somebody who can sign.
        let kept = self.open_session()?.filter(lasts).and_then(|signer| self.root(signer, &sight.account));
        kept.map(Some).ok_or_else(|| {
            let message = "the session of the root user could not be kept, or AWS does not say that it is the root user's";
            Failure::new(FailureKind::Failed, message)
                .state(UNCHANGED)
                .hint("look at `keyrotate login`, which keeps sessions, then run this again")
        })
    }

    /// How long a session has to last yet when the key is made inactive.
    fn least(&self) -> Duration {
        self.request.options.wait + SPARE
    }

    /// Whether a session that ends then can still sign when the wait is over.
    pub(super) fn lasts(&self, until: Option<DateTime<Utc>>) -> bool {
        until.is_some_and(|until| until - clock::local_now() >= TimeDelta::from_std(self.least()).unwrap_or_default())
    }

    fn deactivate(&self, sight: &Sight<'_>, root: &RootUser<'_>) -> Result<RootKeyRemoved, Failure> {
        let (id, console) = (&self.key.id, self.request.console);
        let entry = self.entry(sight, State::Deactivating, Some(root))?;
        console.progress(&format!("deactivating {id}"));
        // CRASH: the key is inactive or not, which the next run sees by the session or the other key.
        let answer = root.update_access_key(id, KeyStatus::Inactive);
        console.progress_done();
        if let Err(error) = answer {
            match self.status(root) {
                Ok(Some(KeyStatus::Inactive)) => {}
                // A listing may be late: that it is active counts only where nothing can have happened.
                Ok(Some(KeyStatus::Active | KeyStatus::Other(_))) if error.is_definitive() => {
                    let failure = self.failed("the key could not be deactivated", &error);
                    self.close(entry, sight, root)?;
                    return Err(failure.state("the key is active").hint(self.may_sign(root, &error)));
                }
                // It was listed a moment ago: that it is gone takes more than a listing without it.
                Ok(None) if error.kind == ErrorKind::Gone => return self.cleaned(sight, entry, State::Deleted),
                Ok(Some(_) | None) | Err(_) => {
                    let failure = self.failed("it is not known whether the key is inactive", &error);
                    return Err(failure.state("the key is active or inactive; the files still have it").hint(self.goes_on(root)));
                }
            }
        }
        // A session that AWS ended with the key would be of no use after the wait.
        if self.status(root).is_err_and(|error| error.refuses_the_key()) {
            return Err(self.stranded(sight));
        }
        match self.wait() {
            Some(wish) => self.end(sight, root, entry, &wish),
            None => {
                let stopped = self.stopped();
                self.activate(sight, root, entry)?;
                forgotten(self.run, &self.key.id).iter().for_each(|note| console.note(note));
                Err(stopped.state("the key is active again, and nothing else was changed").hint(format!("run `{}` again", self.again())))
            }
        }
    }

    /// Lets a person see what breaks. Nothing where they left.
    fn wait(&self) -> Option<Wish> {
        let (wait, console) = (self.request.options.wait, self.request.console);
        if console.stopped() {
            return None;
        }
        if wait.is_zero() {
            return Some(Wish::Delete);
        }
        let at = clock::local_now() + TimeDelta::from_std(wait).unwrap_or_default();
        let at = describe::time(at);
        let text =
            format!("{} is inactive: see what breaks; it is deleted in {}, at {at}. Delete it now?", self.key.id, format_duration(wait));
        self.ask(&text, Some(clock::boot_time().saturating_add(wait)))
    }

    /// Asks until then at most, which is as good as a yes.
    fn ask(&self, text: &str, until: Option<Duration>) -> Option<Wish> {
        let console = self.request.console.clone().until(until);
        let choices = vec![('y', "delete it now".to_owned()), ('n', "activate it again".to_owned())];
        match console.ask(&Question { text: text.to_owned(), choices, default: None }) {
            Answer::Choice('y') => Some(Wish::Delete),
            Answer::Choice(_) => Some(Wish::Activate),
            Answer::None if console.stopped() => None,
            Answer::None => (until.is_some() && console.is_late()).then_some(Wish::Delete),
        }
    }

    fn end(&self, sight: &Sight<'_>, root: &RootUser<'_>, entry: Entry<'_>, wish: &Wish) -> Result<RootKeyRemoved, Failure> {
        match wish {
            Wish::Delete => self.delete(sight, root, entry),
            Wish::Activate => {
                self.activate(sight, root, entry)?;
                Ok(self.outcome(sight, RemoveResult::Activated, forgotten(self.run, &self.key.id)))
            }
        }
    }

    fn activate(&self, sight: &Sight<'_>, root: &RootUser<'_>, entry: Entry<'_>) -> Result<(), Failure> {
        let answer = root.update_access_key(&self.key.id, KeyStatus::Active);
        if let Err(error) = answer {
            let state = if error.is_definitive() { "the key is inactive" } else { "the key is active or inactive" };
            return Err(self.failed("the key could not be activated again", &error).state(state).hint(self.goes_on(root)));
        }
        self.close(entry, sight, root)
    }

    fn delete(&self, sight: &Sight<'_>, root: &RootUser<'_>, mut entry: Entry<'_>) -> Result<RootKeyRemoved, Failure> {
        let (id, console) = (&self.key.id, self.request.console);
        let goes_on = |error: &dyn std::error::Error| Failure::from_error(FailureKind::Failed, error).hint(self.goes_on(root));
        entry.update(&self.removal(sight, State::Deleting, Some(root))).map_err(|error| goes_on(&error).state("the key is still there"))?;
        console.progress(&format!("deleting {id}"));
        // CRASH: the key is gone or not, which the next run sees.
        let answer = root.delete_access_key(id);
        console.progress_done();
        if let Err(error) = answer.or_else(|error| if error.kind == ErrorKind::Gone { Ok(()) } else { Err(error) }) {
            // The answer may have been lost, and not what it did.
            match self.status(root) {
                // A refusal did nothing, whatever a listing leaves out.
                Ok(None) if !error.is_definitive() => {}
                Ok(Some(status)) => {
                    let word = if status == KeyStatus::Inactive { "inactive" } else { "active" };
                    let failure = self.failed("the key could not be deleted", &error);
                    return Err(failure.state(format!("the key is {word}")).hint(self.goes_on(root)));
                }
                Ok(None) | Err(_) => {
                    let failure = self.failed("it is not known whether the key is deleted", &error);
                    return Err(failure.state("the key is deleted or not; the files still have it").hint(self.goes_on(root)));
                }
            }
        }
        entry
            .update(&self.removal(sight, State::Deleted, None))
            .map_err(|error| goes_on(&error).state("the key is deleted; the files have it"))?;
        self.cleaned(sight, entry, State::Deleted)
    }

    fn cleaned(&self, sight: &Sight<'_>, entry: Entry<'_>, state: State) -> Result<RootKeyRemoved, Failure> {
        let item = self.key.route.as_ref().and_then(|route| route.key.pair.item());
        let mut notes = Vec::new();
        if let Some(item) = item {
            notes.push(format!("keychain item {item} still has the dead key: run `keyrotate keys remove {item}`"));
        }
        let profiles = self.profiles()?;
        if !profiles.is_empty() {
            let names = profiles.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            let instead = format!("`--profile {}`", self.admin.quoted());
            notes.push(format!("{names} led to it: use {instead} there, or give it an IAM user's key with `keyrotate keys add`"));
        }
        clean_up(self.run, self.request, entry, self.removal(sight, state, None), notes)
    }

    /// What the root user's keys say of it; `None` where it is not among them.
    fn status(&self, root: &RootUser<'_>) -> Result<Option<KeyStatus>, AwsError> {
        Ok(root.list_access_keys()?.into_iter().find(|key| key.id == self.key.id).map(|key| key.status))
    }

    fn removal(&self, sight: &Sight<'_>, state: State, signer: Option<&RootUser<'_>>) -> Removal {
        let (profile, admin) = (self.key.profile.clone(), self.admin.clone());
        let removal = Removal::new(profile, self.key.id.clone(), sight.account.clone(), admin, state);
        let earlier = self.begun.as_ref().map(|(_, removal)| removal);
        removal.beside(sight.others()).begun_by(earlier).signed_until(signer.and_then(RootUser::signs_until))
    }

    /// The entry of an earlier run, or one that begins now. A rotation sees it from then on, and is seen before.
    pub(super) fn entry(&self, sight: &Sight<'_>, state: State, signer: Option<&RootUser<'_>>) -> Result<Entry<'_>, Failure> {
        let _lock = self.run.lock()?;
        not_rotating(self.run, Some(&self.key.id))?;
        let removal = self.removal(sight, state, signer);
        let entry = match &self.begun {
            Some((path, _)) => Entry::resume(&self.run.disk, path.clone(), &removal),
            None => {
                let directory = removals_directory(self.run.context);
                Entry::sweep(&self.run.disk, &directory).map_err(|error| unchanged(&error))?;
                Entry::begin(&self.run.disk, directory.join(format!("{}.json", self.key.id)), &removal)
            }
        };
        let mut entry = entry.map_err(|error| unchanged(&error))?;
        entry.update(&removal).map_err(|error| unchanged(&error))?;
        Ok(entry)
    }

    fn close(&self, entry: Entry<'_>, sight: &Sight<'_>, root: &RootUser<'_>) -> Result<(), Failure> {
        entry
            .close(&self.removal(sight, State::Deactivating, None))
            .map_err(|error| Failure::from_error(FailureKind::Failed, &error).hint(self.goes_on(root)))
    }

    fn failed(&self, what: &str, error: &AwsError) -> Failure {
        Failure { causes: vec![error.to_string()], ..Failure::new(FailureKind::Failed, format!("{what}: {}", self.key.id)) }
    }

    fn stopped(&self) -> Failure {
        let why = self.request.signals.raised().map_or_else(|| "no answer was given".to_owned(), |signal| format!("stopped by {signal}"));
        Failure::new(FailureKind::Failed, why)
    }

    /// What helps where nothing was done: a policy of the organization may want MFA of the root user, which a key alone does not have.
    fn may_sign(&self, signer: &RootUser<'_>, error: &AwsError) -> String {
        let right = "put that right, then run this again";
        if signer.signs_until().is_some() || !matches!(error.kind, ErrorKind::Denied { .. }) {
            return right.to_owned();
        }
        let login = format!("keyrotate login {} --duration 1h", self.key.profile.quoted());
        format!("{right}; or `{login}` opens a session with MFA, which then signs in the other key's place")
    }

    /// The command that goes on, and how long what signs it does.
    fn goes_on(&self, signer: &RootUser<'_>) -> String {
        let until = signer.signs_until().map(describe::time);
        let until = until.map(|at| format!("; the session of the root user that signs it ends at {at}"));
        format!("run `{}`, which goes on{}", self.again(), until.unwrap_or_default())
    }
}

/// The key is gone: takes its lines out of the files, and forgets its sessions.
pub(super) fn clean_up(
    run: &Run<'_>,
    request: &Request<'_>,
    mut entry: Entry<'_>,
    mut removal: Removal,
    mut notes: Vec<String>,
) -> Result<RootKeyRemoved, Failure> {
    let context = run.context;
    let failed = |removal: &Removal, error: &dyn std::error::Error| {
        let state = if removal.state == State::SeenGone { "as you saw, is gone" } else { "is deleted" };
        let state = format!("{} {state}, and its lines may be in the files", removal.id);
        let failure = Failure::from_error(FailureKind::Failed, error).state(state);
        failure.hint(format!("put that right, then run `{}`, which removes them; or remove them by hand", removal.again()))
    };
    let _lock = run.lock()?;
    for kind in [FileKind::Credentials, FileKind::Config] {
        let files = context.files()?;
        let document = if kind == FileKind::Credentials { files.credentials() } else { files.config() };
        let secrets = document.map(|document| document.holds(&removal.id)).unwrap_or_default().into_iter().filter_map(|held| held.secret);
        let pair = secrets.map(|secret| AccessKeyPair { id: removal.id.clone(), secret }).next();
        // What an edit that was cut off left beside the file is taken away also where the lines are gone.
        let left = || AccessKeyPair { id: removal.id.clone(), secret: SecretAccessKey::new(String::new()) };
        let Some(pair) = pair.or_else(|| removal.is_under_way(kind).then(left)) else { continue };
        removal.write(&run.disk, kind, files.path(kind), &pair, &mut entry).map_err(|error| failed(&removal, &error))?;
    }
    notes.extend(forgotten(run, &removal.id));
    entry.close(&removal).map_err(|error| failed(&removal, &error))?;
    request.console.progress_done();
    let result = if removal.state == State::SeenGone { RemoveResult::DoneOnWord } else { RemoveResult::Done };
    Ok(RootKeyRemoved { result, id: removal.id, account: removal.account, notes })
}

/// Forgets the sessions of the key. Returns what a person should know.
fn forgotten(run: &Run<'_>, id: &AccessKeyId) -> Vec<String> {
    let forgotten = run.context.cache(&run.disk).forget(Whose::Of { key: id, others: &|_| false }, &|_| false);
    let told = |error| format!("sessions of {id} may be left here ({error}): `keyrotate logout --all` forgets them");
    forgotten.err().map(told).into_iter().collect()
}
