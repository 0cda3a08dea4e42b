//! What is taken out of the cache: what is to be forgotten, what has ended, and what goes on under another key.
//!
//! Invariants: no session is removed in the place of a newer one that somebody has just kept, which the lock on its key's sessions sees to;
//! nobody waits for that lock for long, because its owner may be waiting for a person.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Cache, CacheError, Cached, Found, file};
use crate::model::AccessKeyId;
use crate::os::clock;

/// How long a rotation is held up at the most by somebody who opens a session.
const REKEY_WAIT: Duration = Duration::from_secs(2);
/// How long a logout waits for the end of what is under way.
const LOGOUT_WAIT: Duration = Duration::from_secs(5);

/// What who waits for a logout is shown.
const COMMAND: &str = "keyrotate logout";

/// Which sessions are to be forgotten.
#[derive(Clone, Copy)]
pub enum Whose<'a> {
    /// All, also what cannot be read.
    All,
    /// Those of a key.
    Of {
        /// The key.
        key: &'a AccessKeyId,
        /// Which of the other ones are meant, too.
        others: &'a dyn Fn(&Cached) -> bool,
    },
}

/// Sessions are left, or may be.
#[derive(Debug, thiserror::Error)]
#[error("not every session could be forgotten")]
pub struct NotForgotten {
    /// So many are forgotten.
    pub forgotten: usize,
    /// Why not all are.
    pub source: CacheError,
}

