//! What is taken out of the cache: what is to be forgotten, what has ended, and what goes on under another key.
//!
//! Invariants: no session is removed in the place of a newer one that somebody has just kept, which the lock on its key's sessions sees to;
//! nobody waits for that lock for long, because its owner may be waiting for a person.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::file::{self, Content};
use super::{Cache, CacheError, Known};
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
        others: &'a dyn Fn(&Known) -> bool,
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
    /// Forgets sessions but those that are spared, also those that are being opened meanwhile, which are waited for some seconds. Returns how many
    /// there were.
    ///
    /// What is there is removed first, whoever holds the lock: their owner wants them gone.
    pub fn forget(&self, whose: Whose<'_>, spares: &dyn Fn(&Known) -> bool) -> Result<usize, NotForgotten> {
        let (mut forgotten, mut first) = (0, None);
        let mut keys = BTreeSet::new();
        let mut remove = |first: &mut Option<CacheError>| self.remove_those(whose, spares, &mut forgotten, first);
        keys.extend(remove(&mut first));
        keys.extend(self.locked_keys(whose));
        let until = clock::boot_time().saturating_add(LOGOUT_WAIT);
        let mut locks = Vec::new();
        for key in keys.iter().filter(|key| self.of_key(key, "lock").exists()) {
            match self.hold(key, until.saturating_sub(clock::boot_time()), COMMAND) {
                Ok(lock) => {
                    self.remove_tried(key);
                    locks.push(lock);
                }
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        remove(&mut first);
        if matches!(whose, Whose::All) && first.is_none() {
            first = self.remove_unfinished().and_then(|()| self.remove_left()).err();
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
    fn remove_those(
        &self,
        whose: Whose<'_>,
        spares: &dyn Fn(&Known) -> bool,
        count: &mut usize,
        first: &mut Option<CacheError>,
    ) -> Vec<AccessKeyId> {
        let paths = self.list("json").unwrap_or_else(|error| {
            first.get_or_insert(error);
            Vec::new()
        });
        let mut keys = Vec::new();
        for path in paths {
            let content = self.whatever(&path);
            let is_meant = match (whose, &content) {
                (_, Some(Content { known, .. })) if spares(known) => false,
                (Whose::All, _) => true,
                (Whose::Of { key, others }, Some(Content { known, .. })) => known.request.key == *key || others(known),
                (Whose::Of { .. }, None) => false,
            };
            if !is_meant {
                continue;
            }
            match self.remove_session(&path) {
                Ok(()) => *count += 1,
                Err(error) => drop(first.get_or_insert(error)),
            }
            keys.extend(content.map(|content| content.known.request.key));
        }
        keys
    }

    /// What the file says, be it fit for use or not.
    pub(super) fn whatever(&self, path: &Path) -> Option<Content> {
        let bytes = zeroize::Zeroizing::new(self.disk.read(path).ok()?);
        file::parse(&bytes).ok()
    }

    /// Removes what has ended, but for what somebody else is replacing now. `ours`: keys whose locks the caller holds. Nothing depends on it:
    /// what cannot be removed stays.
    pub fn sweep(&self, now: DateTime<Utc>, ours: &[&AccessKeyId], command: &str) {
        let mut ended = BTreeMap::<AccessKeyId, Vec<PathBuf>>::new();
        for (path, content) in self.entries().into_iter().filter(|(_, content)| content.known.has_ended(now)) {
            ended.entry(content.known.request.key).or_default().push(path);
        }
        for (key, paths) in ended {
            let lock = if ours.contains(&&key) { None } else { Some(self.hold(&key, Duration::ZERO, command)) };
            if lock.as_ref().is_some_and(Result::is_err) {
                continue;
            }
            for path in paths {
                if self.read(&path).is_ok_and(|content| content.is_some_and(|content| content.known.has_ended(now))) {
                    let _ = self.remove_session(&path);
                }
            }
        }
        let _ = self.remove_left();
    }

    /// After a rotation the sessions of the old key go on as the new one's: AWS does not end them with the key. A session that the new one has
    /// itself stays, where it lasts longer.
    ///
    /// It only saves a code: where somebody is opening a session, they are waited for no longer than two seconds, and the sessions stay where
    /// they are.
    pub fn rekey(&self, old: &AccessKeyId, new: &AccessKeyId, command: &str) -> Result<(), CacheError> {
        let is_old = |known: &Known| known.request.key == *old;
        if !self.all().iter().any(is_old) {
            return Ok(());
        }
        let until = clock::boot_time().saturating_add(REKEY_WAIT);
        let hold = |key| self.hold(key, until.saturating_sub(clock::boot_time()), command);
        let _locks = [hold(old)?, hold(new)?];
        self.sweep(clock::local_now(), &[old, new], command);
        for (path, Content { known, secrets }) in self.entries().into_iter().filter(|(_, content)| is_old(&content.known)) {
            let moved = Known { request: known.request.of_key(new.clone()), ..known };
            let stays = self.known(&moved.request).is_some_and(|there| there.expires_at >= moved.expires_at);
            // An item is the session's, whichever key has opened it: it stays as it is, and the keychain is not asked.
            let moved = Content { known: moved, secrets };
            if !stays {
                self.set_aside(&moved.known)?;
                self.put(&moved)?;
            }
            self.remove_session(&path)?;
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
    use crate::os::keychain::NoKeychain;
    use crate::os::lock::Lock;
    use crate::profile::settings::SessionStore;
    use crate::session::cache::{Cached, Found};
    use crate::session::request::Request;

    fn in_files(cache_dir: &Path) -> Cache<'static> {
        Cache::new(&RealDisk, cache_dir, &NoKeychain, SessionStore::File)
    }

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
            let cache = in_files(scratch.path());
            cache.rekey(&id(OLD), &id(NEW), "x").unwrap();
            assert!(!scratch.path().join("sessions").exists(), "made for nothing");
            let old = session(OLD, 30);
            cache.keep(&old).unwrap();
            let own = there.map(|minutes| session(NEW, minutes));
            own.iter().for_each(|own| cache.keep(own).unwrap());
            cache.rekey(&id(OLD), &id(NEW), "x").unwrap();
            let moved = Cached { request: old.request.of_key(id(NEW)), ..old };
            let expected = own.filter(|_| left == 40).unwrap_or(moved);
            assert_eq!(cache.find(&expected.request, |_| true), Found::Session(Box::new(expected.clone())), "{there:?}");
        }
    }

    #[test]
    fn where_a_session_is_being_opened_they_stay_and_a_new_try_moves_them() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = in_files(scratch.path());
        let old = session(OLD, 30);
        cache.keep(&old).unwrap();
        for key in [OLD, NEW] {
            let lock = hold(&cache.lock(&id(key)).unwrap());
            let error = cache.rekey(&id(OLD), &id(NEW), "x").unwrap_err();
            assert!(error.to_string().contains("(`keyrotate login`)"), "{error}");
            assert_eq!(cache.all(), [old.known()]);
            drop(lock);
        }
        cache.rekey(&id(OLD), &id(NEW), "x").unwrap();
        assert_eq!(cache.all()[0].request.key, id(NEW));
    }

    #[test]
    fn only_what_has_ended_by_both_clocks_is_removed_and_not_what_somebody_replaces() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = in_files(scratch.path());
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
    fn what_is_spared_stays_and_what_cannot_be_read_goes() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = in_files(scratch.path());
        let spared = session(NEW, 30);
        cache.keep(&session(OLD, 30)).unwrap();
        cache.keep(&spared).unwrap();
        crate::os::atomic_file::write_new(&RealDisk, &scratch.path().join("sessions/damaged.json"), b"canary").unwrap();
        assert_eq!(cache.forget(Whose::All, &|known| known.request.key == id(NEW)).unwrap(), 2);
        assert_eq!(cache.all(), [spared.known()]);
    }

    #[test]
    fn all_is_also_what_a_crash_left_and_the_memory_of_codes_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = in_files(scratch.path());
        cache.keep(&session(OLD, 30)).unwrap();
        let at = |name: &str| scratch.path().join("sessions").join(name);
        for name in ["damaged.json", ".a.json.tmp", "token-codes"] {
            crate::os::atomic_file::write_new(&RealDisk, &at(name), b"canary").unwrap();
        }
        assert_eq!(cache.forget(Whose::All, &|_| false).unwrap(), 2);
        let left: Vec<PathBuf> = std::fs::read_dir(scratch.path().join("sessions")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [at("token-codes")]);
    }
}
