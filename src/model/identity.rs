//! Who a key belongs to: ARNs and the answer of `sts:GetCallerIdentity`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An Amazon Resource Name, `arn:partition:service:region:account:resource`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Arn(String);

/// The text has fewer than the six parts of an ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ARN")]
pub struct NotAnArn(pub String);

impl Arn {
    /// Reads an ARN; fails when it has fewer than six parts or does not begin with `arn:`.
    pub fn parse(text: &str) -> Result<Self, NotAnArn> {
        if text.starts_with("arn:") && text.splitn(6, ':').count() == 6 {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnArn(text.to_owned()))
        }
    }

    fn part(&self, n: usize) -> &str {
        self.0.splitn(6, ':').nth(n).unwrap_or_default()
    }

    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// The account ID.
    pub fn account(&self) -> &str {
        self.part(4)
    }

    /// The resource part, such as `user/team/bob`.
    pub fn resource(&self) -> &str {
        self.part(5)
    }

    /// The ARN as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Arn {
    type Error = NotAnArn;
    fn try_from(text: String) -> Result<Self, NotAnArn> {
        Self::parse(&text)
    }
}

impl From<Arn> for String {
    fn from(arn: Arn) -> String {
        arn.0
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The answer of `sts:GetCallerIdentity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The 12-digit account ID.
    pub account: String,
    /// The caller's ARN.
    pub arn: Arn,
    /// The caller's unique ID, which survives a rename (`AIDA…`).
    pub user_id: String,
}

/// Whose access keys are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner<'a> {
    /// Those of the IAM user of this name.
    User(&'a str),
    /// Those of the root user, who has no name.
    Root,
}

impl KeyOwner<'_> {
    /// `UserName` of a call, which the root user's leaves out.
    pub fn name(&self) -> Option<String> {
        match self {
            KeyOwner::User(name) => Some((*name).to_owned()),
            KeyOwner::Root => None,
        }
    }
}

impl Identity {
    /// The IAM user name: the last part of a user ARN, without the path. `None` for root, roles and federated users.
    pub fn user_name(&self) -> Option<&str> {
        self.arn.resource().strip_prefix("user/").and_then(|path| path.rsplit('/').next())
    }

    /// Whose access keys its own ones are; `None` for roles and federated users, who have none.
    pub fn key_owner(&self) -> Option<KeyOwner<'_>> {
        if self.is_root() { Some(KeyOwner::Root) } else { self.user_name().map(KeyOwner::User) }
    }

    /// Whether this is the account's root user (also a session of it).
    pub fn is_root(&self) -> bool {
        self.arn.resource() == "root" || self.user_id == self.account
    }

    /// Whether `other` is the same principal: account and unique ID agree.
    pub fn same_principal(&self, other: &Identity) -> bool {
        self.account == other.account && self.user_id == other.user_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(arn: &str) -> Option<Identity> {
        Some(Identity { account: "111122223333".into(), arn: Arn::parse(arn).ok()?, user_id: "AIDAEXAMPLE".into() })
    }

    #[test]
    fn the_user_name_is_the_last_part_of_the_path() {
        let user = identity("arn:aws:iam::111122223333:user/team/blue/dev.one+ci=x@example.com");
        assert_eq!(user.as_ref().and_then(Identity::user_name), Some("dev.one+ci=x@example.com"));
        let role = identity("arn:aws:sts::111122223333:assumed-role/Admin/me");
        assert_eq!(role.as_ref().and_then(Identity::user_name), None);
    }

    #[test]
    fn root_is_told_by_its_arn_not_by_a_name_that_holds_the_word() {
        assert!(identity("arn:aws:iam::111122223333:root").is_some_and(|i| i.is_root()));
        assert!(identity("arn:aws-cn:iam::111122223333:user/root").is_some_and(|i| !i.is_root()));
        assert!(identity("arn:aws:iam::111122223333:user/rootbeer").is_some_and(|i| !i.is_root()));
    }
}
