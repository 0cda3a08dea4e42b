//! The part of an entry that no file may have: in a keychain item of its own.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::JournalError;
use crate::os::keychain::{ItemName, Keychain, KeychainError};

/// The item beside one entry.
pub struct InKeychain<'k> {
    keychain: &'k dyn Keychain,
    item: ItemName,
}

impl<'k> InKeychain<'k> {
    /// The item of this rotation.
    pub fn of(keychain: &'k dyn Keychain, rotation: &str) -> Self {
        Self { keychain, item: ItemName::pending(rotation) }
    }

    /// Its name.
    pub fn item(&self) -> &ItemName {
        &self.item
    }

    /// Writes it, and returns when it can be read back.
    pub fn store<T: Serialize>(&self, body: &T) -> Result<(), JournalError> {
        // SECRET: large enough not to move while it is filled.
        let mut bytes = Zeroizing::new(Vec::with_capacity(4 * 1024));
        serde_json::to_writer(&mut *bytes, body).map_err(|error| self.error("written")(KeychainError::Other(error.to_string())))?;
        self.keychain.set(&self.item, &bytes).map_err(self.error("written"))?;
        match self.keychain.get(&self.item).map_err(self.error("read"))? {
            Some(found) if *found == *bytes => Ok(()),
            Some(_) | None => Err(self.error("written")(KeychainError::Other("the keychain does not give it back".to_owned()))),
        }
    }

    /// What it has; `None` where it is not there, or locked away.
    pub fn load<T: DeserializeOwned>(&self) -> Result<Option<T>, JournalError> {
        let Some(bytes) = self.keychain.get(&self.item).map_err(self.error("read"))? else { return Ok(None) };
        // serde's error may quote the body, so it is not passed on.
        let garbled = |_| self.error("understood")(KeychainError::Other("somebody changed it".to_owned()));
        serde_json::from_slice(&bytes).map(Some).map_err(garbled)
    }

    /// Removes it.
    pub fn remove(&self) -> Result<(), JournalError> {
        self.keychain.delete(&self.item).map_err(self.error("removed"))
    }

    fn error(&self, act: &'static str) -> impl Fn(KeychainError) -> JournalError {
        let item = self.item.clone();
        move |source| JournalError::Keychain { item: item.clone(), act, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::keychain::memory::MemoryKeychain;

    #[test]
    fn it_is_there_until_it_is_removed_and_what_is_wrong_names_it_without_its_content() {
        let keychain = MemoryKeychain::default();
        let item = InKeychain::of(&keychain, "r1");
        assert_eq!(item.load::<String>().unwrap(), None);
        item.store(&"canary").unwrap();
        assert_eq!(keychain.names(), ["keyrotate-pending-r1"]);
        assert_eq!(item.load::<String>().unwrap().as_deref(), Some("canary"));
        let error = item.load::<u32>().unwrap_err();
        assert!(error.to_string().contains("keyrotate-pending-r1") && !format!("{error:?}").contains("canary"), "{error:?}");
        keychain.fail(Some(KeychainError::Locked));
        assert!(matches!(item.store(&"x"), Err(JournalError::Keychain { source: KeychainError::Locked, .. })));
        keychain.fail(None);
        item.remove().unwrap();
        item.remove().unwrap();
        assert!(keychain.names().is_empty());
    }
}
