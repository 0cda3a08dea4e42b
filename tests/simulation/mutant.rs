//! Nine ways to get the protocol wrong, each made from outside: a disk that does not sync, calls that are made otherwise, or a world that
//! tells `next` less than is true. Invariant: nothing in `src/` knows of them.

use keyrotate::aws::{AwsError, Unreachable};
use keyrotate::holder::Sight;
use keyrotate::journal::JournalError;
use keyrotate::model::{KeyStatus, Timing};
use keyrotate::rotation::{Outcome, Record, State, Step, Which, World};

use super::universe::Universe;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// `DiskFile::sync` returns at once.
    NoFileSync,
    /// `Disk::sync_directory` returns at once.
    NoDirectorySync,
    /// The entry is written without secrets as soon as the old key is gone, not when it is closed.
    ScrubbedEarly,
    /// CreateAccessKey's clear refusal is taken for a lost answer.
    ClaimedAfterRefusal,
    /// On the ways back the old pair counts as active and accepted, unasked.
    RolledBackUnproved,
    /// The holders count as read and right from Committed on, unread.
    DeletedUnread,
    /// One success verifies a new key.
    VerifiedOnce,
    /// AWSCURRENT is moved from whichever version has it, not from the one that was edited.
    MovedFromAnywhere,
    /// The version that is put has another ID in each run.
    TokenNotJournalled,
}

impl Mutant {
    pub const ALL: [Mutant; 9] = [
        Mutant::NoFileSync,
        Mutant::NoDirectorySync,
        Mutant::ScrubbedEarly,
        Mutant::ClaimedAfterRefusal,
        Mutant::RolledBackUnproved,
        Mutant::DeletedUnread,
        Mutant::VerifiedOnce,
        Mutant::MovedFromAnywhere,
        Mutant::TokenNotJournalled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Mutant::NoFileSync => "no_fsync_of_the_file",
            Mutant::NoDirectorySync => "no_fsync_of_the_directory",
            Mutant::ScrubbedEarly => "secrets_scrubbed_early",
            Mutant::ClaimedAfterRefusal => "orphan_claimed_after_a_4xx",
            Mutant::RolledBackUnproved => "rollback_without_proof",
            Mutant::DeletedUnread => "delete_without_rereading",
            Mutant::VerifiedOnce => "verify_once",
            Mutant::MovedFromAnywhere => "current_moved_from_anywhere",
            Mutant::TokenNotJournalled => "token_not_journalled",
        }
    }
}

/// The waits, as this mutant has them.
pub fn timing(mutant: Option<Mutant>) -> Timing {
    match mutant {
        Some(Mutant::VerifiedOnce) => Timing { verify_successes: 1, ..Timing::default() },
        Some(_) | None => Timing::default(),
    }
}

/// A world seen through a mutant's eyes.
pub struct Mutated<'u, W> {
    pub world: W,
    pub universe: &'u Universe,
    pub mutant: Option<Mutant>,
}

fn is_way_back(state: &State) -> bool {
    matches!(state, State::RollingBack { .. } | State::Undoing { .. } | State::Reactivating { .. })
}

fn is_late(state: &State) -> bool {
    matches!(state, State::Committed { .. } | State::OldInactive { .. } | State::Deleted)
}

/// What every holder would show if nobody had touched it.
fn untouched(record: &Record) -> Outcome {
    let sights = record.holders.iter().map(|entry| Sight::Seen {
        old: Vec::new(),
        new: entry.sections.clone(),
        foreign: Vec::new(),
        others: Vec::new(),
    });
    Outcome::Read(sights.collect())
}

impl<W: World> World for Mutated<'_, W> {
    fn observe(&self, known: Option<chrono::DateTime<chrono::Utc>>) -> (std::time::Duration, Option<chrono::DateTime<chrono::Utc>>) {
        self.world.observe(known)
    }

    fn persist(&mut self, record: &Record) -> Result<(), JournalError> {
        match self.mutant {
            Some(Mutant::ScrubbedEarly) if record.state == State::Deleted => self.world.persist(&record.scrubbed()),
            _ => self.world.persist(record),
        }
    }

    fn perform(&mut self, record: &Record, step: &Step) -> Outcome {
        match (self.mutant, step) {
            (Some(Mutant::DeletedUnread), Step::ReadHolders) if is_late(&record.state) => {
                self.universe.reread_at.set(self.universe.beats.get());
                return untouched(record);
            }
            (Some(Mutant::RolledBackUnproved), Step::GetCallerIdentity(Which::Old)) if is_way_back(&record.state) => {
                self.universe.process.borrow_mut().proved_at[0] = Some(self.universe.now.get());
                return Outcome::Identified(Which::Old, Ok(record.identity.clone()));
            }
            _ => {}
        }
        match (self.mutant, self.world.perform(record, step)) {
            (Some(Mutant::ClaimedAfterRefusal), Outcome::Created(Err(_))) => {
                Outcome::Created(Err(AwsError::unanswered("iam:CreateAccessKey", Unreachable::Timeout, "")))
            }
            (Some(Mutant::RolledBackUnproved), Outcome::Listed(signer, Ok(mut keys))) if is_way_back(&record.state) => {
                match keys.iter_mut().find(|key| key.id == record.old.id) {
                    Some(key) => key.status = KeyStatus::Active,
                    None => keys.push(keyrotate::model::AccessKey {
                        id: record.old.id.clone(),
                        status: KeyStatus::Active,
                        created_at: record.old_created_at,
                    }),
                }
                Outcome::Listed(signer, Ok(keys))
            }
            (_, outcome) => outcome,
        }
    }

    fn close(&mut self, record: &Record) -> Result<(), JournalError> {
        self.world.close(record)
    }

    fn interrupted(&self) -> Option<&'static str> {
        self.world.interrupted()
    }
}