impl Cache<'_> {
    /// Forgets sessions, also those that are being opened meanwhile, which are waited for some seconds. Returns how many there were.
    ///
    /// What is there is removed first, whoever holds the lock: their owner wants them gone.
    pub fn forget(&self, whose: Whose<'_>) -> Result<usize, NotForgotten> {
        let (mut forgotten, mut first) = (0, None);
        let mut keys = BTreeSet::new();
        let mut remove = |first: &mut Option<CacheError>| self.remove_those(whose, &mut forgotten, first);
        keys.extend(remove(&mut first));
        keys.extend(self.locked_keys(whose));
        let until = clock::boot_time().saturating_add(LOGOUT_WAIT);
        let mut locks = Vec::new();
        for key in keys.iter().filter(|key| self.of_key(key, "lock").exists()) {
            match self.hold(key, until.saturating_sub(clock::boot_time()), COMMAND) {
                Ok(lock) => locks.push(lock),
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        remove(&mut first);
        if matches!(whose, Whose::All) && first.is_none() {
            first = self.remove_unfinished().err();
        }
        drop(locks);
        self.sweep(clock::local_now(), &[], COMMAND);
        match first {
            None => Ok(forgotten),
            Some(source) => Err(NotForgotten { forgotten, source }),
        }
    }

    /// The keys whose sessions may be among those that are being opened.
    fn locked_keys(&self, whose: Whose<'_>) -> Vec<AccessKeyId> {
        match whose {
            Whose::Of { key, .. } => vec![key.clone()],
            Whose::All => {
                let locks = self.list("lock").unwrap_or_default();
                locks.iter().filter_map(|path| AccessKeyId::parse(path.file_stem()?.to_str()?).ok()).collect()
            }
        }
    }

    /// What a crash has left of sessions that were being written. Only with every lock, because without it one may be in the making.
    fn remove_unfinished(&self) -> Result<(), CacheError> {
        self.list("tmp")?.iter().try_for_each(|path| self.remove(path))
    }

    /// Removes what is meant, counts the sessions and notes the first thing that went wrong. Returns the keys that they are of.
    fn remove_those(&self, whose: Whose<'_>, count: &mut usize, first: &mut Option<CacheError>) -> Vec<AccessKeyId> {
        let paths = self.list("json").unwrap_or_else(|error| {
            first.get_or_insert(error);
            Vec::new()
        });
        let mut keys = Vec::new();
        for path in paths {
            let cached = self.whatever(&path);
            let is_meant = match (whose, &cached) {
                (Whose::All, _) => true,
                (Whose::Of { key, others }, Some(cached)) => cached.request.key == *key || others(cached),
                (Whose::Of { .. }, None) => false,
            };
            if !is_meant {
                continue;
            }
            match self.remove(&path) {
                Ok(()) => *count += 1,
                Err(error) => drop(first.get_or_insert(error)),
            }
            keys.extend(cached.map(|cached| cached.request.key));
        }
        keys
    }

    /// What the file says, be it fit for use or not.
    fn whatever(&self, path: &Path) -> Option<Cached> {
        let bytes = zeroize::Zeroizing::new(self.disk.read(path).ok()?);
        file::parse(&bytes).ok()
    }

    /// Removes what has ended, but for what somebody else is replacing now. `ours`: keys whose locks the caller holds. Nothing depends on it:
    /// what cannot be removed stays.
    pub fn sweep(&self, now: DateTime<Utc>, ours: &[&AccessKeyId], command: &str) {
        let mut ended = BTreeMap::<AccessKeyId, Vec<PathBuf>>::new();
        for (path, cached) in self.entries().into_iter().filter(|(_, cached)| cached.has_ended(now)) {
            ended.entry(cached.request.key).or_default().push(path);
        }
        for (key, paths) in ended {
            let lock = if ours.contains(&&key) { None } else { Some(self.hold(&key, Duration::ZERO, command)) };
            if lock.as_ref().is_some_and(Result::is_err) {
                continue;
            }
            for path in paths {
                if self.read(&path).is_ok_and(|cached| cached.is_some_and(|cached| cached.has_ended(now))) {
                    let _ = self.remove(&path);
                }
            }
        }
    }

    /// After a rotation the sessions of the old key go on as the new one's: AWS does not end them with the key. A session that the new one has
    /// itself stays, where it lasts longer.
    ///
    /// It only saves a code: where somebody is opening a session, they are waited for no longer than two seconds, and the sessions stay where
    /// they are.
    pub fn rekey(&self, old: &AccessKeyId, new: &AccessKeyId, command: &str) -> Result<(), CacheError> {
        let is_old = |cached: &Cached| cached.request.key == *old;
        if !self.all().iter().any(is_old) {
            return Ok(());
        }
        let until = clock::boot_time().saturating_add(REKEY_WAIT);
        let hold = |key| self.hold(key, until.saturating_sub(clock::boot_time()), command);
        let _locks = [hold(old)?, hold(new)?];
        self.sweep(clock::local_now(), &[old, new], command);
        for (path, cached) in self.entries().into_iter().filter(|(_, cached)| is_old(cached)) {
            let moved = Cached { request: cached.request.of_key(new.clone()), ..cached };
            let stays = match self.find(&moved.request) {
                Found::Session(there) => there.credentials.expires_at >= moved.credentials.expires_at,
                Found::Nothing | Found::Unusable { .. } => false,
            };
            if !stays {
                self.keep(&moved)?;
            }
            self.remove(&path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::model::{SecretAccessKey, SessionToken, TemporaryCredentials};
    use crate::os::disk::RealDisk;
    use crate::os::lock::Lock;
    use crate::session::request::Request;

    const OLD: &str = "AKIAIOSFODNN7EXAMPLE";
    const NEW: &str = "AKIAI44QH8DHBEXAMPLE";

    fn id(text: &str) -> AccessKeyId {
        AccessKeyId::parse(text).unwrap()
    }

    /// A session of an hour that ends so many minutes from now.
    fn session(key: &str, minutes: i64) -> Cached {
        let request = Request {
            key: id(key),
            partition: "aws".to_owned(),
            endpoint: None,
            mfa_serial: None,
            session_seconds: Some(3_600),
            roles: Vec::new(),
        };
        let expires_at = clock::local_now() + TimeDelta::minutes(minutes);
        let credentials = TemporaryCredentials {
            id: id("ASIAIOSFODNN7EXAMPLE"),
            secret: SecretAccessKey::new("canary-secret"),
            session_token: SessionToken::new("canary-token"),
            expires_at,
        };
        Cached { request, credentials, opened_at: expires_at - TimeDelta::hours(1), opened_for: None }
    }

    fn hold(path: &Path) -> Lock {
        Lock::acquire(path, Duration::ZERO, "keyrotate login", &|| false, &mut |_| {}).unwrap()
    }

    #[test]
    fn sessions_go_on_under_the_new_key_and_replace_none_that_lasts_longer() {
        for (there, left) in [(None, 30), (Some(20), 30), (Some(40), 40)] {
            let scratch = tempfile::tempdir().unwrap();
            let cache = Cache::new(&RealDisk, scratch.path());
            cache.rekey(&id(OLD), &id(NEW), "x").unwrap();
            assert!(!scratch.path().join("sessions").exists(), "made for nothing");
            let old = session(OLD, 30);
            cache.keep(&old).unwrap();
            let own = there.map(|minutes| session(NEW, minutes));
            own.iter().for_each(|own| cache.keep(own).unwrap());
            cache.rekey(&id(OLD), &id(NEW), "x").unwrap();
            let moved = Cached { request: old.request.of_key(id(NEW)), ..old };
            let expected = own.filter(|_| left == 40).unwrap_or(moved);
            assert_eq!(cache.all(), [expected], "{there:?}");
        }
    }

    #[test]
    fn where_a_session_is_being_opened_they_stay_and_a_new_try_moves_them() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::new(&RealDisk, scratch.path());
        let old = session(OLD, 30);
        cache.keep(&old).unwrap();
        for key in [OLD, NEW] {
            let lock = hold(&cache.lock(&id(key)).unwrap());
            let error = cache.rekey(&id(OLD), &id(NEW), "x").unwrap_err();
            assert!(error.to_string().contains("(`keyrotate login`)"), "{error}");
            assert_eq!(cache.all(), std::slice::from_ref(&old));
            drop(lock);
        }
        cache.rekey(&id(OLD), &id(NEW), "x").unwrap();
        assert_eq!(cache.all()[0].request.key, id(NEW));
    }

    #[test]
    fn only_what_has_ended_by_both_clocks_is_removed_and_not_what_somebody_replaces() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::new(&RealDisk, scratch.path());
        let now = clock::local_now();
        let behind = |minutes| Cached { opened_at: now - TimeDelta::minutes(minutes), ..session(NEW, -5) };
        for (cached, stays) in [(session(NEW, 1), true), (session(NEW, -1), false), (behind(59), true), (behind(61), false)] {
            cache.keep(&cached).unwrap();
            cache.sweep(now, &[], "x");
            assert_eq!(cache.all().len(), usize::from(stays), "{cached:?}");
        }
        cache.keep(&session(NEW, -1)).unwrap();
        let lock = hold(&cache.lock(&id(NEW)).unwrap());
        cache.sweep(now, &[], "x");
        assert_eq!(cache.all().len(), 1, "somebody holds the lock");
        cache.sweep(now, &[&id(NEW)], "x");
        assert_eq!(cache.all().len(), 0, "its owner is who asks");
        drop(lock);
    }

    #[test]
    fn all_is_also_what_a_crash_left_and_the_memory_of_codes_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::new(&RealDisk, scratch.path());
        cache.keep(&session(OLD, 30)).unwrap();
        let at = |name: &str| scratch.path().join("sessions").join(name);
        for name in ["damaged.json", ".a.json.tmp", "token-codes"] {
            crate::os::atomic_file::write_new(&RealDisk, &at(name), b"canary").unwrap();
        }
        assert_eq!(cache.forget(Whose::All).unwrap(), 2);
        let left: Vec<PathBuf> = std::fs::read_dir(scratch.path().join("sessions")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [at("token-codes")]);
    }
}
