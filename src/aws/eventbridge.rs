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
            targets.extend(answer.targets.unwrap_or_default().into_iter().map(|target| RuleTarget {
                id: target.id,
                arn: target.arn,
                role_arn: target.role_arn,
            }));
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(targets);
            }
        }
    }
}

impl Aws {
    /// `events:ListRuleNamesByTarget`: the names of all rules that send to this.
    pub(super) async fn rules_that_send_to(&self, signer: &Signer, region: &str, target: &str) -> Result<Vec<String>, AwsError> {
        let call = Call::new(self, signer, "events:ListRuleNamesByTarget").in_region(Some(region));
        let request = call.eventbridge().list_rule_names_by_target().target_arn(target);
        let (mut next, mut names, mut pages) = (None, Vec::new(), 0);
        loop {
            count_page(&call, &mut pages)?;
            let answer = call.finish(request.clone().set_next_token(next).send().await)?;
            names.extend(answer.rule_names.unwrap_or_default());
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(names);
            }
        }
    }

    /// `events:PutRule` on the default event bus: makes the rule, or makes it anew.
    pub fn put_rule(&self, signer: &Signer, region: &str, rule: &EventRule) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "events:PutRule").in_region(Some(region));
        let request = call.eventbridge().put_rule().name(&rule.name).set_event_pattern(rule.pattern.clone());
        let state = if rule.has_reads { sdk::RuleState::EnabledWithAllCloudtrailManagementEvents } else { sdk::RuleState::Enabled };
        let request = request.set_description(rule.description.clone()).state(state);
        call.finish(self.runtime.block_on(request.send())).map(drop)
    }

    /// `events:PutTargets`, of one.
    pub fn put_target(&self, signer: &Signer, region: &str, rule: &str, id: &str, arn: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "events:PutTargets").in_region(Some(region));
        let target = sdk::Target::builder().id(id).arn(arn).build().map_err(|_| call.garbled("the target has no ARN"))?;
        let answer = call.finish(self.runtime.block_on(call.eventbridge().put_targets().rule(rule).targets(target).send()))?;
        if answer.failed_entry_count > 0 { Err(call.garbled("AWS did not take the target")) } else { Ok(()) }
    }

    /// `events:RemoveTargets`, by their IDs.
    pub fn remove_targets(&self, signer: &Signer, region: &str, rule: &str, ids: &[String]) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "events:RemoveTargets").in_region(Some(region));
        let request = call.eventbridge().remove_targets().rule(rule).set_ids(Some(ids.to_vec()));
        let answer = call.finish(self.runtime.block_on(request.send()))?;
        if answer.failed_entry_count > 0 { Err(call.garbled("AWS did not remove the target")) } else { Ok(()) }
    }

    /// `events:DeleteRule`. One that is not there is deleted, too; one with targets is not.
    pub fn delete_rule(&self, signer: &Signer, region: &str, name: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "events:DeleteRule").in_region(Some(region));
        call.finish(self.runtime.block_on(call.eventbridge().delete_rule().name(name).send())).map(drop)
    }

    /// `events:TestEventPattern`: whether the pattern matches this event.
    pub fn test_event_pattern(&self, signer: &Signer, region: &str, pattern: &str, event: &str) -> Result<bool, AwsError> {
        let call = Call::new(self, signer, "events:TestEventPattern").in_region(Some(region));
        let request = call.eventbridge().test_event_pattern().event_pattern(pattern).event(event);
        call.finish(self.runtime.block_on(request.send())).map(|answer| answer.result)
    }
}

fn known(rule: sdk::Rule) -> EventRule {
    EventRule {
        name: rule.name.unwrap_or_default(),
        arn: rule.arn.unwrap_or_default(),
        description: rule.description,
        pattern: rule.event_pattern,
        has_reads: rule.state == Some(sdk::RuleState::EnabledWithAllCloudtrailManagementEvents),
        is_enabled: rule.state != Some(sdk::RuleState::Disabled),
    }
}
