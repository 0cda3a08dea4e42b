//! Chains: each link broken in turn, and everything by which other auditors pass or fail wrongly.

use super::super::tests::{denied, gone, well};
use super::*;
use crate::aws::{
    Alarm, EventRule, EventSelector, EventSelectors, FieldSelector, FilterSight, Metric, MetricFilter, MetricSight, RuleSight, RuleTarget,
    Subscription, Topic, TopicSight, Trail, TrailSight, TrailStatus,
};
use crate::model::{ALARM_TOPIC, Hears, Publisher, Truth, cis_pattern, lets_publish};

const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:alerts";
const RULE_TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:alerts";
const LOG_GROUP: &str = "arn:aws:logs:us-east-1:111122223333:log-group:all";
const MADE_WITH: &str = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"SNS:Publish","Resource":"*",
    "Condition":{"StringEquals":{"AWS:SourceOwner":"111122223333"}}}]}"#;
const FOR_RULES: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sns:Publish","Resource":"*"}]}"#;

fn metric() -> Metric {
    Metric {
        namespace: "CISBenchmark".into(),
        name: "PolicyChanges".into(),
        value: "1".into(),
        default: None,
        unit: None,
        has_dimensions: false,
    }
}

fn alarm() -> Alarm {
    Alarm {
        name: "policies".into(),
        arn: "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:policies".into(),
        has_actions_enabled: true,
        actions: vec![TOPIC.into()],
        statistic: "Sum".into(),
        comparison: "GreaterThanOrEqualToThreshold".into(),
        threshold: Some(1.0),
        unit: None,
        missing_data: Some("notBreaching".into()),
        datapoints: 1,
        has_dimensions: false,
    }
}

fn filter(name: &str, hears: Hears) -> FilterSight {
    let alarms = (hears == Hears::All).then(|| Ok(vec![alarm()]));
    let filter = MetricFilter { name: name.into(), pattern: cis_pattern(), is_narrowed: false, metrics: vec![metric()] };
    FilterSight { filter, hears, metrics: vec![MetricSight { metric: metric(), alarms }] }
}

fn trail(name: &str) -> TrailSight {
    TrailSight {
        trail: Trail {
            name: name.into(),
            arn: format!("arn:aws:cloudtrail:eu-west-1:111122223333:trail/{name}"),
            home_region: "eu-west-1".into(),
            is_multi_region: true,
            has_global_events: true,
            is_of_organization: false,
            has_own_selectors: false,
            log_group_arn: Some(format!("arn:aws:logs:eu-west-1:111122223333:log-group:{name}:*")),
        },
        status: Ok(TrailStatus { is_logging: true, log_group_error: None }),
        selectors: Ok(EventSelectors {
            basic: vec![EventSelector { has_management_events: true, has_writes: true, excluded_sources: Vec::new() }],
            advanced: Vec::new(),
        }),
        filters: Some(Ok(vec![filter("policies", Hears::All)])),
    }
}

fn topic(arn: &str, policy: &str) -> TopicSight {
    let confirmed =
        Subscription { protocol: "email".into(), endpoint: "ops@example.com".into(), arn: Some(format!("{arn}:1")), gets: Ok(Truth::Yes) };
    TopicSight { arn: arn.into(), topic: Ok(Topic { policy: Some(policy.into()), ..Topic::default() }), subscriptions: Ok(vec![confirmed]) }
}

fn rule(hears: Hears, targets: &[&str]) -> RuleSight {
    let rule = EventRule {
        description: None,
        has_reads: false,
        name: "policies".into(),
        arn: "arn:aws:events:us-east-1:111122223333:rule/policies".into(),
        pattern: Some("{}".into()),
        is_enabled: true,
    };
    RuleSight {
        rule,
        hears,
        targets: Some(Ok(targets.iter().map(|arn| RuleTarget { id: "1".into(), arn: (*arn).to_owned(), role_arn: None }).collect())),
    }
}

fn whole() -> MonitoringSight {
    MonitoringSight {
        account: "111122223333".into(),
        region: "us-east-1".into(),
        trails: Ok(vec![trail("main")]),
        rules: Ok(Vec::new()),
        topics: vec![topic(TOPIC, MADE_WITH), topic(RULE_TOPIC, FOR_RULES)],
    }
}

fn first(sight: &mut MonitoringSight) -> &mut TrailSight {
    &mut sight.trails.as_mut().unwrap()[0]
}

fn filters(sight: &mut MonitoringSight) -> &mut Vec<FilterSight> {
    first(sight).filters.as_mut().unwrap().as_mut().unwrap()
}

fn alarms(sight: &mut MonitoringSight) -> &mut Vec<Alarm> {
    filters(sight)[0].metrics[0].alarms.as_mut().unwrap().as_mut().unwrap()
}

