//! The keychain items of sessions.
//!
//! Invariants: an item is named by a session's file from before it is made until after it is gone, or by a file `ITEM.left` beside those, so
//! that none is forgotten, whatever the keychain cannot do; no item is removed that another session's file names.

use std::path::{Path, PathBuf};

use super::file::{Content, Secrets, item, parse_item};
use super::{Cache, CacheError, Found, Known};
use crate::holder::keychain::{set, try_out};
use crate::model::AccessKeyId;
use crate::os::atomic_file::replace;
use crate::os::keychain::{ItemName, KeychainError};
use crate::profile::settings::SessionStore;

/// The name's end of a file that stands for an item which nobody needs any more.
const LEFT: &str = "left";

impl Cache<'_> {
    /// Whether a session of this key could be kept, tried out before a code is spent on it. Only with the lock on the key's sessions.
    pub fn check_keeping(&self, key: &AccessKeyId) -> Result<(), CacheError> {
        match self.store {
            SessionStore::File => Ok(()),
            SessionStore::Keychain => {
                let item = ItemName::session(key.as_str());
                try_out(self.keychain, &item).map_err(|source| CacheError::Keychain { item, act: "written", source })
            }
        }
    }

    /// Removes what a crash may have left of trying it out. Only with the lock on the key's sessions; nothing depends on it.
    pub(super) fn remove_tried(&self, key: &AccessKeyId) {
        match self.store {
            SessionStore::File => {}
            SessionStore::Keychain => drop(self.remove_item(ItemName::session(key.as_str()))),
        }
    }

    /// The session with the secrets that its item has.
    pub(super) fn with_item(&self, path: PathBuf, known: Known) -> Found {
        let item = known.item();
        match self.keychain.get(&item) {
            Ok(Some(bytes)) => match parse_item(&bytes) {
                Some(secrets) => Found::Session(Box::new(known.with(secrets))),
                None => Found::Unusable { path, why: format!("keychain item {item} has something else") },
            },
            // A keychain may say so while it is locked, too: before a code is asked for, it is tried out.
            Ok(None) => Found::Unusable { path, why: format!("keychain item {item} is not there") },
            Err(source) => match self.store {
                SessionStore::Keychain => Found::Withheld { item, source },
                // Who wants files now does without the keychain.
                SessionStore::File => Found::Unusable { path, why: format!("keychain item {item} cannot be read: {source}") },
            },
        }
    }

    /// Keeps a session whose secrets go into its item.
    pub(super) fn keep_in_item(&self, known: Known, secrets: &Secrets) -> Result<(), CacheError> {
        let (item, path, request) = (known.item(), self.path(&known.request), known.request.clone());
        // CRASH: a file that names an item which is not there is as good as none. An item that no file names would be forgotten.
        self.put(&Content { known, secrets: None })?;
        if let Err(error) = self.put_item(&item, secrets) {
            // A keychain that did not answer may make it yet.
            let _ = self.leave(&item).and_then(|()| self.remove(&path));
            return Err(error);
        }
        // A logout waits for nobody before it removes what is there, this file perhaps.
        if self.known(&request).is_some_and(|there| there.item() == item) { Ok(()) } else { self.leave(&item) }
    }

    fn put_item(&self, name: &ItemName, secrets: &Secrets) -> Result<(), CacheError> {
        let put = item(secrets).map_err(|error| KeychainError::Other(error.to_string())).and_then(|bytes| set(self.keychain, name, &bytes));
        put.map_err(|source| CacheError::Keychain { item: name.clone(), act: "written", source })
    }

    /// Notes the item of the session that this one replaces, which is removed when the keychain can: [`Cache::sweep`] does.
    pub(super) fn set_aside(&self, next: &Known) -> Result<(), CacheError> {
        let old = self.whatever(&self.path(&next.request)).filter(|old| old.secrets.is_none() && old.known.id != next.id);
        let Some(old) = old else { return Ok(()) };
        self.leave(&old.known.item())
    }

    /// Notes an item that no session needs.
    fn leave(&self, item: &ItemName) -> Result<(), CacheError> {
        let path = self.directory().join(format!("{item}.{LEFT}"));
        replace(self.disk, &path, b"").map_err(|source| CacheError::Io { path, act: "written", source })
    }

    /// Removes the items that were set aside. Stops at the first that the keychain does not remove: it would refuse the others, too.
    pub(super) fn remove_left(&self) -> Result<(), CacheError> {
        for path in self.list(LEFT)? {
            let id = path.file_stem().and_then(|name| name.to_str()).and_then(|name| AccessKeyId::parse(name.rsplit('-').next()?).ok());
            // No other name is ours.
            let Some(item) = id.map(|id| ItemName::session(id.as_str())).filter(|item| path.file_stem() == Some(item.as_str().as_ref()))
            else {
                continue;
            };
            if !self.names(&item, Path::new("")) {
                self.remove_item(item)?;
                self.remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes a session's file, and its item before it.
    pub(super) fn remove_session(&self, path: &Path) -> Result<(), CacheError> {
        let mut next = self.item_in(path);
        while let Some(item) = next {
            // After a rotation that was broken off, two files may name the item.
            if !self.names(&item, path) {
                self.remove_item(item.clone())?;
            }
            // A logout has no lock yet: somebody may have kept another session there meanwhile.
            next = self.item_in(path).filter(|now| *now != item);
        }
        self.remove(path)
    }

    /// The item that the session's file names.
    fn item_in(&self, path: &Path) -> Option<ItemName> {
        self.whatever(path).filter(|content| content.secrets.is_none()).map(|content| content.known.item())
    }

    fn remove_item(&self, item: ItemName) -> Result<(), CacheError> {
        self.keychain.delete(&item).map_err(|source| CacheError::Keychain { item, act: "removed", source })
    }

    /// Whether a session's file but this one names the item.
    fn names(&self, item: &ItemName, but: &Path) -> bool {
        self.entries().iter().any(|(path, content)| path != but && content.secrets.is_none() && content.known.item() == *item)
    }
}

#[cfg(test)]
mod tests;
