//! One entry: two files of the same size, of which one has the name.
//!
//! The first line tells the format and the body's SHA-256, the second is the body in JSON, spaces fill the rest. An update is
//! written into the spare file in place, synced, and the two names are exchanged: it needs no new space and no new name.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::os::atomic_file::{directory, remove_if_there, replace, write_new};
use crate::os::disk::Disk;
use crate::os::keychain::{ItemName, KeychainError};

/// The format that this program writes and reads.
const FORMAT: u32 = 1;
/// An entry's size on the disk; larger bodies take multiples of it.
const BLOCK: usize = 4 * 1024;
const MAGIC: &str = "keyrotate-journal";

/// An entry cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("the journal entry {} cannot be {act}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read`, `written` or `removed`.
        act: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// It is there for who reads it, but the system could not promise that a power failure leaves it so.
    #[error("the journal entry {} is written, and may not outlast a power failure", path.display())]
    NotDurable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The keychain refused the part of it that no file may have.
    #[error("keychain item {item}, where the journal keeps the pairs of the rotation, cannot be {act}")]
    Keychain {
        /// The item.
        item: ItemName,
        /// `read`, `written` or `removed`.
        act: &'static str,
        /// Why, and what to do.
        source: KeychainError,
    },
    /// What has to be known before an entry may be closed could not be written down: it says where, and why.
    #[error("{0}")]
    NotNoted(String),
    /// Not what this program wrote.
    #[error("the journal entry {} is damaged ({reason}); it may hold the only copy of a secret access key: keep it, and see what of it can be read", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another version's entry.
    #[error("the journal entry {} has format {found}, this keyrotate knows format {FORMAT}: finish it with the version that wrote it", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The format it names.
        found: u32,
    },
}

impl JournalError {
    /// The file that it is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. } | Self::NotDurable { path, .. } | Self::Damaged { path, .. } | Self::OtherFormat { path, .. } => {
                Some(path)
            }
            Self::Keychain { .. } | Self::NotNoted(_) => None,
        }
    }

    /// What is wrong, in the fewest words: for entries that are no rotation's, and have no secret.
    pub fn reason(&self) -> String {
        match self {
            Self::Io { source, .. } | Self::NotDurable { source, .. } => source.to_string(),
            Self::Damaged { reason, .. } => (*reason).to_owned(),
            Self::OtherFormat { found, .. } => format!("it has format {found}, this keyrotate knows format {FORMAT}"),
            Self::Keychain { .. } | Self::NotNoted(_) => self.to_string(),
        }
    }
}

/// An open entry. One process at a time: the caller holds the lock.
pub struct Entry<'d> {
    disk: &'d dyn Disk,
    path: PathBuf,
    size: usize,
}

impl<'d> Entry<'d> {
    /// The entries in a directory, by path; none where the directory does not exist.
    pub fn list(disk: &dyn Disk, directory: &Path) -> Result<Vec<PathBuf>, JournalError> {
        match disk.list(directory) {
            Ok(paths) => Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(JournalError::Io { path: directory.to_owned(), act: "read", source }),
        }
    }

    /// Removes what crashes left in the directory: files that belong to no entry. For the holder of the lock only.
    pub fn sweep(disk: &dyn Disk, directory: &Path) -> Result<(), JournalError> {
        let wrong = |source| JournalError::Io { path: directory.to_owned(), act: "tidied", source };
        let mut removed = false;
        for path in disk.list(directory).map_err(wrong)? {
            let is_left = match path.extension().and_then(|ext| ext.to_str()) {
                Some("spare") => disk.facts(&path.with_extension("json")).is_err_and(|error| error.kind() == io::ErrorKind::NotFound),
                Some("tmp") => true,
                Some(_) | None => false,
            };
            if is_left {
                remove_if_there(disk, &path).map_err(wrong)?;
                removed = true;
            }
        }
        if removed { disk.sync_directory(directory).map_err(wrong) } else { Ok(()) }
    }

    /// Reads the entry at `path`.
    pub fn load<T: DeserializeOwned>(disk: &dyn Disk, path: &Path) -> Result<T, JournalError> {
        let bytes =
            disk.read(path).map(Zeroizing::new).map_err(|source| JournalError::Io { path: path.to_owned(), act: "read", source })?;
        let body = unseal(&bytes).map_err(|fault| match fault {
            Fault::Damaged(reason) => JournalError::Damaged { path: path.to_owned(), reason },
            Fault::OtherFormat(found) => JournalError::OtherFormat { path: path.to_owned(), found },
        })?;
        // serde's error may quote the body, so it is not passed on.
        serde_json::from_slice(body).map_err(|_| JournalError::Damaged { path: path.to_owned(), reason: "its body is not an entry" })
    }

