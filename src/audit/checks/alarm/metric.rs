//! The log group's filters, what they count, and the alarms on it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::raised::raised;
use super::topic::{self, Sender};
use super::{Links, Sight, any, aws, fail, found, joined, pass, unknown};
use crate::audit::finding::Level;
use crate::aws::{Alarm, FilterSight, Metric, MetricFilter, MetricSight, TrailSight, is_topic, name_of_log_group, region_of_arn};
use crate::model::{CLOUDWATCH, Hears, cis_pattern, is_only_policy_events};

/// A log group, as commands name it.
#[derive(Clone, Copy)]
struct Group<'a> {
    name: &'a str,
    region: &'a str,
}

/// A filter as a command puts it, and what it counts into.
#[derive(Clone, Copy)]
struct Put<'a> {
    name: &'a str,
    namespace: &'a str,
    metric: &'a str,
    /// The unit that it counts in; an alarm may look at that one only.
    unit: Option<&'a str>,
    /// Where events come and none is a change, 0 is counted. More than that is never put.
    has_zeros: bool,
}

impl<'a> Put<'a> {
    fn new(name: &'a str) -> Self {
        Put { name, namespace: "CISBenchmark", metric: "PolicyChanges", unit: None, has_zeros: false }
    }

    /// In the place of this one, for the alarms that its metric has; or as a new one where this counts something else, too.
    fn mending(one: &'a MetricFilter, new: &'a str) -> Self {
        match one.metrics.first() {
            _ if one.is_narrowed || !is_only_policy_events(&one.pattern) => Put::new(new),
            Some(metric) => Put {
                name: &one.name,
                namespace: &metric.namespace,
                metric: &metric.name,
                unit: metric.unit.as_deref(),
                has_zeros: metric.default == Some(0.0),
            },
            None => Put::new(&one.name),
        }
    }
}

/// From the filters of the trail's log group on.
pub(super) fn heard(sight: Sight<'_>, one: &TrailSight) -> Links {
    let (Some(arn), Some(filters)) = (&one.trail.log_group_arn, &one.filters) else { return Vec::new() };
    let group = Group { name: name_of_log_group(arn).unwrap_or(arn), region: region_of_arn(arn).unwrap_or(&one.trail.home_region) };
    let subject = format!("filters of {}", group.name);
    let filters = match filters {
        Err(error) => return vec![sight.denied(subject, error)],
        Ok(filters) => filters,
    };
    let new = new_name(filters);
    let meant: Vec<Links> = filters.iter().filter(|one| one.hears != Hears::Nothing).map(|one| filter(sight, group, one, &new)).collect();
    if !meant.is_empty() {
        return any(meant);
    }
    let seen = match filters.len() {
        0 => "the log group has no metric filter".to_owned(),
        count => format!("none of the log group's {count} metric filters is about changes of policies"),
    };
    let install = format!("run `keyrotate alarm install {} --email …`", sight.facts.profile.quoted());
    vec![fail(subject, seen, format!("{install}; by hand: {}, then an alarm and a topic", put_filter(group, Put::new(&new))))]
}

/// A name that no filter of the log group has: to put one under a name that is taken removes what is there.
fn new_name(filters: &[FilterSight]) -> String {
    let mut names = (1..).map(|at| if at == 1 { "policy-changes".to_owned() } else { format!("policy-changes-{at}") });
    names.find(|name| filters.iter().all(|one| one.filter.name != *name)).unwrap_or_default()
}

fn filter(sight: Sight<'_>, group: Group<'_>, one: &FilterSight, new: &str) -> Links {
    let MetricFilter { name, is_narrowed, .. } = &one.filter;
    let subject = format!("filter {name}");
    let put = Put::mending(&one.filter, new);
    let fix = || put_filter(group, put);
    let narrowed = "its pattern asks for more than the name of the event: whether it counts every change could not be judged";
    match &one.hears {
        Hears::Unclear => vec![unknown(subject, narrowed, fix())],
        Hears::All | Hears::AllAndReads if *is_narrowed => {
            vec![unknown(subject, "it looks at a part of the log group's events only (fieldSelectionCriteria)", fix())]
        }
        Hears::Nothing => vec![fail(subject, "it is about something else", fix())],
        Hears::NotOf(missed) => vec![fail(subject, format!("it does not count {}", missed.join(", ")), fix())],
        Hears::Everything => {
            let seen = "it counts nearly every event, so that an alarm on it is raised all the time and tells of no change";
            vec![fail(subject, seen, fix())]
        }
        Hears::All | Hears::AllAndReads => {
            let reads = "it counts every change of a policy, and what only reads, too: an alarm that is raised already tells of no change";
            let links = match one.hears == Hears::AllAndReads {
                true => vec![found(Level::Warn, subject.clone(), reads).fix(fix())],
                false => vec![pass(subject.clone(), "it counts every change of a policy")],
            };
            if one.metrics.is_empty() {
                return joined([links, vec![fail(subject, "it counts into no metric", fix())]]);
            }
            joined([links, any(one.metrics.iter().map(|one| metric(sight, group, put, one)).collect())])
        }
    }
}

