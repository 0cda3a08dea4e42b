//! AWS IAM: the policies that a user has, its own and its groups', with their documents.
//!
//! Invariant: a list that could not be read is an error and never an empty list; a document that could not be read is an error of its own.

use aws_sdk_iam::operation::list_attached_group_policies::ListAttachedGroupPoliciesOutput;
use aws_sdk_iam::operation::list_attached_user_policies::ListAttachedUserPoliciesOutput;
use aws_sdk_iam::operation::list_group_policies::ListGroupPoliciesOutput;
use aws_sdk_iam::operation::list_groups_for_user::ListGroupsForUserOutput;
use aws_sdk_iam::operation::list_user_policies::ListUserPoliciesOutput;
use aws_sdk_iam::types as sdk;
use futures_util::future::join;
use percent_encoding::percent_decode_str;

use super::call::Call;
use super::iam::every_page;
use super::look::all;
use super::{Aws, AwsError, ErrorKind, Signer};
use crate::model::Arn;

/// A policy that is written into a user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlinePolicy {
    /// Its name.
    pub name: String,
    /// Its document, JSON as a person wrote it.
    pub document: Result<String, AwsError>,
}

/// A managed policy that is attached to a user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedPolicy {
    /// Its name, without the path.
    pub name: String,
    /// Its ARN.
    pub arn: Arn,
    /// The document of its default version; `None` of one that AWS manages, whose text AWS publishes and nobody here can change.
    pub document: Option<Result<String, AwsError>>,
}

impl AttachedPolicy {
    /// Whether AWS manages it.
    pub fn is_aws_managed(&self) -> bool {
        is_aws_managed(&self.arn)
    }
}

/// The policies of one user or group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// Those written into it.
    pub inline: Result<Vec<InlinePolicy>, AwsError>,
    /// Those attached to it.
    pub attached: Result<Vec<AttachedPolicy>, AwsError>,
}

/// A group that a user is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPolicies {
    /// Its name.
    pub name: String,
    /// Its policies.
    pub policies: Policies,
}

