//! What happened: one JSON object a line, appended and synced, never rewritten. No secret is ever in it.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::os::atomic_file::{PRIVATE, directory};
use crate::os::disk::Disk;

/// The history cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the history {} cannot be {act}", path.display())]
pub struct HistoryError {
    /// The file.
    pub path: PathBuf,
    /// `read` or `written`.
    pub act: &'static str,
    /// The system's reason.
    pub source: io::Error,
}

/// What of the history can be read.
#[derive(Debug)]
pub struct Lines<T> {
    /// The lines, oldest first.
    pub lines: Vec<T>,
    /// How many lines a crash tore, or another version wrote.
    pub unreadable: usize,
}

/// The history file.
pub struct History<'d> {
    disk: &'d dyn Disk,
    path: PathBuf,
}

impl<'d> History<'d> {
    /// The history at `path`, which need not exist.
    pub fn new(disk: &'d dyn Disk, path: PathBuf) -> Self {
        Self { disk, path }
    }

    /// Every line that can be read as `T`, oldest first. A line that a crash tore, or another version wrote, is passed over.
    pub fn lines<T: DeserializeOwned>(&self) -> Result<Vec<T>, HistoryError> {
        self.read().map(|read| read.lines)
    }

    /// The same, with a count of the others.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Lines<T>, HistoryError> {
        let bytes = self.bytes()?;
        let written = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let read: Vec<Option<T>> = written.map(|line| serde_json::from_slice(line).ok()).collect();
        let unreadable = read.iter().filter(|line| line.is_none()).count();
        Ok(Lines { lines: read.into_iter().flatten().collect(), unreadable })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line and returns when it is on the disk.
    pub fn append<T: Serialize>(&self, line: &T) -> Result<(), HistoryError> {
        self.write(line).map_err(|source| self.error("written", source))
    }

    fn write<T: Serialize>(&self, line: &T) -> io::Result<()> {
        let before = self.bytes().map_err(|error| error.source)?;
        let mut text = serde_json::to_vec(line).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        text.push(b'\n');
        // A torn last line stays; the new one begins a line of its own.
        if before.last().is_some_and(|byte| *byte != b'\n') {
            text.insert(0, b'\n');
        }
        let mut file = match self.disk.create(&self.path, PRIVATE) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk.open(&self.path)?,
            created => created?,
        };
        file.write_at(before.len() as u64, &text)?;
        file.sync()?;
        self.disk.sync_directory(directory(&self.path))
    }

    fn bytes(&self) -> Result<Vec<u8>, HistoryError> {
        match self.disk.read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.map_err(|source| self.error("read", source)),
        }
    }

    fn error(&self, act: &'static str, source: io::Error) -> HistoryError {
        HistoryError { path: self.path.clone(), act, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::atomic_file;
    use crate::os::disk::RealDisk;

    #[test]
    fn lines_outlive_one_that_was_torn() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("history.jsonl");
        let history = History::new(&RealDisk, path.clone());
        assert!(history.lines::<u32>().unwrap().is_empty());
        history.append(&1_u32).unwrap();
        atomic_file::replace(&RealDisk, &path, b"1\n{\"torn").unwrap();
        history.append(&2_u32).unwrap();
        assert_eq!(history.lines::<u32>().unwrap(), [1, 2]);
        assert_eq!(history.read::<u32>().unwrap().unreadable, 1);
    }
}
