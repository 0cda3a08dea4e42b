//! An edit of an AWS file that is not a rotation's, such as of a key that moves out of it: the same exchange of names, with another edit.
//!
//! Invariant: the edit does nothing where it was done already, so that it can be made again after a crash at any point of it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::exchange::Exchange;
use super::{AwsFile, digest, io};
use crate::holder::{Displaced, Holder, HolderError, Staged};
use crate::os::atomic_file::{directory, remove_if_there};
use crate::os::disk::{Disk, is_immutable};
use crate::profile::{Document, EditError, FileKind};

/// What becomes of a file.
type Change<'a> = &'a dyn Fn(&Document) -> Result<Zeroizing<Vec<u8>>, EditError>;

/// How often another program may be faster before we give up for now.
const ROUNDS: usize = 5;

/// How far the edit of one file is. It is kept before each act, so that what is cut off can be gone on with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// What is ready to be made.
    pub staged: Option<Staged>,
    /// What was displaced and is not looked at yet.
    pub displaced: Option<Displaced>,
}

/// One file that is edited so.
pub struct Moving<'a> {
    file: AwsFile<'a>,
    edit: Change<'a>,
}

impl<'a> Moving<'a> {
    /// Touches nothing yet.
    pub fn new(disk: &'a dyn Disk, kind: FileKind, path: PathBuf, edit: Change<'a>) -> Self {
        Self { file: AwsFile::new(disk, kind, path), edit }
    }

    /// The file before and after the edit; one that does not exist is empty.
    pub fn preview(&self) -> Result<[Zeroizing<Vec<u8>>; 2], HolderError> {
        let bytes = match self.file.disk.read(&self.file.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(self.file.io("read", &self.file.path))?,
        };
        let after = self.edited(&bytes)?;
        Ok([Zeroizing::new(bytes), after])
    }

    /// Makes the edit ready; `None` where there is nothing to do. A file that does not exist is made, empty. What it leaves is named by `tag`.
    pub fn prepare(&self, tag: &str) -> Result<Option<Staged>, HolderError> {
        let [before, after] = self.preview()?;
        if before == after {
            return Ok(None);
        }
        let target = self.target()?;
        let bytes = self.file.read(&target)?;
        if self.file.is_pinned(&target)? {
            return Err(HolderError::Pinned { path: target });
        }
        let (edited, temporary) = (self.edited(&bytes)?, super::beside(&target, tag));
        self.file.write_beside(&target, &temporary, &edited).map_err(self.file.io("written", &target))?;
        Ok(Some(Staged::Beside { target, temporary, base: digest(&bytes), edited: digest(&edited) }))
    }

    /// Makes the edit, durably. Can be called again after a crash at any point of it.
    pub fn write(&self, staged: &Staged) -> Result<Option<Displaced>, HolderError> {
        match staged {
            Staged::Beside { target, temporary, base, edited } => {
                let edit = |bytes: &[u8]| self.edited(bytes);
                Exchange { file: &self.file, target, temporary, edited, edit: &edit }.write(base)
            }
            Staged::InPlace { .. } | Staged::Version { .. } | Staged::Item { .. } => Err(self.file.changed()),
        }
    }

    /// Makes the edit from wherever it was left, and tells `keep` how far it is before the next act. Nothing is done where it was done already. A
    /// file that does not exist is made where it `may_be_made`; else it is an error that [`HolderError::is_away`].
    pub fn carry_out<E: From<HolderError>>(
        &self,
        tag: &str,
        mut at: UnderWay,
        may_be_made: bool,
        keep: &mut dyn FnMut(&UnderWay) -> Result<(), E>,
    ) -> Result<(), E> {
        for _ in 0..ROUNDS {
            if let Some(staged) = at.staged.take() {
                match self.write(&staged) {
                    Ok(displaced) => at.displaced = displaced.or(at.displaced),
                    Err(error) if error.is_passing() => {}
                    Err(error) => return Err(error.into()),
                }
                keep(&at)?;
            }
            if let Some(displaced) = at.displaced.take() {
                self.release(&displaced)?;
                keep(&at)?;
            }
            let is_away = self.file.disk.facts(&self.file.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
            if is_away && !may_be_made {
                return Err(self.file.io("read", &self.file.path)(io::ErrorKind::NotFound.into()).into());
            }
            match self.prepare(tag)? {
                None => {
                    self.sweep(tag, None);
                    return Ok(());
                }
                Some(staged) => at.staged = Some(staged),
            }
            keep(&at)?;
        }
        Err(HolderError::Busy { place: self.file.path.display().to_string() }.into())
    }

    /// Removes what a write displaced, after taking over what somebody wrote there since.
    pub fn release(&self, displaced: &Displaced) -> Result<(), HolderError> {
        let Displaced { target, path, content, edited } = displaced;
        let edit = |bytes: &[u8]| self.edited(bytes);
        Exchange { file: &self.file, target, temporary: path, edited, edit: &edit }.release(content)
    }

    /// Removes what an edit left that was cut off, and keeps what somebody else wrote there. Returns where.
    pub fn sweep(&self, tag: &str, staged: Option<&Staged>) -> Vec<PathBuf> {
        self.file.sweep(tag, staged, &[])
    }

    /// Proves, leaving nothing behind, that the file can be replaced.
    pub fn check_writable(&self) -> Result<(), HolderError> {
        let [before, after] = self.preview()?;
        if before == after {
            return Ok(());
        }
        let target = self.target()?;
        if self.file.is_pinned(&target)? {
            return Err(HolderError::Pinned { path: target });
        }
        let opened = self.file.disk.open(&target).map(drop);
        if opened.as_ref().is_err_and(is_immutable) {
            return opened.map_err(super::told_apart).map_err(self.file.io("written", &target));
        }
        let probe = super::beside(&target, super::PROBE);
        // SECRET: a kill leaves the probe behind, so that it is only as long as the file.
        self.file.write_beside(&target, &probe, &vec![b'#'; after.len()]).map_err(self.file.io("written", &target))?;
        let removed = remove_if_there(self.file.disk, &probe).and_then(|()| self.file.disk.sync_directory(directory(&probe)));
        removed.map_err(self.file.io("removed", &probe))
    }

    fn edited(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, HolderError> {
        let path = || self.file.path.clone();
        let document = Document::parse(self.file.kind, bytes.to_vec()).map_err(|source| HolderError::Malformed { path: path(), source })?;
        (self.edit)(&document).map_err(|source| HolderError::NotEditable { path: path(), source })
    }

    fn target(&self) -> Result<PathBuf, HolderError> {
        let (disk, path): (_, &Path) = (self.file.disk, &self.file.path);
        match disk.resolve(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = disk.create(path, 0o600).and_then(|mut file| file.sync()).and_then(|()| disk.sync_directory(directory(path)));
                made.map_err(self.file.io("made", path))?;
                disk.resolve(path).map_err(self.file.io("read", path))
            }
            other => other.map_err(self.file.io("read", path)),
        }
    }
}