    /// Every entry in a directory, with its path, and why others cannot be read; for who looks only. One that is closed meanwhile is neither.
    pub fn load_all<T: DeserializeOwned>(disk: &dyn Disk, directory: &Path) -> (Vec<(PathBuf, T)>, Vec<JournalError>) {
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        let paths = Self::list(disk, directory).unwrap_or_else(|error| {
            wrong.push(error);
            Vec::new()
        });
        for path in paths {
            match Self::load(disk, &path) {
                Ok(body) => found.push((path, body)),
                Err(JournalError::Io { ref source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => wrong.push(error),
            }
        }
        (found, wrong)
    }

    /// Writes a new entry, with room for one that grows fourfold, and returns when both of its files are on the disk.
    pub fn begin<T: Serialize>(disk: &'d dyn Disk, path: PathBuf, body: &T) -> Result<Self, JournalError> {
        let mut entry = Self { disk, path, size: 0 };
        let wrong = |source| entry.error("written", source);
        let sealed = seal(body, 0).map_err(wrong)?;
        let size = (sealed.len() * 4).next_multiple_of(BLOCK);
        let sealed = seal(body, size).map_err(wrong)?;
        write_new(disk, &entry.spare(), &sealed).map_err(wrong)?;
        // CRASH: a spare or a temporary without its entry is no entry; the next sweep removes it.
        if let Err(source) = replace(disk, &entry.path, &sealed) {
            let _ = remove_if_there(disk, &entry.spare());
            return Err(entry.error("written", source));
        }
        entry.size = size;
        Ok(entry)
    }

    /// Takes up the entry at `path`, which [`Entry::load`] has read, and writes `body` down: what was read may not have reached the disk.
    pub fn resume<T: Serialize>(disk: &'d dyn Disk, path: PathBuf, body: &T) -> Result<Self, JournalError> {
        let len = disk.facts(&path).map(|facts| facts.len);
        let mut entry = Self { disk, path, size: BLOCK };
        let len = len.map_err(|source| entry.error("read", source))?;
        entry.size = usize::try_from(len).unwrap_or(BLOCK).max(BLOCK);
        // CRASH: names that were exchanged and not synced would come back, and the spare, which is written over now, be the entry.
        disk.sync_directory(directory(&entry.path)).map_err(|source| entry.error("written", source))?;
        entry.update(body)?;
        Ok(entry)
    }

    /// Where the entry is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the entry's body. On an error the entry is the one before; but see [`JournalError::NotDurable`].
    pub fn update<T: Serialize>(&mut self, body: &T) -> Result<(), JournalError> {
        let sealed = seal(body, self.size).map_err(|source| self.error("written", source))?;
        let in_place = self.write_spare(&sealed).and_then(|()| self.exchange());
        // A failed fsync is never retried on the same file: the second attempt takes a new one.
        in_place.or_else(|_| write_new(self.disk, &self.spare(), &sealed).and_then(|()| self.exchange())).map_err(|source| {
            match self.disk.read(&self.path).map(Zeroizing::new) {
                Ok(there) if *there == *sealed => JournalError::NotDurable { path: self.path.clone(), source },
                Ok(_) | Err(_) => self.error("written", source),
            }
        })?;
        self.size = self.size.max(sealed.len());
        Ok(())
    }

    /// Ends the entry. `scrubbed` holds no secret: it overwrites both files before they are removed.
    pub fn close<T: Serialize>(mut self, scrubbed: &T) -> Result<(), JournalError> {
        self.update(scrubbed)?;
        self.update(scrubbed)?;
        let removed = remove_if_there(self.disk, &self.spare())
            .and_then(|()| remove_if_there(self.disk, &self.path))
            .and_then(|()| self.disk.sync_directory(directory(&self.path)));
        removed.map_err(|source| self.error("removed", source))
    }

    fn spare(&self) -> PathBuf {
        self.path.with_extension("spare")
    }

    fn write_spare(&self, sealed: &[u8]) -> io::Result<()> {
        let spare = self.spare();
        if self.disk.facts(&spare)?.len != sealed.len() as u64 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut file = self.disk.open(&spare)?;
        file.write_at(0, sealed)?;
        file.sync()
    }

    fn exchange(&self) -> io::Result<()> {
        let spare = self.spare();
        match self.disk.exchange(&spare, &self.path) {
            // Without the exchange the next update needs a new spare, which `update` makes.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => self.disk.rename(&spare, &self.path)?,
            other => other?,
        }
        self.disk.sync_directory(directory(&self.path))
    }

    fn error(&self, act: &'static str, source: io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), act, source }
    }
}

enum Fault {
    Damaged(&'static str),
    OtherFormat(u32),
}

/// The entry's bytes, filled up to a multiple of [`BLOCK`] and at least `size`.
fn seal<T: Serialize>(body: &T, size: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
    let mut length = Length(0);
    serde_json::to_writer(&mut length, body).map_err(invalid)?;
    // SECRET: the buffer is wiped when dropped, and large enough not to move while it grows.
    let mut json = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *json, body).map_err(invalid)?;
    let header = format!("{MAGIC} {FORMAT} {}\n", hex(&Sha256::digest(&*json)));
    let needed = header.len() + json.len() + 1;
    let mut sealed = Zeroizing::new(Vec::with_capacity(needed.next_multiple_of(BLOCK).max(size)));
    sealed.extend_from_slice(header.as_bytes());
    sealed.extend_from_slice(&json);
    sealed.push(b'\n');
    let full = sealed.len().next_multiple_of(BLOCK).max(size);
    sealed.resize(full, b' ');
    Ok(sealed)
}

/// Counts what is written and keeps nothing.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unseal(bytes: &[u8]) -> Result<&[u8], Fault> {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let header = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let body = lines.next().unwrap_or_default();
    let mut words = header.split(' ');
    if words.next() != Some(MAGIC) {
        return Err(Fault::Damaged("it does not begin as one"));
    }
    // A number and not the word: what is damaged may be long, move a cursor, or be a piece of a secret.
    match words.next().unwrap_or_default().parse() {
        Ok(FORMAT) => {}
        Ok(found) => return Err(Fault::OtherFormat(found)),
        Err(_) => return Err(Fault::Damaged("its format is no number")),
    }
    if words.next() != Some(hex(&Sha256::digest(body)).as_str()) {
        return Err(Fault::Damaged("its checksum is wrong"));
    }
    Ok(body)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::atomic_file;
    use crate::os::disk::RealDisk;

    #[test]
    fn an_entry_is_updated_in_its_place_and_scrubbed_at_the_end() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("r1.json");
        let mut entry = Entry::begin(&RealDisk, path.clone(), &"intent").unwrap();
        entry.update(&"canary").unwrap();
        assert_eq!(Entry::load::<String>(&RealDisk, &path).unwrap(), "canary");
        let mut entry = Entry::resume(&RealDisk, path.clone(), &"canary").unwrap();
        remove_if_there(&RealDisk, &entry.spare()).unwrap();
        entry.update(&"canary 2").unwrap();
        assert_eq!(Entry::load::<String>(&RealDisk, &path).unwrap(), "canary 2");
        entry.close(&"done").unwrap();
        assert!(RealDisk.list(scratch.path()).unwrap().is_empty());
    }

