//! Access keys as IAM knows them: id, secret, status, creation date and last use.
//!
//! Invariant: the plaintext of a secret leaves [`SecretAccessKey`] only through
//! [`SecretAccessKey::expose`], so that every place that handles it can be found.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// An access key ID, such as `AKIAIOSFODNN7EXAMPLE`. Not a secret.
///
/// 16 to 128 capital letters and digits (IAM API reference, `AccessKeyId`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessKeyId(String);

/// What the first four letters of an access key ID say (IAM user guide, "unique ID prefixes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `AKIA`: a long-term key of an IAM user or of the root user.
    LongTerm,
    /// `ASIA`: temporary credentials of a session, used with a session token.
    Session,
    /// Any other prefix.
    Other,
}

/// The text is not an access key ID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an access key ID: it must be 16 to 128 capital letters and digits")]
pub struct NotAnAccessKeyId;

impl AccessKeyId {
    /// Reads an access key ID; fails when a character or the length is wrong.
    pub fn parse(text: &str) -> Result<Self, NotAnAccessKeyId> {
        let letters = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if letters && (16..=128).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(NotAnAccessKeyId) }
    }

    /// The id as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the prefix says about the key.
    pub fn kind(&self) -> KeyKind {
        match self.0.get(..4) {
            Some("AKIA") => KeyKind::LongTerm,
            Some("ASIA") => KeyKind::Session,
            Some(_) | None => KeyKind::Other,
        }
    }
}

impl TryFrom<String> for AccessKeyId {
    type Error = NotAnAccessKeyId;
    fn try_from(text: String) -> Result<Self, NotAnAccessKeyId> {
        Self::parse(&text)
    }
}

impl From<AccessKeyId> for String {
    fn from(id: AccessKeyId) -> String {
        id.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A secret access key. Wiped from memory when dropped; its `Debug` shows no part of it.
#[derive(Clone)]
pub struct SecretAccessKey(SecretString);

impl SecretAccessKey {
    /// Takes the secret over.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(SecretString::from(secret.into()))
    }

    /// The plaintext. Every caller is a place to audit.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for SecretAccessKey {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SecretAccessKey {}

impl fmt::Debug for SecretAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretAccessKey(redacted)")
    }
}

/// An access key ID with its secret access key: what a holder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyPair {
    /// The access key ID.
    pub id: AccessKeyId,
    /// The secret access key.
    pub secret: SecretAccessKey,
}

/// Status of an access key (IAM API reference, `AccessKeyMetadata`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// Requests signed with it are accepted.
    Active,
    /// Requests signed with it are refused; it can be activated again.
    Inactive,
    /// A status that this program does not know, in AWS's own word; handled as Active.
    Other(String),
}

/// One row of `iam:ListAccessKeys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// The access key ID.
    pub id: AccessKeyId,
    /// Its status.
    pub status: KeyStatus,
    /// When IAM created it, in UTC. Age counts from here.
    pub created_at: DateTime<Utc>,
}

/// The latest use of a key, as `iam:GetAccessKeyLastUsed` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// The time, in UTC; IAM records the first use in each 15 minutes.
    pub at: DateTime<Utc>,
    /// The service that was called, such as `s3`.
    pub service: String,
    /// The region that was called.
    pub region: String,
}

/// What is known of a key's last use. Denied is unknown, never "unused".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastUsed {
    /// IAM has no record of any use.
    Never,
    /// The latest recorded use.
    Used(LastUse),
    /// It could not be asked; the text says why.
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_and_classified() {
        assert_eq!(AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").map(|id| id.kind()), Ok(KeyKind::LongTerm));
        assert_eq!(AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").map(|id| id.kind()), Ok(KeyKind::Session));
        assert_eq!(AccessKeyId::parse("minioadminMINIO12"), Err(NotAnAccessKeyId));
        assert_eq!(AccessKeyId::parse("%(AWS_ACCESS_KEY_ID)"), Err(NotAnAccessKeyId));
        assert_eq!(AccessKeyId::parse("AKIASHORT"), Err(NotAnAccessKeyId));
    }

    #[test]
    fn debug_shows_no_secret() {
        let pair = AccessKeyPair { id: AccessKeyId("AKIAIOSFODNN7EXAMPLE".into()), secret: SecretAccessKey::new("canary") };
        assert!(!format!("{pair:?}").contains("canary"));
    }
}
