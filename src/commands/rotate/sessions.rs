//! The MFA session that signs a rotation's calls to IAM where a policy wants one.
//!
//! Invariants: a session that is open is taken before anybody is asked; `auto` asks nobody.

use std::cell::RefCell;
use std::time::Duration;

use super::Run;
use crate::aws::{Aws, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::{Asking, code_command, device, hint, usable};
use crate::holder::Place;
use crate::journal::JournalError;
use crate::model::{AccessKeyId, AccessKeyPair, MfaSerial, ProfileName, Timing};
use crate::os::clock;
use crate::profile::Route;
use crate::rotation::{End, Granted, Record, State, Which};
use crate::session::{Cache, Cached, NoCode, NoSession, Opening, Request, Sources, partition, warm};

/// Where the sessions of one key's user come from.
pub(in crate::commands) struct Sessions<'a> {
    run: &'a Run<'a>,
    aws: &'a Aws,
    profile: ProfileName,
    /// The user's keys here, under which a session may be kept.
    keys: Vec<AccessKeyId>,
    route: Option<Route>,
    timing: Timing,
    /// Why there is none.
    failure: RefCell<Option<Failure>>,
}

impl<'a> Sessions<'a> {
    /// For the rotation of this profile's key; `keys` are those of it that there are.
    pub(in crate::commands) fn new(run: &'a Run<'a>, aws: &'a Aws, timing: &Timing, profile: &ProfileName, keys: Vec<AccessKeyId>) -> Self {
        let route = run.context.files_or_empty().route(profile, &run.context.environment).ok();
        Self { run, aws, profile: profile.clone(), keys, route, timing: *timing, failure: RefCell::default() }
    }

    /// Whether the files name an MFA device, or a login found one out.
    pub(in crate::commands) fn has_device(&self) -> bool {
        let cache = self.run.cache();
        let is_named = self.route.as_ref().is_some_and(|route| route.mfa_serial.is_some());
        is_named || self.keys.iter().any(|key| cache.device(key).is_some())
    }

    /// A session: one that is open and was not refused, else a new one that this pair opens.
    pub(in crate::commands) fn grant(&self, pair: &AccessKeyPair, refused: &[AccessKeyId]) -> Option<Granted> {
        match self.granted(pair, refused) {
            Ok(granted) => Some(granted),
            Err(failure) => {
                self.failure.replace(Some(failure));
                None
            }
        }
    }

    /// The failure of a call for want of a session: why there is none, which a person can do something about, then what wanted it.
    pub(in crate::commands) fn told(&self, failure: Failure) -> Failure {
        match self.failure.borrow().clone() {
            Some(why) if failure.kind == FailureKind::MfaNeeded => {
                // What AWS said to the call says no more than its message here.
                let causes = why.causes.into_iter().chain([failure.message]).collect();
                Failure { kind: why.kind, message: why.message, causes, state: failure.state, hint: why.hint }
            }
            Some(_) | None => failure,
        }
    }

    fn granted(&self, pair: &AccessKeyPair, refused: &[AccessKeyId]) -> Result<Granted, Failure> {
        let run = self.run;
        let cache = run.cache();
        let serial = self.route.as_ref().and_then(|route| route.mfa_serial.clone());
        let serial = serial.or_else(|| self.keys.iter().find_map(|key| cache.device(key)));
        let endpoint = run.context.files_or_empty().endpoint("sts", &self.profile, &run.context.environment);
        let mut open = usable(&cache, &self.keys, serial.as_ref(), endpoint.as_deref());
        open.retain(|known| !refused.contains(&known.id));
        open.sort_by_key(|known| std::cmp::Reverse(known.expires_at));
        let failed = |error: &NoSession| self.failed(error);
        for known in open {
            let found = warm(&cache, &known.request, None, clock::local_now()).map_err(|error| failed(&error.into()))?;
            if let Some(found) = found.filter(|found| self.is_own(pair, found)) {
                return Ok(Granted { credentials: found.credentials, is_new: false });
            }
        }
        let (settings, sources) = (run.context.settings.for_profile(&self.profile), self.sources());
        if sources.source(run.console).is_none() {
            return Err(failed(&NoCode::Nobody.into()));
        }
        let key_profile = self.route.as_ref().map_or(&self.profile, |route| &route.key.key_profile);
        let command = &format!("keyrotate {}", run.command);
        let asking = Asking {
            aws: self.aws,
            pair,
            profile: key_profile,
            asked: &self.profile,
            cache: &cache,
            console: run.console,
            timing: &self.timing,
            command,
            config: &run.context.aws_paths.config,
            settings: &run.context.paths.config_file,
        };
        let serial = serial.map_or_else(|| device(&asking), Ok)?;
        let request = self.request(pair, serial, endpoint, settings.session_duration);
        let opening = Opening {
            cache: &cache,
            disk: &run.disk,
            pair: &|| Ok(pair.clone()),
            profile: self.profile.as_str(),
            min_ttl: None,
            // The one that is open was refused, or is none of this user's.
            fresh: true,
            timing: self.timing,
            sources: &sources,
            console: run.console,
            aws: self.aws,
            command,
        };
        let opened = opening.obtain(&request).map_err(|error| failed(&error))?;
        opened.notes.iter().for_each(|note| run.console.note(note));
        Ok(Granted { credentials: opened.cached.credentials, is_new: opened.is_new })
    }

