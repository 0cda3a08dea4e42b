//! What is missing of the alarm, in the order in which it is made: what hears last, so that nothing is sent to a topic that is not there, and no
//! mailbox is asked before everything else is there.

use serde_json::Value;

use super::own::{is_our_alarm, is_our_filter, is_our_rule, is_our_topic};
use super::place::Place;
use super::step::Step;
use super::topic_policy::{may_publish, with_publisher};
use super::watch::{MARK, NAMESPACE, TARGET, Via, Watch};
use crate::aws::{EventRule, Metric, MetricAlarm, MetricFilter, OwnRule, OwnSight, OwnTopic, Subscription};
use crate::model::{CLOUDWATCH, EVENTBRIDGE, Publisher, Truth, shell_word};

/// The key that AWS manages for SNS, whose policy nobody can change.
const AWS_MANAGED_KEY: &str = "alias/aws/sns";

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
#[error("{what} is there already, and nothing of it says that keyrotate made it")]
pub struct Foreign {
    /// What it is.
    pub what: String,
    /// The command that removes it.
    pub command: String,
}

impl Wanted {
    fn watches(&self) -> impl Iterator<Item = Watch> {
        Watch::ALL.into_iter().filter(|watch| self.root || *watch != Watch::Root)
    }
}

impl Via {
    /// Who publishes to the topic.
    pub fn service(self) -> &'static str {
        match self {
            Via::Metric => CLOUDWATCH,
            Via::EventBridge => EVENTBRIDGE,
        }
    }
}

/// The steps that are missing.
pub fn plan(place: &Place, own: &OwnSight, wanted: &Wanted) -> Result<Vec<Step>, Foreign> {
    let (topic, region) = (place.topic(), &place.region);
    let mut steps = Vec::new();
    let found = own.topic.as_ref();
    if found.is_some() && !is_our_topic(own, &topic) {
        let command = format!(
            "aws sns set-topic-attributes --region {region} --topic-arn {topic} --attribute-name DisplayName --attribute-value {MARK}` \
             makes it keyrotate's, and where nobody needs it, `aws sns delete-topic --region {region} --topic-arn {topic}"
        );
        return Err(Foreign { what: format!("the topic {topic}"), command });
    }
    if found.is_none() {
        steps.push(Step::CreateTopic { topic: topic.clone() });
    }
    if is_to_be_allowed(place, own, wanted.via) {
        steps.push(Step::AllowPublishing { topic: topic.clone(), account: place.account.clone(), service: wanted.via.service() });
    }
    for watch in wanted.watches() {
        match (wanted.via, &place.log_group) {
            (Via::Metric, Some(group)) => steps.extend(metric_steps(own, watch, group, place)?),
            (Via::Metric, None) => {}
            (Via::EventBridge, _) => steps.extend(rule_steps(own, watch, place)?),
        }
    }
    let subscribed = |email: &str| {
        let all = found.map(|found| &found.subscriptions[..]).unwrap_or_default();
        all.iter().any(|one| one.protocol == "email" && one.endpoint.eq_ignore_ascii_case(email))
    };
    let new = wanted.emails.iter().filter(|email| !subscribed(email));
    steps.extend(new.map(|email| Step::Subscribe { topic: topic.clone(), email: email.clone() }));
    Ok(steps)
}

/// What is in the way of a mail and is not ours to change, each with what to do.
pub fn faults(place: &Place, own: &OwnSight, via: Via) -> Vec<String> {
    let (topic, service) = (place.topic(), via.service());
    let Some(found) = &own.topic else { return Vec::new() };
    let mut faults = Vec::new();
    let set = format!("aws sns set-topic-attributes --region {} --topic-arn {topic} --attribute-name", place.region);
    if found.topic.kms_key_id.as_deref().is_some_and(|key| key.ends_with(AWS_MANAGED_KEY)) {
        faults.push(format!(
            "the topic is encrypted with alias/aws/sns, a key that {service} cannot use, so that no mail goes out: `{set} KmsMasterKeyId \
             --attribute-value KEY-ID` with a key of your own whose policy lets {service} do kms:Decrypt and kms:GenerateDataKey*"
        ));
    }
    let policy = found.topic.policy.as_deref();
    let is_in = with_publisher(policy, &topic, &place.account, service).is_none();
    if is_in && publishes(place, policy, via) == Truth::No {
        faults.push(format!(
            "a statement of the topic's policy denies {service} to publish, so that no mail goes out: take it out (`aws sns \
             get-topic-attributes --region {} --topic-arn {topic}` shows the policy)",
            place.region
        ));
    }
    let off = "--attribute-name FilterPolicy --attribute-value '{}'";
    if let Some((Truth::No, first)) = heard(found) {
        faults.push(format!(
            "each subscription that is confirmed filters by attributes, which no alarm and no rule gives, so that no mail goes out: `aws sns \
             set-subscription-attributes --region {} --subscription-arn {} {off}` takes the filter of {} off",
            place.region,
            first.arn.as_deref().unwrap_or_default(),
            first.endpoint
        ));
    }
    faults
}

