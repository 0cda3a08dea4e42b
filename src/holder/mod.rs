//! Where a key pair can live: one trait, one file per kind.
//!
//! Invariants: a holder changes the pair it was told to expect and nothing else, or it changes nothing and says why; what it is
//! about to replace can be found again from what [`Holder::prepare`] returned, which the caller journals before [`Holder::write`].

mod aws_file;
pub mod keychain;
mod secrets_manager;

use std::path::PathBuf;
use std::{fmt, io};

use serde::{Deserialize, Serialize};

use crate::aws::{AwsError, SecretId, Secrets};
use crate::journal::secret::SecretBytes;
use crate::model::{AccessKeyId, AccessKeyPair, SecretFields};
use crate::os::disk::Disk;
use crate::os::keychain::{ItemName, Keychain, KeychainError};
use crate::profile::{DocumentError, EditError, FileKind};

pub use aws_file::{Moving, UnderWay};
pub use secrets_manager::{CURRENT, Held, SecretProblem, ShapeError, find_fields, new_value, read_fields, read_pair, replace_pair};

/// Where a holder is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// The shared credentials file or the config file.
    AwsFile {
        /// Which grammar.
        kind: FileKind,
        /// The path as it is configured, symbolic links not followed.
        path: PathBuf,
    },
    /// A secret in AWS Secrets Manager.
    Secret {
        /// Its whole ARN, which has its region: a secret made anew under the same name is another place.
        arn: String,
        /// Where in its JSON the pair is.
        fields: SecretFields,
    },
    /// An item of the OS keychain.
    KeychainItem {
        /// Its name.
        item: ItemName,
    },
}

/// What a holder holds, as one rotation sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It could be read.
    Seen {
        /// Sections with the old pair.
        old: Vec<String>,
        /// Sections with the new pair.
        new: Vec<String>,
        /// Sections of this rotation that hold something else now.
        foreign: Vec<Foreign>,
        /// Every other access key ID in the place.
        others: Vec<AccessKeyId>,
    },
    /// A write of ours was cut off in the middle; writing again completes it.
    Torn,
    /// It is not there: not mounted, moved away, deleted.
    Away,
    /// It cannot be read, or not understood.
    Unreadable {
        /// Why.
        why: String,
        /// AWS's refusal, where it was one.
        error: Option<AwsError>,
    },
}

/// Something that is not this rotation's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The section.
    pub section: String,
    /// The line in the file, from 1; `None` where the place has no lines.
    pub line: Option<usize>,
    /// What it has, without any secret.
    pub what: String,
}

/// A change that is ready to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Staged {
    /// The new content is in a file beside the target.
    Beside {
        /// The file to be replaced, symbolic links followed.
        target: PathBuf,
        /// The file with the new content.
        temporary: PathBuf,
        /// SHA-256 of the content that was edited.
        base: String,
        /// SHA-256 of the new content.
        edited: String,
    },
    /// The name cannot be replaced (hard link, mount point, directory that is not ours): bytes are written over.
    InPlace {
        /// The file, symbolic links followed.
        target: PathBuf,
        /// Where the change begins.
        offset: u64,
        /// The bytes there; when the lengths differ, up to the end of the file.
        before: SecretBytes,
        /// The bytes that replace them.
        after: SecretBytes,
        /// SHA-256 of the content that was edited.
        base: String,
        /// SHA-256 of the new content.
        edited: String,
    },
    /// A secret's new version. Its content is made from the one before, when it is put.
    Version {
        /// The ID of the version that is edited.
        base: String,
        /// The ID of the one that takes its place.
        version: String,
    },
    /// Nothing is left anywhere: a keychain item is replaced by one call.
    Item {
        /// SHA-256 of the new content.
        edited: String,
    },
}

/// The file that a write displaced. Whoever had it open may still write to it, so it is looked at once more before it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Displaced {
    /// What took its place.
    pub target: PathBuf,
    /// Where it is now.
    pub path: PathBuf,
    /// SHA-256 of its content when it was displaced.
    pub content: String,
    /// SHA-256 of what took its place.
    pub edited: String,
}