fn metric(sight: Sight<'_>, group: Group<'_>, put: Put<'_>, one: &MetricSight) -> Links {
    let Metric { namespace, name, value, has_dimensions, .. } = &one.metric;
    let subject = format!("metric {namespace}/{name}");
    let counts = match value.parse::<f64>() {
        Ok(counts) if counts > 0.0 => counts,
        Ok(_) => return vec![fail(subject, format!("a change counts {value}, which no alarm sees"), put_filter(group, put))],
        Err(_) => return vec![unknown(subject, format!("a change counts {value}, which is not known"), put_filter(group, put))],
    };
    if *has_dimensions {
        let seen = "it has dimensions: each value of them is a metric of its own, and whether each has an alarm could not be judged";
        return vec![unknown(subject, seen, put_filter(group, put))];
    }
    let alarms: Vec<&Alarm> = match &one.alarms {
        None => return vec![unknown(subject, "its alarms were not asked for", "run this again")],
        Some(Err(error)) => return vec![sight.denied(subject, error)],
        Some(Ok(alarms)) => alarms.iter().filter(|alarm| !alarm.has_dimensions).collect(),
    };
    let others = match &one.others {
        None => &[][..],
        Some(Err(error)) => return vec![sight.denied(subject, error)],
        Some(Ok(others)) => others,
    };
    let put_alarm = || put_alarm(group, "policy-changes", &one.metric, &[]);
    if !others.is_empty() {
        let seen = format!("the alarm {} goes by it, and by more: whether a change raises it could not be judged", others.join(", "));
        return vec![unknown(subject, seen, put_alarm())];
    }
    if alarms.is_empty() {
        return vec![fail(subject, "no alarm is on it", put_alarm())];
    }
    let links = vec![pass(subject, format!("a change counts {value}"))];
    joined([links, any(alarms.into_iter().map(|one_alarm| alarm(sight, group, (put, &one.metric, counts), one_alarm)).collect())])
}

fn alarm(sight: Sight<'_>, group: Group<'_>, (filter, metric, counts): (Put<'_>, &Metric, f64), alarm: &Alarm) -> Links {
    let subject = format!("alarm {}", alarm.name);
    let put = || put_alarm(group, &alarm.name, metric, &alarm.actions);
    let mend = || match metric.default {
        Some(default) if default > 0.0 => format!("{}, which has no defaultValue, then {}", put_filter(group, filter), put()),
        _ => put(),
    };
    if !alarm.has_actions_enabled {
        let fix = aws(&["cloudwatch", "enable-alarm-actions", "--region", group.region, "--alarm-names", &alarm.name]);
        return vec![fail(subject, "its actions are off", fix)];
    }
    let (counted_in, looks_at) = (metric.unit.as_deref().unwrap_or("None"), alarm.unit.as_deref());
    let (level, seen) = match looks_at.filter(|unit| *unit != counted_in) {
        Some(unit) => (Level::Fail, format!("it looks at the unit {unit} only, and a change is counted in the unit {counted_in}")),
        None => raised(alarm, counts, metric.default),
    };
    let own = found(level, subject.clone(), seen);
    let own = if level == Level::Pass { own } else { own.fix(mend()) };
    let sender = Sender { service: CLOUDWATCH, source_arn: &alarm.arn, role_arn: None };
    let topics: Vec<&String> = alarm.actions.iter().filter(|action| is_topic(action)).collect();
    let actions = match (topics.is_empty(), alarm.actions.first()) {
        (false, _) => any(topics.into_iter().map(|arn| topic::heard(sight, arn, sender)).collect()),
        (true, None) => vec![fail(subject, "it does nothing when it is raised: it has no action", put())],
        (true, Some(action)) => {
            vec![unknown(subject, format!("it acts by {action}: whether a person hears of it could not be judged"), put())]
        }
    };
    joined([vec![own], actions])
}

fn put_filter(group: Group<'_>, put: Put<'_>) -> String {
    let pattern = cis_pattern();
    let unit = put.unit.map(|unit| ("unit", json!(unit)));
    let zeros = put.has_zeros.then(|| ("defaultValue", json!(0)));
    let counted = [("metricName", json!(put.metric)), ("metricNamespace", json!(put.namespace)), ("metricValue", json!("1"))];
    let count: BTreeMap<&str, Value> = counted.into_iter().chain(unit).chain(zeros).collect();
    let count = json!([count]).to_string();
    let command = ["logs", "put-metric-filter", "--region", group.region, "--log-group-name", group.name, "--filter-name", put.name];
    aws(&[&command[..], &["--metric-transformations", &count, "--filter-pattern", &pattern]].concat())
}

/// The alarm with what it does already, else with what it is to do.
fn put_alarm(group: Group<'_>, name: &str, metric: &Metric, actions: &[String]) -> String {
    let command = ["cloudwatch", "put-metric-alarm", "--region", group.region, "--alarm-name", name];
    let of = ["--namespace", &metric.namespace, "--metric-name", &metric.name, "--statistic", "Sum", "--period", "300"];
    let when = ["--evaluation-periods", "1", "--threshold", "1", "--comparison-operator", "GreaterThanOrEqualToThreshold"];
    let then = ["--treat-missing-data", "notBreaching", "--alarm-actions"];
    let actions: Vec<&str> = if actions.is_empty() { vec!["TOPIC-ARN"] } else { actions.iter().map(String::as_str).collect() };
    aws(&[&command[..], &of, &when, &then, &actions].concat())
}
