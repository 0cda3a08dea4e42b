//! The log group's filters, what they count, and the alarms on it.

use super::{Links, Sight, any, aws, fail, found, joined, pass, topic, unknown};
use crate::audit::finding::Level;
use crate::aws::{Alarm, FilterSight, Metric, MetricFilter, MetricSight, TrailSight, is_topic, name_of_log_group, region_of_arn};
use crate::model::{Hears, cis_pattern, is_only_policy_events};

const CLOUDWATCH: &str = "cloudwatch.amazonaws.com";

/// A log group, as commands name it.
#[derive(Clone, Copy)]
struct Group<'a> {
    name: &'a str,
    region: &'a str,
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
    vec![fail(subject, seen, put_filter(group, &new))]
}

/// A name that no filter of the log group has: to put one under a name that is taken removes what is there.
fn new_name(filters: &[FilterSight]) -> String {
    let mut names = (1..).map(|at| if at == 1 { "policy-changes".to_owned() } else { format!("policy-changes-{at}") });
    names.find(|name| filters.iter().all(|one| one.filter.name != *name)).unwrap_or_default()
}

fn filter(sight: Sight<'_>, group: Group<'_>, one: &FilterSight, new: &str) -> Links {
    let MetricFilter { name, pattern, is_narrowed, .. } = &one.filter;
    let subject = format!("filter {name}");
    let put_as = if is_only_policy_events(pattern) && !is_narrowed { name } else { new };
    let fix = || put_filter(group, put_as);
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
            joined([links, any(one.metrics.iter().map(|one| metric(sight, group, put_as, one)).collect())])
        }
    }
}

fn metric(sight: Sight<'_>, group: Group<'_>, filter: &str, one: &MetricSight) -> Links {
    let Metric { namespace, name, value, has_dimensions, .. } = &one.metric;
    let subject = format!("metric {namespace}/{name}");
    let counts = match value.parse::<f64>() {
        Ok(counts) if counts > 0.0 => counts,
        Ok(_) => return vec![fail(subject, format!("a change counts {value}, which no alarm sees"), put_filter(group, filter))],
        Err(_) => return vec![unknown(subject, format!("a change counts {value}, which is not known"), put_filter(group, filter))],
    };
    if *has_dimensions {
        let seen = "it has dimensions: each value of them is a metric of its own, and whether each has an alarm could not be judged";
        return vec![unknown(subject, seen, put_filter(group, filter))];
    }
    let alarms: Vec<&Alarm> = match &one.alarms {
        None => return vec![unknown(subject, "its alarms were not asked for", "run this again")],
        Some(Err(error)) => return vec![sight.denied(subject, error)],
        Some(Ok(alarms)) => alarms.iter().filter(|alarm| !alarm.has_dimensions).collect(),
    };
    if alarms.is_empty() {
        return vec![fail(subject, "no alarm is on it", put_alarm(group, "policy-changes", &one.metric))];
    }
    let links = vec![pass(subject, format!("a change counts {value}"))];
    joined([links, any(alarms.into_iter().map(|one_alarm| alarm(sight, group, &one.metric, counts, one_alarm)).collect())])
}

fn alarm(sight: Sight<'_>, group: Group<'_>, metric: &Metric, counts: f64, alarm: &Alarm) -> Links {
    let subject = format!("alarm {}", alarm.name);
    let put = || put_alarm(group, &alarm.name, metric);
    if !alarm.has_actions_enabled {
        let fix = aws(&["cloudwatch", "enable-alarm-actions", "--region", group.region, "--alarm-names", &alarm.name]);
        return vec![fail(subject, "its actions are off", fix)];
    }
    let (counted_in, looks_at) = (metric.unit.as_deref().unwrap_or("None"), alarm.unit.as_deref());
    let (level, seen) = match looks_at.filter(|unit| *unit != counted_in) {
        Some(unit) => (Level::Fail, format!("it looks at the unit {unit} only, and a change is counted in the unit {counted_in}")),
        None => raised(alarm, counts),
    };
    let own = found(level, subject.clone(), seen);
    let own = if level == Level::Pass { own } else { own.fix(put()) };
    let topics: Vec<&String> = alarm.actions.iter().filter(|action| is_topic(action)).collect();
    let actions = match (topics.is_empty(), alarm.actions.first()) {
        (false, _) => any(topics.into_iter().map(|arn| topic::heard(sight, arn, CLOUDWATCH, &alarm.arn)).collect()),
        (true, None) => vec![fail(subject, "it does nothing when it is raised: it has no action", put())],
        (true, Some(action)) => {
            vec![unknown(subject, format!("it acts by {action}: whether a person hears of it could not be judged"), put())]
        }
    };
    joined([vec![own], actions])
}

/// Whether one change raises the alarm.
fn raised(alarm: &Alarm, counts: f64) -> (Level, String) {
    let Alarm { statistic, comparison, datapoints, .. } = alarm;
    let threshold = alarm.threshold.unwrap_or(f64::NAN);
    let is_raised = match comparison.as_str() {
        "GreaterThanOrEqualToThreshold" => Some(counts >= threshold),
        "GreaterThanThreshold" => Some(counts > threshold),
        _ => None,
    };
    let is_quiet = match comparison.as_str() {
        "GreaterThanOrEqualToThreshold" => threshold > 0.0,
        _ => threshold >= 0.0,
    };
    let rule = format!("{statistic} {comparison} {threshold}");
    match (statistic.as_str(), is_raised) {
        ("Sum" | "Maximum", Some(true)) if *datapoints > 1 => {
            (Level::Warn, format!("it wants {datapoints} periods with a change, and may miss one alone"))
        }
        ("Sum" | "Maximum", Some(true)) if is_quiet => (Level::Pass, "one change raises it".to_owned()),
        ("Sum" | "Maximum", Some(true)) => (Level::Fail, format!("it is raised all the time, with a change or without ({rule})")),
        ("Sum" | "Maximum", Some(false)) => (Level::Fail, format!("one change does not raise it ({rule}, and a change counts {counts})")),
        _ => (Level::Unknown, format!("whether one change raises it could not be judged ({rule})")),
    }
}

fn put_filter(group: Group<'_>, name: &str) -> String {
    let pattern = cis_pattern();
    let count = "metricName=PolicyChanges,metricNamespace=CISBenchmark,metricValue=1";
    let command = ["logs", "put-metric-filter", "--region", group.region, "--log-group-name", group.name, "--filter-name", name];
    aws(&[&command[..], &["--metric-transformations", count, "--filter-pattern", &pattern]].concat())
}

fn put_alarm(group: Group<'_>, name: &str, metric: &Metric) -> String {
    let command = ["cloudwatch", "put-metric-alarm", "--region", group.region, "--alarm-name", name];
    let of = ["--namespace", &metric.namespace, "--metric-name", &metric.name, "--statistic", "Sum", "--period", "300"];
    let when = ["--evaluation-periods", "1", "--threshold", "1", "--comparison-operator", "GreaterThanOrEqualToThreshold"];
    let then = ["--treat-missing-data", "notBreaching", "--alarm-actions", "TOPIC-ARN"];
    aws(&[&command[..], &of, &when, &then].concat())
}
