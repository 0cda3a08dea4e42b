//! The rotations that the journal has, for looking only: nothing is locked, resumed or written.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::journal::{Entry, JournalError};
use crate::model::{AccessKeyId, Grace, KeyStatus, ProfileName};
use crate::os::disk::{Disk, RealDisk};
use crate::os::machine;
use crate::root_key::Unread;
use crate::rotation::{Record, State, describe, end_of};

/// A rotation in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The journal entry.
    pub path: PathBuf,
    /// The profile it was begun for.
    pub profile: ProfileName,
    /// The key that is replaced.
    pub old: AccessKeyId,
    /// The key that replaces it, where there is one.
    pub new: Option<AccessKeyId>,
    /// What state it is in, as the journal has it, unless AWS's listing says otherwise.
    pub state: String,
    /// What that says of the old key, where it says something.
    pub claim: Option<Claim>,
    /// The command that goes on with it.
    pub hint: String,
    /// What can be done while it rests.
    pub hint_at_rest: Option<String>,
    /// What it rests for; `None` is nothing: something broke it off.
    pub rests_until: Option<Rest>,
}

/// What a rotation's state says of its old key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is active.
    Active,
    /// It is inactive.
    Inactive,
    /// It is gone.
    Deleted,
}

/// What a resting rotation rests for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// The end of the grace, in UTC.
    Until(DateTime<Utc>),
    /// The next rotation.
    Next,
}

impl Pending {
    /// Whether it rests at `now`.
    pub fn rests_at(&self, now: DateTime<Utc>) -> bool {
        match self.rests_until {
            None => false,
            Some(Rest::Until(at)) => now < at,
            Some(Rest::Next) => true,
        }
    }

    /// What to run at `now`.
    pub fn hint_at(&self, now: DateTime<Utc>) -> &str {
        self.hint_at_rest.as_deref().filter(|_| self.rests_at(now)).unwrap_or(&self.hint)
    }

    /// The same with the old key as AWS lists it (`None`: not at all), where the state says otherwise: the journal is as old as its last
    /// write, which comes before the act.
    #[must_use]
    pub fn as_listed(self, listed: Option<&KeyStatus>) -> Self {
        let agrees = match (self.claim, listed) {
            (None, _) | (Some(Claim::Deleted), None) => true,
            (Some(Claim::Active), Some(KeyStatus::Active | KeyStatus::Other(_))) | (Some(Claim::Inactive), Some(KeyStatus::Inactive)) => {
                true
            }
            (Some(Claim::Active | Claim::Inactive), None) | (Some(Claim::Deleted), Some(_)) => false,
            (Some(Claim::Active), Some(KeyStatus::Inactive)) => false,
            (Some(Claim::Inactive), Some(KeyStatus::Active | KeyStatus::Other(_))) => false,
        };
        if agrees {
            return self;
        }
        let old = &self.old;
        let word = match listed {
            None => format!("AWS does not list {old}"),
            Some(KeyStatus::Active) => format!("AWS lists {old} as Active"),
            Some(KeyStatus::Inactive) => format!("AWS lists {old} as Inactive"),
            Some(KeyStatus::Other(word)) => format!("AWS lists {old} as {word}"),
        };
        // The state is clauses; the one about the old key is what the listing is better at.
        let about_old = format!("{old} is ");
        let rest = self.state.split("; ").filter(|clause| !clause.starts_with(&about_old));
        let state = rest.map(str::to_owned).chain([word]).collect::<Vec<_>>().join("; ");
        Self { state, ..self }
    }

    /// Whether it is of this key.
    pub fn concerns(&self, id: &AccessKeyId) -> bool {
        self.old == *id || self.new.as_ref() == Some(id)
    }
}

/// What is in the journal, and what of it cannot be read.
#[derive(Debug, Default)]
pub(in crate::commands) struct Journal {
    pub(in crate::commands) pending: Vec<Pending>,
    pub(in crate::commands) unreadable: Vec<Failure>,
}

impl Journal {
    /// That of this machine.
    pub(in crate::commands) fn of_context(context: &Context) -> Self {
        let machine = machine::machine_id().unwrap_or_else(machine::host_name);
        Self::read(&RealDisk, &context.paths.state_dir.join("journal"), &machine)
    }

