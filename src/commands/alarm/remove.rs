//! `keyrotate alarm remove`: what `install` made is removed, and nothing else.

use super::{AlarmOptions, Asked, Plan, Planned, Request};
use crate::alarm::removal;
use crate::commands::context::Context;
use crate::commands::failure::Failure;
use crate::commands::session::Attend;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// What was planned; empty where nothing of ours was there.
    pub plan: Plan,
    /// A person did not want it, or only wanted to see it.
    pub declined: bool,
}

/// Runs the command; `is_dry_run` only shows what would go.
pub fn remove(
    context: &Context,
    attend: Attend<'_>,
    options: &AlarmOptions,
    is_dry_run: bool,
    request: &Request<'_>,
) -> Result<Removed, Failure> {
    let asked = Asked::new(context, attend, options, "keyrotate alarm remove")?;
    request.console.progress("looking for what keyrotate set up");
    let planned = asked.planned_removal();
    request.console.progress_done();
    let plan = planned?;
    if plan.is_empty() {
        return Ok(Removed { plan, declined: false });
    }
    (request.tell)(&plan);
    if is_dry_run || !asked.agreed(request, &format!("remove this from account {}?", plan.account), "remove it")? {
        return Ok(Removed { plan, declined: true });
    }
    request.signals.hold();
    asked.carry_out(request, &plan.regions)?;
    Ok(Removed { plan, declined: false })
}

impl Asked {
    fn planned_removal(&self) -> Result<Plan, Failure> {
        let (mut regions, mut notes) = (Vec::new(), Vec::new());
        for region in self.regions(&self.trails())? {
            let gone = removal(&self.own(&region)?, &self.topic(&region));
            notes.extend(gone.stays.into_iter().map(|stays| format!("left in {region}: {stays}")));
            regions.push(Planned { region, steps: gone.steps });
        }
        Ok(Plan { account: self.identity.account.clone(), regions, notes })
    }
}
