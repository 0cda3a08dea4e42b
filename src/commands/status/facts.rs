//! What is known of one key: from this machine's files, from AWS, from the journal.
//!
//! Invariant: no secret is in here, so that all of it may be printed and remembered.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::commands::failure::Failure;
use crate::commands::known::{Observation, Pending};
use crate::model::{AccessKeyId, Age, AgeLevel, Arn, KeyStatus, Limits, ProfileName};
use crate::os::keychain::ItemName;
use crate::profile::Warning;
use crate::root_key::Removal;

/// One own key and everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// The key.
    pub id: AccessKeyId,
    /// The profiles that lead to it, by name.
    pub profiles: Vec<ProfileName>,
    /// What has it.
    pub holders: Vec<Seat>,
    /// The secrets that the settings name for its profiles. Nobody asks them: whether they have it is not known.
    pub secrets: Vec<NamedSecret>,
    /// The machine that rotates it, where the settings name another than this.
    pub rotator: Option<String>,
    /// The strictest limits of its profiles.
    pub limits: Limits,
    /// What the profiles' resolution warns of.
    pub warnings: Vec<Warning>,
    /// What AWS said, now or at the last observation.
    pub seen: Option<Observation>,
    /// Whether `seen` is an earlier run's.
    pub is_remembered: bool,
    /// The last use may be keyrotate's own question of who it is.
    pub is_own_use: bool,
    /// Why AWS could not be asked for all of it now.
    pub problem: Option<Failure>,
    /// AWS gave no answer at all.
    pub is_unreachable: bool,
    /// The removal of this root user's key that is not over.
    pub removal: Option<Removal>,
    /// Rotations under way that concern it.
    pub pending: Vec<Pending>,
    /// Sessions of it that are open, the one that lasts longest first.
    pub sessions: Vec<OpenSession>,
}

/// A session that was opened with a key and is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// The role that it is of; none is the user's own.
    pub role: Option<Arn>,
    /// An MFA code opened it.
    pub with_mfa: bool,
    /// When it ends, in UTC, by AWS's clock.
    pub expires_at: DateTime<Utc>,
}

/// What has a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seat {
    /// A section of an AWS file.
    Section(Section),
    /// An item of the OS keychain.
    KeychainItem(ItemName),
}

/// A section of an AWS file that has the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The file.
    pub path: PathBuf,
    /// The section's name, as its header shows it.
    pub name: String,
    /// The line of the access key ID, counted from 1.
    pub line: usize,
}

/// A secret as the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSecret {
    /// Name or ARN.
    pub id: String,
    /// The region, where there is one.
    pub region: Option<String>,
}

impl KeyFacts {
    /// The status of a key of the same user by this run's listing: `None` where there was none, `Some(None)` where the key is not on it.
    pub fn listed(&self, id: &AccessKeyId) -> Option<Option<&KeyStatus>> {
        let seen = self.seen.as_ref().filter(|_| !self.is_remembered)?;
        let others = seen.others.as_ref()?;
        if self.id == *id {
            Some(seen.status.as_ref())
        } else {
            Some(others.iter().find(|other| other.id == *id).map(|other| &other.status))
        }
    }

    /// The command that removes it, a root user's key, or goes on with that.
    pub fn root_key_removal(&self) -> String {
        let begins = || self.profiles.first().cloned().unwrap_or_default().root_key_removal();
        self.removal.as_ref().map_or_else(begins, Removal::again)
    }

    /// Its profiles' names.
    pub fn profile_names(&self) -> String {
        self.profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Whether it is due or overdue at `now`, as far as is known.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.age(now).is_some_and(|age| self.limits.level(age) != AgeLevel::Fresh)
    }

    /// The key's age at `now`, where its creation date is known.
    pub fn age(&self, now: DateTime<Utc>) -> Option<Age> {
        self.seen.as_ref().and_then(|seen| seen.created_at).map(|created_at| Age::at(now, created_at))
    }
}