fn subscriptions(sight: &mut MonitoringSight) -> &mut Vec<Subscription> {
    sight.topics[0].subscriptions.as_mut().unwrap()
}

fn default(sight: &mut MonitoringSight, counts: f64) {
    filters(sight)[0].metrics[0].metric.default = Some(counts);
}

fn audited(change: impl Fn(&mut MonitoringSight)) -> Vec<Finding> {
    let mut sight = whole();
    change(&mut sight);
    policy_changes(&Facts { monitoring: Some(sight), ..well() })
}

/// What it is called, what is changed, and each link that is no pass, with its level.
type Scenario = (&'static str, fn(&mut MonitoringSight), &'static [(Level, &'static str)]);

use Level::{Fail, NotApplicable, Unknown, Warn};

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
    ("an average", |s| alarms(s)[0].statistic = "Average".into(), &[(Unknown, "alarm policies"), NO_RULE]),
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
fn commands_reach_the_shell_as_they_are() {
    let links = audited(|sight| filters(sight).clear());
    let fix = links.iter().find(|link| link.level == Fail).and_then(|link| link.fix.clone()).unwrap();
    assert!(fix.starts_with("run `keyrotate alarm install work --email …`"), "{fix}");
    let command = fix.split('`').find(|part| part.starts_with("aws ")).unwrap();
    let words = shlex::split(command).unwrap();
    assert_eq!(words.last(), Some(&cis_pattern()));
    assert_eq!(words[..5], ["aws", "logs", "put-metric-filter", "--region", "eu-west-1"].map(str::to_owned));
}

/// Whoever puts event selectors replaces all that there were: those of S3 and Lambda, too.
#[test]
fn no_event_selector_is_lost() {
    let fix = |selectors: EventSelectors| {
        let links = audited(|sight| first(sight).selectors = Ok(selectors.clone()));
        links.iter().find(|link| link.subject == "events of main").and_then(|link| link.fix.clone()).unwrap()
    };
    let advanced = |fields: &[(&str, &str)]| {
        let field = |(field, equals): &(&str, &str)| FieldSelector {
            field: (*field).to_owned(),
            equals: vec![(*equals).to_owned()],
            ..FieldSelector::default()
        };
        EventSelectors { advanced: vec![fields.iter().map(field).collect()], ..EventSelectors::default() }
    };
    let basic = EventSelector { has_management_events: true, has_writes: false, excluded_sources: Vec::new() };
    let classic = fix(EventSelectors { basic: vec![basic], ..EventSelectors::default() });
    assert!(classic.contains("--event-selectors file://selectors.json") && !classic.contains("advanced"), "{classic}");
    let newer = fix(advanced(&[("eventCategory", "Data")]));
    assert!(newer.contains("--advanced-event-selectors file://selectors.json"), "{newer}");
    let unclear = fix(advanced(&[("eventCategory", "Management"), ("userIdentity.arn", "x")]));
    assert!(unclear.contains("get-event-selectors") && !unclear.contains("put-"), "{unclear}");
}

/// The fix of what is wrong with a topic that an alarm or a rule publishes to.
fn topic_fix(name: &str, by_rule: bool, change: fn(&mut TopicSight)) -> String {
    let arn = TOPIC.replace("alerts", name);
    let links = audited(|sight| {
        let mut topic = topic(&arn, if by_rule { FOR_RULES } else { MADE_WITH });
        change(&mut topic);
        sight.topics = vec![topic];
        alarms(sight)[0].actions = vec![arn.clone()];
        if by_rule {
            filters(sight).clear();
            sight.rules = Ok(vec![rule(Hears::All, &[&arn])]);
        }
    });
    let broken = links.into_iter().find(|link| link.level == Fail && link.subject.ends_with(name));
    broken.and_then(|link| link.fix).unwrap_or_else(|| panic!("{name} is no failure with a fix"))
}

#[test]
fn a_topic_that_is_gone_is_made_where_it_is_ours() {
    let gone = |name, by_rule| topic_fix(name, by_rule, |one| one.topic = Err(gone("sns:GetTopicAttributes")));
    assert_eq!(gone(ALARM_TOPIC, false), "`keyrotate alarm install work --email …` makes it");
    assert_eq!(gone(ALARM_TOPIC, true), "`keyrotate alarm install work --email … --via eventbridge` makes it");
    assert_eq!(gone("alerts", false), "let the action of the alarm policies be a topic that exists");
    assert_eq!(gone("alerts", true), "let the target of rule/policies be a topic that exists");
}

#[test]
fn a_filter_policy_is_taken_off_by_the_fix() {
    let off = topic_fix("alerts", false, |one| one.subscriptions.as_mut().unwrap()[0].gets = Ok(Truth::No));
    assert!(off.contains("set-subscription-attributes --region eu-west-1 --subscription-arn arn:aws:sns:"), "{off}");
    assert!(off.contains(":alerts:1 --attribute-name FilterPolicy --attribute-value '{}'"), "{off}");
}

#[test]
fn a_mail_that_nobody_followed_is_named_and_sent_again() {
    let waiting = |name| topic_fix(name, false, |one| one.subscriptions.as_mut().unwrap()[0].arn = None);
    let ours = waiting(ALARM_TOPIC);
    assert!(ours.contains("sent to ops@example.com") && ours.contains("`keyrotate alarm install work --email ops@example.com`"), "{ours}");
    assert!(!waiting("alerts").contains("keyrotate"), "{}", waiting("alerts"));
    let nobody = topic_fix(ALARM_TOPIC, false, |one| one.subscriptions = Ok(Vec::new()));
    assert_eq!(nobody, "`keyrotate alarm install work --email …`");
    let by_web = topic_fix(ALARM_TOPIC, false, |one| {
        let endpoint = "https://user:password@example.com/".to_owned();
        one.subscriptions = Ok(vec![Subscription { protocol: "https".into(), endpoint, arn: None, gets: Ok(Truth::Unknown) }]);
    });
    assert!(!by_web.contains("password"), "{by_web}");
}

#[test]
fn no_filter_is_put_in_the_place_of_one_that_counts_something_else() {
    const OF_MORE: &str = "{ ($.eventName = Delete*) || ($.eventName = CreateAccessKey) }";
    let put = |change: fn(&mut FilterSight)| {
        let links = audited(|sight| {
            *filters(sight) = vec![filter("policy-changes", Hears::Nothing), filter("one", Hears::All)];
            change(&mut filters(sight)[1]);
        });
        let fix = links.iter().find(|link| link.subject == "filter one").and_then(|link| link.fix.clone()).unwrap();
        let words = shlex::split(fix.trim_matches('`')).unwrap();
        words[words.iter().position(|word| word == "--filter-name").unwrap() + 1].clone()
    };
    assert_eq!(put(|one| one.hears = Hears::NotOf(vec!["PutUserPolicy"])), "one");
    let changes: [fn(&mut FilterSight); 4] = [
        |one| (one.hears, one.filter.pattern) = (Hears::NotOf(vec!["PutUserPolicy"]), OF_MORE.into()),
        |one| (one.hears, one.filter.pattern) = (Hears::Unclear, "?CreatePolicy".into()),
        |one| (one.hears, one.filter.pattern) = (Hears::Everything, "{ $.eventName = * }".into()),
        |one| one.filter.is_narrowed = true,
    ];
    changes.into_iter().for_each(|change| assert_eq!(put(change), "policy-changes-2"));
}

#[test]
fn a_filter_that_is_mended_counts_into_the_metric_that_has_the_alarm() {
    let links = audited(|sight| {
        let one = &mut filters(sight)[0];
        one.hears = Hears::NotOf(vec!["PutUserPolicy"]);
        (one.filter.metrics[0].namespace, one.filter.metrics[0].name) = ("LogMetrics".into(), "IAMPolicy".into());
    });
    let fix = links.iter().find(|link| link.level == Fail).and_then(|link| link.fix.clone()).unwrap();
    assert!(fix.contains("metricName=IAMPolicy,metricNamespace=LogMetrics,metricValue=1"), "{fix}");
}

#[test]
fn what_was_not_asked_is_unknown() {
    let links = policy_changes(&well());
    assert_eq!(links.iter().map(|link| link.level).collect::<Vec<_>>(), [Unknown]);
}

/// What the fix says is put into the file, with what is there, is enough.
#[test]
fn the_statement_of_a_fix_lets_the_service_publish() {
    let alarms: fn(&mut MonitoringSight) = |s| s.topics[0].topic.as_mut().unwrap().policy = Some(r#"{"Statement":[]}"#.into());
    let rules: fn(&mut MonitoringSight) = |s| {
        filters(s).clear();
        s.rules = Ok(vec![rule(Hears::All, &[TOPIC])]);
    };
    for (service, change) in [("cloudwatch.amazonaws.com", alarms), ("events.amazonaws.com", rules)] {
        let fix = audited(change).into_iter().filter_map(|link| link.fix).find(|fix| fix.contains("set-topic-attributes")).unwrap();
        let (before, statement) = fix.split_once("this one: ").unwrap();
        let source_arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:policies";
        let publisher = Publisher { service, account: "111122223333", source_arn };
        assert_eq!(lets_publish(&format!(r#"{{"Statement":[{statement}]}}"#), publisher), Truth::Yes, "{fix}");
        assert!(statement.contains(TOPIC) && before.contains("get-topic-attributes"), "{fix}");
    }
}
