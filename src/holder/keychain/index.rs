//! `keychain.json` in the state directory: which items there are, without asking the keychain.
//!
//! Invariant: one process at a time changes it, and an item is entered before it is made, so that no item is ever forgotten.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::os::atomic_file::replace;
use crate::os::disk::Disk;
use crate::os::lock::{Lock, LockError};
use crate::os::private_directory::{PrivateDirectoryError, private_directory};
use crate::profile::KeychainIndex;

const FORMAT: u32 = 1;

/// The index cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file system refused.
    #[error("{} cannot be {act}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        act: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Not what this program wrote.
    #[error(
        "{}, line {line}: it is not the list of keychain items that keyrotate writes: put it back from a backup; it names the items and has no secret",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// Another version's.
    #[error("{} has format {found}, this keyrotate knows format {FORMAT}: use the version that wrote it", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The format it names.
        found: u32,
    },
    /// Another process is changing it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The state directory.
    #[error(transparent)]
    Directory(#[from] PrivateDirectoryError),
}

#[derive(Serialize, Deserialize)]
struct Content {
    format: u32,
    #[serde(flatten)]
    index: KeychainIndex,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The file.
pub struct IndexFile<'d> {
    disk: &'d dyn Disk,
    path: PathBuf,
}

impl<'d> IndexFile<'d> {
    /// The one in this state directory, which need not exist.
    pub fn new(disk: &'d dyn Disk, state_dir: &Path) -> Self {
        Self { disk, path: state_dir.join("keychain.json") }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; nothing where it does not exist.
    pub fn load(&self) -> Result<KeychainIndex, IndexError> {
        let bytes = match self.disk.read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(KeychainIndex::default());
            }
            Err(source) => return Err(IndexError::Io { path: self.path.clone(), act: "read", source }),
        };
        let damaged = |error: serde_json::Error| IndexError::Damaged { path: self.path.clone(), line: error.line().max(1) };
        let Format { format } = serde_json::from_slice(&bytes).map_err(damaged)?;
        if format != FORMAT {
            return Err(IndexError::OtherFormat { path: self.path.clone(), found: format });
        }
        serde_json::from_slice::<Content>(&bytes).map(|content| content.index).map_err(damaged)
    }

    /// Changes it as it is now, and returns when that is on the disk. `wait`: for another process that is changing it.
    pub fn change(&self, wait: Duration, change: impl FnOnce(&mut KeychainIndex)) -> Result<(), IndexError> {
        if let Some(directory) = self.path.parent() {
            private_directory(directory)?;
        }
        let _lock = Lock::acquire(&self.path.with_extension("lock"), wait, "keyrotate", &|| false, &mut |_| {})?;
        let before = self.load()?;
        let mut index = before.clone();
        change(&mut index);
        if index == before {
            return Ok(());
        }
        let wrong = |source| IndexError::Io { path: self.path.clone(), act: "written", source };
        let mut text = serde_json::to_vec_pretty(&Content { format: FORMAT, index }).map_err(|error| wrong(error.into()))?;
        text.push(b'\n');
        replace(self.disk, &self.path, &text).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccessKeyId, ProfileName};
    use crate::os::disk::RealDisk;
    use crate::os::keychain::ItemName;
    use crate::profile::IndexedItem;

    #[test]
    fn what_is_entered_is_found_again_in_a_private_file() {
        let scratch = tempfile::tempdir().unwrap();
        let state = scratch.path().join("state");
        let file = IndexFile::new(&RealDisk, &state);
        assert_eq!(file.load().unwrap(), KeychainIndex::default());
        let item = ItemName::parse("work").unwrap();
        let id = |number: u8| AccessKeyId::parse(&format!("AKIAEXAMPLE00000000{number}")).unwrap();
        let known = IndexedItem { access_key_id: id(1), profiles: vec![ProfileName::new("work")], is_made: true };
        file.change(Duration::ZERO, |index| index.put(item.clone(), known)).unwrap();
        assert_eq!(RealDisk.facts(file.path()).unwrap().mode, 0o600);
        file.change(Duration::ZERO, |index| assert!(index.set_key(&item, &id(2)) && !index.set_key(&item, &id(2)))).unwrap();
        let index = file.load().unwrap();
        let (name, found) = index.of_profile(&ProfileName::new("work")).unwrap();
        assert_eq!((name, &found.access_key_id), (&item, &id(2)));
        assert_eq!(index.of_profile(&ProfileName::new("other")), None);
        file.change(Duration::ZERO, |index| drop(index.remove(&item))).unwrap();
        assert_eq!(file.load().unwrap(), KeychainIndex::default());
    }

    #[test]
    fn what_is_not_ours_is_refused_by_name_and_line_and_not_written_over() {
        let scratch = tempfile::tempdir().unwrap();
        let file = IndexFile::new(&RealDisk, scratch.path());
        for (text, said) in [
            ("{\n\"format\": 1,\n\"items\": [canary]}", "line 3"),
            ("", "line 1"),
            ("{\"format\": 2, \"items\": []}", "format 2"),
            ("{\"format\": 1, \"items\": {\"keyrotate-probe\": {\"access_key_id\": \"AKIAEXAMPLE000000001\"}}}", "line 1"),
        ] {
            replace(&RealDisk, file.path(), text.as_bytes()).unwrap();
            let error = file.change(Duration::ZERO, |index| *index = KeychainIndex::default()).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("keychain.json") && !error.contains("canary"), "{error}");
            assert_eq!(RealDisk.read(file.path()).unwrap(), text.as_bytes());
        }
    }
}
