//! The rotations that the journal has, for looking only: nothing is locked, resumed or written.

use std::path::Path;

use chrono::TimeDelta;

use super::facts::{Pending, Rest};
use crate::commands::failure::{Failure, FailureKind};
use crate::journal::{Entry, JournalError};
use crate::model::Grace;
use crate::os::disk::Disk;
use crate::rotation::{Record, State, describe};

/// What is in the journal, and what of it cannot be read.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) pending: Vec<Pending>,
    pub(super) unreadable: Vec<Failure>,
}

impl Journal {
    /// Reads every entry in the directory.
    pub(super) fn read(disk: &dyn Disk, directory: &Path, machine: &str) -> Self {
        let mut journal = Self::default();
        let paths = Entry::list(disk, directory).unwrap_or_else(|error| {
            journal.unreadable.push(unreadable(&error));
            Vec::new()
        });
        for path in paths {
            match Entry::load::<Record>(disk, &path) {
                Ok(record) => journal.pending.push(pending(&record, &path, machine)),
                // It was finished by another keyrotate since the listing.
                Err(JournalError::Io { ref source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => journal.unreadable.push(unreadable(&error)),
            }
        }
        journal
    }
}

fn unreadable(error: &JournalError) -> Failure {
    Failure::from_error(FailureKind::Attention, error)
        .hint("keep the file until every profile's key is known to work; after that it can be removed by hand")
}

fn pending(record: &Record, path: &Path, machine: &str) -> Pending {
    let new = match &record.state {
        State::Suspect { key, .. } => Some(key.clone()),
        State::Intent { .. } | State::Created | State::Verified | State::Committed { .. } | State::OldInactive { .. } => made(record),
        State::Reactivating { .. } | State::RollingBack { .. } | State::Undoing { .. } | State::Deleted | State::Done(_) => made(record),
    };
    let hint = if record.machine == machine {
        format!("run `keyrotate rotate {}`", record.profile)
    } else {
        format!("it began on another machine, {}: run `keyrotate rotate {}` there", record.host, record.profile)
    };
    Pending { path: path.to_owned(), old: record.old.id.clone(), new, state: describe::state(record), hint, rests_until: rest(record) }
}

fn made(record: &Record) -> Option<crate::model::AccessKeyId> {
    record.new.as_ref().map(|new| new.pair.id.clone())
}

fn rest(record: &Record) -> Option<Rest> {
    match (&record.state, record.grace) {
        (State::OldInactive { at, .. }, Grace::After(grace)) => {
            let until = TimeDelta::from_std(grace).ok().and_then(|grace| at.checked_add_signed(grace));
            until.map(Rest::Until)
        }
        (State::OldInactive { .. }, Grace::Next) => Some(Rest::Next),
        (State::Intent { .. } | State::Suspect { .. } | State::Created | State::Verified | State::Committed { .. }, _) => None,
        (State::Reactivating { .. } | State::RollingBack { .. } | State::Undoing { .. } | State::Deleted | State::Done(_), _) => None,
    }
}
