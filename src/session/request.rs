//! What a session is asked for, step by step. Pure.
//!
//! Invariant: a [`Request`] has everything that makes a session what it is; two that are equal may share their credentials, and nothing else may.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{AccessKeyId, Arn, MfaSerial};

/// The longest session that a role gives to a session's credentials (role chaining; IAM user guide, "Roles terms and concepts").
pub const LONGEST_CHAINED: Duration = Duration::from_secs(3_600);

/// A session, as it is asked for and as it is found again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The long-term key that the way begins with.
    pub key: AccessKeyId,
    /// The partition. The region does not matter: what a regional STS gives, and only such are asked, every region of its partition takes (IAM
    /// user guide, "Manage AWS STS in an AWS Region").
    pub partition: String,
    /// The STS endpoint that replaces AWS's own.
    pub endpoint: Option<String>,
    /// The MFA device; `None` is a session without MFA.
    pub mfa_serial: Option<MfaSerial>,
    /// How long GetSessionToken is asked for; `None` where the first role is assumed with the key itself.
    pub session_seconds: Option<u64>,
    /// The roles, in the order in which they are assumed.
    pub roles: Vec<RoleRequest>,
}

/// The partition that a region is in.
pub fn partition(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        Some(_) | None => "aws",
    }
}

/// One role of a request: the parameters of AssumeRole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRequest {
    /// The role.
    pub arn: Arn,
    /// The role session's name.
    pub session_name: String,
    /// Its length.
    pub seconds: u64,
    /// The external ID.
    pub external_id: Option<String>,
    /// The source identity.
    pub source_identity: Option<String>,
    /// Session tags.
    pub tags: BTreeMap<String, String>,
    /// The names of those that go on to later roles.
    pub transitive_tags: Vec<String>,
    /// An inline session policy, as JSON.
    pub policy: Option<String>,
    /// Managed session policies.
    pub policy_arns: Vec<String>,
}

/// The call that leads from one leg of the way to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg<'a> {
    /// GetSessionToken with the key, and with a token code where the request has a device.
    SessionToken {
        /// Its length.
        seconds: u64,
        /// The device.
        mfa_serial: Option<&'a MfaSerial>,
    },
    /// AssumeRole: with the session of the leg before, else with the key.
    AssumeRole {
        /// The role.
        role: &'a RoleRequest,
        /// The device, where the key itself assumes the role with MFA.
        mfa_serial: Option<&'a MfaSerial>,
    },
}

impl Leg<'_> {
    /// Whether the call needs a token code.
    pub fn needs_code(&self) -> bool {
        match self {
            Leg::SessionToken { mfa_serial, .. } | Leg::AssumeRole { mfa_serial, .. } => mfa_serial.is_some(),
        }
    }
}

impl Request {
    /// The requests on the way, the shortest first and this one last: each is the one before and one call more.
    pub fn way(&self) -> Vec<Request> {
        let begin = usize::from(self.session_seconds.is_none());
        (begin..=self.roles.len()).map(|count| Self { roles: self.roles.iter().take(count).cloned().collect(), ..self.clone() }).collect()
    }

    /// The call that this request's own credentials come from.
    pub fn leg(&self) -> Leg<'_> {
        match (self.roles.last(), self.session_seconds) {
            (None, seconds) => Leg::SessionToken { seconds: seconds.unwrap_or_default(), mfa_serial: self.mfa_serial.as_ref() },
            (Some(role), None) if self.roles.len() == 1 => Leg::AssumeRole { role, mfa_serial: self.mfa_serial.as_ref() },
            (Some(role), _) => Leg::AssumeRole { role, mfa_serial: None },
        }
    }

    /// How long its credentials are asked for.
    pub fn duration(&self) -> Duration {
        let seconds = self.roles.last().map_or_else(|| self.session_seconds.unwrap_or_default(), |role| role.seconds);
        Duration::from_secs(seconds)
    }

    /// The same of another key: what a rotation leaves of a session.
    #[must_use]
    pub fn of_key(&self, key: AccessKeyId) -> Self {
        Self { key, ..self.clone() }
    }

    /// A name for a file, different for every request: the SHA-256 of all of it.
    pub fn digest(&self) -> String {
        // Maps are sorted and fields have a fixed order, so that equal requests have equal texts.
        let text = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, seconds: u64) -> RoleRequest {
        RoleRequest {
            arn: Arn::parse(&format!("arn:aws:iam::111122223333:role/{name}")).unwrap(),
            session_name: "keyrotate".to_owned(),
            seconds,
            external_id: None,
            source_identity: None,
            tags: BTreeMap::new(),
            transitive_tags: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
        }
    }

    fn request(session_seconds: Option<u64>, roles: &[&str]) -> Request {
        Request {
            key: AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap(),
            partition: "aws".to_owned(),
            endpoint: None,
            mfa_serial: Some(MfaSerial::parse("GAHT12345678").unwrap()),
            session_seconds,
            roles: roles.iter().map(|name| role(name, 3_600)).collect(),
        }
    }

    #[test]
    fn the_way_is_one_call_longer_each_time_and_only_the_first_needs_a_code() {
        let codes = |request: &Request| request.way().iter().map(|leg| leg.leg().needs_code()).collect::<Vec<_>>();
        let plain = request(Some(43_200), &[]);
        assert_eq!((codes(&plain), plain.way()), (vec![true], vec![plain.clone()]));
        let chained = request(Some(43_200), &["Hop", "Outer"]);
        assert_eq!(codes(&chained), [true, false, false]);
        assert_eq!(chained.way().last(), Some(&chained));
        assert!(matches!(chained.way()[1].leg(), Leg::AssumeRole { role, .. } if role.arn.resource() == "role/Hop"));
        let direct = request(None, &["Long", "Next"]);
        assert_eq!(codes(&direct), [true, false]);
        assert_eq!(Request { mfa_serial: None, ..direct }.leg(), Leg::AssumeRole { role: &role("Next", 3_600), mfa_serial: None });
    }

    #[test]
    fn every_part_makes_another_session() {
        let one = request(Some(43_200), &["R"]);
        let with = |change: &dyn Fn(&mut Request)| {
            let mut other = one.clone();
            change(&mut other);
            other.digest()
        };
        let digests = [
            one.digest(),
            with(&|r| r.key = AccessKeyId::parse("AKIAI44QH8DHBEXAMPLE").unwrap()),
            with(&|r| r.partition = "aws-cn".to_owned()),
            with(&|r| r.endpoint = Some("http://127.0.0.1:1".to_owned())),
            with(&|r| r.mfa_serial = None),
            with(&|r| r.session_seconds = Some(900)),
            with(&|r| r.roles.clear()),
            with(&|r| r.roles[0].session_name = "other".to_owned()),
            with(&|r| r.roles[0].seconds = 900),
            with(&|r| r.roles[0].external_id = Some("x".to_owned())),
            with(&|r| r.roles[0].source_identity = Some("x".to_owned())),
            with(&|r| r.roles[0].tags = BTreeMap::from([("a".to_owned(), "b".to_owned())])),
            with(&|r| r.roles[0].transitive_tags = vec!["a".to_owned()]),
            with(&|r| r.roles[0].policy = Some("{}".to_owned())),
            with(&|r| r.roles[0].policy_arns = vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()]),
        ];
        assert_eq!(std::collections::BTreeSet::from(digests.clone()).len(), digests.len());
        assert_eq!(one.digest(), one.clone().digest());
    }
}
