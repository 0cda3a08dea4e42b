//! One process opens a session, the others wait and take it: look, lock, look again, ask, call, keep.
//!
//! Invariant: AWS is called and a person is asked only by the holder of the lock on the key's sessions.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::cache::{Cache, CacheError, Cached, Found};
use super::request::{Leg, Request};
use super::source::{NoCode, Source, Sources};
use super::token_codes::{STEP_SECONDS, TokenCodes, Used};
use crate::aws::{AssumeRole, Aws, AwsError, MfaRefusal, Signer, TokenCodeOf, describe_skew};
use crate::model::{AccessKeyPair, MfaSerial, TemporaryCredentials, TokenCode};
use crate::os::atomic_file::{remove_if_there, replace};
use crate::os::clock;
use crate::os::disk::Disk;
use crate::os::lock::{Lock, LockError};
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
    /// The long-term pair.
    pub pair: &'a AccessKeyPair,
    /// What the session is for, in a few words.
    pub what: &'a str,
    /// A session that ends sooner is opened anew; see [`least`].
    pub min_ttl: Option<Duration>,
    /// How long to wait for a process that is opening one.
    pub wait: Duration,
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
    #[error("this MFA code was used already, and a code is good once: the next one comes in {seconds} s")]
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
    #[error("the memory of used MFA codes cannot be written")]
    Memory(#[source] std::io::Error),
}

/// What a process left for those that waited for it.
#[derive(Serialize, Deserialize)]
struct Failed {
    at: DateTime<Utc>,
    message: String,
}

/// How much of a session is left, by this machine's clock; zero where it is over.
pub fn time_left(credentials: &TemporaryCredentials, now: DateTime<Utc>) -> Duration {
    (credentials.expires_at - now).to_std().unwrap_or_default()
}

/// How long a session has to last yet: what was asked for, else a quarter of an hour, because the AWS CLI asks again for what ends sooner; of a
/// short session half its length.
pub fn least(min_ttl: Option<Duration>, request: &Request) -> Duration {
    min_ttl.unwrap_or_else(|| USUAL_TTL.min(request.duration() / 2)).max(LAST_MOMENT)
}

/// The session of this request, if one is open that lasts as long as [`least`] says. Reads one file.
pub fn warm(cache: &Cache<'_>, request: &Request, min_ttl: Option<Duration>, now: DateTime<Utc>) -> Option<Cached> {
    match cache.find(request) {
        Found::Session(cached) if time_left(&cached.credentials, now) >= least(min_ttl, request) => Some(*cached),
        Found::Session(_) | Found::Nothing | Found::Unusable { .. } => None,
    }
}

