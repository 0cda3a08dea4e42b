//! The only lock: one file that the operating system locks for one process at a time.
//!
//! Invariants: a dead owner never blocks anybody, because the lock is the system's and the file's content is only for show; the
//! file is never removed, because two processes could then each hold "the" lock, one on the removed file and one on its successor.

use std::convert::Infallible;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::os::atomic_file::directory;
use crate::os::clock;
use crate::os::disk::{Disk, RealDisk};
use crate::os::terminal::plain;

/// The lock, held until this is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Who holds the lock, as far as the lock file tells: its content may be half written or not ours at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The process's id.
    pub pid: Option<u32>,
    /// The command it runs, without arguments that could be secret.
    pub command: Option<String>,
    /// When it took the lock, by this machine's clock.
    pub started_at: Option<DateTime<Utc>>,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Its owner did not finish in time.
    #[error("the lock is held by {0}; it did not finish in time: wait for it or stop it, then run the command again")]
    Busy(Owner),
    /// A signal came while waiting.
    #[error("interrupted while waiting for the lock; nothing was changed")]
    Interrupted,
    /// The lock file cannot be used.
    #[error("the lock file {path} cannot be used; it must be a plain file that you own, in a directory on a local disk with space left", path = path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How often a waiting process looks.
const POLL: Duration = Duration::from_millis(100);

/// More than this of a lock file is not an owner.
const OWNER_BYTES: u64 = 4_096;

/// What came of waiting for a lock.
#[derive(Debug)]
pub enum Turn<T> {
    /// It is ours.
    Lock(Lock),
    /// It is not needed any more.
    Spared(T),
}

impl Lock {
    /// Takes the lock at `path`, waiting up to `wait` of boot time; `command` is shown to whoever waits for us, so it must hold no
    /// secret. `waiting` is told the owner when the wait begins and whenever the owner changes; `stop` ends the wait.
    pub fn acquire(
        path: &Path,
        wait: Duration,
        command: &str,
        stop: &dyn Fn() -> bool,
        waiting: &mut dyn FnMut(&Owner),
    ) -> Result<Self, LockError> {
        match Self::acquire_unless(path, wait, command, stop, waiting, &|| None::<Infallible>)? {
            Turn::Lock(lock) => Ok(lock),
            Turn::Spared(never) => match never {},
        }
    }

