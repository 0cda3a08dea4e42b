//! Everything that an audit knows: what AWS said, each answer or the reason why there is none, and what this machine knows.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::aws::{AccountSight, AttachedPolicy, AwsError, MonitoringSight, UserSight};
use crate::model::{AccessKeyId, LastUse, LastUsed, Limits, ProfileName};

/// A call of ours is on the server's record within so long of the time that we noted.
const OWN_CALL: TimeDelta = TimeDelta::minutes(1);

/// The facts of one audit.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time that dates are held against, in UTC: AWS's where it answered.
    pub now: DateTime<Utc>,
    /// The profile that was asked with.
    pub profile: ProfileName,
    /// What AWS said of the user.
    pub user: UserSight,
    /// The user's permissions boundary, where it was asked for: see [`super::wants_boundary`].
    pub boundary: Option<Result<Option<AttachedPolicy>, AwsError>>,
    /// What AWS said of the account, where the tier reaches so far.
    pub account: Option<AccountSight>,
    /// What AWS said of what watches over the account, where the tier reaches so far.
    pub monitoring: Option<MonitoringSight>,
    /// What this machine knows.
    pub here: Here,
}

/// What this machine knows.
#[derive(Clone, Debug, Default)]
pub struct Here {
    /// When a key of the profile is due and overdue.
    pub limits: Limits,
    /// An active key that was not used for so long is unused.
    pub unused_after: Duration,
    /// Rotations under way.
    pub replacing: Vec<Replacing>,
    /// What earlier runs saw of the keys' uses.
    pub watched: BTreeMap<AccessKeyId, Watched>,
    /// When keyrotate asked AWS with a key of the user, this time and before, in UTC.
    pub own_calls: Vec<DateTime<Utc>>,
    /// Profiles that have a key of the account's root user, as far as that was seen.
    pub with_root_key: Vec<ProfileName>,
    /// Profiles that reach the same account without a key.
    pub without_key: Vec<ProfileName>,
    /// Whether the caller signed with an MFA session.
    pub by_session: bool,
}

/// A rotation under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacing {
    /// The key that is replaced.
    pub old: AccessKeyId,
    /// The key that replaces it.
    pub new: Option<AccessKeyId>,
    /// When the old key's time is over, in UTC, where a time is set.
    pub until: Option<DateTime<Utc>>,
}

/// What earlier runs saw of a key's uses by others than keyrotate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// The first time that keyrotate looked.
    pub since: DateTime<Utc>,
    /// The last use that was not keyrotate's own.
    pub last: Option<LastUse>,
}

impl Watched {
    /// What is known after another look at `at`; `others` is the last use, where that was not keyrotate's own.
    #[must_use]
    pub fn with(before: Option<Self>, at: DateTime<Utc>, others: Option<LastUse>) -> Self {
        let Self { since, last } = before.unwrap_or(Self { since: at, last: None });
        Self { since, last: others.or(last) }
    }
}

/// When a key was last used by somebody else than keyrotate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OthersUse {
    /// Then, and with what.
    At(LastUse),
    /// Never.
    Never,
    /// Not since then, as far as keyrotate saw.
    NotSince(DateTime<Utc>),
    /// It could not be asked.
    Unknown(String),
}

impl Here {
    /// The rotation that this key is part of.
    pub(super) fn replacing(&self, id: &AccessKeyId) -> Option<&Replacing> {
        self.replacing.iter().find(|one| one.old == *id || one.new.as_ref() == Some(id))
    }

    /// Takes keyrotate's own questions out of a key's last use: AWS counts them, too.
    pub(super) fn others_use(&self, id: &AccessKeyId, last_used: &LastUsed) -> OthersUse {
        let watched = self.watched.get(id);
        match last_used {
            LastUsed::Never => OthersUse::Never,
            LastUsed::Unknown(why) => OthersUse::Unknown(why.clone()),
            LastUsed::Used(last_use) if !self.is_own(last_use) => OthersUse::At(last_use.clone()),
            LastUsed::Used(last_use) => match watched {
                Some(Watched { last: Some(last), .. }) => OthersUse::At(last.clone()),
                Some(Watched { since, last: None }) => OthersUse::NotSince(*since),
                None => OthersUse::NotSince(last_use.at),
            },
        }
    }

    fn is_own(&self, last_use: &LastUse) -> bool {
        is_own_use(last_use, &self.own_calls)
    }
}

/// Whether a use is of a service that keyrotate calls, and of about the time of one of its calls: then it may be keyrotate's own. A use at any other
/// time is somebody else's, or of a rotation, and a person may want to know of it.
pub fn is_own_use<'a>(last_use: &LastUse, calls: impl IntoIterator<Item = &'a DateTime<Utc>>) -> bool {
    matches!(last_use.service.as_str(), "sts" | "iam") && calls.into_iter().any(|at| (last_use.at - at).abs() <= OWN_CALL)
}
