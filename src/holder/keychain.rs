//! A keychain item as a holder: the whole pair in one item, so that it cannot tear.
//!
//! Who makes an item: [`probe`]; enter it into the [`IndexFile`] with `is_made: false`; [`write_pair`]; then `is_made: true`. A profile uses it from
//! the moment when the index names the profile and its `credential_process` is our own. Who removes one: delete it, then its line in the index.
//! Between the two the index may name an item that is not there, and never misses one that is.
//!
//! Invariants: an item that is not there is never taken for an empty one, because a locked keychain may answer so; what was written is read back.
//! KNOWN: no keychain has a compare-and-swap. Between our look and our write stand one call; our own runs are under the lock.

mod index;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Displaced, Foreign, Holder, HolderError, Sight, Staged};
use crate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
use crate::os::keychain::{ItemName, Keychain, KeychainError};

pub use index::{IndexError, IndexFile};

/// One item.
pub(super) struct KeychainItem<'k> {
    keychain: &'k dyn Keychain,
    item: ItemName,
}

/// Why an item gives no pair. No text of it is in here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPair {
    /// There is no such item, or it is locked away.
    #[error("keychain item {0} is not there: unlock the keychain, or put the item back")]
    Gone(ItemName),
    /// It has something else.
    #[error(
        "keychain item {0} does not have {{\"AccessKeyId\": \"…\", \"SecretAccessKey\": \"…\"}}, as keyrotate writes it: put the pair back there"
    )]
    NotAPair(ItemName),
    /// The keychain could not be asked.
    #[error("keychain item {0} cannot be read")]
    Keychain(ItemName, #[source] KeychainError),
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "AccessKeyId")]
    id: &'a AccessKeyId,
    // SECRET: the item is where it is at home.
    #[serde(rename = "SecretAccessKey")]
    secret: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "AccessKeyId")]
    id: AccessKeyId,
    #[serde(rename = "SecretAccessKey")]
    secret: String,
}

/// What an item with this pair has, byte for byte.
pub fn content(pair: &AccessKeyPair) -> Zeroizing<Vec<u8>> {
    // SECRET: large enough not to move while it is filled.
    let mut bytes = Zeroizing::new(Vec::with_capacity(pair.id.as_str().len() + 6 * pair.secret.expose().len() + 64));
    let _ = serde_json::to_writer(&mut *bytes, &Written { id: &pair.id, secret: pair.secret.expose() });
    bytes
}

/// The pair that the item has.
pub fn read_pair(keychain: &dyn Keychain, item: &ItemName) -> Result<AccessKeyPair, NoPair> {
    let found = keychain.get(item).map_err(|error| NoPair::Keychain(item.clone(), error))?;
    parse(&found.ok_or_else(|| NoPair::Gone(item.clone()))?).ok_or_else(|| NoPair::NotAPair(item.clone()))
}

/// Puts the pair into the item, which is made where it is not there, and reads it back.
pub fn write_pair(keychain: &dyn Keychain, item: &ItemName, pair: &AccessKeyPair) -> Result<(), KeychainError> {
    set(keychain, item, &content(pair))
}

/// Proves, leaving nothing behind, that an item can be made here and now.
pub fn probe(keychain: &dyn Keychain) -> Result<(), KeychainError> {
    try_out(keychain, &ItemName::probe())
}

/// The same with an item of this name; of two processes that try the same one at once, one may be told that it cannot.
pub fn try_out(keychain: &dyn Keychain, item: &ItemName) -> Result<(), KeychainError> {
    set(keychain, item, b"keyrotate tries whether it can write here; this can be removed")?;
    keychain.delete(item)
}

/// Makes the item, or gives it another content, and reads it back.
pub fn set(keychain: &dyn Keychain, item: &ItemName, bytes: &[u8]) -> Result<(), KeychainError> {
    keychain.set(item, bytes)?;
    let found = keychain.get(item)?;
    if found.is_some_and(|found| *found == *bytes) {
        return Ok(());
    }
    Err(KeychainError::Other(format!("the keychain took the item {item} and does not give it back")))
}