    /// Reads every entry in the directory.
    fn read(disk: &dyn Disk, directory: &Path, machine: &str) -> Self {
        let mut journal = Self::default();
        let paths = Entry::list(disk, directory).unwrap_or_else(|error| {
            journal.unreadable.push(unreadable(&error));
            Vec::new()
        });
        for path in paths {
            match Entry::load::<Record>(disk, &path) {
                Ok(record) => journal.pending.push(pending(&record, &path, machine)),
                // It was finished by another keyrotate since the listing.
                Err(JournalError::Io { ref source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => journal.unreadable.push(unreadable(&error)),
            }
        }
        journal
    }
}

/// The rotations that this machine's journal has.
pub(in crate::commands) fn under_way(context: &Context) -> Vec<Pending> {
    Journal::of_context(context).pending
}

pub(in crate::commands) fn unreadable(error: &JournalError) -> Failure {
    Failure::from_error(FailureKind::Attention, error)
        .hint("keep the file until every profile's key is known to work; after that it can be removed by hand")
}

pub(in crate::commands) fn unread_removal(unread: &Unread) -> Failure {
    Failure::from_error(FailureKind::Attention, unread).hint(unread.hint())
}

fn pending(record: &Record, path: &Path, machine: &str) -> Pending {
    let new = match &record.state {
        State::Suspect { key, .. } => Some(key.clone()),
        State::Intent { .. } | State::Created | State::Verified | State::Committed { .. } | State::Draining { .. } => made(record),
        State::OldInactive { .. }
        | State::Reactivating { .. }
        | State::RollingBack { .. }
        | State::Undoing { .. }
        | State::Deleted
        | State::Done(_) => made(record),
    };
    let (profile, old, rests) = (record.called(), &record.old.id, rest(record));
    let verb = if matches!(record.state, State::Undoing { .. }) { "undo" } else { "rotate" };
    let hint = if record.machine == machine {
        format!("run `keyrotate {verb} {profile}`")
    } else {
        format!("it began on another machine, {}: run `keyrotate {verb} {profile}` there", record.host)
    };
    let back = format!("`keyrotate undo {profile}` restores it, `keyrotate rotate {profile} --grace 0s` deletes it now");
    let hint_at_rest = (record.machine == machine && rests.is_some()).then_some(back);
    Pending {
        path: path.to_owned(),
        profile: record.name().clone(),
        old: old.clone(),
        new,
        state: describe::state(record),
        claim: claim(&record.state),
        hint_at_rest,
        hint,
        rests_until: rests,
    }
}

/// What [`describe::state`] says of the old key.
fn claim(state: &State) -> Option<Claim> {
    match state {
        State::Intent { .. } | State::Suspect { .. } | State::Created | State::Verified | State::Committed { .. } => Some(Claim::Active),
        State::Draining { .. } => Some(Claim::Active),
        State::OldInactive { .. } => Some(Claim::Inactive),
        State::Deleted => Some(Claim::Deleted),
        State::Reactivating { .. } | State::RollingBack { .. } | State::Undoing { .. } | State::Done(_) => None,
    }
}

fn made(record: &Record) -> Option<AccessKeyId> {
    record.new.as_ref().map(|new| new.pair.id.clone())
}

fn rest(record: &Record) -> Option<Rest> {
    match (&record.state, record.grace) {
        // Without a grace nobody waits for its end: it was broken off.
        (State::Draining { .. } | State::OldInactive { .. }, Grace::After(Duration::ZERO)) => None,
        // It drained before.
        (State::OldInactive { .. }, _) if record.drains => None,
        (State::Draining { at } | State::OldInactive { at, .. }, Grace::After(grace)) => Some(Rest::Until(end_of(grace, *at))),
        (State::Draining { .. } | State::OldInactive { .. }, Grace::Next) => Some(Rest::Next),
        (State::Intent { .. } | State::Suspect { .. } | State::Created | State::Verified | State::Committed { .. }, _) => None,
        (State::Reactivating { .. } | State::RollingBack { .. } | State::Undoing { .. } | State::Deleted | State::Done(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::model::{AccessKeyPair, Arn, Identity, KeyStatus, LastUsed, ProfileName, SecretAccessKey};

    fn record(state: State, grace: Grace) -> Record {
        let arn = Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap();
        let id = AccessKeyId::parse("AKIAEXAMPLE000000001").unwrap();
        Record {
            adopted: false,
            drains: false,
            pulled: false,
            id: "r1".into(),
            machine: "here".into(),
            host: "laptop".into(),
            started_at: DateTime::UNIX_EPOCH,
            identity: Identity { account: "111122223333".into(), arn, user_id: "AIDAEXAMPLE".into() },
            user_name: "dev".into(),
            profile: ProfileName::new("work"),
            old: AccessKeyPair { id, secret: SecretAccessKey::new("canary") },
            old_created_at: DateTime::UNIX_EPOCH,
            keys_before: Vec::new(),
            managed_as: None,
            deleted_first: None,
            new: None,
            holders: Vec::new(),
            grace,
            state,
        }
    }

    #[test]
    fn a_rotation_rests_only_with_its_old_key_inactive() {
        let inactive = || State::OldInactive { at: DateTime::UNIX_EPOCH, last_use: LastUsed::Never, rounds: 0 };
        let hour = Duration::from_secs(3_600);
        let until = DateTime::from_timestamp(3_600, 0).map(Rest::Until);
        for (state, grace, wanted) in [
            (inactive(), Grace::After(hour), until),
            (inactive(), Grace::Next, Some(Rest::Next)),
            (inactive(), Grace::default(), None),
            (State::Verified, Grace::After(hour), None),
            (State::Deleted, Grace::Next, None),
            (inactive(), Grace::After(Duration::MAX), Some(Rest::Until(DateTime::<Utc>::MAX_UTC))),
            (State::Draining { at: DateTime::UNIX_EPOCH }, Grace::After(hour), until),
        ] {
            assert_eq!(rest(&record(state.clone(), grace)), wanted, "{state:?}");
        }
    }

    #[test]
    fn a_listing_that_says_otherwise_goes_before_the_journal() {
        let old = "AKIAEXAMPLE000000001";
        let inactive = || State::OldInactive { at: DateTime::UNIX_EPOCH, last_use: LastUsed::Never, rounds: 0 };
        let created_at = DateTime::UNIX_EPOCH;
        let suspect = State::Suspect { key: AccessKeyId::parse("AKIAEXAMPLE000000002").unwrap(), created_at };
        for (state, listed, contradicted) in [
            (State::Verified, Some(KeyStatus::Active), None),
            (State::Verified, Some(KeyStatus::Inactive), Some("is still active")),
            (State::Committed { rounds: 0 }, None, Some("is still active")),
            (State::Created, Some(KeyStatus::Inactive), Some("is in use as before")),
            (suspect, Some(KeyStatus::Inactive), Some("is in use as before")),
            (inactive(), Some(KeyStatus::Inactive), None),
            (inactive(), Some(KeyStatus::Active), Some("is inactive")),
            (State::Deleted, None, None),
            (State::Deleted, Some(KeyStatus::Inactive), Some("is deleted")),
            (State::RollingBack { why: String::new(), lost_to: None }, None, None),
        ] {
            let told = pending(&record(state, Grace::default()), Path::new("/j/r1.json"), "here");
            let heard = told.clone().as_listed(listed.as_ref());
            match contradicted {
                None => assert_eq!(heard, told),
                Some(words) => {
                    let words = format!("{old} {words}");
                    assert!(told.state.contains(&words) && !heard.state.contains(&words), "{told:?} {heard:?}");
                    assert!(
                        heard.state.contains("; AWS ") && heard.state.contains("new key") | heard.state.contains("nobody"),
                        "{heard:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_rest_says_the_way_back_until_it_is_over() {
        let inactive = State::OldInactive { at: DateTime::UNIX_EPOCH, last_use: LastUsed::Never, rounds: 0 };
        let hint = |machine: &str, grace, second| {
            let told = pending(&record(inactive.clone(), grace), Path::new("/j/r1.json"), machine);
            told.hint_at(DateTime::from_timestamp(second, 0).unwrap()).to_owned()
        };
        let hour = Grace::After(Duration::from_secs(3_600));
        for grace in [hour, Grace::Next] {
            let resting = hint("here", grace, 3_599);
            assert!(resting.contains("`keyrotate undo work`") && resting.contains("work --grace 0s`"), "{resting}");
            assert!(hint("there", grace, 3_599).contains("on another machine"));
        }
        assert_eq!(hint("here", hour, 3_600), "run `keyrotate rotate work`");
        assert_eq!(hint("here", Grace::default(), 0), "run `keyrotate rotate work`");
    }

    #[test]
    fn another_machines_rotation_is_sent_there_and_a_suspect_is_named() {
        let key = AccessKeyId::parse("AKIAEXAMPLE000000002").unwrap();
        let suspect = State::Suspect { key: key.clone(), created_at: DateTime::UNIX_EPOCH };
        let there = pending(&record(suspect, Grace::default()), Path::new("/j/r1.json"), "there");
        assert!(there.hint.contains("on another machine, laptop") && there.concerns(&key), "{there:?}");
        let here = pending(&record(State::Created, Grace::default()), Path::new("/j/r1.json"), "here");
        assert_eq!(here.hint, "run `keyrotate rotate work`");
        let undoing = pending(&record(State::Undoing { why: String::new() }, Grace::default()), Path::new("/j/r1.json"), "here");
        assert_eq!(undoing.hint, "run `keyrotate undo work`");
        assert!(!format!("{here:?}{there:?}").contains("canary"));
    }
}
