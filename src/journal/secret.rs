//! How key pairs are written into an entry. The only place, beside the AWS files themselves, where a secret is serialized.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};

#[derive(Serialize)]
struct Written<'a> {
    id: &'a AccessKeyId,
    // SECRET: until the entry is closed, in a file of mode 0600 or a keychain item. One that is wiped, or kept apart in the keychain, is left out.
    #[serde(skip_serializing_if = "str::is_empty")]
    secret: &'a str,
}

#[derive(Deserialize)]
struct Read {
    id: AccessKeyId,
    #[serde(default)]
    secret: String,
}

/// For `#[serde(serialize_with)]`.
pub fn serialize<S: Serializer>(pair: &AccessKeyPair, serializer: S) -> Result<S::Ok, S::Error> {
    Written { id: &pair.id, secret: pair.secret.expose() }.serialize(serializer)
}

/// For `#[serde(deserialize_with)]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccessKeyPair, D::Error> {
    let Read { id, secret } = Read::deserialize(deserializer)?;
    Ok(AccessKeyPair { id, secret: SecretAccessKey::new(secret) })
}

/// Bytes that hold a secret. Wiped when dropped; `Debug` shows their number only.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(zeroize::Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Copies the bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(zeroize::Zeroizing::new(bytes.to_vec()))
    }

    /// The plaintext.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|bytes| Self(zeroize::Zeroizing::new(bytes)))
    }
}