    #[test]
    fn what_a_crash_left_is_swept_and_entries_stay() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        Entry::begin(&RealDisk, at("r1.json"), &"body").unwrap();
        for name in ["r2.spare", ".r3.json.tmp"] {
            write_new(&RealDisk, &at(name), b"left").unwrap();
        }
        Entry::sweep(&RealDisk, scratch.path()).unwrap();
        assert_eq!(RealDisk.list(scratch.path()).unwrap(), [at("r1.json"), at("r1.spare")]);
    }

    #[test]
    fn a_body_that_outgrows_its_room_is_still_written_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("r1.json");
        let mut entry = Entry::begin(&RealDisk, path.clone(), &"small").unwrap();
        let large = "x".repeat(5 * BLOCK);
        entry.update(&large).unwrap();
        entry.update(&large).unwrap();
        assert_eq!(Entry::load::<String>(&RealDisk, &path).unwrap(), large);
    }

    #[test]
    fn damage_and_other_formats_are_refused_by_name() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("r1.json");
        Entry::begin(&RealDisk, path.clone(), &"body").unwrap();
        let good = RealDisk.read(&path).unwrap();
        let text = String::from_utf8(good).unwrap();
        for (bytes, said) in [
            (text.replace("body", "bodx"), "checksum"),
            (text.replace("journal 1", "journal 2"), "format 2"),
            (String::new(), "does not begin"),
            (text.chars().take(90).collect(), "checksum"),
            (text.replace("journal 1", &format!("journal {}", "bod".repeat(9000))), "format is no number"),
            (text.replace("journal 1", "journal \u{1b}[2J"), "format is no number"),
        ] {
            atomic_file::replace(&RealDisk, &path, bytes.as_bytes()).unwrap();
            let error = Entry::load::<String>(&RealDisk, &path).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("r1.json") && !error.contains("bod"), "{error}");
            assert!(error.len() < 300 && !error.contains(char::is_control), "{error:?}");
        }
    }
}
