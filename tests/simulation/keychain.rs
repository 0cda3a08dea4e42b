//! A keychain: its items, the faults that real ones have, and the people who work on it. Invariant: an item is replaced as a whole or not at
//! all, and each call is an effect of its own, before which the others act and power may fail.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use keyrotate::holder::keychain::content;
use keyrotate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
use keyrotate::os::keychain::{ItemName, Keychain, KeychainError};
use zeroize::Zeroizing;

use super::events::{Fault, Lock, Op, Thumb};
use super::rng::hash;
use super::universe::Universe;

/// How the names of a rotation's own items begin.
const PENDING: &str = "keyrotate-pending-";

/// A person's item.
#[derive(Default)]
pub struct Item {
    pub name: String,
    original: Vec<u8>,
    removed: Option<Vec<u8>>,
    /// When a person changed it last, as an effect's number.
    pub edited_at: u32,
}

/// All items of one machine, and a number that is another one after each change.
#[derive(Default)]
pub struct Keyring {
    pub content: BTreeMap<String, Vec<u8>>,
    pub items: Vec<Item>,
    pub version: u64,
    troubles: Vec<(Lock, u32)>,
}

impl Keyring {
    fn put(&mut self, name: &str, bytes: Option<&[u8]>) {
        self.version += 1;
        match bytes {
            Some(bytes) => self.content.insert(name.to_owned(), bytes.to_vec()),
            None => self.content.remove(name),
        };
    }

    /// The pair of an item, as it is written; `None` where it is not there, or is no pair.
    pub fn held(&self, name: &str) -> Option<(String, String)> {
        let json: serde_json::Value = serde_json::from_slice(self.content.get(name)?).ok()?;
        Some((json["AccessKeyId"].as_str()?.to_owned(), json["SecretAccessKey"].as_str()?.to_owned()))
    }

    /// The items that rotations keep their pairs in.
    pub fn pending(&self) -> impl Iterator<Item = &String> {
        self.content.keys().filter(|name| name.starts_with(PENDING))
    }

    /// Whether a person ever changed an item.
    pub fn is_touched(&self) -> bool {
        self.items.iter().any(|item| item.edited_at > 0)
    }

    /// What a mutant does.
    pub fn drop_pending(&mut self) {
        let kept = self.pending().next().cloned();
        if let Some(name) = kept {
            self.put(&name, None);
        }
    }

    pub fn calm(&mut self) {
        self.troubles.clear();
    }
}

/// The name of a person's item.
pub fn name(number: usize) -> String {
    format!("work{number}")
}

/// Puts the first items there, with this pair.
pub fn move_in(universe: &Universe, old: &AccessKeyPair) {
    let mut ring = universe.keyring.borrow_mut();
    for number in 0..usize::from(universe.schedule.scene.items) {
        let original = content(old).to_vec();
        ring.put(&name(number), Some(&original));
        ring.items.push(Item { name: name(number), original, ..Item::default() });
    }
}

/// For so many effects the keychain does not do what it is asked.
pub fn trouble(universe: &Universe, lock: Lock, beats: u32) {
    universe.keyring.borrow_mut().troubles.push((lock, universe.beats.get() + beats));
}

/// A person does this to an item.
pub fn act(universe: &Universe, number: usize, thumb: Thumb) {
    let mut ring = universe.keyring.borrow_mut();
    if number >= ring.items.len() {
        return;
    }
    let there = ring.content.get(&name(number)).cloned();
    let bytes = match thumb {
        Thumb::Restore => Some(ring.items[number].original.clone()),
        Thumb::ForeignPair => Some(content(&foreign()).to_vec()),
        Thumb::Garble => Some(b"{\"AccessKeyId\":".to_vec()),
        Thumb::Remove if there.is_some() => {
            ring.items[number].removed = there;
            None
        }
        Thumb::PutBack if there.is_none() => match ring.items[number].removed.take() {
            Some(removed) => Some(removed),
            None => return,
        },
        Thumb::Remove | Thumb::PutBack => return,
    };
    ring.put(&name(number), bytes.as_deref());
    ring.items[number].edited_at = universe.beats.get();
}

