//! The sessions that are open, one file each.
//!
//! Invariants: a file that others could read, or that is not ours, is not used; nor is one whose content is not the request's own. A file
//! that cannot be used is as good as none, and is replaced.

mod file;
mod removal;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use zeroize::Zeroizing;

pub use removal::{NotForgotten, Whose};

use super::request::Request;
use crate::model::{AccessKeyId, MfaSerial, TemporaryCredentials};
use crate::os::atomic_file::{PRIVATE, directory, remove_if_there, replace};
use crate::os::disk::Disk;
use crate::os::lock::{Lock, LockError, Owner};
use crate::os::private_directory::{PrivateDirectoryError, private_directory};

/// A clock is set back by less than this by those who keep it right.
const LARGEST_SET_BACK: TimeDelta = TimeDelta::minutes(5);

/// A directory of sessions.
pub struct Cache<'d> {
    disk: &'d dyn Disk,
    directory: PathBuf,
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// What it was asked for.
    pub request: Request,
    /// Its credentials.
    pub credentials: TemporaryCredentials,
    /// When it was opened, by this machine's clock, in UTC.
    pub opened_at: DateTime<Utc>,
    /// The profile that it was opened for, the first of those that share it; an older version did not write it down.
    pub opened_for: Option<String>,
}

impl Cached {
    /// How much of it is left; zero where it is over.
    ///
    /// By AWS's end of it and by what has passed here since, whichever is less: a clock that is behind would lengthen it. Of one that was
    /// opened in what is the future now nothing is known.
    pub fn time_left(&self, now: DateTime<Utc>) -> Duration {
        if self.opened_at > now + LARGEST_SET_BACK {
            return Duration::ZERO;
        }
        let by_aws = self.credentials.expires_at - now;
        let by_us = TimeDelta::from_std(self.request.duration()).ok().and_then(|whole| whole.checked_sub(&(now - self.opened_at)));
        by_us.unwrap_or_default().min(by_aws).to_std().unwrap_or_default().min(self.request.duration())
    }

