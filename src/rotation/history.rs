//! What is remembered of a rotation when it is over.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::record::{End, Record, State};
use crate::model::{AccessKeyId, Arn};

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// The rotation.
    pub rotation: String,
    /// When it began, by AWS's clock, in UTC.
    pub started_at: DateTime<Utc>,
    /// When it ended, likewise.
    pub ended_at: DateTime<Utc>,
    /// Whose key it was.
    pub user: Arn,
    /// The machine's name.
    pub host: String,
    /// The old key.
    pub old: AccessKeyId,
    /// The new key, where there was one.
    pub new: Option<AccessKeyId>,
    /// The keys that the user had before.
    pub keys_before: Vec<AccessKeyId>,
    /// How it ended.
    pub end: End,
}

impl HistoryLine {
    /// The line of a record that is over.
    pub fn of(record: &Record, ended_at: DateTime<Utc>) -> Self {
        let end = match &record.state {
            State::Done(end) => end.clone(),
            State::Intent { .. } | State::Suspect { .. } | State::Created | State::Verified | State::Committed { .. } => End::Forgotten,
            State::OldInactive { .. } | State::Reactivating { .. } | State::RollingBack { .. } | State::Undoing { .. } | State::Deleted => {
                End::Forgotten
            }
        };
        Self {
            rotation: record.id.clone(),
            started_at: record.started_at,
            ended_at,
            user: record.identity.arn.clone(),
            host: record.host.clone(),
            old: record.old.id.clone(),
            new: record.new.as_ref().map(|new| new.pair.id.clone()),
            keys_before: record.keys_before.clone(),
            end,
        }
    }
}
