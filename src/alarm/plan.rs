//! What is missing of the alarm, in the order in which it is made: what hears last, so that nothing is sent to a topic that is not there.

use serde_json::Value;

use super::place::Place;
use super::step::Step;
use super::topic_policy::with_publisher;
use super::watch::{MADE_BY, MARK, NAMESPACE, Via, Watch};
use crate::aws::{EventRule, Metric, MetricAlarm, MetricFilter, OwnSight};

/// What somebody wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// By which way.
    pub via: Via,
    /// Who is to hear of it.
    pub emails: Vec<String>,
    /// The root user is watched, too.
    pub root: bool,
}

/// Something has a name of ours that we did not make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is there already, and keyrotate did not make it")]
pub struct Foreign(pub String);

impl Wanted {
    fn watches(&self) -> impl Iterator<Item = Watch> {
        Watch::ALL.into_iter().filter(|watch| self.root || *watch != Watch::Root)
    }
}

/// The steps that are missing.
pub fn plan(place: &Place, own: &OwnSight, wanted: &Wanted) -> Result<Vec<Step>, Foreign> {
    let topic = place.topic();
    let mut steps = Vec::new();
    let found = own.topic.as_ref();
    if let Some(found) = found.filter(|found| found.topic.display_name.as_deref() != Some(MARK)) {
        return Err(Foreign(format!("the topic {topic} ({})", found.topic.display_name.as_deref().unwrap_or("without a display name"))));
    }
    if found.is_none() {
        steps.push(Step::CreateTopic { topic: topic.clone() });
    }
    let service = match wanted.via {
        Via::Metric => "cloudwatch.amazonaws.com",
        Via::EventBridge => "events.amazonaws.com",
    };
    let policy = found.and_then(|found| found.topic.policy.as_deref());
    if found.is_none() || with_publisher(policy, &topic, &place.account, service).is_some() {
        steps.push(Step::AllowPublishing { topic: topic.clone(), account: place.account.clone(), service });
    }
    let subscribed = |email: &str| {
        let all = found.map(|found| &found.subscriptions[..]).unwrap_or_default();
        all.iter().any(|one| one.protocol == "email" && one.endpoint.eq_ignore_ascii_case(email))
    };
    steps.extend(
        wanted.emails.iter().filter(|email| !subscribed(email)).map(|email| Step::Subscribe { topic: topic.clone(), email: email.clone() }),
    );
    for watch in wanted.watches() {
        match (wanted.via, &place.log_group) {
            (Via::Metric, Some(group)) => steps.extend(metric_steps(own, watch, group, &topic)?),
            (Via::Metric, None) => {}
            (Via::EventBridge, _) => steps.extend(rule_steps(own, watch, &topic)?),
        }
    }
    Ok(steps)
}

fn metric_steps(own: &OwnSight, watch: Watch, group: &str, topic: &str) -> Result<Vec<Step>, Foreign> {
    let (filter, alarm) = (filter(watch), alarm(watch, topic));
    let mut steps = Vec::new();
    let in_group = |(of, one): &&(String, MetricFilter)| of == group && one.name == filter.name;
    match own.filters.iter().find(in_group) {
        Some((_, found)) if is_same_filter(found, &filter) => {}
        found => steps.push(Step::PutFilter { group: group.to_owned(), filter, is_change: found.is_some() }),
    }
    match own.alarms.iter().find(|one| one.name == alarm.name) {
        Some(found) if *found == alarm => {}
        Some(found) if !found.description.starts_with(MADE_BY) => return Err(Foreign(format!("the alarm {}", found.name))),
        found => steps.push(Step::PutAlarm { alarm, is_change: found.is_some() }),
    }
    Ok(steps)
}

fn rule_steps(own: &OwnSight, watch: Watch, topic: &str) -> Result<Vec<Step>, Foreign> {
    let rule = rule(watch);
    let mut steps = Vec::new();
    let found = own.rules.iter().find(|one| one.rule.name == rule.name);
    match found {
        Some(found) if is_same(&found.rule, &rule) => {}
        Some(found) if !is_ours(&found.rule) => return Err(Foreign(format!("the rule {}", found.rule.name))),
        found => steps.push(Step::PutRule { rule: rule.clone(), is_change: found.is_some() }),
    }
    if !found.is_some_and(|found| found.targets.iter().any(|target| target == topic)) {
        steps.push(Step::PutTarget { rule: rule.name, topic: topic.to_owned() });
    }
    Ok(steps)
}

fn filter(watch: Watch) -> MetricFilter {
    let metric = Metric {
        namespace: NAMESPACE.to_owned(),
        name: watch.metric().to_owned(),
        value: "1".to_owned(),
        default: None,
        unit: None,
        has_dimensions: false,
    };
    MetricFilter { name: watch.name().to_owned(), pattern: watch.filter_pattern(), is_narrowed: false, metrics: vec![metric] }
}

fn alarm(watch: Watch, topic: &str) -> MetricAlarm {
    MetricAlarm {
        name: watch.name().to_owned(),
        description: watch.description(),
        namespace: NAMESPACE.to_owned(),
        metric: watch.metric().to_owned(),
        statistic: "Sum".to_owned(),
        comparison: "GreaterThanOrEqualToThreshold".to_owned(),
        threshold: 1.0,
        period: 300,
        periods: 1,
        missing_data: "notBreaching".to_owned(),
        has_actions_enabled: true,
        actions: vec![topic.to_owned()],
    }
}

fn rule(watch: Watch) -> EventRule {
    let (name, description, pattern) = (watch.name().to_owned(), Some(watch.description()), Some(watch.event_pattern()));
    EventRule { name, arn: String::new(), description, pattern, is_enabled: true }
}

/// AWS may write down that a metric has no unit.
fn is_same_filter(found: &MetricFilter, wanted: &MetricFilter) -> bool {
    let mut found = found.clone();
    found.metrics.iter_mut().for_each(|metric| metric.unit = metric.unit.take().filter(|unit| unit != "None"));
    found == *wanted
}

/// AWS gives a pattern back as it was put, or not (white space, order).
fn is_same(found: &EventRule, wanted: &EventRule) -> bool {
    let read = |rule: &EventRule| rule.pattern.as_deref().and_then(|pattern| serde_json::from_str::<Value>(pattern).ok());
    found.is_enabled && found.description == wanted.description && read(found) == read(wanted)
}

/// Whether a rule bears our mark.
pub(super) fn is_ours(rule: &EventRule) -> bool {
    rule.description.as_deref().is_some_and(|description| description.starts_with(MADE_BY))
}
