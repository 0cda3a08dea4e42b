//! What is remembered of a rotation when it is over.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::record::{End, Record, State};
use crate::model::{AccessKeyId, Arn, ProfileName};

/// One line of the history. What earlier versions did not write is absent.
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
    /// The profile that was named when it began, or the `[key.NAME]`.
    #[serde(default)]
    pub profile: Option<ProfileName>,
    /// The files that had the key when it began and were not left out.
    #[serde(default)]
    pub holders: Vec<String>,
    /// When IAM made the old key, in UTC.
    #[serde(default)]
    pub old_created_at: Option<DateTime<Utc>>,
    /// A second key that was deleted to make room.
    #[serde(default)]
    pub deleted_first: Option<AccessKeyId>,
    /// The command that ended it: `rotate`, `auto`, `undo`.
    #[serde(default)]
    pub command: Option<String>,
}

impl HistoryLine {
    /// Whether the rotation was of this key, or brought it.
    pub fn concerns(&self, id: &AccessKeyId) -> bool {
        self.old == *id || self.new.as_ref() == Some(id)
    }

    /// The line of a record that is over; `command` ended it.
    pub fn of(record: &Record, ended_at: DateTime<Utc>, command: &str) -> Self {
        let holders = record.holders.iter().filter(|entry| !entry.left_out && !entry.sections.is_empty());
        let end = match &record.state {
            State::Done(end) => end.clone(),
            State::Intent { .. } | State::Suspect { .. } | State::Created | State::Verified | State::Committed { .. } => End::Forgotten,
            State::Draining { .. } | State::OldInactive { .. } | State::Reactivating { .. } | State::RollingBack { .. } => End::Forgotten,
            State::Undoing { .. } | State::Deleted => End::Forgotten,
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
            profile: Some(record.name().clone()),
            holders: holders.map(|entry| entry.place.to_string()).collect(),
            // Who only takes it over does not ask IAM.
            old_created_at: Some(record.old_created_at).filter(|_| !record.pulled),
            deleted_first: record.deleted_first.clone(),
            command: Some(command.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_an_earlier_version_is_read() {
        let line = r#"{"rotation":"r","started_at":"2026-01-01T00:00:00Z","ended_at":"2026-01-01T00:00:09Z",
            "user":"arn:aws:iam::111122223333:user/dev","host":"h","old":"AKIAEXAMPLE000000001","new":null,"keys_before":[],
            "end":{"Aborted":{"why":"w","lost_at":null}}}"#;
        let line: HistoryLine = serde_json::from_str(line).unwrap();
        assert_eq!((line.profile, line.holders, line.command), (None, Vec::new(), None));
        assert_eq!((line.old_created_at, line.deleted_first), (None, None));
    }
}
