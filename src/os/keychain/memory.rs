//! A keychain for tests: a map, and the faults that real ones have.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{ItemName, Keychain, KeychainError};

/// Items in memory.
#[derive(Default)]
pub struct MemoryKeychain {
    items: RefCell<BTreeMap<ItemName, Vec<u8>>>,
    fault: RefCell<Option<KeychainError>>,
    sets_left: Cell<Option<u32>>,
}

impl MemoryKeychain {
    /// With one item.
    pub fn with(item: &ItemName, bytes: &[u8]) -> Self {
        let keychain = Self::default();
        keychain.items.borrow_mut().insert(item.clone(), bytes.to_vec());
        keychain
    }

    /// From now on every call fails so.
    pub fn fail(&self, fault: Option<KeychainError>) {
        self.fault.replace(fault);
    }

    /// After so many more, `set` fails as locked.
    pub fn lock_after(&self, sets: u32) {
        self.sets_left.set(Some(sets));
    }

    /// The names of the items.
    pub fn names(&self) -> Vec<String> {
        self.items.borrow().keys().map(ToString::to_string).collect()
    }

    fn check(&self) -> Result<(), KeychainError> {
        self.fault.borrow().clone().map_or(Ok(()), Err)
    }
}

impl Keychain for MemoryKeychain {
    fn get(&self, item: &ItemName) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
        self.check()?;
        Ok(self.items.borrow().get(item).map(|bytes| Zeroizing::new(bytes.clone())))
    }

    fn set(&self, item: &ItemName, bytes: &[u8]) -> Result<(), KeychainError> {
        self.check()?;
        match self.sets_left.get() {
            Some(0) => return Err(KeychainError::Locked),
            Some(left) => self.sets_left.set(Some(left - 1)),
            None => {}
        }
        self.items.borrow_mut().insert(item.clone(), bytes.to_vec());
        Ok(())
    }

    fn delete(&self, item: &ItemName) -> Result<(), KeychainError> {
        self.check()?;
        self.items.borrow_mut().remove(item);
        Ok(())
    }
}