/// A holder could not be changed. The holder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum HolderError {
    /// It changed since it was prepared: look again.
    #[error("{place} was changed by another program just now")]
    Changed {
        /// The holder, as a person calls it.
        place: String,
    },
    /// Another program is writing it.
    #[error("another program is writing {place} just now")]
    Busy {
        /// The holder, as a person calls it.
        place: String,
    },
    /// Other programs wrote two versions at once, of which this one could not be joined with the other.
    #[error("another program wrote {} while its key was replaced, and another version of it is in {}: take over what is missing, and remove it", path.display(), kept.display())]
    Kept {
        /// The file, which has one version.
        path: PathBuf,
        /// What has the other.
        kept: PathBuf,
    },
    /// Its name cannot be exchanged with that of an edited copy.
    #[error("{} has a second name (hard link), is a mount point, or is another user's: give it one name and a directory of yours", path.display())]
    Pinned {
        /// The file.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("{} cannot be {act}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read`, `written`, …
        act: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// It cannot be parsed.
    #[error("{}: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: DocumentError,
    },
    /// It cannot be edited exactly.
    #[error("{}: {source}", path.display())]
    NotEditable {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: EditError,
    },
    /// AWS refuses, or did not answer.
    #[error("{place}: {}", secrets_manager::meaning(source))]
    Aws {
        /// The holder, as a person calls it.
        place: String,
        /// AWS's words.
        source: AwsError,
    },
    /// A secret is not one that a key can be written to.
    #[error("{place}: {problem}")]
    Secret {
        /// The secret, as a person calls it.
        place: String,
        /// Why.
        problem: SecretProblem,
    },
    /// The keychain refuses.
    #[error("{place} cannot be read or written")]
    Keychain {
        /// The holder, as a person calls it.
        place: String,
        /// Why, and what to do.
        source: KeychainError,
    },
    /// The keychain item has no pair.
    #[error(transparent)]
    Item(#[from] keychain::NoPair),
}

