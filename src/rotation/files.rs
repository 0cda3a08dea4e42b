//! The holders, the journal entry and the history of a rotation.
//!
//! Invariant: nothing here decides. What a holder's change would displace is in what [`Files::prepare`] returns, which the caller
//! journals before [`Files::write`].

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::history::HistoryLine;
use super::pairs::keep;
use super::record::{End, HolderEntry, Record, State, Which};
use super::world::Prepared;
use crate::holder::{Displaced, Holder, HolderError, Reach, Sight};
use crate::journal::{Entry, History, InKeychain, JournalError};
use crate::model::{AccessKeyId, AccessKeyPair};

/// The files of one rotation.
pub struct Files<'a> {
    /// What the holders are reached through.
    pub reach: Reach<'a>,
    /// The journal entry; `None` when it is closed.
    pub entry: Option<Entry<'a>>,
    /// The history.
    pub history: History<'a>,
    /// The command that works on it, for the history.
    pub command: &'static str,
    /// The new key whose pair is in the keychain item beside the entry.
    pub kept: Option<AccessKeyId>,
}

impl Files<'_> {
    /// Writes the record down; when this returns, it is on the disk.
    pub fn persist(&mut self, record: &Record) -> Result<(), JournalError> {
        let Some(entry) = self.entry.as_mut() else { return Ok(()) };
        let new = record.new.as_ref().map(|new| &new.pair.id);
        if self.kept.as_ref() != new && !matches!(record.state, State::Done(_)) {
            // CRASH: kept before the entry tells of it; `recall` finds it there.
            keep(self.reach.keychain, record)?;
            self.kept = new.cloned();
        }
        entry.update(&*record.journalled())
    }

    /// What every holder has.
    pub fn read(&self, record: &Record) -> Vec<Sight> {
        record.holders.iter().map(|entry| look(self.reach, record, entry)).collect()
    }

    /// Makes a holder's change to `to` ready, after giving up one that is pending.
    pub fn prepare(&self, record: &Record, index: usize, to: Which) -> Result<Prepared, HolderError> {
        let pending = record.holders.get(index).and_then(|entry| Some((entry.staged.as_ref()?, entry.staged_to)));
        let displaced = match pending {
            Some((staged, staged_to)) => self.hold(record, index, staged_to, |holder, from, to, _| holder.abandon(staged, from, to))?,
            None => None,
        };
        self.hold(record, index, to, |holder, from, to, tag| Ok(Prepared { staged: holder.prepare(tag, from, to)?, displaced }))
    }

    /// Makes the change that is ready.
    pub fn write(&self, record: &Record, index: usize, to: Which) -> Result<Option<Displaced>, HolderError> {
        let staged = record.holders.get(index).and_then(|entry| entry.staged.as_ref());
        self.hold(record, index, to, |holder, from, to, _| match staged {
            Some(staged) => holder.write(staged, from, to),
            None => Ok(None),
        })
    }

    /// Removes what changes of a holder displaced.
    pub fn release(&self, record: &Record, index: usize, to: Which) -> Result<(), HolderError> {
        let displaced = record.holders.get(index).map(|entry| entry.displaced.clone()).unwrap_or_default();
        self.hold(record, index, to, |holder, from, to, _| displaced.iter().try_for_each(|displaced| holder.release(displaced, from, to)))
    }

    /// Removes what changes left beside the holders of a rotation that is over. Returns the files in which somebody's work is kept.
    pub fn tidy(&self, record: &Record) -> Vec<PathBuf> {
        let tag = format!("{}-", record.id);
        let sweep =
            |entry: &HolderEntry| entry.place.open(self.reach, record.signed_by()).sweep(&tag, entry.staged.as_ref(), &entry.displaced);
        // Where nothing was prepared, nothing was left, and a secret need not be asked for.
        let may_have_left = |entry: &&HolderEntry| entry.stagings > 0 || !entry.place.is_secret();
        record.holders.iter().filter(may_have_left).flat_map(sweep).collect()
    }

    /// Adds the rotation to the history and removes the entry, secrets first.
    pub fn close(&mut self, record: &Record, now: DateTime<Utc>) -> Result<(), JournalError> {
        let line = HistoryLine::of(record, now, self.command);
        let known: Vec<HistoryLine> = self.history.lines().unwrap_or_default();
        if !known.iter().any(|known| known.rotation == line.rotation) {
            self.history.append(&line).map_err(|error| JournalError::Io { path: error.path, act: error.act, source: error.source })?;
        }
        self.forget_kept(record)?;
        self.entry.take().map_or(Ok(()), |entry| entry.close(&record.scrubbed()))
    }

    /// Removes the pairs that are kept in the keychain; while they are there the entry stays, which knows of them.
    fn forget_kept(&self, record: &Record) -> Result<(), JournalError> {
        // A person who closes a rotation as it was gets its pairs.
        if matches!(record.state, State::Done(End::Forgotten)) || !record.holders.iter().any(|entry| entry.place.is_keychain()) {
            return Ok(());
        }
        let removed = InKeychain::of(self.reach.keychain, &record.id).remove();
        if record.is_in_keychain() { removed } else { Ok(()) }
    }

    fn hold<T>(
        &self,
        record: &Record,
        index: usize,
        to: Which,
        act: impl FnOnce(&dyn Holder, &AccessKeyPair, &AccessKeyPair, &str) -> Result<T, HolderError>,
    ) -> Result<T, HolderError> {
        let gone = || HolderError::Changed { place: "a holder".to_owned() };
        let entry = record.holders.get(index).ok_or_else(gone)?;
        let (Some(from), Some(to)) = (record.pair(to.other()), record.pair(to)) else { return Err(gone()) };
        act(&*entry.place.open(self.reach, record.signed_by()), from, to, &record.tag(index, entry.stagings))
    }
}

/// What one holder has.
pub(super) fn look(reach: Reach<'_>, record: &Record, entry: &HolderEntry) -> Sight {
    entry.place.open(reach, record.signed_by()).look(&record.old, record.pair(Which::New), &entry.sections, entry.staged.as_ref())
}
