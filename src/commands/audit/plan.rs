//! `keyrotate audit --plan`: the commands that put a finding right.
//!
//! Invariant: they are printed, and none of them is run.

use super::Asked;
use crate::audit::{InlineUser, NoPlan, Step, inline_plan};
use crate::aws::{Aws, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::model::{Arn, Check};

const NOTHING: &str = "nothing was changed";

/// A plan, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanOutcome {
    /// Comments and commands for a POSIX shell; none where there is nothing to do.
    pub steps: Vec<Step>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// The plan for what this check finds.
pub(super) fn plan(asked: &Asked<'_>, aws: &Aws, signer: &Signer, check: Check) -> Result<PlanOutcome, Failure> {
    if check != Check::Inline {
        let message = format!("{} has no plan: what to do about it is one step, or a decision", check.id());
        let hint = format!("run `keyrotate audit {}`, which shows the fix", asked.profile.quoted());
        return Err(Failure::new(FailureKind::Usage, message).state(NOTHING).hint(hint));
    }
    let sight = aws.look_at_user(signer, None);
    let identity = asked.identity(&sight)?;
    let (Some(user), Some(name)) = (sight.user, identity.user_name()) else {
        let message = format!("{} is no IAM user and has no inline policies", identity.arn);
        return Err(Failure::new(FailureKind::Unchecked, message).state(NOTHING));
    };
    let unchecked = |error| Failure::from_error(FailureKind::Unchecked, &error).state(NOTHING);
    let inline = user.policies.inline.map_err(unchecked)?;
    let attached = user.policies.attached.map_err(unchecked)?;
    if inline.is_empty() {
        return Ok(PlanOutcome { steps: Vec::new(), notes: vec![format!("{name} has no inline policies: there is nothing to do")] });
    }
    let (partition, account) = (identity.arn.partition(), identity.account.as_str());
    let existing = |policy: &str| {
        let arn = Arn::parse(&format!("arn:{partition}:iam::{account}:policy/{policy}")).ok()?;
        aws.customer_managed_policy(signer, &arn).ok().flatten()
    };
    let planned = inline_plan(&InlineUser { name, partition, account, inline: &inline, attached: attached.len() }, existing);
    let steps = planned.map_err(|error: NoPlan| Failure::from_error(FailureKind::Failed, &error).state(NOTHING))?;
    let run =
        format!("run as somebody who may change IAM: keyrotate audit {0} --plan INLINE | keyrotate exec {0} -- sh", asked.profile.quoted());
    // In the script: on its way into a shell a note would stand among that one's questions.
    Ok(PlanOutcome { steps: [Step::Comment(run)].into_iter().chain(steps).collect(), notes: Vec::new() })
}
