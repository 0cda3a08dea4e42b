//! What a rotation has to remember: the body of its journal entry.
//!
//! Invariant: from Created on it holds both pairs until the rotation is over, and no other copy of the new secret is relied on.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::next::likely_alive;
use crate::holder::{Displaced, Place, SignedBy, Staged};
use crate::model::{AccessKeyId, AccessKeyPair, Grace, Identity, KeyOwner, LastUsed, ProfileName};
use crate::os::keychain::ItemName;

/// One rotation of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Unique; names the entry's file and whatever the rotation leaves beside other files.
    pub id: String,
    /// The machine that began it. Another one must not go on: it sees other files.
    pub machine: String,
    /// That machine's name, for messages.
    pub host: String,
    /// When it began, by AWS's clock, in UTC.
    pub started_at: DateTime<Utc>,
    /// Whose key it is.
    pub identity: Identity,
    /// The IAM user name when it began.
    pub user_name: String,
    /// The profile by which calls find their region, endpoint and CA bundle.
    pub profile: ProfileName,
    /// Where the key is another user's, which that profile's credentials manage: the name of its `[key.NAME]` in the settings.
    #[serde(default)]
    pub managed_as: Option<ProfileName>,
    /// The pair that is replaced.
    #[serde(with = "crate::journal::secret")]
    pub old: AccessKeyPair,
    /// When IAM made the old key, in UTC.
    pub old_created_at: DateTime<Utc>,
    /// Every key that the user had before.
    pub keys_before: Vec<AccessKeyId>,
    /// The one of them that was deleted to make room, for the history.
    #[serde(default)]
    pub deleted_first: Option<AccessKeyId>,
    /// The new pair, from Created on.
    pub new: Option<NewKey>,
    /// Both AWS files, and the targets; those without sections hold nothing yet and are watched for strays.
    pub holders: Vec<HolderEntry>,
    /// The new key was there before, in use by a profile here: it is never deleted or deactivated.
    pub adopted: bool,
    /// How long the old key stays inactive; where it drains, active.
    pub grace: Grace,
    /// Another machine rotated the key: the new pair is taken over from a secret, and no key is touched at AWS.
    #[serde(default)]
    pub pulled: bool,
    /// Other machines take the new pair from a secret, so that the old key stays active through the grace.
    #[serde(default)]
    pub drains: bool,
    /// Where the rotation stands.
    pub state: State,
}

/// The key that replaces the old one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewKey {
    /// The pair.
    #[serde(with = "crate::journal::secret")]
    pub pair: AccessKeyPair,
    /// When IAM made it, in UTC.
    pub created_at: DateTime<Utc>,
}

/// One holder and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HolderEntry {
    /// Where it is.
    pub place: Place,
    /// The sections with the old pair when the rotation began; of a secret its one label.
    pub sections: Vec<String>,
    /// How many changes were prepared; numbers the files they leave.
    pub stagings: u32,
    /// A change that is prepared and perhaps made.
    pub staged: Option<Staged>,
    /// Which pair that change brings.
    pub staged_to: Which,
    /// Files that changes displaced and that are still there.
    pub displaced: Vec<Displaced>,
    /// A person decided that the rotation goes on without it.
    pub left_out: bool,
}

impl HolderEntry {
    /// Whether it may have a pair of this rotation while it cannot be read. An AWS file is a place of every rotation, so that what it had at the start
    /// counts; an item or a secret is one only because it is known to have the key, though somebody may have put another there for a moment.
    pub fn may_have_a_pair(&self) -> bool {
        match &self.place {
            Place::AwsFile { .. } => !self.sections.is_empty(),
            Place::KeychainItem { .. } | Place::Secret { .. } => true,
        }
    }
}

/// Where a rotation stands. Each is on the disk before the act that it announces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// CreateAccessKey is about to be sent, or was.
    Intent {
        /// AWS's time when the entry was written.
        signed_at: DateTime<Utc>,
        /// How often AWS was asked and answered that it was asked too often.
        throttled: u32,
    },
    /// The answer was lost and exactly this key appeared. Nobody has its secret.
    Suspect {
        /// The key.
        key: AccessKeyId,
        /// When IAM made it, in UTC.
        created_at: DateTime<Utc>,
    },
    /// The new pair is on the disk; AWS may not accept it yet.
    Created,
    /// AWS accepts the new pair; holders are being written.
    Verified,
    /// Every holder has the new pair; the old key is about to be deactivated.
    Committed {
        /// How often the old key had to be activated again.
        rounds: u32,
    },
    /// Every holder here has the new pair; the old key stays active while other machines take over the new one.
    Draining {
        /// Since when, by AWS's clock, in UTC.
        at: DateTime<Utc>,
    },
    /// The old key is inactive.
    OldInactive {
        /// Since when, by AWS's clock, in UTC.
        at: DateTime<Utc>,
        /// Its last use, as known then.
        last_use: LastUsed,
        /// As in Committed.
        rounds: u32,
    },
    /// The old key is being activated again.
    Reactivating {
        /// Why.
        why: String,
        /// As in Committed.
        rounds: u32,
    },
    /// Holders go back to the old pair, then the new key is deleted.
    RollingBack {
        /// Why.
        why: String,
        /// Who was faster, where that is why.
        #[serde(default)]
        lost_to: Option<Rival>,
    },
    /// The old key is activated, holders go back to it, then the new key is deactivated.
    Undoing {
        /// Why.
        why: String,
    },
    /// The old key is gone.
    Deleted,
    /// Over: the entry is closed.
    Done(End),
}

