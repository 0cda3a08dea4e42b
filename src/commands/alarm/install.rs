//! `keyrotate alarm install`: what is missing is made, and whoever is to hear of it has to agree.

use std::time::Duration;

use super::{AlarmOptions, Asked, Plan, Request, SetUp, UNCHANGED, heard};
use crate::alarm::Step;
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::Attend;
use crate::os::clock;

/// How long a mailbox is waited for where nothing else was said.
pub const WAIT: Duration = Duration::from_secs(600);

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Installed {
    /// What was planned; empty where nothing was missing.
    pub plan: Plan,
    /// A person did not want it.
    pub declined: bool,
    /// Who hears of a change now.
    pub confirmed: Vec<String>,
    /// Mailboxes that have not confirmed yet.
    pub pending: Vec<String>,
    /// Those of them to which another mail was sent.
    pub sent_again: Vec<String>,
    /// The command that tries it out.
    pub test: String,
    is_complete: bool,
}

impl Installed {
    /// 10 while somebody who was named has to confirm, nobody hears of it, or something else is in the way.
    pub fn exit_code(&self) -> u8 {
        if self.declined || (self.is_complete && self.plan.faults.is_empty()) { 0 } else { FailureKind::Attention.exit_code() }
    }
}

/// Runs the command. Waits for `wait` until the mailboxes that were named have confirmed.
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
    let looked = looked?;
    let plan = asked.plan(&looked)?;
    let emails = &looked.wanted.emails;
    if emails.is_empty() && plan.confirmed.is_empty() && plan.pending.is_empty() {
        let hint = format!("name a mailbox: `keyrotate alarm install {} --email ADDRESS`", asked.profile.quoted());
        return Err(Failure::new(FailureKind::Usage, "nobody would hear of it").state(UNCHANGED).hint(hint));
    }
    let test = format!("keyrotate alarm test {}", asked.profile.quoted());
    request.signals.hold();
    if !plan.is_empty() {
        (request.tell)(&plan);
        if !asked.agreed(request, &format!("set this up in account {}?", plan.account), "set it up")? {
            return Ok(Installed { plan, declined: true, test, ..Installed::default() });
        }
        asked.carry_out(request, &plan.regions)?;
    }
    let topic = looked.place.topic();
    let sent_again = asked.send_again(&topic, emails, &plan)?;
    let (confirmed, pending) = asked.wait(request, &topic, emails, wait)?;
    let is_complete = !confirmed.is_empty() && emails.iter().all(|email| is_among(email, &confirmed));
    Ok(Installed { plan, declined: false, confirmed, pending, sent_again, test, is_complete })
}

impl Asked {
    /// Another mail to those that were named and have not confirmed since an earlier run.
    fn send_again(&self, topic: &str, emails: &[String], plan: &Plan) -> Result<Vec<String>, Failure> {
        let is_new = |email: &str| {
            let mut steps = plan.regions.iter().flat_map(|region| &region.steps);
            steps.any(|step| matches!(step, Step::Subscribe { email: new, .. } if new == email))
        };
        let late: Vec<String> = emails.iter().filter(|email| is_among(email, &plan.pending) && !is_new(email)).cloned().collect();
        for email in &late {
            let sent = self.aws.subscribe_email(&self.signer, topic, email);
            sent.map_err(|error| {
                self.refused(FailureKind::Failed, &error).state(format!("all parts are there; {email} has not confirmed"))
            })?;
        }
        Ok(late)
    }

    /// Waits until every mailbox that was named has confirmed; returns those that have, and those that have not.
    fn wait(&self, request: &Request<'_>, topic: &str, emails: &[String], wait: Duration) -> Result<(Vec<String>, Vec<String>), Failure> {
        let until = clock::boot_time().saturating_add(wait);
        loop {
            let listed = self.aws.list_subscriptions(&self.signer, topic).map_err(|error| {
                let state = "all parts are there; whether the mailboxes have confirmed is not known";
                self.refused(FailureKind::Failed, &error).state(state)
            })?;
            let (confirmed, mut pending) = heard(listed.iter());
            let late: Vec<String> = emails.iter().filter(|email| !is_among(email, &confirmed)).cloned().collect();
            // A list that is behind may lack the newest.
            pending.extend(late.iter().filter(|email| !is_among(email, &pending)).cloned().collect::<Vec<_>>());
            if late.is_empty() || clock::boot_time() >= until {
                return Ok((confirmed, pending));
            }
            request.console.progress(&format!("waiting for {} to confirm (Ctrl-C: wait no longer)", late.join(", ")));
            let stopped = request.console.pause(self.timing.poll_max);
            request.console.progress_done();
            if stopped {
                return Ok((confirmed, pending));
            }
        }
    }
}

/// SNS writes addresses as they were given.
fn is_among(email: &str, all: &[String]) -> bool {
    all.iter().any(|one| one.eq_ignore_ascii_case(email))
}