impl Opening<'_> {
    /// Finds the session, or opens it and whatever leads to it.
    pub fn obtain(&self, request: &Request) -> Result<Opened, NoSession> {
        if let Some(cached) = warm(self.cache, request, self.min_ttl, clock::local_now()) {
            return Ok(Opened { cached, is_new: false, used_code: false, notes: Vec::new() });
        }
        self.cache.make()?;
        let began_at = clock::local_now();
        let mut waited = false;
        let mut waiting = |owner: &crate::os::lock::Owner| {
            waited = true;
            self.console.progress(&format!("waiting for {owner}, which is opening a session"));
        };
        let path = self.cache.of_key(&request.key, "lock");
        let lock = Lock::acquire(&path, self.wait, self.command, &|| self.console.stopped(), &mut waiting);
        self.console.progress_done();
        let _lock = match lock {
            Ok(lock) => lock,
            Err(error) => return self.stale(request, &error.to_string()).ok_or(NoSession::Lock(error)),
        };
        if let Some(cached) = warm(self.cache, request, self.min_ttl, clock::local_now()) {
            return Ok(Opened { cached, is_new: false, used_code: false, notes: Vec::new() });
        }
        if waited && let Some(failed) = self.failed(request).filter(|failed| failed.at >= began_at) {
            return Err(NoSession::Elsewhere(failed.message));
        }
        let opened = self.open(request);
        self.leave_word(request, opened.as_ref().err());
        opened
    }

    /// Opens it from the longest part of the way that is open already.
    fn open(&self, request: &Request) -> Result<Opened, NoSession> {
        let mut notes = Vec::new();
        let way = request.way();
        let open = |leg: &Request| match self.cache.find(leg) {
            Found::Session(cached) => Some(*cached),
            Found::Nothing => None,
            Found::Unusable { path, why } => {
                self.console.note(&format!("the session {} is not used: {why}", path.display()));
                None
            }
        };
        let now = clock::local_now();
        let lasts = |cached: &Cached, ttl| time_left(&cached.credentials, now) >= least(ttl, &cached.request);
        let found: Vec<Option<Cached>> = way.iter().map(open).collect();
        let usable = |ttl| found.iter().rposition(|cached| cached.as_ref().is_some_and(|cached| lasts(cached, ttl)));
        let mut start = usable(self.min_ttl);
        let needs_code = start.is_none() && way.first().is_some_and(|first| first.leg().needs_code());
        if needs_code && self.sources.source(self.console).is_none() {
            start = usable(Some(Duration::ZERO));
            if start.is_none() {
                return Err(NoCode::Nobody.into());
            }
            notes.push("the MFA session ends soon, and nobody can be asked for a code: what is left of it is used".to_owned());
        }
        let mut at = start.map_or(0, |start| start + 1);
        let mut last = start.and_then(|start| found.into_iter().nth(start).flatten());
        while let Some(next) = way.get(at) {
            let signer = match &last {
                Some(cached) => Signer::Session(cached.credentials.clone()),
                None => Signer::LongTerm(self.pair.clone()),
            };
            let credentials = self.call(next, &signer)?;
            let cached = Cached { request: next.clone(), credentials, opened_at: clock::local_now() };
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
            None => Err(NoCode::Nobody.into()),
        }
    }

    fn call(&self, request: &Request, signer: &Signer) -> Result<TemporaryCredentials, NoSession> {
        let leg = request.leg();
        let make = |mfa: Option<TokenCodeOf<'_>>| {
            self.console.progress(&format!("opening a session for {}", self.what));
            let made = match leg {
                Leg::SessionToken { .. } => self.aws.get_session_token(signer, request.duration(), mfa),
                Leg::AssumeRole { role, .. } => self.aws.assume_role(
                    signer,
                    &AssumeRole {
                        arn: &role.arn,
                        session_name: &role.session_name,
                        duration: request.duration(),
                        external_id: role.external_id.as_deref(),
                        source_identity: role.source_identity.as_deref(),
                        tags: &role.tags,
                        transitive_tags: &role.transitive_tags,
                        policy: role.policy.as_deref(),
                        policy_arns: &role.policy_arns,
                    },
                    mfa,
                ),
            };
            self.console.progress_done();
            made
        };
        match leg {
            Leg::SessionToken { mfa_serial: Some(serial), .. } | Leg::AssumeRole { mfa_serial: Some(serial), .. } => {
                self.with_code(serial, |code| make(Some(TokenCodeOf { serial, code })))
            }
            Leg::SessionToken { mfa_serial: None, .. } | Leg::AssumeRole { mfa_serial: None, .. } => Ok(make(None)?),
        }
    }

    /// Makes the call with a code, and asks for another one as often as its source allows.
    fn with_code(
        &self,
        serial: &MfaSerial,
        make: impl Fn(&TokenCode) -> Result<TemporaryCredentials, AwsError>,
    ) -> Result<TemporaryCredentials, NoSession> {
        let source = self.sources.source(self.console).ok_or(NoCode::Nobody)?;
        let mut tries = source.tries();
        loop {
            tries = tries.saturating_sub(1);
            let code = self.sources.code(source, self.console, serial, self.what)?;
            let now = clock::local_now();
            let refused = match self.codes().take(serial, &code, now).map_err(NoSession::Memory)? {
                Err(Used { next_at }) => NoSession::UsedCode { seconds: (next_at - now).num_seconds().max(1) },
                Ok(()) => match make(&code) {
                    Ok(credentials) => return Ok(credentials),
                    Err(error) => self.refused(serial, source, error),
                },
            };
            let next = match &refused {
                NoSession::UsedCode { seconds } => Duration::from_secs(seconds.unsigned_abs()),
                NoSession::WrongCode { .. } if source != Source::Command => Duration::ZERO,
                _ => return Err(refused),
            };
            if tries == 0 {
                return Err(refused);
            }
            match source {
                Source::Command => self.console.progress("waiting for the next MFA code"),
                Source::Terminal | Source::Dialog | Source::Given => self.console.note(&refused.to_string()),
            }
            // A person waits by themselves; a program would print the same code again.
            if source == Source::Command && self.console.pause(next) {
                return Err(NoCode::Abandoned.into());
            }
        }
    }

    fn refused(&self, serial: &MfaSerial, source: Source, error: AwsError) -> NoSession {
        match error.mfa_refusal() {
            Some(MfaRefusal::Serial) => NoSession::WrongSerial { serial: serial.clone(), source: error },
            Some(MfaRefusal::Code) => NoSession::WrongCode { why: self.why(source), source: error },
            None => NoSession::Aws(error),
        }
    }

    /// AWS does not tell a wrong code from a used one, nor from one of another half minute.
    fn why(&self, source: Source) -> String {
        match self.aws.clock_skew().filter(|skew| skew.abs() >= TimeDelta::seconds(STEP_SECONDS)) {
            Some(skew) if source == Source::Command => {
                format!(": {}, so that codes that are computed here are wrong; set the clock", describe_skew(skew))
            }
            _ => ": it is wrong, of another device, or was used in the same half minute elsewhere; wait for the next one".to_owned(),
        }
    }

    fn codes(&self) -> TokenCodes<'_> {
        TokenCodes::new(self.disk, self.cache.directory())
    }

    /// A session that is not over, where a new one cannot be had now.
    fn stale(&self, request: &Request, why: &str) -> Option<Opened> {
        let cached = warm(self.cache, request, Some(LAST_MOMENT), clock::local_now())?;
        Some(Opened {
            cached,
            is_new: false,
            used_code: false,
            notes: vec![format!("the session ends soon, and a new one could not be opened: {why}")],
        })
    }

    fn failed(&self, request: &Request) -> Option<Failed> {
        let bytes = self.disk.read(&self.cache.of_key(&request.key, "failed")).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Tells those that wait, or takes back what was told to others before. Nobody depends on it: they would ask once more.
    fn leave_word(&self, request: &Request, error: Option<&NoSession>) {
        let path = self.cache.of_key(&request.key, "failed");
        let _ = match error.map(|error| serde_json::to_vec(&Failed { at: clock::local_now(), message: error.to_string() })) {
            Some(Ok(text)) => replace(self.disk, &path, &text),
            Some(Err(_)) | None => remove_if_there(self.disk, &path),
        };
    }
}
