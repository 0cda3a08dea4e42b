//! The holders, the journal entry and the history of a rotation.
//!
//! Invariant: nothing here decides. What a holder's change would displace is in what [`Files::prepare`] returns, which the caller
//! journals before [`Files::write`].

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::history::HistoryLine;
use super::record::{HolderEntry, Record, Which};
use super::world::Prepared;
use crate::holder::{Displaced, Holder, HolderError, Reach, Sight};
use crate::journal::{Entry, History, JournalError};
use crate::model::AccessKeyPair;

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
}

impl Files<'_> {
    /// Writes the record down; when this returns, it is on the disk.
    pub fn persist(&mut self, record: &Record) -> Result<(), JournalError> {
        self.entry.as_mut().map_or(Ok(()), |entry| entry.update(record))
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
        self.entry.take().map_or(Ok(()), |entry| entry.close(&record.scrubbed()))
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
