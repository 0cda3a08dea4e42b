//! Who signs the calls to IAM for one user: a pair of it, until AWS wants MFA; from then on a session. Or an operator, who manages the keys of
//! others and signs all of them.
//!
//! Invariant: a session that signs once signs to the end of the run. AWS does not end it with the key that it was opened with, so that it may
//! deactivate and delete that key; who proves itself is always the pair.

use std::cell::RefCell;

use super::next::wants_session;
use super::observation::SessionSight;
use crate::aws::{AwsError, Signer};
use crate::model::{AccessKeyId, AccessKeyPair, TemporaryCredentials};

/// A session that may sign.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The session.
    pub credentials: TemporaryCredentials,
    /// It was opened now, not found.
    pub is_new: bool,
}

/// Gets a session of the pair's user; none of the given ones, which did not help. `None` where there is no other to be had.
pub type Grant<'a> = &'a dyn Fn(&AccessKeyPair, &[AccessKeyId]) -> Option<Granted>;

/// Who signs, and where a session comes from.
pub struct Authority<'a> {
    grant: Grant<'a>,
    session: RefCell<Option<Granted>>,
    /// Sessions that did not help, by their access key IDs: none is taken twice, or two of them would take turns for ever.
    refused: RefCell<Vec<AccessKeyId>>,
    has_device: bool,
    operator: Option<Signer>,
}

impl<'a> Authority<'a> {
    /// The pairs sign, for now. `has_device`: an MFA device of the user is known.
    pub fn new(grant: Grant<'a>, has_device: bool) -> Self {
        Self { grant, session: RefCell::default(), refused: RefCell::default(), has_device, operator: None }
    }

    /// These credentials of another principal sign, and nothing else does.
    pub fn of_operator(operator: Signer) -> Self {
        Self { grant: &|_, _| None, session: RefCell::default(), refused: RefCell::default(), has_device: false, operator: Some(operator) }
    }

    /// Whether an MFA device of the user is known.
    pub fn has_device(&self) -> bool {
        self.has_device
    }

    /// What signs in the place of this pair.
    pub fn signer(&self, pair: &AccessKeyPair) -> Signer {
        match (&self.operator, &*self.session.borrow()) {
            (Some(operator), _) => operator.clone(),
            (None, Some(granted)) => Signer::Session(granted.credentials.clone()),
            (None, None) => Signer::LongTerm(pair.clone()),
        }
    }

    /// Who signs now.
    pub fn sight(&self) -> SessionSight {
        match &*self.session.borrow() {
            _ if self.operator.is_some() => SessionSight::Operator,
            None => SessionSight::None,
            Some(granted) if granted.is_new => SessionSight::Opened,
            Some(_) => SessionSight::Found,
        }
    }

    /// Gets a session, in the place of the present one.
    pub fn open(&self, pair: &AccessKeyPair) -> SessionSight {
        self.refused.borrow_mut().extend(self.session.take().map(|granted| granted.credentials.id));
        let granted = (self.grant)(pair, &self.refused.borrow());
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use chrono::DateTime;

    use super::*;
    use crate::aws::ErrorKind;
    use crate::model::{SecretAccessKey, SessionToken};

    #[test]
    fn sessions_that_do_not_help_do_not_take_turns() {
        let id = |text: &str| AccessKeyId::parse(text).unwrap();
        let session = |text: &str| TemporaryCredentials {
            id: id(text),
            secret: SecretAccessKey::new("s"),
            session_token: SessionToken::new("t"),
            expires_at: DateTime::UNIX_EPOCH,
        };
        let open = ["ASIAIOSFODNN7EXAMPLE", "ASIAI44QH8DHBEXAMPLE"];
        let grant = |_: &AccessKeyPair, refused: &[AccessKeyId]| {
            let found = open.iter().find(|one| !refused.contains(&id(one)))?;
            Some(Granted { credentials: session(found), is_new: false })
        };
        let authority = Authority::new(&grant, true);
        let pair = AccessKeyPair { id: id("AKIAIOSFODNN7EXAMPLE"), secret: SecretAccessKey::new("s") };
        let calls = Cell::new(0);
        let answer: Result<(), AwsError> = authority.call(&pair, |_| {
            calls.set(calls.get() + 1);
            assert!(calls.get() < 10, "they take turns");
            Err(AwsError::for_tests("iam:ListAccessKeys", ErrorKind::Denied { explicit: true }, true))
        });
        assert!(answer.is_err() && calls.get() == 3, "{}", calls.get());
    }
}