    /// Whether a session is of the pair's user. One that was opened with another key is so by the files' word only, of whose device it is.
    fn is_own(&self, pair: &AccessKeyPair, cached: &Cached) -> bool {
        let identity = |signer| self.aws.get_caller_identity(&signer).ok();
        self.keys.contains(&cached.request.key)
            || identity(Signer::Session(cached.credentials.clone()))
                .zip(identity(Signer::LongTerm(pair.clone())))
                .is_some_and(|(session, own)| session.same_principal(&own))
    }

    /// The key's own session, as `login` opens it: the person is not asked for another one later.
    fn request(&self, pair: &AccessKeyPair, serial: MfaSerial, endpoint: Option<String>, length: Duration) -> Request {
        Request {
            key: pair.id.clone(),
            partition: partition(self.route.as_ref().and_then(|route| route.key.region.as_deref())).to_owned(),
            endpoint,
            mfa_serial: Some(serial),
            session_seconds: Some(length.as_secs()),
            roles: Vec::new(),
        }
    }

    fn sources(&self) -> Sources {
        let run = self.run;
        if run.command == "auto" {
            return Sources { given: None, command: None, command_limit: self.timing.code_wait, dialog: false };
        }
        let settings = run.context.settings.for_profile(&self.profile);
        let command = match &self.route {
            Some(route) => code_command(run.context, &self.profile, route),
            None => settings.mfa_command,
        };
        Sources { given: run.options.mfa_code.clone(), command, command_limit: self.timing.code_wait, dialog: settings.mfa_dialog }
    }

    fn failed(&self, error: &NoSession) -> Failure {
        let name = self.profile.quoted();
        if matches!(error, NoSession::NoCode(NoCode::Nobody)) {
            let verb = if self.run.command == "undo" { "undo" } else { "rotate" };
            let login = format!("run `keyrotate login {name}` in a terminal, then this again");
            return Failure::from_error(FailureKind::MfaNeeded, error)
                .hint(format!("{login}; `keyrotate {verb} {name}` asks for a code, too"));
        }
        let kind = if matches!(error, NoSession::Lock(_)) { FailureKind::Locked } else { FailureKind::Failed };
        Failure::from_error(kind, error).hint(hint(error, &format!("run `keyrotate {} {name}` again", self.run.command)))
    }
}

impl Run<'_> {
    pub(super) fn cache(&self) -> Cache<'_> {
        self.context.cache(&self.disk)
    }

    /// The sessions go on under the key that is in use now, and so does what is known of its user's device.
    pub(super) fn rekey(&self, record: &Record) {
        let (Some(new), Some((from, to))) = (record.pair(Which::New), succession(record)) else { return };
        let id = |which| if which == Which::Old { &record.old.id } else { &new.id };
        let (cache, from, to) = (self.cache(), id(from), id(to));
        if let Some(serial) = cache.device(from).filter(|_| cache.device(to).is_none()) {
            // Asked again next time, if it cannot be kept.
            let _ = cache.keep_device(to, &serial);
        }
        if let Err(error) = cache.rekey(from, to, &format!("keyrotate {}", self.command)) {
            let next = "the next command that needs one asks for a code";
            self.console.note(&format!("the sessions of {from} stay behind and do not serve {to}: {error}; {next}"));
        }
    }

    /// What is known of the keychain's items follows the sessions, which are kept under the key's id.
    pub(super) fn reindex(&self, record: &Record) -> Result<(), JournalError> {
        let (Some(new), Some((_, to))) = (record.pair(Which::New), succession(record)) else { return Ok(()) };
        let id = if to == Which::Old { &record.old.id } else { &new.id };
        for entry in record.holders.iter().filter(|entry| !entry.left_out) {
            let Place::KeychainItem { item } = &entry.place else { continue };
            let noted = self.context.reindex(item, id);
            noted.map_err(|error| {
                JournalError::NotNoted(format!("that keychain item {item} has {id} now could not be noted: {}", told(&error)))
            })?;
        }
        Ok(())
    }
}

/// An error with its causes, on one line.
fn told(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", told(source)))
}

/// Whose sessions go on as whose; `None` while neither key has replaced the other.
fn succession(record: &Record) -> Option<(Which, Which)> {
    match &record.state {
        State::Committed { .. } | State::Draining { .. } | State::OldInactive { .. } | State::Deleted => Some((Which::Old, Which::New)),
        State::Done(End::Rotated | End::RotatedOldInactive | End::Pulled) => Some((Which::Old, Which::New)),
        State::Done(End::Undone { .. } | End::Aborted { .. }) => Some((Which::New, Which::Old)),
        State::Intent { .. } | State::Suspect { .. } | State::Created | State::Verified => None,
        State::RollingBack { .. } | State::Undoing { .. } | State::Reactivating { .. } | State::Done(End::Forgotten) => None,
    }
}
