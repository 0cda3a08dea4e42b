//! AWS IAM: what AWS's own policy simulator says that somebody may do. Nothing is done by it.

use aws_sdk_iam::operation::simulate_principal_policy::SimulatePrincipalPolicyOutput;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

use super::call::Call;
use super::iam::every_page;
use super::{Aws, AwsError, Signer};
use crate::model::Arn;

impl Aws {
    /// `iam:SimulatePrincipalPolicy`: those of the actions that the user or role may not do, on every resource. `by_mfa` says that requests will be
    /// signed by an MFA session.
    ///
    /// An action that the answer leaves out is not held to be allowed.
    pub fn not_allowed(&self, signer: &Signer, principal: &Arn, actions: &[&str], by_mfa: bool) -> Result<Vec<String>, AwsError> {
        self.runtime.block_on(async {
            let call = Call::new(self, signer, "iam:SimulatePrincipalPolicy");
            let mfa = ContextEntry::builder()
                .context_key_name("aws:MultiFactorAuthPresent")
                .context_key_type(ContextKeyTypeEnum::Boolean)
                .context_key_values("true")
                .build();
            let request = call.iam().simulate_principal_policy().policy_source_arn(principal.as_str());
            let request = request.set_action_names(Some(actions.iter().map(|action| (*action).to_owned()).collect()));
            // A long-term key and a role's session say nothing of MFA at all.
            let request = request.set_context_entries(by_mfa.then(|| vec![mfa]));
            let results = every_page!(&call, request, |page: SimulatePrincipalPolicyOutput| page.evaluation_results.unwrap_or_default());
            let is_allowed = |action: &str| {
                let of_it = results.iter().filter(|result| result.eval_action_name.eq_ignore_ascii_case(action));
                of_it.clone().count() > 0 && of_it.clone().all(|result| result.eval_decision == PolicyEvaluationDecisionType::Allowed)
            };
            Ok(actions.iter().filter(|action| !is_allowed(action)).map(|action| (*action).to_owned()).collect())
        })
    }
}
