//! Secrets Manager in memory, with its versions and labels, for the tests of the holder. It can fail at any call, before or after.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use crate::aws::{AwsError, SecretBody, SecretFacts, SecretId, SecretVersion, Secrets, Unreachable, VersionOf};
use crate::model::{AccessKeyId, AccessKeyPair};

pub(super) const ARN: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ci-AbC123";

/// How a call fails.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// AWS answers this, and nothing happened.
    Refused(&'static str, &'static str),
    /// No answer comes, and nothing happened.
    LostBefore,
    /// No answer comes, and it was done.
    LostAfter,
}

type Meanwhile = Box<dyn FnOnce(&FakeSecrets)>;

#[derive(Default)]
pub(super) struct FakeSecrets {
    pub(super) versions: RefCell<BTreeMap<String, (SecretBody, BTreeSet<String>)>>,
    pub(super) facts: RefCell<SecretFacts>,
    /// The operations so far, and who signed.
    pub(super) calls: RefCell<Vec<(&'static str, AccessKeyId)>>,
    /// The calls that fail from this number on, counted from 1; all of them, or one.
    pub(super) fault: RefCell<Option<(usize, Fault, bool)>>,
    /// What somebody else does just before the call of this number.
    pub(super) meanwhile: RefCell<Option<(usize, Meanwhile)>>,
    /// Keys that AWS does not accept.
    pub(super) dead: RefCell<Vec<AccessKeyId>>,
    pub(super) gone: Cell<bool>,
}

impl Default for SecretFacts {
    fn default() -> Self {
        Self { arn: ARN.into(), deleted_at: None, is_rotated_by_aws: false, primary_region: None, versions: BTreeMap::new() }
    }
}

impl FakeSecrets {
    pub(super) fn with(body: SecretBody) -> Self {
        let fake = Self::default();
        fake.versions.borrow_mut().insert("first".into(), (body, BTreeSet::new()));
        fake.attach("AWSCURRENT", Some("first"));
        fake
    }

    pub(super) fn text(text: &str) -> Self {
        Self::with(SecretBody::Text(text.to_owned().into()))
    }

    /// The version with a label.
    pub(super) fn at(&self, stage: &str) -> Option<String> {
        self.versions.borrow().iter().find(|(_, (_, stages))| stages.contains(stage)).map(|(id, _)| id.clone())
    }

    pub(super) fn current(&self) -> String {
        let id = self.at("AWSCURRENT").unwrap();
        String::from_utf8(self.versions.borrow()[&id].0.bytes().to_vec()).unwrap()
    }

    pub(super) fn labels(&self) -> BTreeSet<String> {
        self.versions.borrow().values().flat_map(|(_, stages)| stages.clone()).collect()
    }

    pub(super) fn attach(&self, stage: &str, id: Option<&str>) {
        let before = self.at(stage);
        for (version, (_, stages)) in self.versions.borrow_mut().iter_mut() {
            stages.remove(stage);
            if Some(version.as_str()) == id {
                stages.insert(stage.to_owned());
            }
        }
        if stage == "AWSCURRENT" && before.is_some() && before.as_deref() != id {
            self.attach("AWSPREVIOUS", before.as_deref());
        }
    }

    /// What somebody else puts.
    pub(super) fn put_by_another(&self, id: &str, text: &str, stage: &str) {
        self.versions.borrow_mut().insert(id.into(), (SecretBody::Text(text.to_owned().into()), BTreeSet::new()));
        self.attach(stage, Some(id));
    }

    fn call<T>(&self, operation: &'static str, by: &AccessKeyPair, act: impl FnOnce() -> Result<T, AwsError>) -> Result<T, AwsError> {
        self.calls.borrow_mut().push((operation, by.id.clone()));
        let number = self.calls.borrow().len();
        if self.meanwhile.borrow().as_ref().is_some_and(|(at, _)| *at == number)
            && let Some((_, act)) = self.meanwhile.take()
        {
            act(self);
        }
        let lost = || AwsError::unanswered(operation, Unreachable::Timeout, "no answer came");
        let fault = self.fault.borrow().clone().filter(|(at, _, for_ever)| number == *at || (*for_ever && number > *at));
        match fault {
            Some((_, Fault::Refused(code, message), _)) => Err(AwsError::answered(operation, 400, code, message)),
            Some((_, Fault::LostBefore, _)) => Err(lost()),
            Some((_, Fault::LostAfter, _)) => act().and_then(|_| Err(lost())),
            None if self.dead.borrow().contains(&by.id) => Err(AwsError::answered(operation, 400, "UnrecognizedClientException", "")),
            None if self.gone.get() => {
                let message = "Secrets Manager can't find the specified secret.";
                Err(AwsError::answered(operation, 400, "ResourceNotFoundException", message))
            }
            None => act(),
        }
    }
}

impl Secrets for FakeSecrets {
    fn describe(&self, by: &AccessKeyPair, _secret: SecretId<'_>) -> Result<SecretFacts, AwsError> {
        self.call("DescribeSecret", by, || {
            let labelled = |(id, (_, stages)): (&String, &(SecretBody, BTreeSet<String>))| {
                (!stages.is_empty()).then(|| (id.clone(), stages.iter().cloned().collect()))
            };
            let versions = self.versions.borrow().iter().filter_map(labelled).collect();
            Ok(SecretFacts { versions, ..self.facts.borrow().clone() })
        })
    }

    fn get(&self, by: &AccessKeyPair, _arn: &str, version: VersionOf<'_>) -> Result<SecretVersion, AwsError> {
        self.call("GetSecretValue", by, || {
            if self.facts.borrow().deleted_at.is_some() {
                let message = "You can't perform this operation on the secret because it was marked for deletion.";
                return Err(AwsError::answered("GetSecretValue", 400, "InvalidRequestException", message));
            }
            let id = match version {
                VersionOf::Stage(stage) => self.at(stage),
                VersionOf::Id(id) => Some(id.to_owned()),
            };
            let found = id.and_then(|id| Some((id.clone(), self.versions.borrow().get(&id)?.0.clone())));
            let message = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
            let (id, body) = found.ok_or_else(|| AwsError::answered("GetSecretValue", 400, "ResourceNotFoundException", message))?;
            Ok(SecretVersion { id, body })
        })
    }

    fn put(&self, by: &AccessKeyPair, _arn: &str, id: &str, body: &SecretBody, stage: &str) -> Result<(), AwsError> {
        assert!((32..=64).contains(&id.len()), "{id} is no ClientRequestToken");
        self.call("PutSecretValue", by, || {
            let known = self.versions.borrow().get(id).map(|(known, _)| known == body);
            match known {
                Some(true) => Ok(()),
                Some(false) => Err(AwsError::answered("PutSecretValue", 400, "ResourceExistsException", "")),
                None => {
                    self.versions.borrow_mut().insert(id.to_owned(), (body.clone(), BTreeSet::new()));
                    self.attach(stage, Some(id));
                    Ok(())
                }
            }
        })
    }

    fn move_stage(&self, by: &AccessKeyPair, _arn: &str, stage: &str, to: Option<&str>, from: Option<&str>) -> Result<(), AwsError> {
        self.call("UpdateSecretVersionStage", by, || {
            if self.at(stage).as_deref() != from {
                return Err(AwsError::answered("UpdateSecretVersionStage", 400, "InvalidParameterException", ""));
            }
            self.attach(stage, to);
            Ok(())
        })
    }
}