    /// Whether it is over by AWS's end of it and by what has passed here: a clock that is wrong ends none before its time.
    fn has_ended(&self, now: DateTime<Utc>) -> bool {
        let by_us = TimeDelta::from_std(self.request.duration()).ok().and_then(|whole| self.opened_at.checked_add_signed(whole));
        self.credentials.expires_at <= now && by_us.is_some_and(|end| end <= now)
    }
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A session, whether it has ended or not.
    Session(Box<Cached>),
    /// None.
    Nothing,
    /// A file that cannot be used, and why.
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// The cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The directory.
    #[error(transparent)]
    Directory(#[from] PrivateDirectoryError),
    /// Another process holds the lock on the key's sessions.
    #[error("a session is being opened by {0}")]
    Busy(Owner),
    /// The lock.
    #[error(transparent)]
    Lock(LockError),
    /// A file, or the directory.
    #[error("{} cannot be {act}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `written`, `removed` or `listed`.
        act: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl<'d> Cache<'d> {
    /// The sessions below keyrotate's cache directory.
    pub fn new(disk: &'d dyn Disk, cache_dir: &Path) -> Self {
        Self { disk, directory: cache_dir.join("sessions") }
    }

    /// The session that was opened for this request.
    pub fn find(&self, request: &Request) -> Found {
        let path = self.path(request);
        match self.read(&path) {
            Ok(None) => Found::Nothing,
            Ok(Some(cached)) if cached.request == *request => Found::Session(Box::new(cached)),
            Ok(Some(_)) => Found::Unusable { path, why: "it is of another session".to_owned() },
            Err(why) => Found::Unusable { path, why },
        }
    }

    /// Keeps a session, in the place of an older one. On the disk when this returns.
    pub fn keep(&self, cached: &Cached) -> Result<(), CacheError> {
        private_directory(&self.directory)?;
        let path = self.path(&cached.request);
        file::text(cached).and_then(|text| replace(self.disk, &path, &text)).map_err(|source| CacheError::Io {
            path,
            act: "written",
            source,
        })
    }

    /// Every session that can be read, those that are over among them.
    pub fn all(&self) -> Vec<Cached> {
        self.entries().into_iter().map(|(_, cached)| cached).collect()
    }

    /// The same, each with its file.
    fn entries(&self) -> Vec<(PathBuf, Cached)> {
        let paths = self.list("json").unwrap_or_default();
        paths.into_iter().filter_map(|path| self.read(&path).ok().flatten().map(|cached| (path, cached))).collect()
    }

    /// The files whose name ends so; none where there is no cache yet.
    fn list(&self, extension: &str) -> Result<Vec<PathBuf>, CacheError> {
        let mut paths = match self.disk.list(&self.directory) {
            Ok(paths) => paths,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Vec::new(),
            Err(source) => return Err(CacheError::Io { path: self.directory.clone(), act: "listed", source }),
        };
        paths.retain(|path| path.extension().is_some_and(|own| own == extension));
        Ok(paths)
    }

    /// The MFA device that the key's user has, as it was found out; the files name none.
    pub fn device(&self, key: &AccessKeyId) -> Option<MfaSerial> {
        let bytes = self.disk.read(&self.of_key(key, "device")).ok()?;
        MfaSerial::parse(std::str::from_utf8(&bytes).ok()?.trim()).ok()
    }

    /// Remembers the device of the key's user.
    pub fn keep_device(&self, key: &AccessKeyId, serial: &MfaSerial) -> Result<(), CacheError> {
        self.make()?;
        let path = self.of_key(key, "device");
        replace(self.disk, &path, serial.as_str().as_bytes()).map_err(|source| CacheError::Io { path, act: "written", source })
    }

    /// Forgets it: it is not the user's any more.
    pub fn forget_device(&self, key: &AccessKeyId) -> Result<(), CacheError> {
        self.remove(&self.of_key(key, "device"))
    }

    /// The file to lock before anything is asked for the key's sessions; makes its directory.
    pub fn lock(&self, key: &AccessKeyId) -> Result<PathBuf, CacheError> {
        self.make()?;
        Ok(self.of_key(key, "lock"))
    }

    /// The lock on the key's sessions, for a change that takes no time. `command` is shown to who waits for it.
    fn hold(&self, key: &AccessKeyId, wait: Duration, command: &str) -> Result<Lock, CacheError> {
        let path = self.lock(key)?;
        Lock::acquire(&path, wait, command, &|| false, &mut |_| {}).map_err(|error| match error {
            LockError::Busy(owner) => CacheError::Busy(owner),
            LockError::Interrupted | LockError::Io { .. } => CacheError::Lock(error),
        })
    }

    /// Where the sessions are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file beside the sessions that concerns every session of a key.
    pub(super) fn of_key(&self, key: &AccessKeyId, extension: &str) -> PathBuf {
        self.directory.join(format!("{key}.{extension}"))
    }

    /// Makes the directory, where it is not there.
    fn make(&self) -> Result<(), CacheError> {
        private_directory(&self.directory).map_err(CacheError::from)
    }

    fn path(&self, request: &Request) -> PathBuf {
        self.directory.join(format!("{}.json", request.digest()))
    }

    fn remove(&self, path: &Path) -> Result<(), CacheError> {
        remove_if_there(self.disk, path).and_then(|()| self.disk.sync_directory(directory(path))).map_err(|source| CacheError::Io {
            path: path.to_owned(),
            act: "removed",
            source,
        })
    }

    fn read(&self, path: &Path) -> Result<Option<Cached>, String> {
        let facts = match self.disk.facts(path) {
            Ok(facts) => facts,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        if facts.mode & 0o077 != 0 {
            return Err(format!("others can read it (mode {:03o}; it should be {PRIVATE:03o})", facts.mode & 0o777));
        }
        if !facts.is_ours {
            return Err("it belongs to somebody else".to_owned());
        }
        let bytes = Zeroizing::new(self.disk.read(path).map_err(|error| error.to_string())?);
        file::parse(&bytes).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SecretAccessKey, SessionToken};
    use crate::os::disk::RealDisk;

    fn request(key: &str) -> Request {
        Request {
            key: AccessKeyId::parse(key).unwrap(),
            partition: "aws".to_owned(),
            endpoint: None,
            mfa_serial: Some(MfaSerial::parse("GAHT12345678").unwrap()),
            session_seconds: Some(43_200),
            roles: Vec::new(),
        }
    }

    fn session(request: Request) -> Cached {
        let credentials = TemporaryCredentials {
            id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").unwrap(),
            secret: SecretAccessKey::new("canary-secret"),
            session_token: SessionToken::new("canary-token"),
            expires_at: DateTime::UNIX_EPOCH,
        };
        Cached { request, credentials, opened_at: DateTime::UNIX_EPOCH, opened_for: Some("work".to_owned()) }
    }

    const OLD: &str = "AKIAIOSFODNN7EXAMPLE";
    const NEW: &str = "AKIAI44QH8DHBEXAMPLE";

    #[test]
    fn a_session_is_found_again_by_its_request() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::new(&RealDisk, scratch.path());
        assert_eq!((cache.find(&request(OLD)), cache.all()), (Found::Nothing, Vec::new()));
        cache.keep(&session(request(OLD))).unwrap();
        assert_eq!(cache.find(&request(OLD)), Found::Session(Box::new(session(request(OLD)))));
        assert_eq!(RealDisk.facts(&cache.path(&request(OLD))).unwrap().mode & 0o777, PRIVATE);
    }

    #[test]
    fn a_clock_that_is_behind_does_not_lengthen_a_session() {
        let opened_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let left = |skew: i64, passed: i64| {
            let mut cached = Cached { opened_at, ..session(request(OLD)) };
            cached.credentials.expires_at = opened_at + TimeDelta::seconds(43_200 + skew);
            cached.time_left(opened_at + TimeDelta::seconds(passed)).as_secs()
        };
        assert_eq!((left(0, 0), left(0, 43_000), left(0, 43_201)), (43_200, 200, 0));
        assert_eq!(left(600, 43_000), 200, "AWS's end is ten minutes later by this clock");
        assert_eq!(left(-600, 42_000), 600);
        assert_eq!((left(0, -200), left(0, -90_000)), (43_200, 0), "opened in what is the future now");
    }

    #[test]
    fn what_is_damaged_foreign_or_open_to_others_is_not_used_and_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::new(&RealDisk, scratch.path());
        cache.keep(&session(request(OLD))).unwrap();
        let (path, whole) = (cache.path(&request(OLD)), RealDisk.read(&cache.path(&request(OLD))).unwrap());
        cache.keep(&session(request(NEW))).unwrap();
        let other = RealDisk.read(&cache.path(&request(NEW))).unwrap();
        let half = whole.get(..whole.len() / 2).unwrap().to_vec();
        let newer = String::from_utf8(whole).unwrap().replace("\"format\":1", "\"format\":2").into_bytes();
        for (bytes, said) in [(half, "damaged"), (Vec::new(), "damaged"), (other, "another session"), (newer, "another version")] {
            replace(&RealDisk, &path, &bytes).unwrap();
            let Found::Unusable { why, .. } = cache.find(&request(OLD)) else { panic!("it was used: {said}") };
            assert!(why.contains(said) && !why.contains("canary"), "{why}");
            cache.keep(&session(request(OLD))).unwrap();
            assert!(matches!(cache.find(&request(OLD)), Found::Session(_)));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::new(&RealDisk, scratch.path());
        cache.keep(&session(request(OLD))).unwrap();
        std::fs::set_permissions(cache.path(&request(OLD)), std::fs::Permissions::from_mode(0o644)).unwrap();
        let Found::Unusable { why, .. } = cache.find(&request(OLD)) else { panic!("it was used") };
        assert!(why.contains("mode 644"), "{why}");
    }
}
