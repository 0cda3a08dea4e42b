//! From facts to findings to the exit code.
//!
//! Invariant: pure, and what is not known is a finding of its own, never fine. A root check that is denied is the exception: it is an
//! extra, shown as unknown, and does not count.

use chrono::{DateTime, Utc};

use super::facts::{KeyFacts, Pending, Rest, RootKeys};
use crate::commands::failure::FailureKind;
use crate::model::AgeLevel;

/// Something about a key that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Older than `warn_age`.
    Due,
    /// Older than `max_age`.
    Overdue,
    /// The key is the root user's own.
    RootUserKey,
    /// The account's root user has so many keys.
    RootKeys(u32),
    /// A rotation waits to be gone on with.
    RotationWaits,
    /// AWS could not be asked, for this kind of reason.
    Unchecked(FailureKind),
    /// Nothing is known of it from any run.
    NeverObserved,
}

impl Finding {
    /// What it makes of the exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Finding::Overdue | Finding::RootUserKey | Finding::RootKeys(_) => 11,
            Finding::Due | Finding::RotationWaits => FailureKind::Attention.exit_code(),
            Finding::Unchecked(kind) => kind.exit_code(),
            Finding::NeverObserved => FailureKind::Unchecked.exit_code(),
        }
    }

    /// A stable name for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Finding::Due => "due",
            Finding::Overdue => "overdue",
            Finding::RootUserKey => "root-user-key",
            Finding::RootKeys(_) => "root-keys",
            Finding::RotationWaits => "rotation-waits",
            Finding::Unchecked(_) => "unchecked",
            Finding::NeverObserved => "never-observed",
        }
    }
}

/// What is to be said against a key at `now`.
pub fn judge(key: &KeyFacts, now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match key.age(now).map(|age| key.limits.level(age)) {
        Some(AgeLevel::Due) => findings.push(Finding::Due),
        Some(AgeLevel::Overdue) => findings.push(Finding::Overdue),
        Some(AgeLevel::Fresh) | None => {}
    }
    match &key.seen {
        Some(seen) => {
            if seen.identity.is_root() {
                findings.push(Finding::RootUserKey);
            }
            match seen.root_keys {
                RootKeys::Count(0) | RootKeys::Unknown(_) => {}
                RootKeys::Count(count) => findings.push(Finding::RootKeys(count)),
            }
        }
        None if key.problem.is_none() => findings.push(Finding::NeverObserved),
        None => {}
    }
    if key.pending.iter().any(|pending| waits(pending, now)) {
        findings.push(Finding::RotationWaits);
    }
    findings.extend(key.problem.as_ref().map(|problem| Finding::Unchecked(problem.kind)));
    findings
}

/// Whether a rotation should be gone on with: it was broken off, or its grace is over.
pub fn waits(pending: &Pending, now: DateTime<Utc>) -> bool {
    match pending.rests_until {
        None => true,
        Some(Rest::Until(at)) => at <= now,
        Some(Rest::Next) => false,
    }
}

/// The code that counts where several apply.
pub fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    const ORDER: [u8; 6] = [1, 2, 20, 11, 10, 12];
    let rank = |code: &u8| ORDER.iter().position(|other| other == code).unwrap_or(ORDER.len());
    codes.into_iter().min_by_key(rank).unwrap_or(0)
}
