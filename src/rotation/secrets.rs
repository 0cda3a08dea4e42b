//! Secrets Manager for one rotation: who signs is decided where it is for IAM.

use super::authority::Authority;
use crate::aws::{Aws, AwsError, SecretBody, SecretFacts, SecretId, SecretVersion, Secrets, Signer, VersionOf};
use crate::model::AccessKeyPair;

/// The calls to Secrets Manager, signed by the pair that is named, or by the session that signs in its place.
pub struct SignedSecrets<'a> {
    aws: &'a Aws,
    authority: &'a Authority<'a>,
    asks: bool,
}

impl<'a> SignedSecrets<'a> {
    /// As the protocol has it, which opens a session when it wants one.
    pub fn new(aws: &'a Aws, authority: &'a Authority<'a>) -> Self {
        Self { aws, authority, asks: false }
    }

    /// Before the protocol has begun: a session is opened for a call that is denied without.
    pub fn asking(aws: &'a Aws, authority: &'a Authority<'a>) -> Self {
        Self { aws, authority, asks: true }
    }

    fn call<T>(&self, by: &AccessKeyPair, call: impl Fn(&Signer) -> Result<T, AwsError>) -> Result<T, AwsError> {
        if self.asks { self.authority.call(by, call) } else { call(&self.authority.signer(by)) }
    }
}

impl Secrets for SignedSecrets<'_> {
    fn describe(&self, by: &AccessKeyPair, secret: SecretId<'_>) -> Result<SecretFacts, AwsError> {
        self.call(by, |signer| self.aws.describe_secret(signer, secret))
    }

    fn get(&self, by: &AccessKeyPair, arn: &str, version: VersionOf<'_>) -> Result<SecretVersion, AwsError> {
        self.call(by, |signer| self.aws.get_secret_value(signer, arn, version))
    }

    fn put(&self, by: &AccessKeyPair, arn: &str, id: &str, body: &SecretBody, stage: &str) -> Result<(), AwsError> {
        self.call(by, |signer| self.aws.put_secret_value(signer, arn, id, body, stage))
    }

    fn move_stage(&self, by: &AccessKeyPair, arn: &str, stage: &str, to: Option<&str>, from: Option<&str>) -> Result<(), AwsError> {
        self.call(by, |signer| self.aws.update_secret_version_stage(signer, arn, stage, to, from))
    }
}
