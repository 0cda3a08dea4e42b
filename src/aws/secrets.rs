//! AWS Secrets Manager: what a secret is, its versions, and moving a staging label from one to another.
//!
//! Invariants: a value is wiped when it is dropped and never formatted; an error quotes nothing of it. Every call may be made again: a
//! version bears the token that it was put with, and a label is moved away from the version that is named, or not at all.

use std::collections::BTreeMap;
use std::fmt;

use aws_smithy_types::Blob;
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::call::Call;
use super::server_time::from_sdk;
use super::{Aws, AwsError, Signer};
use crate::model::AccessKeyPair;

/// Where a secret is, as it is named: by its ARN, or by a name in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretId<'a> {
    /// ARN or name.
    pub id: &'a str,
    /// The region; `None` is the ARN's, else that of the way to AWS.
    pub region: Option<&'a str>,
}

/// `secretsmanager:DescribeSecret`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFacts {
    /// The whole ARN. It ends in six characters of its own, so that a secret made anew under the same name has another one.
    pub arn: String,
    /// When it was marked for deletion, in UTC.
    pub deleted_at: Option<DateTime<Utc>>,
    /// A Lambda function, or the service that owns it, gives it new values.
    pub is_rotated_by_aws: bool,
    /// The region that it is replicated from, or it is replicated to others from here.
    pub primary_region: Option<String>,
    /// The staging labels of each version that has any.
    pub versions: BTreeMap<String, Vec<String>>,
}

/// Which version of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionOf<'a> {
    /// The one with this staging label.
    Stage(&'a str),
    /// The one with this ID.
    Id(&'a str),
}

/// What a version holds.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretBody {
    /// `SecretString`.
    Text(Zeroizing<String>),
    /// `SecretBinary`.
    Binary(Zeroizing<Vec<u8>>),
}

/// `secretsmanager:GetSecretValue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretVersion {
    /// The version's ID.
    pub id: String,
    /// Its content.
    pub body: SecretBody,
}

/// The calls to Secrets Manager, signed for the pair that is named: by it, or by a session of its user.
pub trait Secrets {
    /// What the secret is.
    fn describe(&self, by: &AccessKeyPair, secret: SecretId<'_>) -> Result<SecretFacts, AwsError>;
    /// A version of the secret with this ARN.
    fn get(&self, by: &AccessKeyPair, arn: &str, version: VersionOf<'_>) -> Result<SecretVersion, AwsError>;
    /// Makes a version with this ID (32 to 64 characters) and gives it the label, taking the label from whichever version has it. With an ID
    /// that is there, the same content is no change and another one a [`Conflict`](super::ErrorKind::Conflict).
    fn put(&self, by: &AccessKeyPair, arn: &str, id: &str, body: &SecretBody, stage: &str) -> Result<(), AwsError>;
    /// Moves a label: to a version or to none, away from the version that is named. Refused where another one has it.
    fn move_stage(&self, by: &AccessKeyPair, arn: &str, stage: &str, to: Option<&str>, from: Option<&str>) -> Result<(), AwsError>;
}

impl SecretBody {
    /// The bytes, as JSON is read from them.
    pub fn bytes(&self) -> &[u8] {
        match self {
            SecretBody::Text(text) => text.as_bytes(),
            SecretBody::Binary(bytes) => bytes,
        }
    }
}

impl fmt::Debug for SecretBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBody({} bytes)", self.bytes().len())
    }
}

/// The region of an ARN.
pub fn region_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

/// The account of an ARN.
pub fn account_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3).filter(|account| !account.is_empty())
}

/// What a person calls the secret with this ARN: its name, without the six characters that AWS appends.
pub fn name_of_arn(arn: &str) -> &str {
    let Some(name) = arn.split(':').nth(6) else { return arn };
    match name.rsplit_once('-') {
        Some((name, random)) if random.len() == 6 && !name.is_empty() => name,
        Some(_) | None => name,
    }
}

impl Aws {
    /// `secretsmanager:DescribeSecret`. The answer comes too for one that is marked for deletion.
    pub fn describe_secret(&self, signer: &Signer, secret: SecretId<'_>) -> Result<SecretFacts, AwsError> {
        self.runtime.block_on(async {
            let call = secret_call(self, signer, "secretsmanager:DescribeSecret", secret);
            let answer = call.finish(call.secrets().describe_secret().secret_id(secret.id).send().await)?;
            let arn = answer.arn.filter(|arn| !arn.is_empty()).ok_or_else(|| call.garbled("the answer has no usable ARN"))?;
            let deleted_at = answer.deleted_date.as_ref().and_then(from_sdk);
            let is_rotated_by_aws = answer.rotation_enabled == Some(true) || answer.owning_service.is_some_and(|owner| !owner.is_empty());
            let versions = answer.version_ids_to_stages.unwrap_or_default().into_iter().collect();
            let primary_region = answer.primary_region.filter(|region| !region.is_empty());
            Ok(SecretFacts { arn, deleted_at, is_rotated_by_aws, primary_region, versions })
        })
    }

