//! The acts of a move: the item, then the files, or the other way round.
//!
//! Invariants: at every moment a place that the next run knows has the pair; each act does nothing where it was done already, so that a run
//! that was cut off is finished by the next.

use std::time::Duration;

use super::Import;
use crate::holder::keychain::{IndexError, IndexFile, NoPair, probe, read_pair, write_pair};
use crate::holder::{HolderError, Moving, UnderWay};
use crate::journal::{Entry, JournalError};
use crate::model::AccessKeyPair;
use crate::os::disk::Disk;
use crate::os::keychain::{ItemName, Keychain, KeychainError};
use crate::profile::{Document, FileKind, IndexedItem};

/// What a move works with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The file system.
    pub disk: &'a dyn Disk,
    /// The keychain.
    pub keychain: &'a dyn Keychain,
    /// Which items there are.
    pub index: &'a IndexFile<'a>,
    /// How long another process may change the index.
    pub wait: Duration,
}

/// A move stopped.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The keychain refuses.
    #[error("the keychain cannot take the key")]
    Keychain(#[from] KeychainError),
    /// The item has something else.
    #[error("keychain item {0} is there already and has something else: remove or rename it there")]
    Taken(ItemName),
    /// The item cannot be read.
    #[error(transparent)]
    Item(#[from] NoPair),
    /// The index refuses.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A file refuses.
    #[error(transparent)]
    File(#[from] HolderError),
    /// What was done cannot be written down.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Import {
    /// Proves, leaving nothing behind, that every place can be written.
    pub fn check(&self, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        for kind in self.files() {
            let edit = |document: &Document| self.edit(kind, document, pair);
            let is_there = means.disk.facts(self.path(kind)).is_ok();
            if is_there {
                Moving::new(means.disk, kind, self.path(kind).to_owned(), &edit).check_writable()?;
            }
        }
        if self.is_for_file() {
            return Ok(());
        }
        probe(means.keychain)?;
        match read_pair(means.keychain, &self.item) {
            Ok(found) if found == *pair => Ok(()),
            Err(NoPair::Gone(_)) => Ok(()),
            Ok(_) | Err(NoPair::NotAPair(_)) => Err(MoveError::Taken(self.item.clone())),
            Err(error @ NoPair::Keychain(..)) => Err(error.into()),
        }
    }

    /// Moves the key into the keychain.
    pub fn forward(&mut self, entry: &mut Entry<'_>, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        if !self.is_for_file() {
            self.make_item(means, pair)?;
        }
        for kind in self.files() {
            self.edit_file(kind, entry, means, pair)?;
        }
        self.is_moved = true;
        Ok(entry.update(self)?)
    }

    /// Moves it back into the sections that it came from.
    pub fn back(&mut self, mut entry: Entry<'_>, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        (self.is_back, self.is_moved) = (true, false);
        entry.update(self)?;
        for kind in self.files().into_iter().rev() {
            self.edit_file(kind, &mut entry, means, pair)?;
        }
        if self.made_config && means.disk.read(&self.config).is_ok_and(|bytes| bytes.is_empty()) {
            let act = means.disk.remove(&self.config);
            act.map_err(|source| HolderError::Io { path: self.config.clone(), act: "removed", source })?;
        }
        means.keychain.delete(&self.item)?;
        means.index.change(means.wait, |index| drop(index.remove(&self.item)))?;
        Ok(entry.close(self)?)
    }

    fn make_item(&self, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        let known = |is_made| IndexedItem { access_key_id: pair.id.clone(), profiles: self.profiles.clone(), is_made };
        let is_made = means.index.load()?.get(&self.item).is_some_and(|known| known.is_made);
        if !is_made {
            means.index.change(means.wait, |index| index.put(self.item.clone(), known(false)))?;
        }
        match read_pair(means.keychain, &self.item) {
            Ok(found) if found == *pair => {}
            Err(NoPair::Gone(_)) => write_pair(means.keychain, &self.item, pair)?,
            Ok(_) | Err(NoPair::NotAPair(_)) => return Err(MoveError::Taken(self.item.clone())),
            Err(error @ NoPair::Keychain(..)) => return Err(error.into()),
        }
        Ok(means.index.change(means.wait, |index| index.put(self.item.clone(), known(true)))?)
    }

    fn edit_file(&mut self, kind: FileKind, entry: &mut Entry<'_>, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        let path = self.path(kind).to_owned();
        let fixed = self.clone();
        let edit = |document: &Document| fixed.edit(kind, document, pair);
        let moving = Moving::new(means.disk, kind, path, &edit);
        let at = UnderWay { staged: take(&mut self.staged, kind), displaced: take(&mut self.displaced, kind) };
        let may_be_made = !self.is_back && (kind == FileKind::Config || self.is_for_file());
        let mut keep = |at: &UnderWay| {
            put(&mut self.staged, kind, at.staged.clone());
            put(&mut self.displaced, kind, at.displaced.clone());
            Ok(entry.update(self)?)
        };
        match moving.carry_out(&fixed.sweep_tag(), at, may_be_made, &mut keep) {
            // There was nothing of it in the file.
            Err(MoveError::File(error)) if error.is_away() && !may_be_made && fixed.taken(kind).is_empty() => Ok(()),
            other => other,
        }
    }
}

fn take<T>(list: &mut Vec<(FileKind, T)>, kind: FileKind) -> Option<T> {
    let at = list.iter().position(|(of, _)| *of == kind)?;
    Some(list.remove(at).1)
}

fn put<T>(list: &mut Vec<(FileKind, T)>, kind: FileKind, new: Option<T>) {
    list.retain(|(of, _)| *of != kind);
    list.extend(new.map(|new| (kind, new)));
}