    /// As [`Lock::acquire`]; while it waits, it looks whether `spared` has what the lock was wanted for.
    pub fn acquire_unless<T>(
        path: &Path,
        wait: Duration,
        command: &str,
        stop: &dyn Fn() -> bool,
        waiting: &mut dyn FnMut(&Owner),
        spared: &dyn Fn() -> Option<T>,
    ) -> Result<Turn<T>, LockError> {
        let wrong = |source| LockError::Io { path: path.to_owned(), source };
        let mut file = open(path).map_err(wrong)?;
        let until = clock::boot_time().saturating_add(wait);
        let mut seen = None;
        loop {
            match file.try_lock() {
                Ok(()) if has_the_name(&file, path).map_err(wrong)? => break,
                // Somebody removed the directory: who comes now locks the file's successor.
                Ok(()) => {
                    file = open(path).map_err(wrong)?;
                    continue;
                }
                Err(TryLockError::Error(source)) => return Err(wrong(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            if let Some(spared) = spared() {
                return Ok(Turn::Spared(spared));
            }
            let owner = Owner::read(path);
            let left = until.saturating_sub(clock::boot_time());
            if left.is_zero() {
                return Err(LockError::Busy(owner));
            }
            if seen.as_ref() != Some(&owner) {
                waiting(&owner);
                seen = Some(owner);
            }
            if clock::pause(left.min(POLL), stop) {
                return Err(LockError::Interrupted);
            }
        }
        Owner::of_this_process(command).write(&mut file).map_err(wrong)?;
        RealDisk.sync_directory(directory(path)).map_err(wrong)?;
        Ok(Turn::Lock(Self { _file: file }))
    }
}

impl Owner {
    /// The owner that the lock file at `path` names; what cannot be read is `None`.
    pub fn read(path: &Path) -> Self {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(OWNER_BYTES).read_to_string(&mut text));
        read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    fn of_this_process(command: &str) -> Self {
        Self { pid: Some(std::process::id()), command: Some(command.to_owned()), started_at: Some(clock::local_now()) }
    }

    fn write(&self, file: &mut File) -> io::Result<()> {
        let text = serde_json::to_string(self)?;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("another process")?,
        }
        if let Some(command) = &self.command {
            // The file is not trusted: its bytes must not steer a terminal.
            let plain: String = plain(command).chars().take(200).collect();
            write!(f, " (`{plain}`)")?;
        }
        match self.started_at {
            Some(at) => write!(f, ", which began at {}", at.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M:%S %:z")),
            None => Ok(()),
        }
    }
}

/// Opens without truncation: the content belongs to whoever holds the lock. A symlink would let its target be overwritten.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file")) }
}

/// Whether the path still leads to this file.
#[cfg(unix)]
fn has_the_name(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Windows: a file that is open keeps its name.
#[cfg(not(unix))]
fn has_the_name(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(path: &Path, wait: u64, waiting: &mut dyn FnMut(&Owner)) -> Result<Lock, LockError> {
        Lock::acquire(path, Duration::from_millis(wait), "keyrotate rotate", &|| false, waiting)
    }

    #[test]
    fn a_second_lock_waits_hears_of_the_owner_and_gives_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = take(&path, 0, &mut |_| panic!("nobody to wait for")).unwrap();
        let mut heard = Vec::new();
        let error = take(&path, 250, &mut |owner| heard.push(owner.clone())).unwrap_err();
        assert_eq!(heard.len(), 1, "told once, not at every look");
        assert_eq!((heard[0].pid, heard[0].command.as_deref()), (Some(std::process::id()), Some("keyrotate rotate")));
        let message = error.to_string();
        assert!(matches!(error, LockError::Busy(owner) if owner == heard[0]));
        assert!(
            message.starts_with(&format!("the lock is held by process {} (`keyrotate rotate`), which began at 2", std::process::id())),
            "{message}"
        );
        drop(first);
        take(&path, 0, &mut |_| panic!("the lock is free")).unwrap();
    }

    #[test]
    fn the_file_stays_and_a_dead_owners_content_blocks_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        drop(take(&path, 0, &mut |_| {}).unwrap());
        assert!(path.exists());
        for content in ["", "{", "\u{0}\u{1}garbage", r#"{"pid":1,"command":"init","started_at":null}"#, &"long ".repeat(4_000)] {
            std::fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap().write_all(content.as_bytes()).unwrap();
            let lock = take(&path, 0, &mut |_| panic!("the lock is free")).unwrap();
            assert_eq!(Owner::read(&path).pid, Some(std::process::id()), "{content:.20}");
            drop(lock);
        }
    }

    #[test]
    fn an_owner_that_cannot_be_read_is_another_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let mut first = open(&path).unwrap();
        first.lock().unwrap();
        first.write_all(b"{\"pid\":").unwrap();
        let error = take(&path, 0, &mut |_| {}).unwrap_err();
        assert!(error.to_string().starts_with("the lock is held by another process;"), "{error}");
        let owner = Owner { pid: Some(7), command: Some("rm\u{1b}[2J".into()), started_at: None };
        assert_eq!(owner.to_string(), "process 7 (`rm [2J`)");
    }

    #[test]
    fn who_waits_is_spared_the_lock_once_its_owner_has_done_the_work() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _first = take(&path, 0, &mut |_| {}).unwrap();
        let looked = std::cell::Cell::new(0);
        let done = || (looked.replace(looked.get() + 1) == 2).then_some("done");
        let turn = Lock::acquire_unless(&path, Duration::from_secs(3_600), "x", &|| false, &mut |_| {}, &done).unwrap();
        assert!(matches!(turn, Turn::Spared("done")));
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_on_a_file_that_was_removed_meanwhile_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = take(&path, 0, &mut |_| {}).unwrap();
        let (mut first, mut second) = (Some(first), None);
        // While it waits, the file is removed, another process locks the new one, and the first owner lets go.
        let error = Lock::acquire(&path, Duration::from_millis(400), "x", &|| false, &mut |_| {
            if first.is_some() {
                std::fs::remove_file(&path).unwrap();
                second = Some(take(&path, 0, &mut |_| {}).unwrap());
                first = None;
            }
        });
        assert!(matches!(error, Err(LockError::Busy(_))), "two hold the lock: {error:?}");
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _first = take(&path, 0, &mut |_| {}).unwrap();
        let result = Lock::acquire(&path, Duration::from_secs(3_600), "x", &|| true, &mut |_| {});
        assert!(matches!(result, Err(LockError::Interrupted)));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private_and_never_reached_through_a_symlink() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        let _lock = take(&target, 0, &mut |_| {}).unwrap();
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let error = take(&link, 0, &mut |_| {}).unwrap_err();
        assert!(matches!(&error, LockError::Io { path, .. } if *path == link));
        assert!(error.to_string().contains(&link.display().to_string()));
        assert!(matches!(take(dir.path(), 0, &mut |_| {}), Err(LockError::Io { .. })));
    }
}
