//! What is known of one key: from this machine's files, from AWS, from the journal.
//!
//! Invariant: no secret is in here, so that all of it may be printed and remembered.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::audit::{Watched, is_own_use};
use crate::commands::failure::Failure;
use crate::model::{AccessKeyId, Age, AgeLevel, Arn, Identity, KeyStatus, LastUse, LastUsed, Limits, ProfileName};
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

/// What AWS said of a key and its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// When, in UTC, by AWS's clock.
    pub observed_at: DateTime<Utc>,
    /// Whose key it is.
    pub identity: Identity,
    /// When IAM made it, in UTC; it never changes, so an earlier run's answer counts.
    pub created_at: Option<DateTime<Utc>>,
    /// Its status, where the listing could be read.
    pub status: Option<KeyStatus>,
    /// Its last use.
    pub last_use: LastUsed,
    /// The user's other keys; `None` where the listing could not be read.
    pub others: Option<Vec<OtherKey>>,
    /// The root user's keys in the account.
    pub root_keys: RootKeys,
    /// What the runs so far saw of its uses by others than keyrotate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched: Option<Watched>,
}

/// Another key of the same user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherKey {
    /// The key.
    pub id: AccessKeyId,
    /// Its status.
    pub status: KeyStatus,
    /// When IAM made it, in UTC.
    pub created_at: DateTime<Utc>,
    /// Its last use.
    pub last_use: LastUsed,
    /// The profiles here that have it, as of now.
    #[serde(skip)]
    pub profiles: Vec<ProfileName>,
}

/// How many access keys the account's root user has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RootKeys {
    /// So many, inactive ones counted.
    Count(u32),
    /// It could not be asked; the text says why.
    Unknown(String),
}

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

impl Observation {
    /// Whether the last use may be keyrotate's own, of about this observation's time or `before`'s.
    pub fn is_own_use(&self, before: Option<&Observation>) -> bool {
        let LastUsed::Used(last_use) = &self.last_use else { return false };
        is_own_use(last_use, [self].into_iter().chain(before).map(|seen| &seen.observed_at))
    }

    /// The last use, where it was not keyrotate's own.
    pub fn others_use(&self, before: Option<&Observation>) -> Option<LastUse> {
        match &self.last_use {
            LastUsed::Used(last_use) if !self.is_own_use(before) => Some(last_use.clone()),
            LastUsed::Used(_) | LastUsed::Never | LastUsed::Unknown(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Arn;

    #[test]
    fn only_a_call_of_the_time_of_a_run_may_be_its_own() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let seen = |observed_at, last_use| Observation {
            observed_at,
            identity: Identity {
                account: "111122223333".into(),
                arn: Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap(),
                user_id: "AIDAEXAMPLE".into(),
            },
            created_at: None,
            status: None,
            last_use,
            others: None,
            root_keys: RootKeys::Count(0),
            watched: None,
        };
        let used = |service: &str, at| LastUsed::Used(LastUse { at, service: service.into(), region: "us-east-1".into() });
        let before = seen(at(-86_400), LastUsed::Never);
        for (last_use, own) in [
            (used("sts", at(-60)), true),
            (used("iam", at(1)), true),
            (used("sts", at(-86_430)), true),
            (used("sts", at(-3_600)), false),
            (used("sts", at(-90_000)), false),
            (used("s3", at(0)), false),
            (LastUsed::Never, false),
            (LastUsed::Unknown("denied".into()), false),
        ] {
            assert_eq!(seen(at(0), last_use.clone()).is_own_use(Some(&before)), own, "{last_use:?}");
        }
        assert!(!seen(at(0), used("sts", at(-86_430))).is_own_use(None));
    }
}
