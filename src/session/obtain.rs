//! One process opens a session, the others wait and take it: look, lock, look again, ask, call, keep.
//!
//! Invariants: AWS is called and a person is asked only by the holder of the lock on the key's sessions; what it could not do, those that were
//! waiting do not try again one after the other. Which of them were is told without a clock: see [`word::Word`].

mod call;
mod word;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::cache::{Cache, CacheError, Cached, Found, Known};
use super::request::Request;
use super::source::{NoCode, Sources};
use super::token_codes::NoMemory;
use crate::aws::{Aws, AwsError, Signer};
use crate::holder::keychain::NoPair;
use crate::model::{AccessKeyId, AccessKeyPair, MfaSerial, Timing};
use crate::os::clock;
use crate::os::disk::Disk;
use crate::os::lock::{Lock, LockError, Owner, Turn};
use crate::os::terminal::Console;

const USUAL_TTL: Duration = Duration::from_secs(15 * 60);
/// What is left of a session that is about to be over does not count as one.
const LAST_MOMENT: Duration = Duration::from_secs(30);

/// What opening a session takes.
pub struct Opening<'a> {
    /// The sessions that are open.
    pub cache: &'a Cache<'a>,
    /// The disk that they are on.
    pub disk: &'a dyn Disk,
    /// The long-term pair; asked for by who holds the lock, and only where nothing on the way is open.
    pub pair: &'a dyn Fn() -> Result<AccessKeyPair, NoPair>,
    /// The profile that the session is for.
    pub profile: &'a str,
    /// A session that ends sooner is opened anew; see [`least`].
    pub min_ttl: Option<Duration>,
    /// Only one that is opened from now on will do.
    pub fresh: bool,
    /// How long to wait for a process that is opening one, and for a next code.
    pub timing: Timing,
    /// Whom to ask for a code.
    pub sources: &'a Sources,
    /// The person.
    pub console: &'a Console,
    /// The way to AWS.
    pub aws: &'a Aws,
    /// Our command, as it is shown to who waits for us; without secrets.
    pub command: &'a str,
}

/// A session, and what is to be said beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The session.
    pub cached: Cached,
    /// It was opened now, not found.
    pub is_new: bool,
    /// A code was used up for it.
    pub used_code: bool,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// No session.
