//! What is written down of a removal, and the lines of the files that go with the key.
//!
//! Invariant: the state is on the disk before the call that it announces; the lines go only after the key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::holder::{HolderError, Moving, UnderWay};
use crate::journal::{Entry, JournalError};
use crate::model::{AccessKeyId, AccessKeyPair, ProfileName};
use crate::os::disk::Disk;
use crate::profile::{AwsFiles, Document, EditError, FileKind, Shown, masked_lines};

/// What the edit of a file leaves is named by this.
const TAG: &str = "root-key";

/// How long a key may stay inactive at most: the session that signs its deletion lasts an hour.
pub const LONGEST_WAIT: Duration = Duration::from_secs(50 * 60);

/// A removal that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The profile that had the key.
    pub profile: ProfileName,
    /// The key.
    pub id: AccessKeyId,
    /// The root user's account.
    pub account: String,
    /// The profile of who administers the account, for the command that goes on.
    pub admin: ProfileName,
    /// How far it is.
    pub state: State,
    /// When the session that signs ends, in UTC; none where a key signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signs_until: Option<DateTime<Utc>>,
    /// The root user's other keys, as they were listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<AccessKeyId>,
    /// How far the edits of the files are.
    #[serde(default)]
    under_way: Vec<(FileKind, UnderWay)>,
}

/// How far a removal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The key is about to be made inactive, or was.
    Deactivating,
    /// The key is about to be deleted, or was.
    Deleting,
    /// AWS does not have it any more; the files may.
    Deleted,
    /// AWS does not accept it, and a person has seen that it is gone; the files may have it.
    SeenGone,
}

/// The lines could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file.
    #[error(transparent)]
    File(#[from] HolderError),
    /// What is written down.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What is written down of a removal cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what is written down of the removal of a root user's key, {}, cannot be read: {why}", path.display())]
pub struct Unread {
    /// The file, or the directory of all.
    pub path: PathBuf,
    why: String,
}

impl Unread {
    /// The key, whose ID is the file's name.
    pub fn id(&self) -> Option<AccessKeyId> {
        AccessKeyId::parse(self.path.file_stem()?.to_str()?).ok()
    }

    /// What a person is to do.
    pub fn hint(&self) -> &'static str {
        "where a newer keyrotate wrote it, go on with that; it has no secret: when the AWS console shows what became of the key, it can be removed by hand"
    }
}

impl From<JournalError> for Unread {
    fn from(error: JournalError) -> Self {
        Self { path: error.path().map(Path::to_owned).unwrap_or_default(), why: error.reason() }
    }
}

impl Removal {
    /// One that is about to begin.
    pub fn new(profile: ProfileName, id: AccessKeyId, account: String, admin: ProfileName, state: State) -> Self {
        Self { profile, id, account, admin, state, signs_until: None, others: Vec::new(), under_way: Vec::new() }
    }

    /// The same of a root user with these keys, too.
    #[must_use]
    pub fn beside(self, others: Vec<AccessKeyId>) -> Self {
        Self { others, ..self }
    }

    /// The same where another run began it: what that saw beside the key stays known, and the edits are gone on with.
    #[must_use]
    pub fn begun_by(mut self, earlier: Option<&Removal>) -> Self {
        if let Some(earlier) = earlier {
            self.under_way.clone_from(&earlier.under_way);
            if self.others.is_empty() {
                self.others.clone_from(&earlier.others);
            }
        }
        self
    }

    /// The same by a session that ends then.
    #[must_use]
    pub fn signed_until(self, signs_until: Option<DateTime<Utc>>) -> Self {
        Self { signs_until, ..self }
    }

    /// Whether nothing is left of it but the lines of the files. A person's word is no fact: AWS may have the key all the same.
    pub fn is_over_at_aws(&self) -> bool {
        match self.state {
            State::Deleted => true,
            State::Deactivating | State::Deleting | State::SeenGone => false,
        }
    }

    /// What may have become of the key. It may be in hand: another keyrotate may let the key rest.
    pub fn how_far(&self) -> &'static str {
        match self.state {
            State::Deactivating => "it may be inactive",
            State::Deleting => "it may be deleted",
            State::Deleted => "it is deleted, and the files may have it",
            State::SeenGone => "somebody has seen that it is gone, and the files may have it",
        }
    }

    /// That it waits for a person.
    pub fn waits(&self) -> String {
        let Self { id, profile, .. } = self;
        format!("the removal of the root user's key {id} ({profile}) is not finished ({}): {}", self.how_far(), self.goes_on())
    }

    /// What a person is to do.
    pub fn goes_on(&self) -> String {
        format!("run `{}`, which goes on", self.again())
    }

    /// The command that goes on.
    pub fn again(&self) -> String {
        format!("keyrotate root-key remove {} --admin {}", self.profile.quoted(), self.admin.quoted())
    }

    /// An edit of this file was begun.
    pub fn is_under_way(&self, kind: FileKind) -> bool {
        self.under_way.iter().any(|(of, _)| *of == kind)
    }

    /// Takes the key's lines out of a file, from wherever that was left. A file that is not there has none.
    pub fn write(
        &mut self,
        disk: &dyn Disk,
        kind: FileKind,
        path: &Path,
        pair: &AccessKeyPair,
        entry: &mut Entry<'_>,
    ) -> Result<(), WriteError> {
        let edit = |document: &Document| document.take_out(pair);
        let moving = Moving::new(disk, kind, path.to_owned(), &edit);
        let at = self.under_way.iter().find(|(of, _)| *of == kind).map(|(_, at)| at.clone()).unwrap_or_default();
        let written = moving.carry_out(TAG, at, false, &mut |at| {
            self.under_way.retain(|(of, _)| *of != kind);
            self.under_way.push((kind, at.clone()));
            Ok(entry.update(self)?)
        });
        match written {
            Err(WriteError::File(error)) if error.is_away() => Ok(()),
            other => other,
        }
    }
}

/// The removals in this directory that are not finished, and why others cannot be read.
pub fn unfinished(disk: &dyn Disk, directory: &Path) -> (Vec<Removal>, Vec<Unread>) {
    let (all, wrong) = Entry::load_all(disk, directory);
    (all.into_iter().map(|(_, removal)| removal).collect(), wrong.into_iter().map(Unread::from).collect())
}

/// What becomes of the files where the key's lines go; nothing where they have none.
pub fn shown(files: &AwsFiles, pair: &AccessKeyPair) -> Result<Vec<Shown>, (FileKind, EditError)> {
    let mut all = Vec::new();
    for (kind, document) in [(FileKind::Credentials, files.credentials()), (FileKind::Config, files.config())] {
        let Some(document) = document else { continue };
        let wrong = |error| (kind, error);
        // The edit is tried, too: what it refuses is known before anything is done.
        let _: Zeroizing<Vec<u8>> = document.take_out(pair).map_err(wrong)?;
        let lines = masked_lines(&document.taken_lines(pair).map_err(wrong)?, &pair.id, "- ");
        if !lines.is_empty() {
            all.push(Shown { path: files.path(kind).to_owned(), lines });
        }
    }
    Ok(all)
}
