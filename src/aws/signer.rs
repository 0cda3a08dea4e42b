//! Who signs a request: a long-term access key or a session.
//!
//! Invariant: requests are signed with exactly what is given here. The SDK's default chain (environment, files, instance
//! metadata) is never asked, so that what is verified is the key in hand and not another one.

use aws_credential_types::Credentials;

use crate::model::{AccessKeyId, AccessKeyPair, TemporaryCredentials};

/// The credentials that sign a request. Its `Debug` shows access key IDs only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A long-term access key, alone.
    LongTerm(AccessKeyPair),
    /// A session: temporary credentials with their token.
    Session(TemporaryCredentials),
}

impl Signer {
    /// The access key ID that AWS sees.
    pub fn key_id(&self) -> &AccessKeyId {
        match self {
            Signer::LongTerm(pair) => &pair.id,
            Signer::Session(session) => &session.id,
        }
    }

    // SECRET: a copy of the plaintext lives in the SDK's client until the call that it was built for ends; the SDK zeroizes it.
    pub(super) fn credentials(&self) -> Credentials {
        match self {
            Signer::LongTerm(pair) => Credentials::new(pair.id.as_str(), pair.secret.expose(), None, None, "keyrotate"),
            Signer::Session(session) => Credentials::new(
                session.id.as_str(),
                session.secret.expose(),
                Some(session.session_token.expose().to_owned()),
                // AWS decides when a session has ended, by its own clock.
                None,
                "keyrotate",
            ),
        }
    }

    /// `text` with every copy of this signer's secrets replaced.
    ///
    /// QUIRK(iam): the message of SignatureDoesNotMatch can quote the request's headers, the session token among them.
    pub(super) fn redact(&self, text: &str) -> String {
        let secrets = match self {
            Signer::LongTerm(pair) => vec![pair.secret.expose()],
            Signer::Session(session) => vec![session.session_token.expose(), session.secret.expose()],
        };
        secrets.iter().filter(|secret| !secret.is_empty()).fold(text.to_owned(), |text, secret| text.replace(secret, "(redacted)"))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{SecretAccessKey, SessionToken};

    #[test]
    fn redaction_leaves_no_secret_and_debug_shows_none() {
        let signer = Signer::Session(TemporaryCredentials {
            id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").unwrap(),
            secret: SecretAccessKey::new("canary/secret"),
            session_token: SessionToken::new("canary+token=="),
            expires_at: DateTime::UNIX_EPOCH,
        });
        let text = "x-amz-security-token:canary+token==\nkey canary/secret";
        assert_eq!(signer.redact(text), "x-amz-security-token:(redacted)\nkey (redacted)");
        assert!(!format!("{signer:?}").contains("canary"));
        assert!(!format!("{:?}", signer.credentials()).contains("canary"));
    }
}
