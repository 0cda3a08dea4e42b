//! Fourteen ways to get the protocol wrong, each made from outside: a disk that does not sync, calls that are made otherwise, or a world that
//! tells `next` less than is true. Invariant: nothing in `src/` knows of them.

use keyrotate::aws::{AwsError, Unreachable};
use keyrotate::holder::Sight;
use keyrotate::journal::JournalError;
use keyrotate::model::{AccessKey, KeyStatus, Timing};
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
    /// Who lost the compare-and-swap takes the old key for alive and the files for put back, unasked, and deletes the new key.
    LostUnproved,
    /// The keychain item with the pairs goes when every holder has the new one.
    PendingDroppedEarly,
    /// A key that was taken over goes on as one that this machine rotates.
    PulledAsRotated,
    /// What the secret has counts as accepted, unasked.
    PulledUnproved,
    /// The holders count as read and right when a key is taken over, unread.
    PulledUnread,
}

impl Mutant {
    pub const ALL: [Mutant; 14] = [
        Mutant::NoFileSync,
        Mutant::NoDirectorySync,
        Mutant::ScrubbedEarly,
        Mutant::ClaimedAfterRefusal,
        Mutant::RolledBackUnproved,
        Mutant::DeletedUnread,
        Mutant::VerifiedOnce,
        Mutant::MovedFromAnywhere,
        Mutant::TokenNotJournalled,
        Mutant::LostUnproved,
        Mutant::PendingDroppedEarly,
        Mutant::PulledAsRotated,
        Mutant::PulledUnproved,
        Mutant::PulledUnread,
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
            Mutant::LostUnproved => "lost_without_proof",
            Mutant::PendingDroppedEarly => "pending_item_dropped_early",
            Mutant::PulledAsRotated => "pulled_as_rotated",
            Mutant::PulledUnproved => "pulled_without_proof",
            Mutant::PulledUnread => "pulled_without_rereading",
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

fn is_lost(state: &State) -> bool {
    matches!(state, State::RollingBack { lost_to: Some(_), .. })
}

/// The listing, with the old key in it and active.
fn revived(record: &Record, mut keys: Vec<AccessKey>) -> Vec<AccessKey> {
    keys.retain(|key| key.id != record.old.id);
    keys.push(AccessKey { id: record.old.id.clone(), status: KeyStatus::Active, created_at: record.old_created_at });
    keys
}

/// What the holders would show if they were put back.
fn put_back(sights: Vec<Sight>) -> Vec<Sight> {
    let back = |sight| match sight {
        Sight::Seen { old, new, foreign, others } => {
            Sight::Seen { old: old.into_iter().chain(new).collect(), new: Vec::new(), foreign, others }
        }
        other => other,
    };
    sights.into_iter().map(back).collect()
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
            Some(Mutant::PendingDroppedEarly) => {
                self.world.persist(record)?;
                if matches!(record.state, State::Committed { .. }) {
                    self.universe.keyring.borrow_mut().drop_pending();
                }
                Ok(())
            }
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
            (Some(Mutant::LostUnproved), Step::GetCallerIdentity(Which::Old)) if is_lost(&record.state) => {
                return Outcome::Identified(Which::Old, Ok(record.identity.clone()));
            }
            (Some(Mutant::PulledUnproved), Step::GetCallerIdentity(Which::New)) if record.pulled => {
                return Outcome::Identified(Which::New, Ok(record.identity.clone()));
            }
            (Some(Mutant::PulledUnread), Step::ReadHolders) if record.pulled => return untouched(record),
            _ => {}
        }
        match (self.mutant, self.world.perform(record, step)) {
            (Some(Mutant::ClaimedAfterRefusal), Outcome::Created(Err(_))) => {
                Outcome::Created(Err(AwsError::unanswered("iam:CreateAccessKey", Unreachable::Timeout, "")))
            }
            (Some(Mutant::RolledBackUnproved), Outcome::Listed(signer, Ok(keys))) if is_way_back(&record.state) => {
                Outcome::Listed(signer, Ok(revived(record, keys)))
            }
            (Some(Mutant::LostUnproved), Outcome::Listed(signer, Ok(keys)))
                if is_lost(&record.state) || record.state == State::Verified =>
            {
                Outcome::Listed(signer, Ok(revived(record, keys)))
            }
            (Some(Mutant::LostUnproved), Outcome::Read(sights)) if is_lost(&record.state) => Outcome::Read(put_back(sights)),
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
