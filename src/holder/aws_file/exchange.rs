//! Replacing a file by exchanging its name with that of its edited copy, and what to do when somebody was faster.

use std::io;
use std::path::Path;

use super::{AwsFile, digest};
use crate::holder::{Displaced, HolderError};
use crate::model::AccessKeyPair;
use crate::os::atomic_file::{directory, remove_if_there};

/// How often another program may be faster before we give up for now.
const ROUNDS: usize = 5;

/// One file, its edited copy (after the exchange: the displaced original), and the edit.
pub(super) struct Exchange<'a, 'd> {
    pub(super) file: &'a AwsFile<'d>,
    pub(super) target: &'a Path,
    pub(super) temporary: &'a Path,
    /// Digest of the edited copy.
    pub(super) edited: &'a str,
    pub(super) from: &'a AccessKeyPair,
    pub(super) to: &'a AccessKeyPair,
}

impl Exchange<'_, '_> {
    /// Exchanges the names, or finds that an earlier run did. `base` is the digest of what was edited; whether the temporary has
    /// that or the edited content tells on which side of the exchange we are.
    pub(super) fn write(&self, base: &str) -> Result<Option<Displaced>, HolderError> {
        let now = digest(&self.file.read(self.target)?);
        match self.digest_if_there(self.temporary)? {
            Some(found) if found == self.edited && now == base => self.exchange(base),
            Some(found) if found == self.edited => {
                self.remove(self.temporary)?;
                Err(self.file.changed())
            }
            // Whoever exchanged them may have died before the directory was on the disk.
            Some(found) if found == base => self.sync().map(|()| Some(self.displaced(found, self.edited))),
            Some(_) => self.absorb(),
            // Where names cannot be exchanged, the rename left no temporary.
            None if now == self.edited => self.sync().map(|()| None),
            None => Err(self.file.changed()),
        }
    }

    /// Removes the displaced file, once it is what it was.
    pub(super) fn release(&self, content: &str) -> Result<(), HolderError> {
        match self.digest_if_there(self.temporary)? {
            Some(found) if found == content => self.remove(self.temporary),
            // A program that had the file open has written to it since.
            Some(_) => self.absorb().and_then(|_| self.remove(self.temporary)),
            None => Ok(()),
        }
    }

    fn exchange(&self, base: &str) -> Result<Option<Displaced>, HolderError> {
        let disk = self.file.disk;
        match disk.exchange(self.temporary, self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                disk.rename(self.temporary, self.target).map_err(self.file.io("replaced", self.target))?;
                self.sync()?;
                return Ok(None);
            }
            Err(source) => {
                self.remove(self.temporary)?;
                return Err(HolderError::Io { path: self.target.to_owned(), act: "replaced", source });
            }
        }
        // CRASH: from here on the temporary is the original, which `write` tells by its digest.
        self.sync()?;
        let found = digest(&self.file.read(self.temporary)?);
        if found == base { Ok(Some(self.displaced(found, self.edited))) } else { self.absorb() }
    }

    /// The displaced file is not what was edited: its content is somebody's newer work. It becomes the base of the same edit, or,
    /// where that cannot be, goes back to where it was.
    fn absorb(&self) -> Result<Option<Displaced>, HolderError> {
        // Below the whole name of the temporary: `.credentials.second` may be a file of the user's own.
        let mut second = self.temporary.as_os_str().to_owned();
        second.push(".second");
        let second = Path::new(&second);
        let mut put = self.edited.to_owned();
        for _ in 0..ROUNDS {
            let theirs = self.file.read(self.temporary)?;
            let Ok(edited) = self.file.edit(&theirs, self.from, self.to) else { return self.put_back(&put) };
            let ours = digest(&self.file.read(self.target)?);
            if ours == digest(&edited) {
                self.sync()?;
                self.remove(second)?;
                return Ok(Some(self.displaced(digest(&theirs), &digest(&edited))));
            }
            self.file.write_beside(self.target, second, &edited).map_err(self.file.io("written", second))?;
            self.file.disk.exchange(second, self.target).map_err(self.file.io("replaced", self.target))?;
            self.sync()?;
            put = digest(&edited);
            if digest(&self.file.read(second)?) == ours {
                continue;
            }
            // Faster once more: what we displaced now is newer than what we had.
            self.file.disk.rename(second, self.temporary).map_err(self.file.io("renamed", second))?;
            self.sync()?;
        }
        Err(self.file.busy())
    }

    /// Undoes the exchange, if the target still has what we put there. A slow writer goes on in the file that has the name again.
    fn put_back(&self, put: &str) -> Result<Option<Displaced>, HolderError> {
        if digest(&self.file.read(self.target)?) != put {
            return Err(self.file.busy());
        }
        self.file.disk.exchange(self.temporary, self.target).map_err(self.file.io("replaced", self.target))?;
        self.sync()?;
        self.remove(self.temporary)?;
        Err(self.file.busy())
    }

    fn displaced(&self, content: String, edited: &str) -> Displaced {
        Displaced { target: self.target.to_owned(), path: self.temporary.to_owned(), content, edited: edited.to_owned() }
    }

    fn digest_if_there(&self, path: &Path) -> Result<Option<String>, HolderError> {
        match self.file.read(path) {
            Ok(bytes) => Ok(Some(digest(&bytes))),
            Err(HolderError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, path: &Path) -> Result<(), HolderError> {
        let removed = remove_if_there(self.file.disk, path).and_then(|()| self.file.disk.sync_directory(directory(path)));
        removed.map_err(self.file.io("removed", path))
    }

    fn sync(&self) -> Result<(), HolderError> {
        self.file.disk.sync_directory(directory(self.target)).map_err(self.file.io("synced", self.target))
    }
}
