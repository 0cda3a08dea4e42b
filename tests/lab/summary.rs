//! What IAM says of the account as a whole: its summary, and its place in an organization. Pure.

use std::collections::BTreeSet;

use super::key::Status;
use super::serve::Refusal;
use super::state::World;
use super::xml::{list, tag, text};

/// Whether the account is in an organization, and as what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Organization {
    #[default]
    None,
    Member,
    /// The management account or a delegated administrator, with the features that are enabled: `RootCredentialsManagement`, `RootSessions`.
    Manages(BTreeSet<String>),
}

/// The inner XML of the result; none for an action that is not about the account.
pub fn answer(world: &World, action: &str) -> Option<Result<String, Refusal>> {
    Some(match action {
        "GetAccountSummary" => Ok(summary(world)),
        "ListOrganizationsFeatures" => features(world),
        _ => return None,
    })
}

impl World {
    /// The root user, where a test made one.
    pub fn root(&self) -> Option<usize> {
        self.users.iter().position(|user| user.root && !user.deleted)
    }

    /// AccountAccessKeysPresent: what is set, or whether the root user has a key, inactive ones included.
    pub fn root_keys(&self) -> u32 {
        let has = self.root().is_some_and(|root| self.keys.iter().any(|key| key.user == root && key.status != Status::Deleted));
        self.settings.root_keys.max(u32::from(has))
    }

    /// AccountMFAEnabled: a root user that a test made has what it has.
    pub fn root_mfa(&self) -> bool {
        self.settings.root_mfa && self.root().is_none_or(|root| !self.users[root].serials.is_empty())
    }
}

fn summary(world: &World) -> String {
    let settings = &world.settings;
    let users = || world.users.iter().filter(|user| !user.root && !user.deleted);
    let entries = [
        ("AccessKeysPerUserQuota", settings.quota),
        ("AccountAccessKeysPresent", world.root_keys() as usize),
        ("AccountMFAEnabled", usize::from(world.root_mfa())),
        ("AccountPasswordPresent", usize::from(settings.root_password)),
        ("AccountSigningCertificatesPresent", 0),
        ("AttachedPoliciesPerUserQuota", 10),
        ("Groups", world.groups.len()),
        ("MFADevicesInUse", users().map(|user| user.serials.len()).sum()),
        ("Policies", world.managed.iter().filter(|policy| !policy.arn.contains("::aws:")).count()),
        ("PolicySizeQuota", 6_144),
        ("Users", users().count()),
    ];
    let is_shown = |(key, _): &&(&str, usize)| !settings.left_out.contains(*key);
    let entry = |(key, value): &(&str, usize)| tag("entry", &(text("key", key) + &text("value", &value.to_string())));
    tag("SummaryMap", &entries.iter().filter(is_shown).map(entry).collect::<String>())
}

fn features(world: &World) -> Result<String, Refusal> {
    let refuse = |code: &'static str, message: &str| Err(Refusal::new(400, code, message));
    match &world.settings.organization {
        Organization::None => refuse("OrganizationNotFoundException", "Your account is not a member of an organization."),
        Organization::Member => refuse(
            "AccountNotManagementOrDelegatedAdministratorException",
            "The account is not a management account or a delegated administrator for IAM.",
        ),
        Organization::Manages(features) => Ok(text("OrganizationId", "o-lab0000000") + &list("EnabledFeatures", features.iter().cloned())),
    }
}