impl HolderError {
    /// Whether the file is not there.
    pub fn is_away(&self) -> bool {
        matches!(self, HolderError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether it may be gone the next moment, so that looking again is worth it.
    pub fn is_passing(&self) -> bool {
        match self {
            HolderError::Changed { .. } | HolderError::Busy { .. } => true,
            HolderError::Aws { source, .. } => source.is_transient(),
            HolderError::Kept { .. } | HolderError::Io { .. } | HolderError::Malformed { .. } => false,
            HolderError::NotEditable { .. } | HolderError::Pinned { .. } | HolderError::Secret { .. } => false,
            HolderError::Keychain { .. } | HolderError::Item(_) => false,
        }
    }
}

/// A place that holds a key pair.
pub trait Holder {
    /// What it holds. `sections` are those that had the old pair when the rotation began; `staged` is a change under way.
    fn look(&self, old: &AccessKeyPair, new: Option<&AccessKeyPair>, sections: &[String], staged: Option<&Staged>) -> Sight;
    /// Proves, leaving nothing behind, that a change of this pair would be possible: an edit of this size, here and now.
    fn check_writable(&self, pair: &AccessKeyPair) -> Result<(), HolderError>;
    /// Makes a change ready. What it leaves, if anything, is named by `tag`.
    fn prepare(&self, tag: &str, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Staged, HolderError>;
    /// Makes the change, durably. Can be called again after a crash at any point of it.
    fn write(&self, staged: &Staged, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Option<Displaced>, HolderError>;
    /// Gives a prepared change up; one that turns out to have been made is finished first. Returns what it displaced.
    fn abandon(&self, staged: &Staged, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Option<Displaced>, HolderError>;
    /// Removes what a write displaced, after taking over what somebody wrote there since.
    fn release(&self, displaced: &Displaced, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<(), HolderError>;
    /// Removes what changes left whose tag begins so, these among them; errors are no harm, nobody reads it. What somebody else wrote there
    /// is kept beside the holder. Returns where.
    fn sweep(&self, tag: &str, staged: Option<&Staged>, displaced: &[Displaced]) -> Vec<PathBuf>;
}

/// What holders are reached through.
#[derive(Clone, Copy)]
pub struct Reach<'a> {
    /// The file system.
    pub disk: &'a dyn Disk,
    /// Secrets Manager.
    pub secrets: &'a dyn Secrets,
    /// The OS keychain.
    pub keychain: &'a dyn Keychain,
}

/// The pairs that sign what a holder asks of AWS.
#[derive(Clone, Copy, Debug)]
pub struct SignedBy<'a> {
    /// The one that is likely to be accepted.
    pub first: &'a AccessKeyPair,
    /// The one that is tried where AWS does not take the first.
    pub then: Option<&'a AccessKeyPair>,
}

impl Place {
    /// Whether it is an item of the keychain, of which no file may have a copy.
    pub fn is_keychain(&self) -> bool {
        match self {
            Place::AwsFile { .. } | Place::Secret { .. } => false,
            Place::KeychainItem { .. } => true,
        }
    }

    /// Whether it is a file here.
    pub fn is_file(&self) -> bool {
        match self {
            Place::AwsFile { .. } => true,
            Place::Secret { .. } | Place::KeychainItem { .. } => false,
        }
    }

    /// The holder at this place.
    pub fn open<'a>(&'a self, reach: Reach<'a>, by: SignedBy<'a>) -> Box<dyn Holder + 'a> {
        match self {
            Place::AwsFile { kind, path } => Box::new(aws_file::AwsFile::new(reach.disk, *kind, path.clone())),
            Place::Secret { arn, fields } => Box::new(secrets_manager::Secret::new(reach.secrets, by, arn, fields)),
            Place::KeychainItem { item } => Box::new(keychain::KeychainItem::new(reach.keychain, item.clone())),
        }
    }

    /// The secret that is named so, as it is found now by who has this pair; `fields` where the settings name them.
    pub fn secret(
        secrets: &dyn Secrets,
        pair: &AccessKeyPair,
        named: SecretId<'_>,
        fields: Option<&SecretFields>,
    ) -> Result<Self, HolderError> {
        secrets_manager::find(secrets, pair, named, fields, &[]).map(|(place, _)| place)
    }

    /// The same for who knows which rotations are `over`: a version that one of them left waiting is in nobody's way. With it comes what
    /// [`Holder::sweep`] takes its label off by.
    pub fn secret_after(
        secrets: &dyn Secrets,
        pair: &AccessKeyPair,
        named: SecretId<'_>,
        fields: Option<&SecretFields>,
        over: &[&str],
    ) -> Result<(Self, Option<String>), HolderError> {
        secrets_manager::find(secrets, pair, named, fields, over)
    }

    /// Whether it is a secret in Secrets Manager.
    pub fn is_secret(&self) -> bool {
        match self {
            Place::AwsFile { .. } | Place::KeychainItem { .. } => false,
            Place::Secret { .. } => true,
        }
    }

    /// What a person calls these slots of it: the sections of a file; a secret has one, which needs no name.
    pub fn slots(&self, slots: &[String]) -> String {
        match self {
            Place::AwsFile { .. } => format!("{self} [{}]", slots.join("] [")),
            Place::Secret { .. } | Place::KeychainItem { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for Place {
    /// How a person calls it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::AwsFile { path, .. } => write!(f, "{}", path.display()),
            Place::Secret { arn, .. } => f.write_str(&secrets_manager::called(arn)),
            Place::KeychainItem { item } => write!(f, "{ITEM}{item}"),
        }
    }
}

/// What a keychain item's name stands behind.
const ITEM: &str = "keychain item ";

/// Whether a place, as a person calls it, is a keychain item.
pub fn is_item(place: &str) -> bool {
    place.starts_with(ITEM)
}

/// Whether a place, as a person calls it, is a file.
pub fn is_file(place: &str) -> bool {
    !is_item(place) && !place.starts_with(secrets_manager::CALLED)
}

impl Foreign {
    /// What the place has that is not the rotation's, and where in it.
    pub fn told(&self, place: &Place) -> String {
        match place {
            Place::AwsFile { .. } => {
                let line = self.line.map_or_else(String::new, |line| format!(" line {line}"));
                format!("{place}{line}: [{}] has {}", self.section, self.what)
            }
            Place::Secret { .. } | Place::KeychainItem { .. } => format!("{place} has {}", self.what),
        }
    }
}
