//! Who signs the calls to IAM for one user: a pair of it, until AWS wants MFA; from then on a session.
//!
//! Invariant: a session that signs once signs to the end of the run. AWS does not end it with the key that it was opened with, so that it may
//! deactivate and delete that key; who proves itself is always the pair.

use std::cell::RefCell;

use super::next::wants_session;
use super::observation::SessionSight;
use crate::aws::{AwsError, Signer};
use crate::model::{AccessKeyPair, TemporaryCredentials};

/// A session that may sign.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The session.
    pub credentials: TemporaryCredentials,
    /// It was opened now, not found.
    pub is_new: bool,
}

/// Gets a session of the pair's user; another one than the given, which AWS does not take. `None` where there is none to be had.
pub type Grant<'a> = &'a dyn Fn(&AccessKeyPair, Option<&TemporaryCredentials>) -> Option<Granted>;

/// Who signs, and where a session comes from.
pub struct Authority<'a> {
    grant: Grant<'a>,
    session: RefCell<Option<Granted>>,
    has_device: bool,
}

impl<'a> Authority<'a> {
    /// The pairs sign, for now. `has_device`: the files name an MFA device of the user.
    pub fn new(grant: Grant<'a>, has_device: bool) -> Self {
        Self { grant, session: RefCell::new(None), has_device }
    }

    /// Whether the files name an MFA device of the user.
    pub fn has_device(&self) -> bool {
        self.has_device
    }

    /// What signs in the place of this pair.
    pub fn signer(&self, pair: &AccessKeyPair) -> Signer {
        match &*self.session.borrow() {
            Some(granted) => Signer::Session(granted.credentials.clone()),
            None => Signer::LongTerm(pair.clone()),
        }
    }

    /// Who signs now.
    pub fn sight(&self) -> SessionSight {
        match &*self.session.borrow() {
            None => SessionSight::None,
            Some(granted) if granted.is_new => SessionSight::Opened,
            Some(_) => SessionSight::Found,
        }
    }

    /// Gets a session, in the place of the present one.
    pub fn open(&self, pair: &AccessKeyPair) -> SessionSight {
        let stale = self.session.take();
        let granted = (self.grant)(pair, stale.as_ref().map(|granted| &granted.credentials));
        let is_there = granted.is_some();
        self.session.replace(granted);
        if is_there { self.sight() } else { SessionSight::Unavailable }
    }

    /// Makes a call to IAM, and makes it again where a session may be allowed it. For calls that change nothing where they are refused.
    pub fn call<T>(&self, pair: &AccessKeyPair, call: impl Fn(&Signer) -> Result<T, AwsError>) -> Result<T, AwsError> {
        let mut answer = call(&self.signer(pair));
        while let Err(error) = &answer
            && wants_session(self.sight(), error, self.has_device)
            && self.open(pair).signs()
        {
            answer = call(&self.signer(pair));
        }
        answer
    }
}
