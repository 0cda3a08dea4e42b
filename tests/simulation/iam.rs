//! A model of IAM and STS for one user: what is true, and what is answered while a change has not reached everywhere. Invariant: the
//! truth changes at once and in order; answers may lag behind it by the scene's settling time, for each key and each kind of question
//! apart.

use keyrotate::aws::AwsError;
use keyrotate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};

use super::rng::hash;
use super::scene::{Flap, Scene};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Inactive,
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The rotation on this machine.
    Us(usize),
    /// An administrator, or whoever made the key long ago.
    Others,
}

/// A key's status from an instant on.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub at: u64,
    pub status: Status,
    pub by: Who,
}

pub struct Key {
    pub pair: AccessKeyPair,
    pub maker: Who,
    pub changes: Vec<Change>,
    pub used: Option<u64>,
}

/// What is asked: whether a signature is accepted, or what a listing shows.
#[derive(Clone, Copy)]
pub enum Question {
    Accepts,
    Lists,
}

pub struct Iam {
    seed: u64,
    settle: u64,
    slow: u64,
    flap: Flap,
    pub keys: Vec<Key>,
    pub version: u64,
}

/// Both at random, this long before a change is settled.
const SHORT: u64 = 3_000;

impl Key {
    pub fn last(&self) -> Change {
        self.changes[self.changes.len() - 1]
    }

    pub fn is_active(&self) -> bool {
        self.last().status == Status::Active
    }

    pub fn created_at(&self) -> u64 {
        self.changes[0].at
    }
}

impl Iam {
    pub fn new(seed: u64, scene: &Scene) -> Self {
        Self { seed, settle: scene.settle, slow: scene.slow, flap: scene.flap, keys: Vec::new(), version: 0 }
    }

    /// A key with a secret that says what it is.
    pub fn make(&mut self, maker: Who, at: u64, long: bool) -> AccessKeyPair {
        let number = self.keys.len() + 1;
        let id = if long { format!("AKIASIMULATED{number:011}") } else { format!("AKIASIM{number:013}") };
        let secret = if long { format!("canary/{number:041}") } else { format!("canary/{number:033}") };
        let id = AccessKeyId::parse(&id).expect("an access key ID");
        let pair = AccessKeyPair { id, secret: SecretAccessKey::new(secret) };
        let change = Change { at, status: Status::Active, by: maker };
        self.keys.push(Key { pair: pair.clone(), maker, changes: vec![change], used: None });
        self.version += 1;
        pair
    }

    pub fn key(&self, id: &AccessKeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.pair.id == *id)
    }

    fn index(&self, id: &AccessKeyId) -> Option<usize> {
        self.keys.iter().position(|key| key.pair.id == *id)
    }

    /// Changes a key's status; false when there is no such key.
    pub fn set(&mut self, id: &AccessKeyId, status: Status, by: Who, at: u64) -> bool {
        let Some(key) = self.keys.iter_mut().find(|key| key.pair.id == *id) else { return false };
        if key.last().status == Status::Deleted {
            return false;
        }
        if key.last().status != status {
            key.changes.push(Change { at, status, by });
            self.version += 1;
        }
        true
    }

    /// A program uses the key, if it can.
    pub fn note_use(&mut self, id: &AccessKeyId, at: u64) {
        for key in self.keys.iter_mut().filter(|key| key.pair.id == *id && key.is_active()) {
            key.used = Some(at);
        }
    }

    /// How many keys count when a new one is asked for: those that another machine made a moment ago may not be known there yet.
    pub fn counted(&self, by: Who, now: u64, noise: u64) -> usize {
        let is_known = |number: usize| {
            let maker = self.keys[number].maker;
            maker == by || maker == Who::Others || self.view(number, Question::Lists, now, noise).is_some()
        };
        self.keys.iter().enumerate().filter(|(number, key)| key.last().status != Status::Deleted && is_known(*number)).count()
    }

    pub fn existing(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.last().status != Status::Deleted)
    }

    /// When the change will be known everywhere.
    fn settled_at(&self, key: usize, change: usize, question: Question) -> u64 {
        let at = self.keys[key].changes[change].at;
        let is_new = change == 0 && self.keys[key].maker != Who::Others;
        match question {
            Question::Accepts if is_new && self.slow > 0 => at + self.slow,
            _ if change == 0 && !is_new => at,
            _ if self.settle == 0 => at,
            _ => at + hash(&[self.seed, 3, key as u64, change as u64, question as u64]) % self.settle,
        }
    }

    /// The status that one answer goes by; `None` where the key is not known yet.
    fn view(&self, key: usize, question: Question, now: u64, noise: u64) -> Option<Status> {
        for change in (0..self.keys[key].changes.len()).rev() {
            let settled_at = self.settled_at(key, change, question);
            let flaps = match (self.flap, question) {
                (Flap::None, _) | (Flap::Short, Question::Lists) => false,
                (Flap::Short, Question::Accepts) => now + SHORT >= settled_at,
                (Flap::Long, _) => true,
            };
            if now >= settled_at || (flaps && hash(&[self.seed, 4, key as u64, noise, change as u64]) & 1 == 1) {
                return Some(self.keys[key].changes[change].status);
            }
        }
        None
    }

    /// Whether every answer accepts the key by now.
    pub fn is_settled(&self, id: &AccessKeyId, now: u64) -> bool {
        self.index(id).is_some_and(|key| now >= self.settled_at(key, self.keys[key].changes.len() - 1, Question::Accepts))
    }

    /// Whether this answer accepts the pair.
    pub fn accept(&self, operation: &'static str, pair: &AccessKeyPair, now: u64, noise: u64) -> Result<(), AwsError> {
        match self.index(&pair.id) {
            Some(key) if self.view(key, Question::Accepts, now, noise) == Some(Status::Active) => {
                if self.keys[key].pair.secret == pair.secret {
                    return Ok(());
                }
                Err(AwsError::answered(operation, 403, "SignatureDoesNotMatch", ""))
            }
            Some(_) | None => Err(AwsError::answered(operation, 403, "InvalidClientTokenId", "")),
        }
    }

    /// What one listing shows.
    pub fn list(&self, now: u64, noise: u64) -> Vec<(&Key, Status)> {
        let view = |(number, key)| self.view(number, Question::Lists, now, noise).map(|status| (key, status));
        self.keys.iter().enumerate().filter_map(view).filter(|(_, status)| *status != Status::Deleted).collect()
    }
}
