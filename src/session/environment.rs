//! The variables by which a program gets a session. Pure.
//!
//! Invariant: what could lead the program to other credentials than the session's is taken away, and so is what only keyrotate needs.

use chrono::SecondsFormat;

use crate::model::{ProfileName, TemporaryCredentials};

/// The profile whose session a program runs on; also how a keyrotate in it knows that it is inside.
pub const INSIDE: &str = "KEYROTATE_PROFILE";

/// A code that was given by the variable is used up, and nobody's business.
pub const MFA_CODE: &str = "KEYROTATE_MFA_CODE";

/// What is taken away: other sources of credentials, and what names a profile.
pub const CLEARED: [&str; 17] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    MFA_CODE,
    INSIDE,
];

/// The variables of a session.
///
/// `AWS_CREDENTIAL_EXPIRATION` is what botocore's and the AWS CLI's own exports call it; UTC, RFC 3339.
pub fn exports(profile: &ProfileName, region: Option<&str>, credentials: &TemporaryCredentials) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID", credentials.id.to_string()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret.expose().to_owned()),
        ("AWS_SESSION_TOKEN", credentials.session_token.expose().to_owned()),
        ("AWS_CREDENTIAL_EXPIRATION", credentials.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        (INSIDE, profile.to_string()),
    ];
    // The AWS CLI and boto3 read the second, the SDKs the first.
    variables.extend(region.into_iter().flat_map(|region| ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name, region.to_owned()))));
    variables
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{AccessKeyId, SecretAccessKey, SessionToken};

    #[test]
    fn a_session_has_both_regions_its_end_and_nothing_beside() {
        let credentials = TemporaryCredentials {
            id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").unwrap(),
            secret: SecretAccessKey::new("s"),
            session_token: SessionToken::new("t"),
            expires_at: DateTime::UNIX_EPOCH,
        };
        let found = exports(&ProfileName::new("work"), Some("eu-west-1"), &credentials);
        let value = |name| found.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str());
        assert_eq!((value("AWS_REGION"), value("AWS_DEFAULT_REGION")), (Some("eu-west-1"), Some("eu-west-1")));
        assert_eq!((value("AWS_CREDENTIAL_EXPIRATION"), value(INSIDE)), (Some("1970-01-01T00:00:00Z"), Some("work")));
        assert_eq!(exports(&ProfileName::new("work"), None, &credentials).len(), 5);
    }
}
