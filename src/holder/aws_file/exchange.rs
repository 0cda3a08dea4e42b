//! Replacing a file by exchanging its name with that of its edited copy, and what to do when somebody was faster.

use std::io;
use std::path::{Path, PathBuf};

use super::{AwsFile, Edit, digest};
use crate::holder::{Displaced, HolderError};
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
    pub(super) edit: Edit<'a>,
}

impl Exchange<'_, '_> {
    /// Exchanges the names, or finds that an earlier run did. `base` is the digest of what was edited; whether the temporary has
    /// that or the edited content tells on which side of the exchange we are.
    pub(super) fn write(&self, base: &str) -> Result<Option<Displaced>, HolderError> {
        let now = digest(&self.file.read(self.target)?);
        match self.digest_if_there(self.temporary)? {
            Some(found) if found == self.edited && now == base && !self.file.is_pinned(self.target)? => self.exchange(base),
            // Somebody wrote it, or gave it a second name, which an exchange would leave with the old pair.
            Some(found) if found == self.edited => {
                self.remove(self.temporary)?;
                Err(self.file.changed())
            }
            // Whoever exchanged them may have died before the directory was on the disk.
            Some(found) if found == base => self.sync().map(|()| Some(self.displaced(found, self.edited))),
            Some(_) => self.absorb(),
            // Where names cannot be exchanged, the rename left no temporary.
            None if now == self.edited => self.sync().map(|()| None),
            // CRASH: somebody may have written the file that our rename put there; with the name they would lose their work.
            None => self.sync().and(Err(self.file.changed())),
        }
    }

    /// Removes the displaced file, once it is what it was.
    pub(super) fn release(&self, content: &str) -> Result<(), HolderError> {
        match self.digest_if_there(self.temporary)? {
            Some(found) if found == content => self.remove(self.temporary),
            // A program that had the file open has written to it since.
            Some(_) => self.absorb().and_then(|_| self.remove(self.temporary)),
            // CRASH: the removal may not be on the disk yet, and the next power failure gives the file back.
            None => match self.file.disk.sync_directory(directory(self.temporary)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.file.io("removed", self.temporary)(error)),
                Ok(()) | Err(_) => Ok(()),
            },
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

    /// The displaced file is not what was edited: its content is somebody's newer work. It becomes the base of the same edit; where that
    /// cannot be, it goes back to where it was; and where somebody wrote the target too, there are two newest versions, of which the
    /// displaced one is kept.
    fn absorb(&self) -> Result<Option<Displaced>, HolderError> {
        let [second, unfinished] = &copies(self.temporary);
        let mut put = self.edited.to_owned();
        for round in 0..ROUNDS {
            let theirs = self.file.read(self.temporary)?;
            let edited = (self.edit)(&theirs).ok();
            let wanted = edited.as_ref().map(|edited| digest(edited));
            if round == 0 {
                self.take_up(second, wanted.as_ref())?;
            }
            let ours = digest(&self.file.read(self.target)?);
            if Some(&ours) == wanted.as_ref() {
                self.sync()?;
                self.remove(second)?;
                return Ok(Some(self.displaced(digest(&theirs), &ours)));
            }
            if ours != put {
                return Err(self.keep(self.temporary));
            }
            let Some(edited) = edited else { break };
            // CRASH: under its last name it is whole, so that what is whole there and not ours is somebody's.
            self.file.write_beside(self.target, unfinished, &edited).map_err(self.file.io("written", second))?;
            self.file.disk.rename(unfinished, second).map_err(self.file.io("renamed", second))?;
            self.sync()?;
            put = digest(&edited);
            self.swap(second)?;
            if digest(&self.file.read(second)?) != ours {
                // Faster once more, in the target: their file goes back there.
                self.undo(second, &put)?;
                return Err(self.keep(self.temporary));
            }
        }
        self.remove(second)?;
        self.undo(self.temporary, &put)?;
        Err(self.file.busy())
    }

    /// What a run that was cut off left of its second copy: ours, or what it displaced and never looked at.
    fn take_up(&self, second: &Path, wanted: Option<&String>) -> Result<(), HolderError> {
        match self.digest_if_there(second)? {
            Some(found) if found != self.edited && Some(&found) != wanted => Err(self.keep(second)),
            Some(_) => self.remove(second),
            None => Ok(()),
        }
    }

    /// Takes an exchange back, after which `aside` has what we `put` into the target. A slow writer goes on in the file that has the name
    /// again.
    fn undo(&self, aside: &Path, put: &str) -> Result<(), HolderError> {
        self.swap(aside)?;
        if digest(&self.file.read(aside)?) == put { self.remove(aside) } else { Err(self.keep(aside)) }
    }

    fn swap(&self, aside: &Path) -> Result<(), HolderError> {
        self.file.disk.exchange(aside, self.target).map_err(self.file.io("replaced", self.target))?;
        self.sync()
    }

    /// Leaves somebody's version where they find it. Returns what to tell them.
    fn keep(&self, aside: &Path) -> HolderError {
        match self.file.keep(aside) {
            Ok(kept) => HolderError::Kept { path: self.target.to_owned(), kept },
            Err(error) => error,
        }
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

/// The names of a second edited copy, whole and while it is written. They are below the whole name of the first: `.credentials.second` may be
/// a file of the user's own.
pub(super) fn copies(temporary: &Path) -> [PathBuf; 2] {
    [".second", ".unfinished"].map(|suffix| {
        let mut name = temporary.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}
