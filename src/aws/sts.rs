//! AWS STS: who a key belongs to, and sessions.
//!
//! Invariant: a call with a token code is sent once. A code is good once, so that a second attempt could only be refused.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sts::types::{Credentials, PolicyDescriptorType, Tag};
use chrono::DateTime;

use super::call::Call;
use super::server_time::from_sdk;
use super::{Aws, AwsError, Signer};
use crate::model::{AccessKeyId, Arn, Identity, MfaSerial, SecretAccessKey, SessionToken, TemporaryCredentials, TokenCode};

/// A device and a code that it shows.
#[derive(Clone, Copy, Debug)]
pub struct TokenCodeOf<'a> {
    /// The device.
    pub serial: &'a MfaSerial,
    /// The code.
    pub code: &'a TokenCode,
}

/// The parameters of `sts:AssumeRole` (STS API reference).
#[derive(Clone, Copy, Debug)]
pub struct AssumeRole<'a> {
    /// The role.
    pub arn: &'a Arn,
    /// The role session's name.
    pub session_name: &'a str,
    /// 15 minutes up to the role's own limit, in whole seconds; an hour at most for who is a session.
    pub duration: Duration,
    /// The external ID.
    pub external_id: Option<&'a str>,
    /// The source identity.
    pub source_identity: Option<&'a str>,
    /// Session tags.
    pub tags: &'a BTreeMap<String, String>,
    /// Names of tags that later roles of the chain get too.
    pub transitive_tags: &'a [String],
    /// An inline session policy, as JSON.
    pub policy: Option<&'a str>,
    /// Managed session policies.
    pub policy_arns: &'a [String],
}

impl Aws {
    /// `sts:GetCallerIdentity`. Needs no permission and works under an explicit deny (STS API reference).
    pub fn get_caller_identity(&self, signer: &Signer) -> Result<Identity, AwsError> {
        self.runtime.block_on(self.identity(signer))
    }

    pub(super) async fn identity(&self, signer: &Signer) -> Result<Identity, AwsError> {
        let call = Call::new(self, signer, "sts:GetCallerIdentity");
        let answer = call.finish(call.sts().get_caller_identity().send().await)?;
        let lacks = |what: &str| call.garbled(&format!("the answer has no usable {what}"));
        let account = answer.account().filter(|account| !account.is_empty()).ok_or_else(|| lacks("Account"))?;
        let user_id = answer.user_id().filter(|id| !id.is_empty()).ok_or_else(|| lacks("UserId"))?;
        let arn = answer.arn().and_then(|arn| Arn::parse(arn).ok()).ok_or_else(|| lacks("Arn"))?;
        Ok(Identity { account: account.to_owned(), arn, user_id: user_id.to_owned() })
    }

    /// `sts:GetSessionToken`: 15 minutes to 36 hours in whole seconds, an hour at most for root. With long-term credentials only.
    pub fn get_session_token(
        &self,
        signer: &Signer,
        duration: Duration,
        mfa: Option<TokenCodeOf<'_>>,
    ) -> Result<TemporaryCredentials, AwsError> {
        self.runtime.block_on(async {
            let call = Call::once(self, signer, "sts:GetSessionToken");
            let mut request = call.sts().get_session_token().duration_seconds(seconds(duration));
            if let Some(TokenCodeOf { serial, code }) = mfa {
                request = request.serial_number(serial.as_str()).token_code(code.expose());
            }
            credentials(&call, call.finish(request.send().await)?.credentials)
        })
    }

    /// `sts:AssumeRole`. A session that assumes a role says nothing of MFA to IAM.
    pub fn assume_role(
        &self,
        signer: &Signer,
        role: &AssumeRole<'_>,
        mfa: Option<TokenCodeOf<'_>>,
    ) -> Result<TemporaryCredentials, AwsError> {
        self.runtime.block_on(async {
            let call = Call::once(self, signer, "sts:AssumeRole");
            let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build().ok();
            let policies = role.policy_arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build()).collect::<Vec<_>>();
            let tags = role.tags.iter().filter_map(tag).collect::<Vec<_>>();
            let mut request = call.sts().assume_role().role_arn(role.arn.as_str()).role_session_name(role.session_name);
            request = request.duration_seconds(seconds(role.duration));
            request = request.set_external_id(role.external_id.map(str::to_owned));
            request = request.set_source_identity(role.source_identity.map(str::to_owned));
            request = request.set_policy(role.policy.map(str::to_owned));
            request = request.set_policy_arns(Some(policies).filter(|list| !list.is_empty()));
            request = request.set_tags(Some(tags).filter(|list| !list.is_empty()));
            request = request.set_transitive_tag_keys(Some(role.transitive_tags.to_vec()).filter(|list| !list.is_empty()));
            if let Some(TokenCodeOf { serial, code }) = mfa {
                request = request.serial_number(serial.as_str()).token_code(code.expose());
            }
            credentials(&call, call.finish(request.send().await)?.credentials)
        })
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn credentials(call: &Call<'_>, answer: Option<Credentials>) -> Result<TemporaryCredentials, AwsError> {
    let lacks = |what: &str| call.garbled(&format!("the answer has no usable {what}"));
    let answer = answer.ok_or_else(|| lacks("Credentials"))?;
    // SECRET: the SDK's buffers held the answer's plaintext and are freed unwiped; from here on it is wiped when dropped.
    let (secret, session_token) = (SecretAccessKey::new(answer.secret_access_key), SessionToken::new(answer.session_token));
    let id = AccessKeyId::parse(&answer.access_key_id).map_err(|_| lacks("AccessKeyId"))?;
    if secret.expose().is_empty() || session_token.expose().is_empty() {
        return Err(lacks("SecretAccessKey or SessionToken"));
    }
    // QUIRK(sdk): an Expiration that is missing reads as 1970.
    let expires_at = from_sdk(&answer.expiration).filter(|at| *at > DateTime::UNIX_EPOCH).ok_or_else(|| lacks("Expiration"))?;
    Ok(TemporaryCredentials { id, secret, session_token, expires_at })
}
