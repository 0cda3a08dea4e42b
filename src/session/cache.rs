//! The sessions that are open, one file each; their secrets are there, or in keychain items where the settings say so.
//!
//! Invariants: a file that others could read, or that is not ours, is not used; nor is one whose content is not the request's own. A file
//! that cannot be used is as good as none, and is replaced. A keychain that cannot be asked is an error, and never as good as no session.

mod file;
mod item;
mod known;
mod removal;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use file::Content;
pub use known::{Cached, Known};
pub use removal::{NotForgotten, Whose};

use super::request::Request;
use super::token_codes::TokenCodes;
use crate::model::{AccessKeyId, MfaSerial};
use crate::os::atomic_file::{PRIVATE, directory, remove_if_there, replace};
use crate::os::disk::Disk;
use crate::os::keychain::{ItemName, Keychain, KeychainError};
use crate::os::lock::{Lock, LockError, Owner};
use crate::os::private_directory::{PrivateDirectoryError, private_directory};
use crate::profile::settings::SessionStore;

/// A directory of sessions.
pub struct Cache<'d> {
    disk: &'d dyn Disk,
    directory: PathBuf,
    keychain: &'d dyn Keychain,
    store: SessionStore,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A session, whether it has ended or not.
    Session(Box<Cached>),
    /// None, or none that will do.
    Nothing,
    /// There is one, and the keychain does not give its secrets.
    Withheld {
        /// Its item.
        item: ItemName,
        /// Why, and what to do.
        source: KeychainError,
    },
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
    /// The keychain; the cause says what to do.
    #[error("keychain item {item} cannot be {act}")]
    Keychain {
        /// The item.
        item: ItemName,
        /// `read`, `written` or `removed`.
        act: &'static str,
        /// Why.
        source: KeychainError,
    },
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
    /// The sessions below keyrotate's cache directory. Those that are kept from now on have their secrets where `store` says; those that are
    /// there have them where they are.
    pub fn new(disk: &'d dyn Disk, cache_dir: &Path, keychain: &'d dyn Keychain, store: SessionStore) -> Self {
        Self { disk, directory: cache_dir.join("sessions"), keychain, store }
    }

    /// The session that was opened for this request, if it will do: of one that will not, the keychain is not asked for the secrets.
    pub fn find(&self, request: &Request, will_do: impl Fn(&Known) -> bool) -> Found {
        let path = self.path(request);
        match self.read(&path) {
            Ok(None) => Found::Nothing,
            Ok(Some(content)) if content.known.request != *request => Found::Unusable { path, why: "it is of another session".to_owned() },
            Ok(Some(content)) if !will_do(&content.known) => Found::Nothing,
            Ok(Some(Content { known, secrets: Some(secrets) })) => Found::Session(Box::new(known.with(secrets))),
            Ok(Some(Content { known, secrets: None })) => self.with_item(path, known),
            Err(why) => Found::Unusable { path, why },
        }
    }

    /// What is known of the session that was opened for this request; its secrets are not asked for.
    pub fn known(&self, request: &Request) -> Option<Known> {
        let content = self.read(&self.path(request)).ok().flatten()?;
        (content.known.request == *request).then_some(content.known)
    }

    /// Keeps a session, in the place of an older one. On the disk, and in the keychain, when this returns.
    pub fn keep(&self, cached: &Cached) -> Result<(), CacheError> {
        self.make()?;
        let (known, secrets) = cached.parts();
        self.set_aside(&known)?;
        match self.store {
            SessionStore::File => self.put(&Content { known, secrets: Some(secrets) }),
            SessionStore::Keychain => self.keep_in_item(known, &secrets),
        }
    }

    /// Writes the session's file.
    fn put(&self, content: &Content) -> Result<(), CacheError> {
        let path = self.path(&content.known.request);
        file::text(content).and_then(|text| replace(self.disk, &path, &text)).map_err(|source| CacheError::Io {
            path,
            act: "written",
            source,
        })
    }

    /// Every session that can be read, those that are over among them. No secret is asked for.
    pub fn all(&self) -> Vec<Known> {
        self.entries().into_iter().map(|(_, content)| content.known).collect()
    }

    /// The same, each with its file.
    fn entries(&self) -> Vec<(PathBuf, Content)> {
        let paths = self.list("json").unwrap_or_default();
        paths.into_iter().filter_map(|path| self.read(&path).ok().flatten().map(|content| (path, content))).collect()
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

    /// The memory of used token codes; makes its directory.
    pub fn token_codes(&self) -> Result<TokenCodes<'d>, CacheError> {
        self.make()?;
        Ok(TokenCodes::new(self.disk, &self.directory))
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

    fn read(&self, path: &Path) -> Result<Option<Content>, String> {
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
    use chrono::DateTime;

    use super::*;
    use crate::model::{SecretAccessKey, SessionToken, TemporaryCredentials};
    use crate::os::disk::RealDisk;
    use crate::os::keychain::NoKeychain;

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

    fn in_files(cache_dir: &Path) -> Cache<'static> {
        Cache::new(&RealDisk, cache_dir, &NoKeychain, SessionStore::File)
    }

    const OLD: &str = "AKIAIOSFODNN7EXAMPLE";
    const NEW: &str = "AKIAI44QH8DHBEXAMPLE";

    #[test]
    fn a_session_is_found_again_by_its_request() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = in_files(scratch.path());
        assert_eq!((cache.find(&request(OLD), |_| true), cache.all()), (Found::Nothing, Vec::new()));
        cache.keep(&session(request(OLD))).unwrap();
        assert_eq!(cache.find(&request(OLD), |_| true), Found::Session(Box::new(session(request(OLD)))));
        assert_eq!(RealDisk.facts(&cache.path(&request(OLD))).unwrap().mode & 0o777, PRIVATE);
    }

    #[test]
    fn what_is_damaged_foreign_or_open_to_others_is_not_used_and_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = in_files(scratch.path());
        cache.keep(&session(request(OLD))).unwrap();
        let (path, whole) = (cache.path(&request(OLD)), RealDisk.read(&cache.path(&request(OLD))).unwrap());
        cache.keep(&session(request(NEW))).unwrap();
        let other = RealDisk.read(&cache.path(&request(NEW))).unwrap();
        let half = whole.get(..whole.len() / 2).unwrap().to_vec();
        let newer = String::from_utf8(whole).unwrap().replace("\"format\":1", "\"format\":3").into_bytes();
        for (bytes, said) in [(half, "damaged"), (Vec::new(), "damaged"), (other, "another session"), (newer, "another version")] {
            replace(&RealDisk, &path, &bytes).unwrap();
            let Found::Unusable { why, .. } = cache.find(&request(OLD), |_| true) else { panic!("it was used: {said}") };
            assert!(why.contains(said) && !why.contains("canary"), "{why}");
            cache.keep(&session(request(OLD))).unwrap();
            assert!(matches!(cache.find(&request(OLD), |_| true), Found::Session(_)));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let cache = in_files(scratch.path());
        cache.keep(&session(request(OLD))).unwrap();
        std::fs::set_permissions(cache.path(&request(OLD)), std::fs::Permissions::from_mode(0o644)).unwrap();
        let Found::Unusable { why, .. } = cache.find(&request(OLD), |_| true) else { panic!("it was used") };
        assert!(why.contains("mode 644"), "{why}");
    }
}