fn foreign() -> AccessKeyPair {
    let id = AccessKeyId::parse("AKIASOMEBODYELSES004").expect("an access key ID");
    AccessKeyPair { id, secret: SecretAccessKey::new("somebody") }
}

/// The keychain as the code under test sees it.
pub struct SimKeychain(pub Rc<Universe>);

impl SimKeychain {
    fn call<T>(&self, op: Op, item: &ItemName, act: impl FnOnce(&mut Keyring) -> T, locked: impl FnOnce() -> Option<T>) -> Called<T> {
        let universe = &*self.0;
        let fault = universe.op(op, || format!("      {op:?} {item}"));
        universe.pass(20 + universe.noise(11) % 80);
        let answer = self.answer(fault, act, locked);
        universe.say(|| format!("        {}", answer.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned())));
        answer
    }

    fn answer<T>(&self, fault: Option<Fault>, act: impl FnOnce(&mut Keyring) -> T, locked: impl FnOnce() -> Option<T>) -> Called<T> {
        let universe = &*self.0;
        let hangs = KeychainError::Hanging(Duration::from_secs(10));
        // As the real one: nothing is sent after a call that hung.
        if universe.process.borrow().keychain_hangs {
            return Err(hangs);
        }
        match self.trouble() {
            // Some keychains answer while they are locked as if there were no item.
            Some(Lock::Locked) if hash(&[universe.schedule.seed, 0x10C]) & 1 == 1 => return locked().ok_or(KeychainError::Locked),
            Some(Lock::Locked) => return Err(KeychainError::Locked),
            Some(Lock::Absent) => return Err(KeychainError::Absent("the daemon is gone".to_owned())),
            None => {}
        }
        let done = |universe: &Universe| act(&mut universe.keyring.borrow_mut());
        match fault {
            None => Ok(done(universe)),
            Some(Fault::LostBefore) => Err(self.hang(hangs)),
            Some(Fault::LostAfter) => {
                done(universe);
                Err(self.hang(hangs))
            }
            Some(Fault::ServerAfter) => {
                done(universe);
                Err(KeychainError::Other("the connection is closed".to_owned()))
            }
            Some(Fault::ServerBefore) => Err(KeychainError::Other("the connection is closed".to_owned())),
            Some(Fault::Throttled) => Err(KeychainError::Locked),
            Some(Fault::Denied) => Err(KeychainError::Denied("its owner said no".to_owned())),
        }
    }

    fn trouble(&self) -> Option<Lock> {
        let (ring, beat) = (self.0.keyring.borrow(), self.0.beats.get());
        ring.troubles.iter().find(|(_, until)| beat <= *until && !self.0.quiet.get()).map(|(lock, _)| *lock)
    }

    fn hang(&self, hangs: KeychainError) -> KeychainError {
        self.0.pass(10_000);
        self.0.process.borrow_mut().keychain_hangs = true;
        hangs
    }
}

type Called<T> = Result<T, KeychainError>;
type Content = Option<Zeroizing<Vec<u8>>>;

impl Keychain for SimKeychain {
    fn get(&self, item: &ItemName) -> Called<Content> {
        self.call(Op::KeychainGet, item, |ring| ring.content.get(item.as_str()).cloned().map(Zeroizing::new), || Some(None))
    }

    fn set(&self, item: &ItemName, bytes: &[u8]) -> Called<()> {
        self.call(Op::KeychainSet, item, |ring| ring.put(item.as_str(), Some(bytes)), || None)
    }

    fn delete(&self, item: &ItemName) -> Called<()> {
        self.call(Op::KeychainDelete, item, |ring| ring.put(item.as_str(), None), || None)
    }
}

/// The same as whoever looks from outside sees it: nothing happens meanwhile.
pub struct Glance<'u>(pub &'u Universe);

impl Keychain for Glance<'_> {
    fn get(&self, item: &ItemName) -> Called<Content> {
        Ok(self.0.keyring.borrow().content.get(item.as_str()).cloned().map(Zeroizing::new))
    }

    fn set(&self, item: &ItemName, _: &[u8]) -> Called<()> {
        Err(KeychainError::Denied(item.to_string()))
    }

    fn delete(&self, item: &ItemName) -> Called<()> {
        Err(KeychainError::Denied(item.to_string()))
    }
}
