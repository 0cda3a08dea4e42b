//! What a check found.

use chrono::NaiveDate;

use crate::aws::{AwsError, ErrorKind};
use crate::model::Check;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be, by something that was seen.
    Pass,
    /// There is nothing here that the check is about.
    NotApplicable,
    /// Better otherwise.
    Warn,
    /// Dangerous as it is.
    Fail,
    /// It could not be looked at.
    Unknown,
}

/// The exemption that a finding has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exempt {
    /// Why it may be so.
    pub reason: String,
    /// The last day on which it counts, in UTC.
    pub until: NaiveDate,
    /// That day is over: the finding counts again.
    pub has_ended: bool,
}

/// One result of a check; a check that looks at several things has one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// How it is.
    pub level: Level,
    /// What it is about: a key, a policy, a user; the account's root user where it is of the account.
    pub subject: String,
    /// What was seen.
    pub seen: String,
    /// What to do about it, with the keyrotate command where there is one.
    pub fix: Option<String>,
    /// The actions that the caller would need, as IAM policies name them.
    pub missing_actions: Vec<String>,
    /// Somebody decided that it may be so.
    pub exempt: Option<Exempt>,
}

impl Finding {
    pub(super) fn new(check: Check, level: Level, subject: impl Into<String>, seen: impl Into<String>) -> Self {
        let (subject, seen) = (subject.into(), seen.into());
        Self { check, level, subject, seen, fix: None, missing_actions: Vec::new(), exempt: None }
    }

    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// The answer that the check needs is missing.
    pub(super) fn unknown(check: Check, subject: impl Into<String>, error: &AwsError) -> Self {
        let action = error.operation.to_owned();
        let found = Self::new(check, Level::Unknown, subject, error.to_string());
        match error.kind {
            ErrorKind::Denied { .. } => Self { missing_actions: vec![action], ..found },
            ErrorKind::NotYetValid | ErrorKind::BadSignature | ErrorKind::ClockSkew | ErrorKind::Throttled | ErrorKind::Gone => found,
            ErrorKind::PendingDeletion | ErrorKind::Kms | ErrorKind::LimitExceeded | ErrorKind::Conflict | ErrorKind::Expired => found,
            ErrorKind::Server | ErrorKind::Unreachable(_) | ErrorKind::Garbled | ErrorKind::Other => found,
        }
    }

    /// What it counts as: an exemption that has not ended makes a pass of it.
    pub fn counted(&self) -> Level {
        if self.exempt.as_ref().is_some_and(|exempt| !exempt.has_ended) { Level::Pass } else { self.level }
    }
}
