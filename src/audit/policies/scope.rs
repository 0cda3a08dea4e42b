//! Whom and what a policy is about: the ARNs in it.
//!
//! Invariant: what somebody else named stands for itself. A path of IAM and a name in the settings can have the characters that mean more in a policy.

use crate::aws::{name_of_arn, region_of_arn};
use crate::model::Arn;

/// AWS's partitions.
pub const PARTITIONS: [&str; 8] = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

/// Whom and what a policy is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// One of [`PARTITIONS`], or the one that AWS named.
    pub partition: String,
    /// The account ID; `None` is whichever the policy is in.
    pub account: Option<String>,
    /// The user.
    pub user: Whose,
    /// The roles that the user assumes.
    pub roles: Vec<RoleNamed>,
    /// The secrets that have the key.
    pub secrets: Vec<SecretNamed>,
}

/// Which user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Whoever has the policy.
    Own,
    /// The user of this name, below whichever path.
    Named(String),
    /// The user with this path and name, without a slash before it: `team/dev`.
    At(String),
}

/// A role as a profile names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleNamed {
    /// Its ARN.
    pub arn: Arn,
    /// Its sessions get tags.
    pub has_tags: bool,
    /// Its sessions get a source identity.
    pub has_source_identity: bool,
}

/// A secret as the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretNamed {
    /// Name or ARN.
    pub id: String,
    /// The region, where it is known.
    pub region: Option<String>,
}

/// The text cannot be a part of an ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInAnArn {
    /// Not an account ID.
    #[error("an account ID has 12 digits")]
    Account,
    /// Not a user.
    #[error("a user is a NAME of letters, digits and any of _+=,.@-, or its /PATH/NAME")]
    User,
    /// Not a secret.
    #[error("a secret is a name of letters, digits and any of /_+=.@-, or the ARN of one")]
    Secret,
}

impl Scope {
    /// Whoever has the policy, wherever it is.
    pub fn everybody() -> Self {
        Self { partition: "aws".to_owned(), account: None, user: Whose::Own, roles: Vec::new(), secrets: Vec::new() }
    }

    /// Checks an account ID.
    pub fn account(text: &str) -> Result<String, NotInAnArn> {
        let is_one = text.len() == 12 && text.bytes().all(|sign| sign.is_ascii_digit());
        if is_one { Ok(text.to_owned()) } else { Err(NotInAnArn::Account) }
    }

    pub(super) fn iam(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account_or_any())
    }

    /// Something of a service in any region.
    pub(super) fn of(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:*:{}:{resource}", self.partition, self.account_or_any())
    }

    /// A name is that of one user in an account, whatever its path.
    pub(super) fn user(&self) -> Vec<String> {
        match &self.user {
            Whose::Own => vec![self.iam("user/${aws:username}"), self.iam("user/*/${aws:username}")],
            Whose::Named(name) => vec![self.iam(&format!("user/{}", literal(name))), self.iam(&format!("user/*/{}", literal(name)))],
            Whose::At(place) => vec![self.iam(&format!("user/{}", literal(place)))],
        }
    }

    pub(super) fn roles(&self, which: impl Fn(&&RoleNamed) -> bool) -> Vec<String> {
        self.roles.iter().filter(which).map(|role| literal(role.arn.as_str())).collect()
    }

    /// AWS ends the ARN of a secret with a hyphen and six characters of its own.
    pub(super) fn secrets(&self) -> Vec<String> {
        let named = |secret: &SecretNamed| match secret.id.starts_with("arn:") {
            true if name_of_arn(&secret.id) != secret.id.splitn(7, ':').nth(6).unwrap_or_default() => literal(&secret.id),
            true => format!("{}-??????", literal(&secret.id)),
            false => format!("{}-??????", self.secret(secret)),
        };
        distinct(self.secrets.iter().map(named))
    }

    /// Of a secret that is not there only the name is known; an ARN has an end that nobody can choose.
    pub(super) fn new_secrets(&self) -> Vec<String> {
        let named = |secret: &SecretNamed| {
            let region = region_of_arn(&secret.id).map(str::to_owned).or_else(|| secret.region.clone());
            let place = self.secret(&SecretNamed { id: name_of_arn(&secret.id).to_owned(), region });
            [place.clone(), format!("{place}-??????")]
        };
        distinct(self.secrets.iter().flat_map(named))
    }

    fn secret(&self, secret: &SecretNamed) -> String {
        let region = secret.region.as_deref().map_or_else(|| "*".to_owned(), literal);
        format!("arn:{}:secretsmanager:{region}:{}:secret:{}", self.partition, self.account_or_any(), literal(&secret.id))
    }

    fn account_or_any(&self) -> &str {
        self.account.as_deref().unwrap_or("*")
    }
}

impl Whose {
    /// Reads `NAME` or `/PATH/NAME`; the first slash may be missing.
    pub fn parse(text: &str) -> Result<Self, NotInAnArn> {
        let (path, name) = text.rsplit_once('/').map_or((None, text), |(path, name)| (Some(path), name));
        let is_name = |sign: char| sign.is_ascii_alphanumeric() || "_+=,.@-".contains(sign);
        let is_path = |path: &str| path.chars().all(|sign| sign.is_ascii_graphic());
        if name.is_empty() || !name.chars().all(is_name) || !path.is_none_or(is_path) || text.starts_with("arn:") {
            return Err(NotInAnArn::User);
        }
        Ok(path.map_or_else(|| Self::Named(name.to_owned()), |_| Self::At(text.trim_start_matches('/').to_owned())))
    }
}

impl SecretNamed {
    /// Reads a name or an ARN, of which the region is in it.
    pub fn parse(text: &str) -> Result<Self, NotInAnArn> {
        let name = if text.starts_with("arn:") { text.split(':').nth(6).unwrap_or_default() } else { text };
        let is_arn = text.starts_with("arn:") && text.contains(":secretsmanager:") && region_of_arn(text).is_some();
        let is_name = |sign: char| sign.is_ascii_alphanumeric() || "/_+=.@-".contains(sign);
        if name.is_empty() || !name.chars().all(is_name) || (text.starts_with("arn:") && !is_arn) {
            return Err(NotInAnArn::Secret);
        }
        Ok(Self { id: text.to_owned(), region: None })
    }
}

/// With the characters that mean more in a policy standing for themselves (IAM user guide, policy variables).
fn literal(text: &str) -> String {
    let sign = |sign: char| match sign {
        '*' | '?' | '$' => format!("${{{sign}}}"),
        other => other.to_string(),
    };
    text.chars().map(sign).collect()
}

fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    texts.for_each(|text| all.extend((!all.contains(&text)).then_some(text)));
    all
}
