//! What is said where nothing here can see or change the key, or where AWS's answers contradict each other.
//!
//! Invariant: it promises nothing of the key but what AWS shows.

use super::sight::Sight;
use super::{Removing, UNCHANGED};
use crate::commands::failure::{Failure, FailureKind};
use crate::root_key::Seen;

/// The partition whose console knows no root user (GovCloud user guide, "Signing in to AWS GovCloud (US)").
const GOVCLOUD: &str = "aws-us-gov";

impl Removing<'_> {
    /// AWS's answers contradict each other.
    pub(super) fn later(&self) -> Failure {
        let message =
            format!("AWS accepts {}, and does not list it among the root user's keys: one of the two answers is late", self.key.id);
        Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(format!("run `{}` again in a few minutes", self.again()))
    }

    /// Nobody here can see or change the key.
    pub(super) fn stranded(&self, sight: &Sight<'_>) -> Failure {
        let id = &self.key.id;
        let (what, state) = match sight.seen {
            Seen::Inactive => ("is inactive", "the key is inactive; the files still have it"),
            Seen::Active | Seen::Unlisted | Seen::Gone | Seen::Hidden => {
                ("is not accepted by AWS", "the key is inactive or deleted; the files still have it")
            }
        };
        let message = format!("{id} {what}, and no open session and no other key of the root user is here that could sign");
        let ways = self.ways(sight).join("; ");
        let hint = format!("{ways}; then run `{}` again, which removes its lines", self.again());
        Failure::new(FailureKind::Critical, message).state(state).hint(hint)
    }

    /// Where the root user's key can be reached without any key of it.
    fn ways(&self, sight: &Sight<'_>) -> Vec<String> {
        let (id, account, partition) = (&self.key.id, &sight.account, sight.proof.identity.arn.partition());
        let console =
            format!("sign in to the AWS console as the root user of account {account} and delete the key under Security credentials");
        let central = format!(
            "in an organization, the management account can do it: aws sts assume-root --target-principal {account} --task-policy-arn \
arn=arn:{partition}:iam::aws:policy/root-task/IAMDeleteRootUserCredentials, then aws iam delete-access-key --access-key-id {id}"
        );
        (partition != GOVCLOUD).then_some(console).into_iter().chain([central]).collect()
    }
}
