//! A long-term key as a profile has it: in the AWS files whole, or by its id, with the secret elsewhere.

use crate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
use crate::os::keychain::ItemName;

/// A long-term key of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPair {
    /// The access key ID. Of one that is in the keychain, as it was known last.
    pub id: AccessKeyId,
    /// Its secret access key.
    pub secret: SecretAt,
}

/// Where a secret access key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretAt {
    /// In the AWS files, beside the id.
    Here(SecretAccessKey),
    /// In this item of the OS keychain, which is asked only when the secret is needed.
    Keychain(ItemName),
}

impl OwnPair {
    /// The pair, where the files have it whole.
    pub fn here(&self) -> Option<AccessKeyPair> {
        match &self.secret {
            SecretAt::Here(secret) => Some(AccessKeyPair { id: self.id.clone(), secret: secret.clone() }),
            SecretAt::Keychain(_) => None,
        }
    }

    /// The keychain item that has it.
    pub fn item(&self) -> Option<&ItemName> {
        match &self.secret {
            SecretAt::Here(_) => None,
            SecretAt::Keychain(item) => Some(item),
        }
    }
}

impl From<AccessKeyPair> for OwnPair {
    fn from(pair: AccessKeyPair) -> Self {
        Self { id: pair.id, secret: SecretAt::Here(pair.secret) }
    }
}
