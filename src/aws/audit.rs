//! Everything that an audit asks of IAM, gathered at once: what does not depend on another answer does not wait for it.
//!
//! Invariant: each part fails on its own, and what was not asked for want of another answer says so by not being there.

use std::time::Duration;

use futures_util::future::{join, join3};

use super::account::{AccountSummary, CredentialReport};
use super::look::KeySight;
use super::policies::{GroupPolicies, Policies};
use super::{Aws, AwsError, Signer};
use crate::model::{AccessKey, AccessKeyId, Identity, KeyOwner, LastUsed};

/// The longest that a credential report is waited for, and how long between two questions.
const REPORT_WAIT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(1));

/// What AWS said of a signer's user, and of the root user as far as everybody may ask.
#[derive(Clone, Debug)]
pub struct UserSight {
    /// `sts:GetCallerIdentity`.
    pub identity: Result<Identity, AwsError>,
    /// `iam:ListMFADevices` of who signs: serial numbers.
    pub mfa_devices: Result<Vec<String>, AwsError>,
    /// `iam:ListVirtualMFADevices`: the ARNs of who has a virtual device in the account, the root user among them.
    pub with_virtual_mfa: Result<Vec<String>, AwsError>,
    /// `iam:GetAccountSummary`.
    pub summary: Result<AccountSummary, AwsError>,
    /// The rest; `None` where the signer is no IAM user, or unknown.
    pub user: Option<UserDetails>,
}

/// What needs the user's name.
#[derive(Clone, Debug)]
pub struct UserDetails {
    /// `iam:ListAccessKeys`.
    pub keys: Result<Vec<AccessKey>, AwsError>,
    /// `iam:GetAccessKeyLastUsed` of each of these.
    pub last_uses: Vec<(AccessKeyId, Result<LastUsed, AwsError>)>,
    /// The user's own policies.
    pub policies: Policies,
    /// The groups that the user is in, with theirs.
    pub groups: Result<Vec<GroupPolicies>, AwsError>,
}

/// What AWS said of the account.
#[derive(Clone, Debug)]
pub struct AccountSight {
    /// The credential report.
    pub report: Result<CredentialReport, AwsError>,
    /// Whether the organization manages the root credentials of its members; `None` where this account is not the one to ask.
    pub central_root: Result<Option<bool>, AwsError>,
}

impl UserSight {
    /// The part that `status` looks at, too.
    pub fn keys(&self) -> KeySight {
        let user = self.user.as_ref();
        KeySight {
            identity: self.identity.clone(),
            listing: user.map(|user| user.keys.clone()),
            last_uses: user.map(|user| user.last_uses.clone()).unwrap_or_default(),
            root_keys: self.summary.clone().map(|summary| summary.root_keys),
        }
    }
}

impl Aws {
    /// Looks at the signer's user. `expected` is the user's name where an earlier run saw it: what needs the name is asked for at once, and again
    /// where it turned out to be another.
    pub fn look_at_user(&self, signer: &Signer, expected: Option<&str>) -> UserSight {
        self.runtime.block_on(async {
            let whose = async {
                let guessed = async {
                    match expected {
                        Some(name) => Some(self.details(signer, name).await),
                        None => None,
                    }
                };
                let (identity, guessed) = join(self.identity(signer), guessed).await;
                let user = match identity.as_ref().ok().and_then(Identity::user_name) {
                    Some(name) if Some(name) == expected && guessed.is_some() => guessed,
                    Some(name) => Some(self.details(signer, name).await),
                    None => None,
                };
                (identity, user)
            };
            let devices = join(self.mfa_devices(signer), self.with_virtual_mfa(signer));
            let ((identity, user), (mfa_devices, with_virtual_mfa), summary) = join3(whose, devices, self.account_summary(signer)).await;
            UserSight { identity, mfa_devices, with_virtual_mfa, summary, user }
        })
    }

    /// Looks at the account.
    pub fn look_at_account(&self, signer: &Signer) -> AccountSight {
        let (limit, pause) = REPORT_WAIT;
        let asked = async { join(self.credential_report(signer, limit, pause), self.central_root(signer)).await };
        let (report, central_root) = self.runtime.block_on(asked);
        AccountSight { report, central_root }
    }

    async fn details(&self, signer: &Signer, user_name: &str) -> UserDetails {
        let keys = async {
            let keys = self.access_keys(signer, KeyOwner::User(user_name)).await;
            let ids = keys.iter().flatten().map(|key| key.id.clone()).collect();
            (keys, self.last_uses(signer, ids).await)
        };
        let ((keys, last_uses), policies, groups) =
            join3(keys, self.user_policies(signer, user_name), self.group_policies(signer, user_name)).await;
        UserDetails { keys, last_uses, policies, groups }
    }
}
