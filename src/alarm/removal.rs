//! What is ours of what is there, in the order in which it goes: what hears first, so that nothing is sent to a topic that is gone.

use super::own::{is_marked, is_our_alarm, is_our_filter, is_our_rule, is_our_topic};
use super::step::Step;
use super::topic_policy::has_others_statement;
use crate::aws::{MetricAlarm, MetricFilter, OwnRule, OwnSight};

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
    own.alarms.iter().for_each(|alarm| removal.alarm(own, alarm, topic));
    let goes =
        |name: &str| own.alarms.iter().any(|alarm| alarm.name == name && is_our_alarm(alarm) && others_use(own, alarm, topic).is_none());
    let left_with = |filter: &MetricFilter| {
        let metrics: Vec<&str> = filter.metrics.iter().map(|metric| metric.name.as_str()).collect();
        own.watchers.iter().find(|(metric, alarm)| metrics.contains(&metric.as_str()) && !goes(alarm)).map(|(_, alarm)| alarm)
    };
    for (group, filter) in &own.filters {
        let (name, group) = (&filter.name, group.clone());
        if !is_our_filter(filter) {
            removal.stays.push(format!("the metric filter {name} of {group}: nothing of it says that keyrotate made it"));
        } else if let Some(alarm) = left_with(filter) {
            removal.stays.push(format!("the metric filter {name} of {group}: the alarm {alarm}, which stays, looks at what it counts"));
        } else {
            removal.steps.push(Step::DeleteFilter { group, name: name.clone() });
        }
    }
    own.rules.iter().for_each(|rule| removal.rule(rule, topic));
    removal.topic(own, topic);
    // What is known by what is wired to it alone has to go before that, or a removal that was cut off would not know it any more.
    if !is_marked(own)
        && let Some(at) = removal.steps.iter().position(|step| matches!(step, Step::DeleteTopic { .. }))
    {
        let last = removal.steps.remove(at);
        removal.steps.insert(0, last);
    }
    removal
}

impl Removal {
    fn alarm(&mut self, own: &OwnSight, alarm: &MetricAlarm, topic: &str) {
        let name = &alarm.name;
        if !is_our_alarm(alarm) {
            self.stays.push(format!("the alarm {name}: nothing of it says that keyrotate made it"));
        } else if let Some(use_of_it) = others_use(own, alarm, topic) {
            self.stays.push(format!("the alarm {name}: {use_of_it}"));
            let mut without = MetricAlarm { is_raised: false, ..alarm.clone() };
            for list in [&mut without.actions, &mut without.ok_actions, &mut without.insufficient_data_actions] {
                list.retain(|action| action != topic);
            }
            // What is put anew would lose what somebody narrowed it to.
            if without != (MetricAlarm { is_raised: false, ..alarm.clone() }) && !alarm.is_narrowed {
                self.steps.push(Step::PutAlarm { alarm: without, is_change: true });
            }
        } else {
            self.steps.push(Step::DeleteAlarm { name: name.clone() });
        }
    }

    fn rule(&mut self, rule: &OwnRule, topic: &str) {
        let name = &rule.rule.name;
        let (ours, others): (Vec<_>, Vec<_>) = rule.targets.iter().partition(|target| target.arn == topic);
        if !is_our_rule(rule, topic) {
            self.stays.push(format!("the rule {name}: nothing of it says that keyrotate made it"));
            return;
        }
        if !ours.is_empty() {
            self.steps.push(Step::RemoveTargets { rule: name.clone(), ids: ours.into_iter().map(|target| target.id.clone()).collect() });
        }
        if others.is_empty() {
            self.steps.push(Step::DeleteRule { name: name.clone() });
        } else {
            self.stays.push(format!("the rule {name}: it has other targets"));
        }
    }

    fn topic(&mut self, own: &OwnSight, topic: &str) {
        let Some(found) = &own.topic else { return };
        let lets_go = |name: &str| {
            self.steps.iter().any(|step| {
                matches!(step, Step::DeleteAlarm { name: of } | Step::RemoveTargets { rule: of, .. } if of == name)
                    || matches!(step, Step::PutAlarm { alarm, .. } if alarm.name == name)
            })
        };
        let publishers: Vec<&str> = found.alarms.iter().chain(&found.rules).map(String::as_str).filter(|name| !lets_go(name)).collect();
        let heard: Vec<&str> = found.subscriptions.iter().filter(|one| one.protocol != "email").map(|one| one.endpoint.as_str()).collect();
        let mut stays = |why: &str| self.stays.push(format!("the topic {topic}: {why}"));
        if !is_our_topic(own, topic) {
            stays("nothing of it says that keyrotate made it");
        } else if !publishers.is_empty() {
            stays(&format!("{} publishes to it, too", publishers.join(", ")));
        } else if !heard.is_empty() {
            stays(&format!("{} hears of it, too", heard.join(", ")));
        } else if found.topic.policy.as_deref().is_some_and(has_others_statement) {
            stays("somebody let others publish to it: its policy has a statement that is neither SNS's nor keyrotate's");
        } else {
            let mailboxes = found.subscriptions.iter().map(|one| one.endpoint.clone()).collect();
            self.steps.push(Step::DeleteTopic { topic: topic.to_owned(), mailboxes });
        }
    }
}

/// What somebody else has of the alarm: it does something else than tell our topic, or another alarm goes by it.
fn others_use(own: &OwnSight, alarm: &MetricAlarm, topic: &str) -> Option<String> {
    let mut actions = alarm.actions.iter().chain(&alarm.ok_actions).chain(&alarm.insufficient_data_actions);
    let parent = own.composites.iter().find(|(of, _)| *of == alarm.name).map(|(_, parent)| parent);
    let hears = || actions.any(|action| action != topic).then(|| "somebody else hears of it, too".to_owned());
    parent.map(|parent| format!("the composite alarm {parent} goes by it")).or_else(hears)
}
