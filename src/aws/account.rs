//! AWS IAM: what it says of the account and of its root user.

use std::time::Duration;

use aws_sdk_iam::types::{FeatureType, ReportStateType, SummaryKeyType};
use chrono::{DateTime, Utc};
use tokio::time::sleep;

use super::call::Call;
use super::server_time::from_sdk;
use super::{Aws, AwsError, Signer};

/// What `iam:GetAccountSummary` says of the root user. `None` where AWS leaves it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSummary {
    /// `AccountAccessKeysPresent`: its access keys, inactive ones counted.
    pub root_keys: Option<u32>,
    /// `AccountMFAEnabled`: whether it has an MFA device.
    pub root_mfa: Option<bool>,
    /// `AccountPasswordPresent`: whether it has a password.
    pub root_password: Option<bool>,
}

/// The account's credential report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialReport {
    /// When AWS made it, in UTC; AWS makes a new one every four hours at most.
    pub generated_at: Option<DateTime<Utc>>,
    /// The table as AWS wrote it, with a header.
    pub csv: String,
}

impl Aws {
    /// `AccountAccessKeysPresent` of `iam:GetAccountSummary`: the root user's access keys, inactive ones counted. `None` when
    /// AWS leaves it out.
    pub fn root_access_keys(&self, signer: &Signer) -> Result<Option<u32>, AwsError> {
        self.runtime.block_on(self.account_summary(signer)).map(|summary| summary.root_keys)
    }

    pub(super) async fn account_summary(&self, signer: &Signer) -> Result<AccountSummary, AwsError> {
        let call = Call::new(self, signer, "iam:GetAccountSummary");
        let answer = call.finish(call.iam().get_account_summary().send().await)?;
        let map = answer.summary_map.unwrap_or_default();
        let count = |key: SummaryKeyType| {
            let count = map.get(&key).map(|count| u32::try_from(*count));
            count.transpose().map_err(|_| call.garbled(&format!("the answer's {} is negative", key.as_str())))
        };
        Ok(AccountSummary {
            root_keys: count(SummaryKeyType::AccountAccessKeysPresent)?,
            root_mfa: count(SummaryKeyType::AccountMfaEnabled)?.map(|count| count > 0),
            // Newer than the SDK's own list of names.
            root_password: count(SummaryKeyType::from("AccountPasswordPresent"))?.map(|count| count > 0),
        })
    }

    /// The credential report: `iam:GenerateCredentialReport` until it is there, for at most `limit`, then `iam:GetCredentialReport`.
    pub(super) async fn credential_report(&self, signer: &Signer, limit: Duration, pause: Duration) -> Result<CredentialReport, AwsError> {
        let call = Call::new(self, signer, "iam:GenerateCredentialReport");
        let mut waited = Duration::ZERO;
        loop {
            let answer = call.finish(call.iam().generate_credential_report().send().await)?;
            if answer.state == Some(ReportStateType::Complete) {
                break;
            }
            if waited >= limit {
                return Err(call.garbled("the credential report was not ready in time"));
            }
            sleep(pause).await;
            waited += pause;
        }
        let call = Call::new(self, signer, "iam:GetCredentialReport");
        let answer = call.finish(call.iam().get_credential_report().send().await)?;
        let content = answer.content.ok_or_else(|| call.garbled("the answer has no Content"))?;
        let csv = String::from_utf8(content.into_inner()).map_err(|_| call.garbled("the report is not UTF-8 text"))?;
        Ok(CredentialReport { generated_at: answer.generated_time.as_ref().and_then(from_sdk), csv })
    }

    /// Whether the organization manages its members' root credentials, by `iam:ListOrganizationsFeatures`; `None` to a member that is
    /// neither the management account nor the delegated administrator, and to an account without an organization.
    pub(super) async fn central_root(&self, signer: &Signer) -> Result<Option<bool>, AwsError> {
        let call = Call::new(self, signer, "iam:ListOrganizationsFeatures");
        match call.finish(call.iam().list_organizations_features().send().await) {
            Ok(answer) => Ok(Some(answer.enabled_features().contains(&FeatureType::RootCredentialsManagement))),
            Err(error) if has_code(&error, &NOT_OURS) => Ok(None),
            Err(error) if has_code(&error, &["ServiceAccessNotEnabled"]) => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }
}

/// QUIRK(iam): who has no organization, and who is only a member, hears of it by an error (IAM API reference, ListOrganizationsFeatures).
const NOT_OURS: [&str; 3] = ["AccountNotManagementOrDelegatedAdministrator", "OrganizationNotFound", "OrganizationNotInAllFeaturesMode"];

/// With or without the word "Exception", which the query protocol leaves out of some codes.
fn has_code(error: &AwsError, codes: &[&str]) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    codes.contains(&code.strip_suffix("Exception").unwrap_or(code))
}
