//! An account in which somebody hears of it when a policy changes: everything that it takes, planted at once.

use super::logs::MetricFilter;
use super::state::World;

/// The name of all that is planted, and of the metric.
pub const POLICIES: &str = "policies";

const EVENTS: [&str; 16] = [
    "AttachGroupPolicy",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "CreatePolicy",
    "CreatePolicyVersion",
    "DeleteGroupPolicy",
    "DeletePolicy",
    "DeletePolicyVersion",
    "DeleteRolePolicy",
    "DeleteUserPolicy",
    "DetachGroupPolicy",
    "DetachRolePolicy",
    "DetachUserPolicy",
    "PutGroupPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
];

/// A metric filter pattern of the events of CIS but these, in another order than CIS has them.
pub fn filter_pattern(without: &[&str]) -> String {
    let named: Vec<String> =
        EVENTS.iter().filter(|name| !without.contains(name)).map(|name| format!("($.eventName = \"{name}\")")).collect();
    format!("{{ {} }}", named.join(" || "))
}

/// An event pattern of the events of CIS but these.
pub fn event_pattern(without: &[&str]) -> String {
    let named: Vec<&&str> = EVENTS.iter().filter(|name| !without.contains(name)).collect();
    serde_json::json!({"source": ["aws.iam"], "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["iam.amazonaws.com"], "eventName": named}})
    .to_string()
}

impl World {
    /// A trail of all regions made in this one, its log group, a filter, an alarm, a topic and a mailbox; returns the topic's ARN.
    pub fn watch_policies(&mut self, region: &str) -> String {
        self.add_trail(POLICIES, region, Some(POLICIES));
        let group = self.add_log_group(POLICIES, region);
        self.log_groups[group].filters.push(MetricFilter::new(POLICIES, &filter_pattern(&[])));
        let topic = self.add_topic(POLICIES, region);
        self.add_alarm(POLICIES, region, POLICIES, &topic);
        topic
    }

    /// A rule of EventBridge, and a topic to which it may publish; returns the topic's ARN.
    pub fn watch_policies_by_rule(&mut self, region: &str) -> String {
        let topic = self.add_topic("by-rule", region);
        let policy = serde_json::json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish", "Resource": topic}]});
        self.topic(&topic).policy = policy.to_string();
        self.add_rule(POLICIES, region, &event_pattern(&[]), &topic);
        topic
    }
}
