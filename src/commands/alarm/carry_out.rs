//! The steps of a plan, carried out one by one.

use super::{Asked, Planned, Request};
use crate::alarm::{MARK, Step, TOPIC, with_publisher};
use crate::aws::{AwsError, ErrorKind};
use crate::commands::failure::{Failure, FailureKind};

impl Asked {
    /// Carries out the steps of these regions in their order, until one fails or somebody stops it.
    pub(super) fn carry_out(&self, request: &Request<'_>, regions: &[Planned]) -> Result<(), Failure> {
        let all: usize = regions.iter().map(|region| region.steps.len()).sum();
        let is_removal = regions.iter().flat_map(|region| &region.steps).any(Step::is_removal);
        let (done_with, now) = if is_removal { ("removed", "any more") } else { ("made", "yet") };
        let mut done = 0;
        for Planned { region, steps } in regions {
            for step in steps {
                let state = || format!("{done} of {all} parts are {done_with}: a change may reach nobody {now}");
                if let Some(signal) = request.signals.raised() {
                    let stopped = Failure::new(FailureKind::Failed, format!("stopped by {signal}"));
                    return Err(stopped.state(state()).hint("run this again, which goes on"));
                }
                request.console.progress(&step.about());
                let made = self.make(region, step);
                request.console.progress_done();
                made.map_err(|error| {
                    let failure = self.refused(FailureKind::Failed, &error).state(state());
                    Failure { message: format!("{}: {}", step.about(), failure.message), ..failure }
                })?;
                done += 1;
            }
        }
        Ok(())
    }

    /// Each can be made again: AWS makes what is there anew, and what is gone need not go.
    fn make(&self, region: &str, step: &Step) -> Result<(), AwsError> {
        let (aws, signer) = (&self.aws, &self.signer);
        let made = match step {
            Step::CreateTopic { .. } => aws.create_topic(signer, region, TOPIC, MARK).map(drop),
            Step::AllowPublishing { topic, account, service } => {
                let policy = aws.get_topic(signer, topic)?.policy;
                match with_publisher(policy.as_deref(), topic, account, service) {
                    Some(policy) => aws.set_topic_policy(signer, topic, &policy),
                    None => Ok(()),
                }
            }
            Step::Subscribe { topic, email } => aws.subscribe_email(signer, topic, email),
            Step::PutFilter { group, filter, .. } => aws.put_metric_filter(signer, region, group, filter),
            Step::PutAlarm { alarm, .. } => aws.put_metric_alarm(signer, region, alarm),
            Step::PutRule { rule, .. } => aws.put_rule(signer, region, rule),
            Step::PutTarget { rule, id, topic, .. } => aws.put_target(signer, region, rule, id, topic),
            Step::DeleteAlarm { name } => aws.delete_alarm(signer, region, name),
            Step::DeleteFilter { group, name } => aws.delete_metric_filter(signer, region, group, name),
            Step::RemoveTargets { rule, ids } => aws.remove_targets(signer, region, rule, ids),
            Step::DeleteRule { name } => aws.delete_rule(signer, region, name),
            Step::DeleteTopic { topic, .. } => aws.delete_topic(signer, topic),
        };
        match made {
            Err(error) if step.is_removal() && error.kind == ErrorKind::Gone => Ok(()),
            other => other,
        }
    }
}
