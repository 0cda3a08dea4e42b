//! What is said where nothing here can see or change the key, or where AWS's answers contradict each other.
//!
//! Invariant: it promises nothing of the key but what AWS shows.

use super::sight::{Sight, other_secret};
use super::{Removing, UNCHANGED};
use crate::commands::failure::{Failure, FailureKind};
use crate::root_key::Seen;

/// The partition whose console knows no root user (GovCloud user guide, "Signing in to AWS GovCloud (US)").
const GOVCLOUD: &str = "aws-us-gov";

impl Removing<'_> {
    /// AWS's answers contradict each other.
    pub(super) fn later(&self) -> Failure {
        let message = format!("AWS knows {}, and does not list it among the root user's keys: one of the two answers is late", self.key.id);
        Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(format!("run `{}` again in a few minutes", self.again()))
    }

    /// A person says that the key is gone, and AWS has it.
    pub(super) fn contradicted(&self, sight: &Sight<'_>) -> Failure {
        let has = match sight.seen {
            Seen::Inactive => "AWS has it, and it is inactive",
            Seen::Active | Seen::Unlisted | Seen::Gone | Seen::Hidden => "AWS has it, and it is active",
            Seen::OtherSecret => "AWS has it, and the secret here is another one",
            Seen::Counted => "AWS tells the administrator that the root user has a key, and it had no other when they were listed",
        };
        let who = if self.request.options.seen_gone { "--seen-gone says" } else { "you said" };
        let message = format!("{who} that the root user does not have {} any more; {has}", self.key.id);
        let again = self.again();
        let hint = match sight.seen {
            Seen::Active | Seen::Inactive | Seen::Unlisted | Seen::Gone | Seen::Hidden => format!("run `{again}`, which removes it"),
            Seen::OtherSecret => format!("put its secret there, then run `{again}`"),
            Seen::Counted => format!(
                "{}; then run `{again}` again; a key of the root user that was made since sees it, too, from a profile here",
                self.ways(sight).join("; ")
            ),
        };
        Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint)
    }

    /// Nobody here can see or change the key.
    pub(super) fn stranded(&self, sight: &Sight<'_>) -> Failure {
        let (id, again) = (&self.key.id, self.again());
        let ways = self.ways(sight).join("; ");
        match sight.seen {
            Seen::Inactive => {
                let message = format!("{id} is inactive, and no open session and no other key of the root user is here that could sign");
                let failure = Failure::new(FailureKind::Critical, message).state("the key is inactive; the files still have it");
                failure.hint(format!("{ways}; then run `{again}` again, which removes its lines"))
            }
            Seen::OtherSecret => {
                let message =
                    format!("{}, and no open session and no other key of the root user is here that could sign", other_secret(id));
                let failure = Failure::new(FailureKind::Critical, message).state(UNCHANGED);
                failure.hint(format!("put its secret there, then run `{again}` again; or: {ways}"))
            }
            Seen::Active | Seen::Unlisted | Seen::Gone | Seen::Hidden | Seen::Counted => {
                let message =
                    format!("AWS does not accept {id}, and no open session and no other key of the root user is here that could see why");
                let failure = Failure::new(FailureKind::Critical, message).state("the key is inactive or deleted; the files still have it");
                let then = format!("{ways}; then run `{again}` again");
                let hint = if sight.seen == Seen::Counted {
                    then
                } else {
                    format!(
                        "{then}, and where the root user has another key, with --seen-gone: `{again} --seen-gone` removes the lines on your word"
                    )
                };
                let failure = failure.hint(hint);
                Failure { causes: vec![sight.proof.of_root()], ..failure }
            }
        }
    }

    /// Where the root user's keys can be reached without this one.
    fn ways(&self, sight: &Sight<'_>) -> Vec<String> {
        let (id, account, partition) = (&self.key.id, &sight.account, sight.proof.identity.arn.partition());
        let others = self.begun.as_ref().map(|(_, removal)| removal.others.as_slice()).unwrap_or_default();
        let other = others.first().map(|other| format!("put its other key, {other}, into a profile here, where this command finds it"));
        let console = format!(
            "sign in to the AWS console as the root user of account {account} and look for the key under Security credentials, where it is to be deleted"
        );
        let central = format!(
            "in an organization, the management account can do it: aws sts assume-root --target-principal {account} --task-policy-arn \
arn=arn:{partition}:iam::aws:policy/root-task/IAMDeleteRootUserCredentials, then aws iam list-access-keys, and aws iam delete-access-key --access-key-id {id}"
        );
        other.into_iter().chain((partition != GOVCLOUD).then_some(console)).chain([central]).collect()
    }
}