/// Whether one of those that have confirmed gets what is published, and who that may be; none where nobody has confirmed.
fn heard(topic: &OwnTopic) -> Option<(Truth, &Subscription)> {
    let confirmed = topic.subscriptions.iter().filter(|one| one.arn.is_some());
    confirmed.map(|one| (*one.gets.as_ref().unwrap_or(&Truth::Unknown), one)).max_by_key(|(gets, _)| *gets)
}

/// What may be in the way of a mail and cannot be seen by whoever looks here.
pub fn doubts(own: &OwnSight, via: Via) -> Vec<String> {
    let (topic, service) = (own.topic.as_ref(), via.service());
    let key = topic.and_then(|found| found.topic.kms_key_id.as_deref()).filter(|key| !key.ends_with(AWS_MANAGED_KEY));
    let of_key = |key| {
        format!(
            "the topic is encrypted with the KMS key {key}: whether its policy lets {service} do kms:Decrypt and kms:GenerateDataKey* was not looked at"
        )
    };
    let unheard = topic.and_then(heard).filter(|(gets, _)| *gets == Truth::Unknown).map(|(_, one)| match (&one.gets, &one.other_account) {
        (_, Some(account)) => {
            format!("whether {} has a filter policy for its subscription is seen by account {account} alone", one.endpoint)
        }
        (Ok(_), None) => {
            format!("{} has a filter policy for its subscription: whether a change passes it could not be judged", one.endpoint)
        }
        (Err(error), None) => format!("whether {} has a filter policy for its subscription is unknown: {error}", one.endpoint),
    });
    key.map(of_key).into_iter().chain(unheard).collect()
}

/// A new topic lets CloudWatch publish for alarms of its account.
fn is_to_be_allowed(place: &Place, own: &OwnSight, via: Via) -> bool {
    let Some(found) = &own.topic else { return via == Via::EventBridge };
    let policy = found.topic.policy.as_deref();
    publishes(place, policy, via) != Truth::Yes && with_publisher(policy, &place.topic(), &place.account, via.service()).is_some()
}

fn publishes(place: &Place, policy: Option<&str>, via: Via) -> Truth {
    let Place { partition, account, region, .. } = place;
    let source = match via {
        Via::Metric => format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{}", Watch::Policies.name()),
        Via::EventBridge => format!("arn:{partition}:events:{region}:{account}:rule/{}", Watch::Policies.name()),
    };
    let publisher = Publisher { service: via.service(), account, source_arn: &source, topic: &place.topic() };
    may_publish(policy, publisher)
}

fn metric_steps(own: &OwnSight, watch: Watch, group: &str, place: &Place) -> Result<Vec<Step>, Foreign> {
    let (filter, region) = (filter(watch), &place.region);
    let mut steps = Vec::new();
    let in_group = |(of, one): &&(String, MetricFilter)| of == group && one.name == filter.name;
    match own.filters.iter().find(in_group) {
        Some((_, found)) if is_same_filter(found, &filter) => {}
        Some((_, found)) if !is_our_filter(found) => {
            let name = &found.name;
            let command =
                format!("aws logs delete-metric-filter --region {region} --log-group-name {} --filter-name {name}", shell_word(group));
            return Err(Foreign { what: format!("the metric filter {name} of the log group {group}"), command });
        }
        found => {
            steps.push(Step::PutFilter { group: group.to_owned(), filter, short: watch.pattern_in_short(), is_change: found.is_some() });
        }
    }
    let topic = place.topic();
    match own.alarms.iter().find(|one| one.name == watch.name()) {
        None => steps.push(Step::PutAlarm { alarm: alarm(watch, &topic), is_change: false }),
        Some(found) if !is_our_alarm(found) => {
            let command = format!("aws cloudwatch delete-alarms --region {region} --alarm-names {}", found.name);
            return Err(Foreign { what: format!("the alarm {}", found.name), command });
        }
        Some(found) => {
            let alarm = beside(alarm(watch, &topic), found, &topic);
            if alarm != (MetricAlarm { is_raised: false, ..found.clone() }) {
                steps.push(Step::PutAlarm { alarm, is_change: true });
            }
        }
    }
    Ok(steps)
}

