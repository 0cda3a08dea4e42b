//! Each link broken in turn.

use super::Level::{Fail, NotApplicable, Unknown, Warn};
use super::*;

/// What it is called, what is changed, and each link that is no pass, with its level.
type Scenario = (&'static str, fn(&mut MonitoringSight), &'static [(Level, &'static str)]);

const NO_RULE: (Level, &str) = (NotApplicable, "rules of EventBridge");

const SCENARIOS: &[Scenario] = &[
    ("all is there", |_| {}, &[]),
    ("no trail", |s| s.trails = Ok(Vec::new()), &[(Fail, "account 111122223333")]),
    (
        "one region, with the events of IAM",
        |s| {
            (first(s).trail.is_multi_region, first(s).trail.home_region) = (false, "us-east-1".into());
        },
        &[(Warn, "trail main")],
    ),
    ("one region, without them", |s| first(s).trail.is_multi_region = false, &[(Fail, "trail main"), NO_RULE]),
    ("no log group", |s| (first(s).trail.log_group_arn, first(s).filters) = (None, None), &[(Fail, "log group of main"), NO_RULE]),
    (
        "not logging",
        |s| first(s).status = Ok(TrailStatus { is_logging: false, log_group_error: None }),
        &[(Fail, "logging of main"), NO_RULE],
    ),
    (
        "it cannot deliver",
        |s| {
            first(s).status = Ok(TrailStatus { is_logging: true, log_group_error: Some("AccessDenied".into()) });
        },
        &[(Fail, "log group main"), NO_RULE],
    ),
    ("without global events", |s| first(s).trail.has_global_events = false, &[(Fail, "events of main"), NO_RULE]),
    ("no event is chosen", |s| first(s).selectors = Ok(EventSelectors::default()), &[(Fail, "events of main"), NO_RULE]),
    ("no filter", |s| filters(s).clear(), &[(Fail, "filters of main"), NO_RULE]),
    ("filters about something else", |s| *filters(s) = vec![filter("root", Hears::Nothing)], &[(Fail, "filters of main"), NO_RULE]),
    (
        "a filter lacks an event",
        |s| *filters(s) = vec![filter("some", Hears::NotOf(vec!["PutUserPolicy"]))],
        &[(Fail, "filter some"), NO_RULE],
    ),
    ("a filter asks for more", |s| *filters(s) = vec![filter("unclear", Hears::Unclear)], &[(Unknown, "filter unclear"), NO_RULE]),
    ("a filter counts everything", |s| *filters(s) = vec![filter("denied", Hears::Everything)], &[(Fail, "filter denied"), NO_RULE]),
    ("a filter counts reads, too", |s| filters(s)[0].hears = Hears::AllAndReads, &[(Warn, "filter policies")]),
    ("a filter of some fields", |s| filters(s)[0].filter.is_narrowed = true, &[(Unknown, "filter policies"), NO_RULE]),
    ("one filter is bad and one is good", |s| filters(s).insert(0, filter("some", Hears::NotOf(vec!["PutUserPolicy"]))), &[]),
    (
        "one filter is bad and one is unclear",
        |s| {
            *filters(s) = vec![filter("some", Hears::NotOf(vec!["PutUserPolicy"])), filter("unclear", Hears::Unclear)];
        },
        &[(Warn, "filter some"), (Unknown, "filter unclear"), NO_RULE],
    ),
    ("it counts nothing", |s| filters(s)[0].metrics[0].metric.value = "0".into(), &[(Fail, "metric CISBenchmark/PolicyChanges"), NO_RULE]),
    (
        "it counts what is in the event",
        |s| {
            filters(s)[0].metrics[0].metric.value = "$.count".into();
        },
        &[(Unknown, "metric CISBenchmark/PolicyChanges"), NO_RULE],
    ),
    (
        "the metric has dimensions",
        |s| {
            filters(s)[0].metrics[0].metric.has_dimensions = true;
        },
        &[(Unknown, "metric CISBenchmark/PolicyChanges"), NO_RULE],
    ),
    ("no metric", |s| filters(s)[0].metrics.clear(), &[(Fail, "filter policies"), NO_RULE]),
    ("no alarm", |s| alarms(s).clear(), &[(Fail, "metric CISBenchmark/PolicyChanges"), NO_RULE]),
    (
        "an alarm on a dimension that nobody counts",
        |s| {
            alarms(s)[0].has_dimensions = true;
        },
        &[(Fail, "metric CISBenchmark/PolicyChanges"), NO_RULE],
    ),
    ("actions are off", |s| alarms(s)[0].has_actions_enabled = false, &[(Fail, "alarm policies"), NO_RULE]),
    ("no action", |s| alarms(s)[0].actions.clear(), &[(Fail, "alarm policies"), NO_RULE]),
    (
        "an action that is no topic",
        |s| {
            alarms(s)[0].actions = vec!["arn:aws:lambda:eu-west-1:111122223333:function:a".into()];
        },
        &[(Unknown, "alarm policies"), NO_RULE],
    ),
    ("a high threshold", |s| alarms(s)[0].threshold = Some(5.0), &[(Fail, "alarm policies"), NO_RULE]),
    (
        "a high threshold, and a change counts as much",
        |s| {
            alarms(s)[0].threshold = Some(5.0);
            filters(s)[0].metrics[0].metric.value = "5".into();
        },
        &[],
    ),
    (
        "more than none",
        |s| {
            (alarms(s)[0].comparison, alarms(s)[0].threshold) = ("GreaterThanThreshold".into(), Some(0.0));
        },
        &[],
    ),
    ("raised all the time", |s| alarms(s)[0].threshold = Some(0.0), &[(Fail, "alarm policies"), NO_RULE]),
    (
        "raised all the time, and wanted for three periods",
        |s| (alarms(s)[0].threshold, alarms(s)[0].datapoints) = (Some(0.0), 3),
        &[(Fail, "alarm policies"), NO_RULE],
    ),
    ("nothing counted is a change", |s| alarms(s)[0].missing_data = Some("breaching".into()), &[(Fail, "alarm policies"), NO_RULE]),
    ("nothing counted ends no alarm", |s| alarms(s)[0].missing_data = Some("ignore".into()), &[(Warn, "alarm policies")]),
    ("nothing counted is no word", |s| alarms(s)[0].missing_data = Some("missing".into()), &[]),
    ("what is no change counts as one", |s| default(s, 1.0), &[(Fail, "alarm policies"), NO_RULE]),
    ("what is no change counts a part", |s| default(s, 0.5), &[(Unknown, "alarm policies"), NO_RULE]),
    (
        "what is no change counts a part, and nobody adds it up",
        |s| {
            default(s, 0.5);
            alarms(s)[0].statistic = "Maximum".into();
        },
        &[],
    ),
    (
        "what is no change counts zero, which ends the alarm",
        |s| {
            default(s, 0.0);
            alarms(s)[0].missing_data = Some("ignore".into());
        },
        &[],
    ),
    (
        "what is no change counts zero, and no event at all is a change",
        |s| {
            default(s, 0.0);
            alarms(s)[0].missing_data = Some("breaching".into());
        },
        &[(Warn, "alarm policies")],
    ),
    ("another unit", |s| alarms(s)[0].unit = Some("Count".into()), &[(Fail, "alarm policies"), NO_RULE]),
    (
        "the same unit",
        |s| {
            alarms(s)[0].unit = Some("Count".into());
            filters(s)[0].metrics[0].metric.unit = Some("Count".into());
        },
        &[],
    ),
    (
        "a composite alarm goes by it",
        |s| {
            alarms(s)[0].actions.clear();
            filters(s)[0].metrics[0].others = Some(Ok(vec!["security".into()]));
        },
        &[(Unknown, "metric CISBenchmark/PolicyChanges"), NO_RULE],
    ),
    (
        "no alarm does anything, and the look at others is denied",
        |s| {
            alarms(s)[0].actions.clear();
            filters(s)[0].metrics[0].others = Some(Err(denied("cloudwatch:DescribeAlarms")));
        },
        &[(Unknown, "metric CISBenchmark/PolicyChanges"), NO_RULE],
    ),
    (
        "no alarm does anything, and there are no others",
        |s| {
            alarms(s)[0].actions.clear();
            filters(s)[0].metrics[0].others = Some(Ok(Vec::new()));
        },
        &[(Fail, "alarm policies"), NO_RULE],
    ),
    ("an average of changes alone", |s| alarms(s)[0].statistic = "Average".into(), &[]),
    ("a count of changes alone", |s| alarms(s)[0].statistic = "SampleCount".into(), &[]),
    (
        "an average of changes and of nothing",
        |s| {
            default(s, 0.0);
            alarms(s)[0].statistic = "Average".into();
        },
        &[(Unknown, "alarm policies"), NO_RULE],
    ),
    (
        "a count of changes and of nothing",
        |s| {
            default(s, 0.0);
            alarms(s)[0].statistic = "SampleCount".into();
        },
        &[(Unknown, "alarm policies"), NO_RULE],
    ),
    (
        "a count that wants two changes",
        |s| (alarms(s)[0].statistic, alarms(s)[0].threshold) = ("SampleCount".into(), Some(2.0)),
        &[(Fail, "alarm policies"), NO_RULE],
    ),
    ("a percentile", |s| alarms(s)[0].statistic = "p90".into(), &[(Unknown, "alarm policies"), NO_RULE]),
    ("a lower limit", |s| alarms(s)[0].comparison = "LessThanThreshold".into(), &[(Unknown, "alarm policies"), NO_RULE]),
    ("three periods", |s| alarms(s)[0].datapoints = 3, &[(Warn, "alarm policies")]),
    (
        "a bad alarm and a good one",
        |s| {
            let bad = Alarm { actions: Vec::new(), ..alarm() };
            alarms(s).insert(0, bad);
        },
        &[],
    ),
    (
        "the key of AWS",
        |s| {
            s.topics[0].topic.as_mut().unwrap().kms_key_id = Some("alias/aws/sns".into());
        },
        &[(Fail, "topic alerts"), NO_RULE],
    ),
    (
        "an own key",
        |s| {
            s.topics[0].topic.as_mut().unwrap().kms_key_id = Some("alias/own".into());
        },
        &[(Warn, "topic alerts")],
    ),
    (
        "a policy that lets nobody publish",
        |s| {
            s.topics[0].topic.as_mut().unwrap().policy = Some(r#"{"Statement":[]}"#.into());
        },
        &[(Fail, "topic alerts"), NO_RULE],
    ),
    ("no word of a policy", |s| s.topics[0].topic.as_mut().unwrap().policy = None, &[(Unknown, "topic alerts"), NO_RULE]),
    ("the topic is gone", |s| s.topics[0].topic = Err(gone("sns:GetTopicAttributes")), &[(Fail, "topic alerts"), NO_RULE]),
    ("nobody subscribed", |s| s.topics[0].subscriptions = Ok(Vec::new()), &[(Fail, "subscriptions of alerts"), NO_RULE]),
    (
        "nobody confirmed",
        |s| {
            subscriptions(s)[0].arn = None;
        },
        &[(Fail, "subscriptions of alerts"), NO_RULE],
    ),
    (
        "one of two confirmed",
        |s| {
            let waiting = Subscription { arn: None, gets: Ok(Truth::Unknown), ..subscriptions(s)[0].clone() };
            subscriptions(s).insert(0, waiting);
        },
        &[],
    ),
    (
        "a filter policy that lets nothing through",
        |s| subscriptions(s)[0].gets = Ok(Truth::No),
        &[(Fail, "subscriptions of alerts"), NO_RULE],
    ),
    (
        "a filter policy that is not understood",
        |s| subscriptions(s)[0].gets = Ok(Truth::Unknown),
        &[(Unknown, "subscriptions of alerts"), NO_RULE],
    ),
    (
        "a filter policy, and the look at it denied",
        |s| subscriptions(s)[0].gets = Err(denied("sns:GetSubscriptionAttributes")),
        &[(Unknown, "subscriptions of alerts"), NO_RULE],
    ),
    (
        "a queue of another account",
        |s| {
            let theirs =
                Subscription { gets: Ok(Truth::Unknown), other_account: Some("444455556666".into()), ..subscriptions(s)[0].clone() };
            *subscriptions(s) = vec![theirs];
        },
        &[(Warn, "subscriptions of alerts")],
    ),
    (
        "one filters and one does not",
        |s| {
            let other = subscriptions(s)[0].clone();
            subscriptions(s).insert(0, Subscription { gets: Ok(Truth::No), ..other.clone() });
            subscriptions(s).insert(0, Subscription { gets: Err(denied("sns:GetSubscriptionAttributes")), ..other });
        },
        &[],
    ),
    (
        "two trails, and one chain is whole",
        |s| {
            let mut other = trail("other");
            other.filters = Some(Ok(Vec::new()));
            s.trails.as_mut().unwrap().insert(0, other);
        },
        &[],
    ),
    (
        "a trail of the organization",
        |s| {
            let one = first(s);
            one.trail.arn = "arn:aws:cloudtrail:eu-west-1:444455556666:trail/main".into();
            (one.trail.is_of_organization, one.trail.log_group_arn, one.filters) = (true, None, None);
        },
        &[(Unknown, "trail main"), NO_RULE],
    ),
    (
        "a trail of the organization, and a broken one of the account",
        |s| {
            let mut of_all = trail("all");
            of_all.trail.log_group_arn = Some("arn:aws:logs:eu-west-1:444455556666:log-group:all:*".into());
            (of_all.trail.is_of_organization, of_all.filters) = (true, None);
            filters(s).clear();
            s.trails.as_mut().unwrap().push(of_all);
        },
        &[(Warn, "filters of main"), (Unknown, "trail all"), NO_RULE],
    ),
    (
        "a rule in the place of all that",
        |s| {
            filters(s).clear();
            s.rules = Ok(vec![rule(Hears::Nothing, &[]), rule(Hears::All, &[RULE_TOPIC])]);
        },
        &[],
    ),
    (
        "a rule, and a target that is no topic",
        |s| {
            filters(s).clear();
            s.rules = Ok(vec![rule(Hears::All, &[LOG_GROUP])]);
        },
        &[(Warn, "filters of main"), (Unknown, "target arn:aws:logs:us-east-1:111122223333:log-group:all")],
    ),
    (
        "a rule, a target that is no topic, and one that is",
        |s| {
            filters(s).clear();
            s.rules = Ok(vec![rule(Hears::All, &[LOG_GROUP, RULE_TOPIC])]);
        },
        &[],
    ),
    (
        "a rule that publishes as a role",
        |s| {
            filters(s).clear();
            let mut one = rule(Hears::All, &[TOPIC]);
            one.targets.as_mut().unwrap().as_mut().unwrap()[0].role_arn = Some("arn:aws:iam::111122223333:role/publisher".into());
            s.rules = Ok(vec![one]);
        },
        &[(Warn, "filters of main"), (Unknown, "topic alerts")],
    ),
    (
        "a rule, and the policy that a topic is made with",
        |s| {
            filters(s).clear();
            s.rules = Ok(vec![rule(Hears::All, &[TOPIC])]);
        },
        &[(Fail, "filters of main"), (Fail, "topic alerts")],
    ),
    (
        "a rule that is disabled",
        |s| {
            filters(s).clear();
            let mut off = rule(Hears::All, &[]);
            (off.rule.is_enabled, off.targets) = (false, None);
            s.rules = Ok(vec![off]);
        },
        &[(Fail, "filters of main"), (Fail, "rule policies")],
    ),
    (
        "a rule without a target",
        |s| {
            filters(s).clear();
            s.rules = Ok(vec![rule(Hears::All, &[])]);
        },
        &[(Fail, "filters of main"), (Fail, "rule policies")],
    ),
    (
        "a rule without a trail that logs",
        |s| {
            first(s).status = Ok(TrailStatus { is_logging: false, log_group_error: None });
            s.rules = Ok(vec![rule(Hears::All, &[RULE_TOPIC])]);
        },
        &[(Fail, "logging of main")],
    ),
    (
        "a rule of everything",
        |s| {
            filters(s).clear();
            s.rules = Ok(vec![rule(Hears::Everything, &[RULE_TOPIC])]);
        },
        &[(Fail, "filters of main"), (Fail, "rule policies")],
    ),
    (
        "a rule that asks for more",
        |s| {
            filters(s).clear();
            s.rules = Ok(vec![rule(Hears::Unclear, &[])]);
        },
        &[(Warn, "filters of main"), (Unknown, "rule policies")],
    ),
    ("trails are denied", |s| s.trails = Err(denied("cloudtrail:DescribeTrails")), &[(Unknown, "trails")]),
    ("the status is denied", |s| first(s).status = Err(denied("cloudtrail:GetTrailStatus")), &[(Unknown, "logging of main"), NO_RULE]),
    ("selectors are denied", |s| first(s).selectors = Err(denied("cloudtrail:GetEventSelectors")), &[(Unknown, "events of main"), NO_RULE]),
    (
        "filters are denied",
        |s| first(s).filters = Some(Err(denied("logs:DescribeMetricFilters"))),
        &[(Unknown, "filters of main"), NO_RULE],
    ),
    (
        "alarms are denied",
        |s| {
            filters(s)[0].metrics[0].alarms = Some(Err(denied("cloudwatch:DescribeAlarmsForMetric")));
        },
        &[(Unknown, "metric CISBenchmark/PolicyChanges"), NO_RULE],
    ),
    ("the topic is denied", |s| s.topics[0].topic = Err(denied("sns:GetTopicAttributes")), &[(Unknown, "topic alerts"), NO_RULE]),
    (
        "subscriptions are denied",
        |s| {
            s.topics[0].subscriptions = Err(denied("sns:ListSubscriptionsByTopic"));
        },
        &[(Unknown, "subscriptions of alerts"), NO_RULE],
    ),
    ("rules are denied, and not needed", |s| s.rules = Err(denied("events:ListRules")), &[]),
    (
        "rules are denied, and the other chain is broken",
        |s| {
            filters(s).clear();
            s.rules = Err(denied("events:ListRules"));
        },
        &[(Warn, "filters of main"), (Unknown, "rules of EventBridge")],
    ),
    (
        "targets are denied",
        |s| {
            filters(s).clear();
            let mut one = rule(Hears::All, &[]);
            one.targets = Some(Err(denied("events:ListTargetsByRule")));
            s.rules = Ok(vec![one]);
        },
        &[(Warn, "filters of main"), (Unknown, "rule policies")],
    ),
];

#[test]
fn each_chain_is_judged_right_and_says_what_to_do() {
    for (name, change, wanted) in SCENARIOS {
        let links = audited(change);
        let not_passed: Vec<(Level, &str)> =
            links.iter().filter(|link| link.level != Level::Pass).map(|link| (link.level, link.subject.as_str())).collect();
        assert_eq!(not_passed, *wanted, "{name}: {links:#?}");
        for link in &links {
            let needs_fix = matches!(link.level, Warn | Fail | Unknown);
            assert_eq!(link.fix.is_some(), needs_fix, "{name}: {link:?}");
            let commands = link.fix.iter().flat_map(|fix| fix.split("`keyrotate alarm ").skip(1));
            assert!(commands.clone().all(|rest| rest.split(['`', ' ']).nth(1) == Some("work")), "{name}: {link:?}");
        }
        let is_denied = links.iter().any(|link| !link.missing_actions.is_empty());
        assert_eq!(is_denied, name.contains("denied") && !wanted.is_empty(), "{name}: {links:?}");
    }
}

#[test]
fn a_whole_chain_names_every_link_once() {
    let subjects: Vec<String> = audited(|_| {}).into_iter().map(|link| link.subject).collect();
    let wanted = [
        "trail main",
        "logging of main",
        "events of main",
        "log group main",
        "filter policies",
        "metric CISBenchmark/PolicyChanges",
        "alarm policies",
        "topic alerts",
        "subscriptions of alerts",
    ];
    assert_eq!(subjects, wanted);
}

#[test]
fn what_was_not_asked_is_unknown() {
    let links = policy_changes(&well());
    assert_eq!(links.iter().map(|link| link.level).collect::<Vec<_>>(), [Unknown]);
}
