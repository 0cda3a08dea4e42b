//! What is ours of what is there, in the order in which it goes: what hears first, so that nothing is sent to a topic that is gone.

use super::plan::is_ours;
use super::step::Step;
use super::watch::{MADE_BY, MARK, NAMES, NAMESPACE};
use crate::aws::{MetricFilter, OwnSight};

/// What goes, and what stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Removal {
    /// What is done.
    pub steps: Vec<Step>,
    /// What has a name of ours and stays, each with the reason.
    pub stays: Vec<String>,
}

/// The removal of all that is ours in a region.
pub fn removal(own: &OwnSight, topic: &str) -> Removal {
    let mut removal = Removal::default();
    for alarm in &own.alarms {
        if alarm.description.starts_with(MADE_BY) {
            removal.steps.push(Step::DeleteAlarm { name: alarm.name.clone() });
        } else {
            removal.stays.push(format!("the alarm {}: keyrotate did not make it", alarm.name));
        }
    }
    for (group, filter) in &own.filters {
        if is_our_filter(filter) {
            removal.steps.push(Step::DeleteFilter { group: group.clone(), name: filter.name.clone() });
        } else {
            removal.stays.push(format!("the metric filter {} of {group}: keyrotate did not make it", filter.name));
        }
    }
    for rule in &own.rules {
        let name = &rule.rule.name;
        let others = rule.targets.iter().filter(|target| *target != topic).count();
        if !is_ours(&rule.rule) {
            removal.stays.push(format!("the rule {name}: keyrotate did not make it"));
            continue;
        }
        if rule.targets.len() > others {
            removal.steps.push(Step::RemoveTarget { rule: name.clone() });
        }
        if others == 0 {
            removal.steps.push(Step::DeleteRule { name: name.clone() });
        } else {
            removal.stays.push(format!("the rule {name}: it has other targets"));
        }
    }
    removal.topic(own, topic);
    removal
}

impl Removal {
    fn topic(&mut self, own: &OwnSight, topic: &str) {
        let Some(found) = &own.topic else { return };
        let goes = |name: &str| self.steps.iter().any(|step| matches!(step, Step::DeleteAlarm { name: gone } if gone == name));
        let others: Vec<&str> = found.alarms.iter().map(String::as_str).filter(|name| !goes(name)).collect();
        let heard: Vec<&str> = found.subscriptions.iter().filter(|one| one.protocol != "email").map(|one| one.endpoint.as_str()).collect();
        if found.topic.display_name.as_deref() != Some(MARK) {
            self.stays.push(format!("the topic {topic}: keyrotate did not make it"));
        } else if !others.is_empty() {
            self.stays.push(format!("the topic {topic}: the alarm {} publishes to it, too", others.join(", ")));
        } else if !heard.is_empty() {
            self.stays.push(format!("the topic {topic}: {} hears of it, too", heard.join(", ")));
        } else {
            let mailboxes = found.subscriptions.iter().map(|one| one.endpoint.clone()).collect();
            self.steps.push(Step::DeleteTopic { topic: topic.to_owned(), mailboxes });
        }
    }
}

/// A filter has no description: it is ours where its name and its only metric are.
fn is_our_filter(filter: &MetricFilter) -> bool {
    let is_ours = |namespace: &str| namespace == NAMESPACE;
    NAMES.contains(&filter.name.as_str()) && filter.metrics.iter().all(|metric| is_ours(&metric.namespace))
}