fn parse(bytes: &[u8]) -> Option<AccessKeyPair> {
    let Read { id, secret } = serde_json::from_slice(bytes).ok()?;
    let secret = SecretAccessKey::new(secret);
    (!secret.expose().is_empty()).then_some(AccessKeyPair { id, secret })
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<'k> KeychainItem<'k> {
    pub(super) fn new(keychain: &'k dyn Keychain, item: ItemName) -> Self {
        Self { keychain, item }
    }

    fn place(&self) -> String {
        format!("keychain item {}", self.item)
    }

    fn refused(&self) -> impl Fn(KeychainError) -> HolderError {
        move |source| HolderError::Keychain { place: self.place(), source }
    }

    fn pair(&self) -> Result<AccessKeyPair, HolderError> {
        read_pair(self.keychain, &self.item).map_err(|source| match source {
            NoPair::Keychain(_, source) => self.refused()(source),
            NoPair::Gone(_) | NoPair::NotAPair(_) => HolderError::Item(source),
        })
    }

    fn foreign(&self, what: String) -> Foreign {
        Foreign { section: self.item.to_string(), line: None, what }
    }

    fn sight(&self, found: AccessKeyPair, old: &AccessKeyPair, new: Option<&AccessKeyPair>, sections: &[String]) -> Sight {
        let here = || vec![self.item.to_string()];
        let seen = |old, new, foreign, others| Sight::Seen { old, new, foreign, others };
        if found == *old {
            return seen(here(), Vec::new(), Vec::new(), Vec::new());
        }
        if Some(&found) == new {
            return seen(Vec::new(), here(), Vec::new(), Vec::new());
        }
        if found.id == old.id || new.is_some_and(|new| new.id == found.id) {
            return seen(Vec::new(), Vec::new(), vec![self.foreign(format!("{} with another secret", found.id))], Vec::new());
        }
        let foreign = if sections.is_empty() { Vec::new() } else { vec![self.foreign(found.id.to_string())] };
        seen(Vec::new(), Vec::new(), foreign, vec![found.id])
    }
}

fn unreadable(why: String) -> Sight {
    Sight::Unreadable { why, error: None }
}

impl Holder for KeychainItem<'_> {
    fn look(&self, old: &AccessKeyPair, new: Option<&AccessKeyPair>, sections: &[String], _: Option<&Staged>) -> Sight {
        match read_pair(self.keychain, &self.item) {
            Ok(found) => self.sight(found, old, new, sections),
            Err(NoPair::Gone(_)) => Sight::Away,
            Err(NoPair::NotAPair(_)) => {
                unreadable("it does not have the access key as keyrotate writes it: put the pair back there".to_owned())
            }
            Err(NoPair::Keychain(_, error)) => unreadable(error.to_string()),
        }
    }

    fn check_writable(&self, pair: &AccessKeyPair) -> Result<(), HolderError> {
        if self.pair()? != *pair {
            return Err(HolderError::Changed { place: self.place() });
        }
        probe(self.keychain).map_err(self.refused())
    }

    fn prepare(&self, _: &str, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Staged, HolderError> {
        if self.pair()? != *from {
            return Err(HolderError::Changed { place: self.place() });
        }
        Ok(Staged::Item { edited: digest(&content(to)) })
    }

    fn write(&self, staged: &Staged, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Option<Displaced>, HolderError> {
        let Staged::Item { edited } = staged else { return Ok(None) };
        let found = self.pair()?;
        let is_meant = digest(&content(to)) == *edited;
        if found == *to && is_meant {
            return Ok(None);
        }
        if found != *from || !is_meant {
            return Err(HolderError::Changed { place: self.place() });
        }
        write_pair(self.keychain, &self.item, to).map(|()| None).map_err(self.refused())
    }

    fn abandon(&self, _: &Staged, _: &AccessKeyPair, _: &AccessKeyPair) -> Result<Option<Displaced>, HolderError> {
        Ok(None)
    }

    fn release(&self, _: &Displaced, _: &AccessKeyPair, _: &AccessKeyPair) -> Result<(), HolderError> {
        Ok(())
    }

    fn sweep(&self, _: &str, _: Option<&Staged>, _: &[Displaced]) -> Vec<PathBuf> {
        let _ = self.keychain.delete(&ItemName::probe());
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
