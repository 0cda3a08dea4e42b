//! What AWS said of a key, in a form that is remembered.
//!
//! Invariant: no secret is in here.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::audit::{Watched, is_own_use};
use crate::model::{AccessKeyId, Identity, KeyStatus, LastUse, LastUsed, ProfileName};

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

/// What the operator saw of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedSeen {
    /// When, in UTC, by AWS's clock.
    pub observed_at: DateTime<Utc>,
    /// The key that the secret has.
    pub id: AccessKeyId,
    /// When IAM made it, in UTC.
    pub created_at: DateTime<Utc>,
    /// Its status.
    pub status: KeyStatus,
    /// Its last use.
    pub last_use: LastUsed,
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
