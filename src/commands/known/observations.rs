//! What earlier runs saw, by access key ID: the one file that `status` writes.
//!
//! Invariant: it is a memory, not a source. One that is missing or cannot be read is as if nothing was ever seen.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::observation::{ManagedSeen, Observation};
use crate::audit::Watched;
use crate::commands::context::Context;
use crate::model::{AccessKeyId, Identity};
use crate::os::atomic_file::{self, directory};
use crate::os::disk::{Disk, RealDisk};
use crate::os::private_directory::private_directory;

/// Keys that were not seen for so long are forgotten, so that the file does not grow for ever.
const KEPT_DAYS: i64 = 400;
const VERSION: u32 = 1;

/// The remembered observations.
#[derive(Debug, Default)]
pub(in crate::commands) struct Observations {
    keys: BTreeMap<AccessKeyId, Observation>,
    managed: BTreeMap<String, ManagedSeen>,
    /// Why earlier ones could not be read.
    pub(in crate::commands) fault: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct File<K, M> {
    version: u32,
    keys: K,
    #[serde(default)]
    managed: M,
}

impl Observations {
    /// Reads the file.
    pub(in crate::commands) fn load(disk: &dyn Disk, path: &Path) -> Self {
        let fault =
            |why: &str| Self { fault: Some(format!("{} cannot be read ({why}); it is written anew", path.display())), ..Self::default() };
        let bytes = match disk.read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::default(),
            Err(error) => return fault(&error.to_string()),
        };
        match serde_json::from_slice::<File<BTreeMap<AccessKeyId, Observation>, BTreeMap<String, ManagedSeen>>>(&bytes) {
            Ok(File { version: VERSION, keys, managed }) => Self { keys, managed, fault: None },
            Ok(File { version, .. }) => fault(&format!("version {version}")),
            // serde's error may quote the file, so it is not passed on.
            Err(_) => fault("it is not what keyrotate writes"),
        }
    }

    /// Those of this person.
    pub(in crate::commands) fn of_context(context: &Context) -> Self {
        Self::load(&RealDisk, &Self::path(context))
    }

    /// Their file.
    pub(in crate::commands) fn path(context: &Context) -> PathBuf {
        context.paths.state_dir.join("observations.json")
    }

    /// The last observation of a key.
    pub(in crate::commands) fn of(&self, id: &AccessKeyId) -> Option<&Observation> {
        self.keys.get(id)
    }

    /// The last observation of each key.
    pub(in crate::commands) fn all(&self) -> impl Iterator<Item = (&AccessKeyId, &Observation)> {
        self.keys.iter()
    }

    /// The last observation of the key of another user, by its name in the settings.
    pub(in crate::commands) fn of_managed(&self, name: &str) -> Option<&ManagedSeen> {
        self.managed.get(name)
    }

    /// The same for the key of another user.
    pub(in crate::commands) fn remember_managed(&mut self, name: &str, seen: &ManagedSeen) {
        self.managed.insert(name.to_owned(), seen.clone());
    }

    /// Takes in what was seen now.
    pub(in crate::commands) fn remember(&mut self, id: &AccessKeyId, seen: &Observation) {
        let before = self.keys.get(id);
        let known =
            before.map(|before| before.watched.clone().unwrap_or(Watched { since: before.observed_at, last: before.others_use(None) }));
        let watched = Watched::with(known, seen.observed_at, seen.others_use(before));
        self.keys.insert(id.clone(), Observation { watched: Some(watched), ..seen.clone() });
    }

    /// Writes the file, and makes its directory where it is missing. Returns a note where that is refused.
    pub(in crate::commands) fn store(mut self, disk: &dyn Disk, path: &Path, now: DateTime<Utc>) -> Option<String> {
        if let Err(error) = private_directory(directory(path)) {
            return Some(format!("`--offline` will not know of this: {error}"));
        }
        self.keys.retain(|_, seen| now - seen.observed_at < TimeDelta::days(KEPT_DAYS));
        self.managed.retain(|_, seen| now - seen.observed_at < TimeDelta::days(KEPT_DAYS));
        let bytes =
            serde_json::to_vec_pretty(&File { version: VERSION, keys: &self.keys, managed: &self.managed }).map_err(io::Error::from);
        match bytes.and_then(|bytes| atomic_file::replace(disk, path, &bytes)) {
            Ok(()) => None,
            Err(error) => Some(format!("{} cannot be written, so `--offline` will not know of this: {error}", path.display())),
        }
    }
}

/// Whose a key was when AWS last said so.
pub(in crate::commands) fn owner(context: &Context, id: &AccessKeyId) -> Option<Identity> {
    Observations::of_context(context).of(id).map(|seen| seen.identity.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::known::RootKeys;
    use crate::model::{Arn, LastUse, LastUsed};

    fn seen(observed_at: DateTime<Utc>) -> Observation {
        let arn = Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap();
        Observation {
            observed_at,
            identity: Identity { account: "111122223333".into(), arn, user_id: "AIDAEXAMPLE".into() },
            created_at: Some(observed_at),
            status: None,
            last_use: LastUsed::Unknown("denied".into()),
            others: None,
            root_keys: RootKeys::Count(1),
            watched: None,
        }
    }

    #[test]
    fn what_was_seen_is_read_again_until_it_is_too_old() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("observations.json");
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ids = ["AKIAEXAMPLE000000001", "AKIAEXAMPLE000000002"].map(|id| AccessKeyId::parse(id).unwrap());
        let mut memory = Observations::load(&RealDisk, &path);
        memory.remember(&ids[0], &seen(now));
        memory.remember(&ids[1], &seen(now - TimeDelta::days(KEPT_DAYS)));
        assert_eq!(memory.store(&RealDisk, &path, now), None);
        let memory = Observations::load(&RealDisk, &path);
        let watched = Some(Watched { since: now, last: None });
        assert_eq!((memory.of(&ids[0]), memory.of(&ids[1])), (Some(&Observation { watched, ..seen(now) }), None));
    }

    #[test]
    fn a_use_by_others_is_remembered_while_later_ones_are_our_own() {
        let id = AccessKeyId::parse("AKIAEXAMPLE000000001").unwrap();
        let at = |days: i64| DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::days(days);
        let used = |service: &str, at| LastUsed::Used(LastUse { at, service: service.into(), region: "us-east-1".into() });
        let mut memory = Observations::default();
        for (day, last_use) in [(1, used("s3", at(0))), (2, used("sts", at(1))), (3, used("sts", at(2)))] {
            memory.remember(&id, &Observation { last_use, ..seen(at(day)) });
        }
        let last = LastUse { at: at(0), service: "s3".into(), region: "us-east-1".into() };
        assert_eq!(memory.of(&id).unwrap().watched, Some(Watched { since: at(1), last: Some(last) }));
    }

    #[test]
    fn a_damaged_or_newer_file_counts_as_empty_and_is_not_quoted() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("observations.json");
        for text in ["{\"version\":2,\"keys\":{}}", "{\"version\":1,\"keys\":{\"canary\":1}}", "", "canary"] {
            atomic_file::replace(&RealDisk, &path, text.as_bytes()).unwrap();
            let memory = Observations::load(&RealDisk, &path);
            let fault = memory.fault.unwrap();
            assert!(memory.keys.is_empty() && fault.contains("observations.json") && !fault.contains("canary"), "{fault}");
        }
    }

    #[test]
    fn a_missing_directory_is_made() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("state").join("observations.json");
        let memory = Observations::load(&RealDisk, &path);
        assert_eq!(memory.store(&RealDisk, &path, DateTime::UNIX_EPOCH), None);
        assert!(path.exists());
    }
}
