//! AWS IAM: the access keys of the root user, which has no name that a call could have.
//!
//! Invariant: there is a [`RootUser`] only where GetCallerIdentity just said that its signer is one, so that what acts on the caller acts on nobody
//! else.

use chrono::{DateTime, Utc};

use super::{Aws, AwsError, Signer};
use crate::model::{AccessKey, AccessKeyId, Identity, KeyOwner, KeyStatus, LastUsed};

/// The root user of an account, as a signer of its own reaches it.
#[derive(Debug)]
pub struct RootUser<'a> {
    aws: &'a Aws,
    signer: Signer,
    identity: Identity,
}

/// Whose a signer is.
#[derive(Debug)]
pub enum Caller<'a> {
    /// The root user's.
    Root(RootUser<'a>),
    /// Somebody else's.
    Other(Identity),
}

impl Aws {
    /// Whether the signer is the root user's, by `sts:GetCallerIdentity`.
    pub fn caller(&self, signer: Signer) -> Result<Caller<'_>, AwsError> {
        let identity = self.get_caller_identity(&signer)?;
        if identity.is_root() { Ok(Caller::Root(RootUser { aws: self, signer, identity })) } else { Ok(Caller::Other(identity)) }
    }
}

impl RootUser<'_> {
    /// What GetCallerIdentity said.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// When it ends, in UTC, where it is a session.
    pub fn signs_until(&self) -> Option<DateTime<Utc>> {
        match &self.signer {
            Signer::Session(session) => Some(session.expires_at),
            Signer::LongTerm(_) => None,
        }
    }

    /// `iam:ListAccessKeys` of the root user, all pages.
    pub fn list_access_keys(&self) -> Result<Vec<AccessKey>, AwsError> {
        self.aws.list_access_keys(&self.signer, KeyOwner::Root)
    }

    /// `iam:GetAccessKeyLastUsed`.
    pub fn get_access_key_last_used(&self, id: &AccessKeyId) -> Result<LastUsed, AwsError> {
        self.aws.get_access_key_last_used(&self.signer, id)
    }

    /// `iam:ListMFADevices` of the root user: serial numbers, those of FIDO keys among them.
    pub fn list_mfa_devices(&self) -> Result<Vec<String>, AwsError> {
        self.aws.list_mfa_devices(&self.signer)
    }

    /// `iam:UpdateAccessKey`.
    pub fn update_access_key(&self, id: &AccessKeyId, status: KeyStatus) -> Result<(), AwsError> {
        self.aws.update_access_key(&self.signer, KeyOwner::Root, id, status)
    }

    /// `iam:DeleteAccessKey`.
    pub fn delete_access_key(&self, id: &AccessKeyId) -> Result<(), AwsError> {
        self.aws.delete_access_key(&self.signer, KeyOwner::Root, id)
    }
}
