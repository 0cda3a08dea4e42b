//! AWS STS: who a key belongs to.

use super::call::Call;
use super::{Aws, AwsError, Signer};
use crate::model::{Arn, Identity};

impl Aws {
    /// `sts:GetCallerIdentity`. Needs no permission and works under an explicit deny (STS API reference).
    pub fn get_caller_identity(&self, signer: &Signer) -> Result<Identity, AwsError> {
        self.runtime.block_on(self.identity(signer))
    }

    pub(super) async fn identity(&self, signer: &Signer) -> Result<Identity, AwsError> {
        let call = Call::new(self, signer, "sts:GetCallerIdentity");
        let answer = call.finish(call.sts().get_caller_identity().send().await)?;
        let lacks = |what: &str| call.garbled(&format!("the answer has no usable {what}"));
        let account = answer.account().filter(|account| !account.is_empty()).ok_or_else(|| lacks("Account"))?;
        let user_id = answer.user_id().filter(|id| !id.is_empty()).ok_or_else(|| lacks("UserId"))?;
        let arn = answer.arn().and_then(|arn| Arn::parse(arn).ok()).ok_or_else(|| lacks("Arn"))?;
        Ok(Identity { account: account.to_owned(), arn, user_id: user_id.to_owned() })
    }
}
