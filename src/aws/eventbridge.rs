//! Amazon EventBridge: the rules of the default event bus, which has the events of AWS's services.

use super::call::Call;
use super::iam::count_page;
use super::monitoring::{EventRule, RuleTarget};
use super::{Aws, AwsError, Signer};
use aws_sdk_eventbridge::types as sdk;

impl Aws {
    /// `events:ListRules`.
    pub(super) async fn event_rules(&self, signer: &Signer, region: &str) -> Result<Vec<EventRule>, AwsError> {
        let call = Call::new(self, signer, "events:ListRules").in_region(Some(region));
        let (client, mut next, mut rules, mut pages) = (call.eventbridge(), None, Vec::new(), 0);
        loop {
            count_page(&call, &mut pages)?;
            let answer = call.finish(client.list_rules().set_next_token(next).send().await)?;
            rules.extend(answer.rules.unwrap_or_default().into_iter().map(known));
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(rules);
            }
        }
    }

    /// `events:ListTargetsByRule`.
    pub(super) async fn rule_targets(&self, signer: &Signer, rule: &str, region: &str) -> Result<Vec<RuleTarget>, AwsError> {
        let call = Call::new(self, signer, "events:ListTargetsByRule").in_region(Some(region));
        let (client, mut next, mut targets, mut pages) = (call.eventbridge(), None, Vec::new(), 0);
        loop {
            count_page(&call, &mut pages)?;
            let answer = call.finish(client.list_targets_by_rule().rule(rule).set_next_token(next).send().await)?;
            targets.extend(
                answer.targets.unwrap_or_default().into_iter().map(|target| RuleTarget { arn: target.arn, role_arn: target.role_arn }),
            );
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(targets);
            }
        }
    }
}

fn known(rule: sdk::Rule) -> EventRule {
    EventRule {
        name: rule.name.unwrap_or_default(),
        arn: rule.arn.unwrap_or_default(),
        pattern: rule.event_pattern,
        is_enabled: rule.state != Some(sdk::RuleState::Disabled),
    }
}
