//! Temporary credentials: the key pair, the session token and the end of a session.
//!
//! Invariant: as with [`SecretAccessKey`], the plaintext of a session token leaves it only through [`SessionToken::expose`].

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::{AccessKeyId, SecretAccessKey};

/// What AWS STS hands out for a session (STS API reference, `Credentials`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporaryCredentials {
    /// The session's access key ID (`ASIA…`).
    pub id: AccessKeyId,
    /// The session's secret access key.
    pub secret: SecretAccessKey,
    /// Goes with every request; the other two are worth nothing without it.
    pub session_token: SessionToken,
    /// When AWS stops accepting them, in UTC and by AWS's clock.
    pub expires_at: DateTime<Utc>,
}

/// A session token. Wiped from memory when dropped; its `Debug` shows no part of it.
#[derive(Clone)]
pub struct SessionToken(SecretString);

impl SessionToken {
    /// Takes the token over.
    pub fn new(token: impl Into<String>) -> Self {
        Self(SecretString::from(token.into()))
    }

    /// The plaintext. Every caller is a place to audit.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for SessionToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SessionToken {}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let credentials = TemporaryCredentials {
            id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").unwrap(),
            secret: SecretAccessKey::new("canary-secret"),
            session_token: SessionToken::new("canary-token"),
            expires_at: DateTime::UNIX_EPOCH,
        };
        let shown = format!("{credentials:?}");
        assert!(shown.contains("ASIAIOSFODNN7EXAMPLE") && !shown.contains("canary"), "{shown}");
    }
}
