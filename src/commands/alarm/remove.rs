//! `keyrotate alarm remove`: what `install` made is removed, and nothing else.

use super::{AlarmOptions, Asked, Plan, Planned, Request, UNCHANGED};
use crate::alarm::removal;
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::Attend;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// What was planned; empty where nothing of ours was there.
    pub plan: Plan,
    /// A person did not want it, or only wanted to see it.
    pub declined: bool,
    /// The regions that were looked at.
    pub regions: Vec<String>,
}

/// Runs the command; `is_dry_run` only shows what would go. What cannot be looked at is told after the rest is done.
pub fn remove(
    context: &Context,
    attend: Attend<'_>,
    options: &AlarmOptions,
    is_dry_run: bool,
    request: &Request<'_>,
) -> Result<(Removed, Option<Failure>), Failure> {
    let asked = Asked::new(context, attend, options, "keyrotate alarm remove")?;
    request.console.progress("looking for what keyrotate set up");
    let (plan, unseen) = asked.planned_removal();
    request.console.progress_done();
    let regions = plan.regions.iter().map(|region| region.region.clone()).collect();
    if plan.is_empty() {
        return Ok((Removed { plan, declined: false, regions }, unseen));
    }
    request.signals.hold();
    (request.tell)(&plan);
    if is_dry_run || !asked.agreed(request, &format!("remove this from account {}?", plan.account), "remove it")? {
        return Ok((Removed { plan, declined: true, regions }, unseen));
    }
    asked.carry_out(request, &plan.regions)?;
    let unseen = unseen.map(|failure| failure.state("the rest is removed"));
    Ok((Removed { plan, declined: false, regions }, unseen))
}

impl Asked {
    fn planned_removal(&self) -> (Plan, Option<Failure>) {
        let sight = self.trails();
        let (mut regions, mut notes, mut unseen) = (Vec::new(), Vec::new(), None);
        let mut missed = |failure: Failure| unseen = unseen.take().or(Some(failure.state(UNCHANGED)));
        if let Err(error) = &sight.trails {
            missed(self.refused(FailureKind::Unchecked, error));
        }
        for region in self.regions(&sight) {
            match self.own(&sight, &region) {
                Ok(own) => {
                    let gone = removal(&own, &self.topic(&region));
                    notes.extend(gone.stays.into_iter().map(|stays| format!("left in {region}: {stays}")));
                    regions.push(Planned { region, steps: gone.steps });
                }
                Err(error) => missed(self.refused(FailureKind::Unchecked, &error).of(&region)),
            }
        }
        (Plan { account: self.identity.account.clone(), regions, notes, ..Plan::default() }, unseen)
    }
}
