//! A rule of EventBridge, which hears of the changes without a log group.

use super::topic::{self, Sender};
use super::{Links, Sight, any, aws, fail, found, joined, pass, unknown};
use crate::audit::finding::{Finding, Level};
use crate::aws::{MonitoringSight, RuleSight, RuleTarget, is_topic};
use crate::model::{EVENTBRIDGE, Hears};

/// Whether it is about changes of policies.
pub(super) fn is_meant(one: &RuleSight) -> bool {
    one.hears != Hears::Nothing
}

/// There is none.
pub(super) fn none(monitoring: &MonitoringSight) -> Finding {
    let seen = format!("no rule in {} is about changes of policies, which would do as well", monitoring.region);
    found(Level::NotApplicable, "rules of EventBridge", seen)
}

/// From the rule on.
pub(super) fn heard(sight: Sight<'_>, one: &RuleSight) -> Links {
    let (name, region) = (one.rule.name.as_str(), sight.monitoring.region.as_str());
    let subject = format!("rule {name}");
    let edit = "let detail.eventName of its pattern be the names of all the changes, with nothing else in it";
    match &one.hears {
        Hears::Unclear => {
            let seen = "its pattern asks for more than the name of the event: whether it matches every change could not be judged";
            return vec![unknown(subject, seen, edit)];
        }
        Hears::NotOf(missed) => return vec![fail(subject, format!("it does not match {}", missed.join(", ")), edit)],
        Hears::Nothing => return vec![fail(subject, "it is about something else", edit)],
        Hears::Everything => return vec![fail(subject, "it matches nearly every event, so that a change goes under in the rest", edit)],
        Hears::All | Hears::AllAndReads => {}
    }
    if !one.rule.is_enabled {
        return vec![fail(subject, "it is disabled", aws(&["events", "enable-rule", "--region", region, "--name", name]))];
    }
    let targets = match &one.targets {
        None => return vec![unknown(subject, "its targets were not asked for", "run this again")],
        Some(Err(error)) => return vec![sight.denied(subject, error)],
        Some(Ok(targets)) => targets,
    };
    let put = aws(&["events", "put-targets", "--region", region, "--rule", name, "--targets", "Id=policy-changes-mail,Arn=TOPIC-ARN"]);
    if targets.is_empty() {
        return vec![fail(subject, "it has no target", put)];
    }
    let matched = vec![pass(subject, "it matches every change of a policy")];
    let target = |RuleTarget { arn, role_arn, .. }: &RuleTarget| match is_topic(arn) {
        true => topic::heard(sight, arn, Sender { service: EVENTBRIDGE, source_arn: &one.rule.arn, role_arn: role_arn.as_deref() }),
        false => {
            let seen = "it gets every change: whether a person hears of it could not be judged";
            vec![unknown(format!("target {arn}"), seen, put.clone())]
        }
    };
    joined([matched, any(targets.iter().map(target).collect())])
}