fn rule_steps(own: &OwnSight, watch: Watch, place: &Place) -> Result<Vec<Step>, Foreign> {
    let (rule, topic, region) = (rule(watch), place.topic(), &place.region);
    let mut steps = Vec::new();
    let found = own.rules.iter().find(|one| one.rule.name == rule.name);
    match found {
        Some(found) if is_same(&found.rule, &rule) => {}
        Some(found) if !is_our_rule(found, &topic) => {
            let name = &found.rule.name;
            let command = format!("aws events delete-rule --region {region} --name {name}");
            return Err(Foreign { what: format!("the rule {name}"), command });
        }
        found => {
            let description = found.and_then(|found| found.rule.description.clone()).filter(|text| !text.is_empty());
            let rule = EventRule { description: description.or(rule.description.clone()), ..rule.clone() };
            steps.push(Step::PutRule { rule, short: watch.pattern_in_short(), is_change: found.is_some() });
        }
    }
    if !found.is_some_and(|found| sends_to(found, &topic)) {
        let (id, is_change) = target_id(found, &topic);
        steps.push(Step::PutTarget { rule: rule.name, id, topic, is_change });
    }
    Ok(steps)
}

/// Whether EventBridge itself sends what the rule matches to the topic.
fn sends_to(rule: &OwnRule, topic: &str) -> bool {
    rule.targets.iter().any(|target| target.arn == topic && target.role_arn.is_none())
}

/// The ID under which the topic becomes a target: that of the topic where it is one already, else one that no other target has.
fn target_id(rule: Option<&OwnRule>, topic: &str) -> (String, bool) {
    let targets = rule.map(|rule| &rule.targets[..]).unwrap_or_default();
    if let Some(found) = targets.iter().find(|target| target.arn == topic) {
        return (found.id.clone(), true);
    }
    let ids = std::iter::once(TARGET.to_owned()).chain((2..).map(|number| format!("{TARGET}-{number}")));
    let free = ids.take(targets.len() + 1).find(|id| targets.iter().all(|target| target.id != *id));
    (free.unwrap_or_else(|| TARGET.to_owned()), false)
}

fn filter(watch: Watch) -> MetricFilter {
    let metric = Metric::of(NAMESPACE, watch.metric());
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
        missing_data: Some("notBreaching".to_owned()),
        has_actions_enabled: true,
        actions: vec![topic.to_owned()],
        ok_actions: Vec::new(),
        insufficient_data_actions: Vec::new(),
        is_narrowed: false,
        is_raised: false,
    }
}

/// The alarm as it is to be, with what somebody else added to the one that is there: what it also does, words of the description.
fn beside(alarm: MetricAlarm, found: &MetricAlarm, topic: &str) -> MetricAlarm {
    let mut actions = found.actions.clone();
    if !actions.iter().any(|action| action == topic) {
        actions.push(topic.to_owned());
    }
    MetricAlarm {
        description: if found.description.is_empty() { alarm.description } else { found.description.clone() },
        actions,
        ok_actions: found.ok_actions.clone(),
        insufficient_data_actions: found.insufficient_data_actions.clone(),
        ..alarm
    }
}

fn rule(watch: Watch) -> EventRule {
    let (name, description, pattern) = (watch.name().to_owned(), Some(watch.description()), Some(watch.event_pattern()));
    EventRule { name, arn: String::new(), description, pattern, is_enabled: true, has_reads: watch == Watch::Root }
}

/// AWS may write down that a metric has no unit.
fn is_same_filter(found: &MetricFilter, wanted: &MetricFilter) -> bool {
    let mut found = found.clone();
    found.metrics.iter_mut().for_each(|metric| metric.unit = metric.unit.take().filter(|unit| unit != "None"));
    found == *wanted
}

/// AWS gives a pattern back as it was put, or not (white space, order). The words of the description are anybody's.
fn is_same(found: &EventRule, wanted: &EventRule) -> bool {
    let read = |rule: &EventRule| rule.pattern.as_deref().and_then(|pattern| serde_json::from_str::<Value>(pattern).ok());
    found.is_enabled && found.has_reads == wanted.has_reads && read(found) == read(wanted)
}
