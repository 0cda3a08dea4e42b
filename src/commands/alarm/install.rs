//! `keyrotate alarm install`: what is missing is made, and whoever is to hear of it has to agree.

use std::time::Duration;

use super::{AlarmOptions, Asked, Plan, Request, SetUp, refused};
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::Attend;
use crate::os::clock;

/// How long a mailbox is waited for where nothing else was said.
pub const WAIT: Duration = Duration::from_secs(600);

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Installed {
    /// What was planned; empty where nothing was missing.
    pub plan: Plan,
    /// A person did not want it.
    pub declined: bool,
    /// Mailboxes that have not confirmed yet.
    pub pending: Vec<String>,
    /// The command that tries it out.
    pub test: String,
}

impl Installed {
    /// 10 while somebody has to confirm.
    pub fn exit_code(&self) -> u8 {
        if self.pending.is_empty() || self.declined { 0 } else { FailureKind::Attention.exit_code() }
    }
}

/// Runs the command. Waits for `wait` until the mailboxes have confirmed.
pub fn install(
    context: &Context,
    attend: Attend<'_>,
    options: &AlarmOptions,
    set_up: &SetUp,
    wait: Duration,
    request: &Request<'_>,
) -> Result<Installed, Failure> {
    let asked = Asked::new(context, attend, options, "keyrotate alarm install")?;
    request.console.progress("looking at the trails and what hears of them");
    let looked = asked.look(set_up);
    request.console.progress_done();
    let (place, own) = looked?;
    let plan = asked.plan(&place, &own, set_up)?;
    let test = format!("keyrotate alarm test {}", asked.profile.quoted());
    if !plan.is_empty() {
        (request.tell)(&plan);
        if !asked.agreed(request, &format!("set this up in account {}?", plan.account), "set it up")? {
            return Ok(Installed { plan, declined: true, pending: Vec::new(), test });
        }
        request.signals.hold();
        asked.carry_out(request, &plan.regions)?;
    }
    let pending = asked.wait(request, &place.topic(), wait)?;
    Ok(Installed { plan, declined: false, pending, test })
}

impl Asked {
    /// Waits until every mailbox has confirmed; returns those that have not.
    fn wait(&self, request: &Request<'_>, topic: &str, wait: Duration) -> Result<Vec<String>, Failure> {
        let until = clock::boot_time().saturating_add(wait);
        loop {
            let listed = self.aws.list_subscriptions(&self.signer, topic).map_err(|error| {
                refused(FailureKind::Failed, &error).state("everything is set up; whether the mailboxes have confirmed is not known")
            })?;
            let pending: Vec<String> =
                listed.into_iter().filter(|one| one.protocol == "email" && one.arn.is_none()).map(|one| one.endpoint).collect();
            if pending.is_empty() || clock::boot_time() >= until {
                return Ok(pending);
            }
            let text =
                format!("waiting for {}: AWS has sent a mail with a link that confirms it; Ctrl-C waits no longer", pending.join(", "));
            request.console.progress(&text);
            let stopped = request.console.pause(self.timing.poll_max);
            request.console.progress_done();
            if stopped {
                return Ok(pending);
            }
        }
    }
}