/// How a rotation ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// The old key is deleted, every holder has the new one.
    Rotated,
    /// A person closed it with the old key not deleted: inactive, unless somebody activated it.
    RotatedOldInactive,
    /// The old pair is back everywhere; the new key is inactive.
    Undone {
        /// Why.
        why: String,
    },
    /// Nothing came of it: the old pair is where it was.
    Aborted {
        /// Why.
        why: String,
        /// When a CreateAccessKey was signed whose answer never came: a key that shows up late may be its.
        lost_at: Option<DateTime<Utc>>,
        /// Keys that appeared meanwhile and may be this rotation's, which a person left alone.
        #[serde(default)]
        left_alone: Vec<AccessKeyId>,
        /// Who was faster, where that is why.
        #[serde(default)]
        lost_to: Option<Rival>,
    },
    /// A person closed it as it was.
    Forgotten,
    /// Every holder here has the pair that another machine made.
    Pulled,
}

/// Another machine that rotated the same key at the same time, as it is seen from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rival {
    /// The key that it made.
    pub key: AccessKeyId,
    /// The secret that has it, as a person calls it.
    pub place: String,
}

/// Which of the two pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// The one that is replaced.
    Old,
    /// The one that replaces it.
    New,
}

impl End {
    /// Nothing came of it, and nothing is left behind.
    pub fn aborted(why: impl Into<String>) -> Self {
        Self::Aborted { why: why.into(), lost_at: None, left_alone: Vec::new(), lost_to: None }
    }

    /// Another machine was faster.
    pub fn lost(why: impl Into<String>, to: Rival) -> Self {
        Self::Aborted { why: why.into(), lost_at: None, left_alone: Vec::new(), lost_to: Some(to) }
    }

    /// Why it did not go through, where it did not.
    pub fn why(&self) -> Option<&str> {
        match self {
            End::Undone { why } | End::Aborted { why, .. } => Some(why),
            End::Rotated | End::RotatedOldInactive | End::Forgotten | End::Pulled => None,
        }
    }
}

impl Record {
    /// Whose keys the calls to IAM are about: what GetCallerIdentity said of the old pair counts.
    pub fn owner(&self) -> KeyOwner<'_> {
        if self.identity.is_root() { KeyOwner::Root } else { KeyOwner::User(&self.user_name) }
    }

    /// The name by which a command finds the key: that of its profile, or of its `[key.NAME]`.
    pub fn name(&self) -> &ProfileName {
        self.managed_as.as_ref().unwrap_or(&self.profile)
    }

    /// The same as one word of a POSIX shell.
    pub fn called(&self) -> String {
        self.name().quoted()
    }

    /// The pair, where there is one.
    pub fn pair(&self, which: Which) -> Option<&AccessKeyPair> {
        match which {
            Which::Old => Some(&self.old),
            Which::New => self.new.as_ref().map(|new| &new.pair),
        }
    }

    /// Who signs what a holder asks of AWS: the pair that is most likely accepted now, then the other one.
    pub fn signed_by(&self) -> SignedBy<'_> {
        let [first, then] = likely_alive(self).map(|which| self.pair(which));
        match (first, then) {
            (Some(first), then) => SignedBy { first, then },
            (None, _) => SignedBy { first: &self.old, then: None },
        }
    }

    /// Whether the pairs are in the keychain only: a place that has one is an item there and none is a file here, so that no file may have a
    /// copy.
    pub fn is_in_keychain(&self) -> bool {
        let has_slot = |entry: &&HolderEntry| !entry.sections.is_empty();
        let is_touched = |entry: &HolderEntry| !entry.sections.is_empty() || entry.staged.is_some() || !entry.displaced.is_empty();
        self.holders.iter().any(|entry| has_slot(&entry) && entry.place.is_keychain())
            && self.holders.iter().filter(|entry| is_touched(entry)).all(|entry| !entry.place.is_file())
    }

    /// The keychain items among its places.
    pub fn items(&self) -> impl Iterator<Item = &ItemName> {
        self.holders.iter().filter_map(|entry| match &entry.place {
            Place::AwsFile { .. } | Place::Secret { .. } => None,
            Place::KeychainItem { item } => Some(item),
        })
    }

    /// What the entry's file has of it.
    pub fn journalled(&self) -> Cow<'_, Self> {
        if self.is_in_keychain() { Cow::Owned(self.without_secrets()) } else { Cow::Borrowed(self) }
    }

    /// The same without any secret: what is left on the disk last.
    pub fn scrubbed(&self) -> Self {
        let mut record = self.without_secrets();
        for holder in &mut record.holders {
            holder.staged = None;
        }
        record
    }

    fn without_secrets(&self) -> Self {
        let blank = |pair: &AccessKeyPair| AccessKeyPair { id: pair.id.clone(), secret: crate::model::SecretAccessKey::new("") };
        let mut record = self.clone();
        record.old = blank(&self.old);
        record.new = self.new.as_ref().map(|new| NewKey { pair: blank(&new.pair), created_at: new.created_at });
        record
    }

    /// The tag of what change number `number` of holder `holder` leaves beside a file.
    pub fn tag(&self, holder: usize, number: u32) -> String {
        format!("{}-{holder}-{number}", self.id)
    }
}
