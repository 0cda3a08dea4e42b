//! AWS IAM: access keys of a user, their last use, and what stands in the way of changing them.
//!
//! Invariant: the user is always named, but for the root user, who has no name: without one IAM acts on the caller, so that who says
//! [`KeyOwner::Root`] knows by GetCallerIdentity that the signer is the root user's. And what a list answers is read to its last page or not at all.

use aws_sdk_iam::operation::list_access_keys::ListAccessKeysOutput;
use aws_sdk_iam::types::{AccessKeyMetadata, StatusType};
use chrono::{DateTime, Utc};

use super::call::Call;
use super::server_time::from_sdk;
use super::{Aws, AwsError, Signer};
use crate::model::{AccessKey, AccessKeyId, AccessKeyPair, KeyOwner, KeyStatus, LastUse, LastUsed, SecretAccessKey};

impl Aws {
    /// `iam:ListAccessKeys` of the user, all pages, in AWS's order.
    pub fn list_access_keys(&self, signer: &Signer, owner: KeyOwner<'_>) -> Result<Vec<AccessKey>, AwsError> {
        self.runtime.block_on(self.access_keys(signer, owner))
    }

    /// `iam:CreateAccessKey`, sent once. Returns the pair and when IAM says it was created, in UTC.
    ///
    /// An error that is not [`AwsError::is_definitive`] may have left a key behind whose secret nobody has.
    pub fn create_access_key(&self, signer: &Signer, owner: KeyOwner<'_>) -> Result<(AccessKeyPair, DateTime<Utc>), AwsError> {
        self.runtime.block_on(async {
            let call = Call::once(self, signer, "iam:CreateAccessKey");
            let answer = call.finish(call.iam().create_access_key().set_user_name(owner.name()).send().await)?;
            let lacks = |what: &str| call.garbled(&format!("the answer has no usable {what}"));
            let key = answer.access_key.ok_or_else(|| lacks("AccessKey"))?;
            // SECRET: the SDK's buffers held the answer's plaintext and are freed unwiped; from here on it is wiped when dropped.
            let secret = SecretAccessKey::new(key.secret_access_key);
            if secret.expose().is_empty() {
                return Err(lacks("SecretAccessKey"));
            }
            // IAM does not tell names apart by case, and answers with the name as it was given to the user.
            if owner.name().is_some_and(|name| !key.user_name.is_empty() && !key.user_name.eq_ignore_ascii_case(&name)) {
                return Err(call.garbled("the key in the answer is another user's"));
            }
            let id = AccessKeyId::parse(&key.access_key_id).map_err(|_| lacks("AccessKeyId"))?;
            let created_at = key.create_date.as_ref().and_then(from_sdk).ok_or_else(|| lacks("CreateDate"))?;
            Ok((AccessKeyPair { id, secret }, created_at))
        })
    }

    /// `iam:UpdateAccessKey`. [`KeyStatus::Other`] is sent in AWS's own word.
    pub fn update_access_key(&self, signer: &Signer, owner: KeyOwner<'_>, id: &AccessKeyId, status: KeyStatus) -> Result<(), AwsError> {
        let status = match status {
            KeyStatus::Active => StatusType::Active,
            KeyStatus::Inactive => StatusType::Inactive,
            KeyStatus::Other(word) => StatusType::from(word.as_str()),
        };
        self.runtime.block_on(async {
            let call = Call::new(self, signer, "iam:UpdateAccessKey");
            let request = call.iam().update_access_key().set_user_name(owner.name()).access_key_id(id.as_str()).status(status);
            call.finish(request.send().await).map(|_| ())
        })
    }

    /// `iam:DeleteAccessKey`.
    pub fn delete_access_key(&self, signer: &Signer, owner: KeyOwner<'_>, id: &AccessKeyId) -> Result<(), AwsError> {
        self.runtime.block_on(async {
            let call = Call::new(self, signer, "iam:DeleteAccessKey");
            let request = call.iam().delete_access_key().set_user_name(owner.name()).access_key_id(id.as_str());
            call.finish(request.send().await).map(|_| ())
        })
    }

    /// `iam:GetAccessKeyLastUsed`: [`LastUsed::Never`] or [`LastUsed::Used`]. A refusal is an error; it never reads as "unused".
    pub fn get_access_key_last_used(&self, signer: &Signer, id: &AccessKeyId) -> Result<LastUsed, AwsError> {
        self.runtime.block_on(self.last_used(signer, id))
    }

    pub(super) async fn access_keys(&self, signer: &Signer, owner: KeyOwner<'_>) -> Result<Vec<AccessKey>, AwsError> {
        let call = Call::new(self, signer, "iam:ListAccessKeys");
        let request = call.iam().list_access_keys().set_user_name(owner.name());
        let keys = every_page!(&call, request, |page: ListAccessKeysOutput| page.access_key_metadata);
        let lacks = || call.garbled("a key in the answer lacks its id, status or date");
        keys.iter().map(|key| access_key(key).ok_or_else(lacks)).collect()
    }

    pub(super) async fn last_used(&self, signer: &Signer, id: &AccessKeyId) -> Result<LastUsed, AwsError> {
        let call = Call::new(self, signer, "iam:GetAccessKeyLastUsed");
        let answer = call.finish(call.iam().get_access_key_last_used().access_key_id(id.as_str()).send().await)?;
        let last_use = answer.access_key_last_used.ok_or_else(|| call.garbled("the answer has no AccessKeyLastUsed"))?;
        // A key that was never used has no date, and "N/A" for service and region (IAM API reference, AccessKeyLastUsed).
        let Some(date) = last_use.last_used_date else { return Ok(LastUsed::Never) };
        let at = from_sdk(&date).ok_or_else(|| call.garbled("the answer's LastUsedDate is not a date"))?;
        Ok(LastUsed::Used(LastUse { at, service: last_use.service_name, region: last_use.region }))
    }
}

/// What every page of a list has, in AWS's order. The SDK's paginators have a type for each list and no trait in common.
macro_rules! every_page {
    ($call:expr, $request:expr, $items:expr) => {{
        let mut pages = $request.into_paginator().stop_on_duplicate_token(false).send();
        let mut all = Vec::new();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            $crate::aws::iam::count_page($call, &mut count)?;
            all.extend($items($call.finish(page)?));
        }
        all
    }};
}
pub(super) use every_page;

/// No list here is this long: a user has two keys, and tens of policies and groups (IAM quotas), though IAM may answer with fewer of
/// them than fit on a page. A server that always has another page, or the same one again, would keep us for ever.
const PAGES: u32 = 100;

pub(super) fn count_page(call: &Call<'_>, count: &mut u32) -> Result<(), AwsError> {
    *count += 1;
    if *count > PAGES { Err(call.garbled("the list in the answers has no end")) } else { Ok(()) }
}

fn access_key(key: &AccessKeyMetadata) -> Option<AccessKey> {
    let status = match key.status.as_ref()?.as_str() {
        "Active" => KeyStatus::Active,
        "Inactive" => KeyStatus::Inactive,
        word => KeyStatus::Other(word.to_owned()),
    };
    let id = AccessKeyId::parse(key.access_key_id.as_deref()?).ok()?;
    Some(AccessKey { id, status, created_at: from_sdk(key.create_date.as_ref()?)? })
}