    /// `secretsmanager:GetSecretValue`.
    pub fn get_secret_value(&self, signer: &Signer, arn: &str, version: VersionOf<'_>) -> Result<SecretVersion, AwsError> {
        self.runtime.block_on(async {
            let call = secret_call(self, signer, "secretsmanager:GetSecretValue", SecretId { id: arn, region: None });
            let request = call.secrets().get_secret_value().secret_id(arn);
            let request = match version {
                VersionOf::Stage(stage) => request.version_stage(stage),
                VersionOf::Id(id) => request.version_id(id),
            };
            let answer = call.finish(request.send().await)?;
            // SECRET: the SDK's buffers held the answer's plaintext and are freed unwiped; from here on it is wiped when dropped.
            let body = match (answer.secret_string, answer.secret_binary) {
                (Some(text), _) => SecretBody::Text(Zeroizing::new(text)),
                (None, Some(bytes)) => SecretBody::Binary(Zeroizing::new(bytes.into_inner())),
                (None, None) => return Err(call.garbled("the answer has neither SecretString nor SecretBinary")),
            };
            let id = answer.version_id.filter(|id| !id.is_empty()).ok_or_else(|| call.garbled("the answer has no usable VersionId"))?;
            Ok(SecretVersion { id, body })
        })
    }

    /// `secretsmanager:CreateSecret`: a secret of this name with its first version, which bears the token (32 to 64 characters). The same token
    /// with the same content is no second secret; one that is there otherwise is a [`Conflict`](super::ErrorKind::Conflict).
    pub fn create_secret(&self, signer: &Signer, secret: SecretId<'_>, token: &str, body: &SecretBody) -> Result<(), AwsError> {
        self.runtime.block_on(async {
            let call = secret_call(self, signer, "secretsmanager:CreateSecret", secret);
            let request = call.secrets().create_secret().name(secret.id).client_request_token(token);
            // SECRET: copies of the plaintext live in the request until it is sent.
            let request = match body {
                SecretBody::Text(text) => request.secret_string(text.as_str()),
                SecretBody::Binary(bytes) => request.secret_binary(Blob::new(bytes.to_vec())),
            };
            match call.finish(request.send().await) {
                Ok(answer) if answer.version_id.as_deref() == Some(token) => Ok(()),
                Ok(_) => Err(call.garbled("the version in the answer is another one")),
                Err(error) => Err(without_quotes(error, body)),
            }
        })
    }

    /// `secretsmanager:PutSecretValue`, as [`Secrets::put`] has it.
    pub fn put_secret_value(&self, signer: &Signer, arn: &str, id: &str, body: &SecretBody, stage: &str) -> Result<(), AwsError> {
        self.runtime.block_on(async {
            let call = secret_call(self, signer, "secretsmanager:PutSecretValue", SecretId { id: arn, region: None });
            let request = call.secrets().put_secret_value().secret_id(arn).client_request_token(id).version_stages(stage);
            // SECRET: copies of the plaintext live in the request until it is sent.
            let request = match body {
                SecretBody::Text(text) => request.secret_string(text.as_str()),
                SecretBody::Binary(bytes) => request.secret_binary(Blob::new(bytes.to_vec())),
            };
            match call.finish(request.send().await) {
                Ok(answer) if answer.version_id.as_deref() == Some(id) => Ok(()),
                Ok(_) => Err(call.garbled("the version in the answer is another one")),
                Err(error) => Err(without_quotes(error, body)),
            }
        })
    }

    /// `secretsmanager:UpdateSecretVersionStage`, as [`Secrets::move_stage`] has it.
    pub fn update_secret_version_stage(
        &self,
        signer: &Signer,
        arn: &str,
        stage: &str,
        to: Option<&str>,
        from: Option<&str>,
    ) -> Result<(), AwsError> {
        self.runtime.block_on(async {
            let call = secret_call(self, signer, "secretsmanager:UpdateSecretVersionStage", SecretId { id: arn, region: None });
            let request = call.secrets().update_secret_version_stage().secret_id(arn).version_stage(stage);
            let request = request.set_move_to_version_id(to.map(str::to_owned)).set_remove_from_version_id(from.map(str::to_owned));
            call.finish(request.send().await).map(|_| ())
        })
    }
}

fn secret_call<'a>(aws: &'a Aws, signer: &'a Signer, operation: &'static str, secret: SecretId<'_>) -> Call<'a> {
    Call::new(aws, signer, operation).in_region(secret.region.or_else(|| region_of_arn(secret.id)))
}

/// The error without AWS's words where they may repeat a piece of the value, as those of a ValidationException can.
fn without_quotes(error: AwsError, body: &SecretBody) -> AwsError {
    const PIECE: usize = 12;
    let quotes = |piece: &[u8]| body.bytes().windows(PIECE).any(|window| window == piece);
    if error.message.as_bytes().windows(PIECE).any(quotes) {
        return AwsError { message: "AWS's words are left out, which repeat a part of the secret".to_owned(), ..error };
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_region_and_name() {
        let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/ci-aws-AbC123";
        assert_eq!((region_of_arn(arn), account_of_arn(arn), name_of_arn(arn)), (Some("eu-west-1"), Some("111122223333"), "prod/ci-aws"));
        assert_eq!((region_of_arn("prod/ci-aws"), name_of_arn("prod/ci-aws")), (None, "prod/ci-aws"));
    }

    #[test]
    fn a_value_is_never_shown() {
        let body = SecretBody::Text(Zeroizing::new("canary".to_owned()));
        assert_eq!(format!("{:?}", SecretVersion { id: "v".into(), body }), "SecretVersion { id: \"v\", body: SecretBody(6 bytes) }");
    }
}