#[derive(Debug, thiserror::Error)]
pub enum NoSession {
    /// No code.
    #[error(transparent)]
    NoCode(#[from] NoCode),
    /// The code is not right, as far as can be told.
    #[error("AWS did not take the MFA code{why}")]
    WrongCode {
        /// What may be the reason.
        why: String,
        /// AWS's answer.
        source: AwsError,
    },
    /// The code was sent before.
    #[error("this MFA code was sent to AWS before, and a code is good once: the next one comes in {seconds} s")]
    UsedCode {
        /// Until the next one.
        seconds: i64,
    },
    /// The device is not the user's.
    #[error("AWS does not know {serial} as an MFA device of this user")]
    WrongSerial {
        /// The device.
        serial: MfaSerial,
        /// AWS's answer.
        source: AwsError,
    },
    /// Any other refusal.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The process that was opening it could not.
    #[error("the process that was opening the session did not succeed: {0}")]
    Elsewhere(String),
    /// Another process holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The memory of used codes.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// The long-term pair is not to be had.
    #[error(transparent)]
    Pair(#[from] NoPair),
    /// The profile's key is another one by now.
    #[error("the key is {} by now", .0.id)]
    OtherKey(Box<AccessKeyPair>),
}

/// What was there when a process began.
struct Before {
    /// The word's id.
    word: Option<u64>,
    /// Sessions that do not count any more: those that a fresh one is to replace.
    sessions: Vec<AccessKeyId>,
}

/// A leg that could not be opened, by its digest and where it is known, and why.
type Stopped = Box<(Option<String>, NoSession)>;

/// How long a session has to last yet: what was asked for, else a quarter of an hour, because the AWS CLI asks again for what ends sooner; of a
/// short session half its length.
pub fn least(min_ttl: Option<Duration>, request: &Request) -> Duration {
    min_ttl.unwrap_or_else(|| USUAL_TTL.min(request.duration() / 2)).max(LAST_MOMENT)
}

/// The session of this request, if one is open that lasts as long as [`least`] says. Reads one file, and one keychain item where that has the
/// secrets; what a keychain that cannot be asked has is not to be opened anew.
pub fn warm(cache: &Cache<'_>, request: &Request, min_ttl: Option<Duration>, now: DateTime<Utc>) -> Result<Option<Cached>, CacheError> {
    warm_unless(cache, request, min_ttl, now, &[])
}

/// The same, but none of these.
fn warm_unless(
    cache: &Cache<'_>,
    request: &Request,
    min_ttl: Option<Duration>,
    now: DateTime<Utc>,
    but: &[AccessKeyId],
) -> Result<Option<Cached>, CacheError> {
    match cache.find(request, |known| known.time_left(now) >= least(min_ttl, request) && !but.contains(&known.id)) {
        Found::Session(cached) => Ok(Some(*cached)),
        Found::Nothing | Found::Unusable { .. } => Ok(None),
        Found::Withheld { item, source } => Err(CacheError::Keychain { item, act: "read", source }),
    }
}

impl Opening<'_> {
    /// Finds the session, or opens it and whatever leads to it.
    pub fn obtain(&self, request: &Request) -> Result<Opened, NoSession> {
        let before = self.before(request);
        if let Some(cached) = self.warm(request, &before)? {
            return Ok(found(cached));
        }
        let path = self.cache.lock(&request.key)?;
        let mut waiting = |owner: &Owner| {
            tracing::debug!("waiting for {owner}");
            self.console.progress(&format!("waiting for {owner}, which is opening a session"));
        };
        let stop = || self.console.stopped();
        let news = || self.news(request, &before);
        let turn = Lock::acquire_unless(&path, self.console.left(self.timing.lock_wait), self.command, &stop, &mut waiting, &news);
        self.console.progress_done();
        // Once more with the lock: the last owner may have ended between two looks.
        let (news, lock) = match turn {
            Ok(Turn::Spared(news)) => (Some(news), None),
            Ok(Turn::Lock(lock)) => (news(), Some(lock)),
            Err(error) => (Some(Err(error.into())), None),
        };
        let opened = match news {
            Some(news) => news.map(found),
            None => self.open(request, &before).map_err(|stopped| {
                let (leg, error) = *stopped;
                self.leave_word(request, leg, &error);
                error
            }),
        };
        if opened.as_ref().is_ok_and(|opened| opened.is_new) {
            self.cache.sweep(clock::local_now(), &[&request.key], self.command);
        }
        drop(lock);
        opened.or_else(|error| self.rest(request, error))
    }

    /// Opens it from the longest part of the way that is open already.
    fn open(&self, request: &Request, before: &Before) -> Result<Opened, Stopped> {
        let mut notes = Vec::new();
        let way = request.way();
        let now = clock::local_now();
        let will_do = |known: &Known| !known.time_left(now).is_zero() && !before.sessions.contains(&known.id);
        let open = |leg: &Request| match self.cache.find(leg, will_do) {
            Found::Session(cached) => Ok(Some(*cached)),
            Found::Nothing => Ok(None),
            Found::Withheld { item, source } => {
                let error = CacheError::Keychain { item, act: "read", source };
                Err(Box::new((Some(leg.digest()), NoSession::from(error))))
            }
            Found::Unusable { path, why } => {
                self.console.note(&format!("the session {} is not used: {why}", path.display()));
                Ok(None)
            }
        };
        let lasts = |cached: &Cached, ttl| cached.time_left(now) >= least(ttl, &cached.request);
        let found = way.iter().map(open).collect::<Result<Vec<Option<Cached>>, Stopped>>()?;
        let usable = |ttl| found.iter().rposition(|cached| cached.as_ref().is_some_and(|cached| lasts(cached, ttl)));
        let mut start = usable(self.min_ttl);
        let needs_code = start.is_none() && way.first().is_some_and(|first| first.leg().needs_code());
        if needs_code && self.sources.source(self.console).is_none() {
            start = usable(Some(Duration::ZERO));
            if start.is_none() {
                return Err(nobody());
            }
            notes.push("the MFA session ends soon, and nobody can be asked for a code: what is left of it is used".to_owned());
        }
        let mut at = start.map_or(0, |start| start + 1);
        let mut last = start.and_then(|start| found.into_iter().nth(start).flatten());
        if let Some(next) = way.get(at) {
            self.cache.check_keeping(&request.key).map_err(|error| Box::new((Some(next.digest()), error.into())))?;
        }
        while let Some(next) = way.get(at) {
            let signer = match &last {
                Some(cached) => Signer::Session(cached.credentials.clone()),
                None => Signer::LongTerm(self.own(next)?),
            };
            let credentials = self.call(next, &signer).map_err(|error| Box::new((Some(next.digest()), error)))?;
            let opened_for = Some(self.profile.to_owned());
            let cached = Cached { request: next.clone(), credentials, opened_at: clock::local_now(), opened_for };
            if let Err(error) = self.cache.keep(&cached) {
                // The code is used up: what it gave is handed out all the same.
                notes.push(format!("the session could not be kept for the next command: {error}"));
            }
            last = Some(cached);
            at += 1;
        }
        match last {
            Some(cached) => {
                let used_code = needs_code && start.is_none();
                Ok(Opened { cached, is_new: start != Some(way.len().saturating_sub(1)), used_code, notes })
            }
            None => Err(nobody()),
        }
    }

    fn own(&self, request: &Request) -> Result<AccessKeyPair, Stopped> {
        let pair = (self.pair)().map_err(|error| Box::new((Some(request.digest()), error.into())))?;
        if pair.id == request.key { Ok(pair) } else { Err(Box::new((None, NoSession::OtherKey(Box::new(pair))))) }
    }

    fn before(&self, request: &Request) -> Before {
        let session = |leg: &Request| self.cache.known(leg).map(|known| known.id);
        let way = if self.fresh { request.way() } else { Vec::new() };
        Before { word: self.word(request).map(|word| word.id), sessions: way.iter().filter_map(session).collect() }
    }

    fn warm(&self, request: &Request, before: &Before) -> Result<Option<Cached>, CacheError> {
        warm_unless(self.cache, request, self.min_ttl, clock::local_now(), &before.sessions)
    }

    /// What another process did while this one waited.
    fn news(&self, request: &Request, before: &Before) -> Option<Result<Cached, NoSession>> {
        if let Some(known) = self.warm(request, before).transpose() {
            return Some(known.map_err(NoSession::from));
        }
        let word = self.word(request).filter(|word| before.word != Some(word.id))?;
        let is_ours = request.way().iter().any(|leg| leg.digest() == word.leg) && !(word.is_code && self.sources.given.is_some());
        is_ours.then_some(Err(NoSession::Elsewhere(word.message)))
    }

    /// What is left of the session, where a new one cannot be had now and nobody is there who could do something about it.
    fn rest(&self, request: &Request, error: NoSession) -> Result<Opened, NoSession> {
        let passes = match &error {
            NoSession::Lock(LockError::Busy(_)) | NoSession::Elsewhere(_) | NoSession::NoCode(NoCode::Command { .. }) => true,
            NoSession::Cache(_) | NoSession::Memory(_) | NoSession::Pair(_) => true,
            NoSession::OtherKey(_) => false,
            NoSession::Aws(error) => error.is_transient(),
            NoSession::NoCode(NoCode::TooLate) => true,
            NoSession::NoCode(NoCode::Nobody | NoCode::Abandoned | NoCode::NotACode) | NoSession::Lock(_) => false,
            NoSession::WrongCode { .. } | NoSession::UsedCode { .. } | NoSession::WrongSerial { .. } => false,
        };
        let rest = || warm(self.cache, request, Some(LAST_MOMENT), clock::local_now()).ok().flatten();
        let rest = if passes && !self.fresh { rest() } else { None };
        let note = format!("the session ends soon, and a new one could not be opened: {error}");
        rest.map(|cached| Opened { notes: vec![note], ..found(cached) }).ok_or(error)
    }
}

fn nobody() -> Stopped {
    Box::new((None, NoCode::Nobody.into()))
}

fn found(cached: Cached) -> Opened {
    Opened { cached, is_new: false, used_code: false, notes: Vec::new() }
}
