//! What is ours of what has our names. A mark, or what it is wired to: somebody may have put other words where the mark was.

use super::topic_policy::has_our_statement;
use super::watch::{MADE_BY, MARK, METRICS, NAMES, NAMESPACE, Via};
use crate::aws::{MetricAlarm, MetricFilter, OwnRule, OwnSight};

/// Whether a filter is ours. It has no description: its name and its metrics tell.
pub fn is_our_filter(filter: &MetricFilter) -> bool {
    NAMES.contains(&filter.name.as_str()) && filter.metrics.iter().all(|metric| metric.namespace == NAMESPACE)
}

/// Whether an alarm is ours.
pub fn is_our_alarm(alarm: &MetricAlarm) -> bool {
    alarm.description.contains(MADE_BY) || (alarm.namespace == NAMESPACE && METRICS.contains(&alarm.metric.as_str()))
}

/// Whether a rule is ours.
pub fn is_our_rule(rule: &OwnRule, topic: &str) -> bool {
    let description = rule.rule.description.as_deref();
    description.is_some_and(|text| text.contains(MADE_BY)) || rule.targets.iter().any(|target| target.arn == topic)
}

/// Whether the topic is ours.
pub fn is_our_topic(own: &OwnSight, topic: &str) -> bool {
    if own.topic.is_none() {
        return false;
    }
    is_marked(own)
        || own.alarms.iter().any(|alarm| is_our_alarm(alarm) && alarm.actions.iter().any(|action| action == topic))
        || own.rules.iter().any(|rule| rule.targets.iter().any(|target| target.arn == topic))
}

/// Whether the topic bears a mark of ours.
pub fn is_marked(own: &OwnSight) -> bool {
    let Some(found) = &own.topic else { return false };
    found.topic.display_name.as_deref() == Some(MARK) || found.topic.policy.as_deref().is_some_and(has_our_statement)
}

/// By which ways something of ours is there.
pub fn ways(own: &OwnSight, topic: &str) -> Vec<Via> {
    let by_metric = own.alarms.iter().any(is_our_alarm) || own.filters.iter().any(|(_, filter)| is_our_filter(filter));
    let by_rule = own.rules.iter().any(|rule| is_our_rule(rule, topic));
    [(by_metric, Via::Metric), (by_rule, Via::EventBridge)].into_iter().filter(|(is_there, _)| *is_there).map(|(_, via)| via).collect()
}