/// Whose policies are read.
#[derive(Clone, Copy)]
enum Owner<'a> {
    User(&'a str),
    Group(&'a str),
}

impl Aws {
    /// The names of the managed policies attached to the user and to its groups (`iam:ListAttachedUserPolicies`,
    /// `iam:ListGroupsForUser`, `iam:ListAttachedGroupPolicies`), all pages.
    pub fn list_attached_policies(&self, signer: &Signer, user_name: &str) -> Result<Vec<String>, AwsError> {
        self.runtime.block_on(async {
            let mut listed = self.attached(signer, Owner::User(user_name)).await?;
            for group in self.groups(signer, user_name).await? {
                listed.extend(self.attached(signer, Owner::Group(&group)).await?);
            }
            Ok(listed.into_iter().map(|(name, _)| name).collect())
        })
    }

    /// The document of a customer managed policy; `None` where the account has none of this ARN.
    pub fn customer_managed_policy(&self, signer: &Signer, arn: &Arn) -> Result<Option<String>, AwsError> {
        match self.runtime.block_on(self.managed_document(signer, arn)) {
            Ok(document) => Ok(Some(document)),
            Err(error) if error.kind == ErrorKind::Gone => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The policy that is a user's permissions boundary (`iam:GetUser`), with its document; `None` where it has none.
    pub fn permissions_boundary(&self, signer: &Signer, user_name: &str) -> Result<Option<AttachedPolicy>, AwsError> {
        self.runtime.block_on(async {
            let call = Call::new(self, signer, "iam:GetUser");
            let user = call.finish(call.iam().get_user().user_name(user_name).send().await)?.user;
            let user = user.ok_or_else(|| call.garbled("the answer has no User"))?;
            let Some(boundary) = user.permissions_boundary else { return Ok(None) };
            let arn = boundary.permissions_boundary_arn.and_then(|arn| Arn::parse(&arn).ok());
            let arn = arn.ok_or_else(|| call.garbled("the permissions boundary in the answer lacks its ARN"))?;
            let name = arn.resource().rsplit('/').next().unwrap_or_default().to_owned();
            Ok(Some(self.with_document(signer, name, arn).await))
        })
    }

    /// The policies of a user, with their documents.
    pub(super) async fn user_policies(&self, signer: &Signer, user_name: &str) -> Policies {
        self.policies(signer, Owner::User(user_name)).await
    }

    /// The groups of a user, each with its policies.
    pub(super) async fn group_policies(&self, signer: &Signer, user_name: &str) -> Result<Vec<GroupPolicies>, AwsError> {
        let names = self.groups(signer, user_name).await?;
        let group = |name: String| async move {
            let policies = self.policies(signer, Owner::Group(&name)).await;
            GroupPolicies { name, policies }
        };
        Ok(all(names.into_iter().map(group)).await)
    }

    async fn policies(&self, signer: &Signer, owner: Owner<'_>) -> Policies {
        let inline = async {
            let names = self.inline(signer, owner).await?;
            let read = |name: String| async move {
                let document = self.inline_document(signer, owner, &name).await;
                InlinePolicy { name, document }
            };
            Ok(all(names.into_iter().map(read)).await)
        };
        let attached = async {
            let listed = self.attached(signer, owner).await?;
            Ok(all(listed.into_iter().map(|(name, arn)| self.with_document(signer, name, arn))).await)
        };
        let (inline, attached) = join(inline, attached).await;
        Policies { inline, attached }
    }

    async fn groups(&self, signer: &Signer, user_name: &str) -> Result<Vec<String>, AwsError> {
        let call = Call::new(self, signer, "iam:ListGroupsForUser");
        let request = call.iam().list_groups_for_user().user_name(user_name);
        let groups = every_page!(&call, request, |page: ListGroupsForUserOutput| page.groups);
        Ok(groups.into_iter().map(|group| group.group_name).collect())
    }

    async fn inline(&self, signer: &Signer, owner: Owner<'_>) -> Result<Vec<String>, AwsError> {
        match owner {
            Owner::User(name) => {
                let call = Call::new(self, signer, "iam:ListUserPolicies");
                let request = call.iam().list_user_policies().user_name(name);
                Ok(every_page!(&call, request, |page: ListUserPoliciesOutput| page.policy_names))
            }
            Owner::Group(name) => {
                let call = Call::new(self, signer, "iam:ListGroupPolicies");
                let request = call.iam().list_group_policies().group_name(name);
                Ok(every_page!(&call, request, |page: ListGroupPoliciesOutput| page.policy_names))
            }
        }
    }

    /// Names and ARNs of the managed policies.
    async fn attached(&self, signer: &Signer, owner: Owner<'_>) -> Result<Vec<(String, Arn)>, AwsError> {
        let (call, listed) = match owner {
            Owner::User(name) => {
                let call = Call::new(self, signer, "iam:ListAttachedUserPolicies");
                let request = call.iam().list_attached_user_policies().user_name(name);
                let listed = every_page!(&call, request, |page: ListAttachedUserPoliciesOutput| page.attached_policies.unwrap_or_default());
                (call, listed)
            }
            Owner::Group(name) => {
                let call = Call::new(self, signer, "iam:ListAttachedGroupPolicies");
                let request = call.iam().list_attached_group_policies().group_name(name);
                let listed =
                    every_page!(&call, request, |page: ListAttachedGroupPoliciesOutput| page.attached_policies.unwrap_or_default());
                (call, listed)
            }
        };
        let known = |policy: sdk::AttachedPolicy| Some((policy.policy_name?, Arn::parse(&policy.policy_arn?).ok()?));
        listed.into_iter().map(|policy| known(policy).ok_or_else(|| call.garbled("a policy in the answer lacks its name or ARN"))).collect()
    }

    async fn inline_document(&self, signer: &Signer, owner: Owner<'_>, policy: &str) -> Result<String, AwsError> {
        let (call, document) = match owner {
            Owner::User(name) => {
                let call = Call::new(self, signer, "iam:GetUserPolicy");
                let request = call.iam().get_user_policy().user_name(name).policy_name(policy);
                let document = call.finish(request.send().await)?.policy_document;
                (call, document)
            }
            Owner::Group(name) => {
                let call = Call::new(self, signer, "iam:GetGroupPolicy");
                let request = call.iam().get_group_policy().group_name(name).policy_name(policy);
                let document = call.finish(request.send().await)?.policy_document;
                (call, document)
            }
        };
        decoded(&document).ok_or_else(|| call.garbled("the policy document is not UTF-8 text"))
    }

    async fn with_document(&self, signer: &Signer, name: String, arn: Arn) -> AttachedPolicy {
        let document = if is_aws_managed(&arn) { None } else { Some(self.managed_document(signer, &arn).await) };
        AttachedPolicy { name, arn, document }
    }

    /// The default version of a customer managed policy.
    async fn managed_document(&self, signer: &Signer, arn: &Arn) -> Result<String, AwsError> {
        let call = Call::new(self, signer, "iam:GetPolicy");
        let answer = call.finish(call.iam().get_policy().policy_arn(arn.as_str()).send().await)?;
        let version = answer.policy.and_then(|policy| policy.default_version_id);
        let version = version.ok_or_else(|| call.garbled("the answer has no DefaultVersionId"))?;
        let call = Call::new(self, signer, "iam:GetPolicyVersion");
        let request = call.iam().get_policy_version().policy_arn(arn.as_str()).version_id(version);
        let document = call.finish(request.send().await)?.policy_version.and_then(|version| version.document);
        let document = document.ok_or_else(|| call.garbled("the answer has no Document"))?;
        decoded(&document).ok_or_else(|| call.garbled("the policy document is not UTF-8 text"))
    }
}

/// `arn:aws:iam::aws:policy/…`, in every partition.
fn is_aws_managed(arn: &Arn) -> bool {
    arn.account() == "aws"
}

/// QUIRK(iam): documents come percent-encoded (RFC 3986). A JSON text begins with no `%`; one that comes as it is keeps its own.
fn decoded(document: &str) -> Option<String> {
    if !document.trim_start().starts_with('%') {
        return Some(document.to_owned());
    }
    percent_decode_str(document).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_decoded_once_and_only_where_it_is_encoded() {
        let plain = r#"{"Resource":"arn:aws:s3:::50%25/*","n":"é"}"#;
        assert_eq!(decoded(plain).as_deref(), Some(plain));
        assert_eq!(decoded("%7B%22a%22%3A%22100%25%20%C3%A9+%22%7D").as_deref(), Some("{\"a\":\"100% é+\"}"));
        assert_eq!(decoded("%FF%FE"), None);
    }
}
