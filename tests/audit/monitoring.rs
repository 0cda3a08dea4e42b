//! `audit --tier monitoring`: whether somebody hears of a changed policy. Each link broken in turn, and the false passes and false failures that other
//! auditors are known for; every call denied in turn.
#![cfg(feature = "alarm")]

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::bench::{configure, findings, settings, start};
use crate::home::Home;
use crate::lab::Settings;
use crate::lab::cloudwatch::{Composite, Computed};
use crate::lab::faults::{Fault, Rule};
use crate::lab::logs::MetricFilter;
use crate::lab::parallel::every;
use crate::lab::sns::{BY_ATTRIBUTE, Filter, Subscription};
use crate::lab::state::World;
use crate::lab::watching::{POLICIES, event_pattern, filter_pattern};

/// Neither the profile's region nor that of IAM's events.
const REGION: &str = "eu-central-1";
const OTHER_ACCOUNT: &str = "111122223333";
const TIER: &[&str] = &["default", "--tier", "monitoring"];

/// What it is called, what is changed of an account in which all is well, and each link that is no pass.
struct Row(&'static str, fn(&mut World), &'static [(&'static str, &'static str)]);

const NO_RULE: (&str, &str) = ("not_applicable", "rules of EventBridge");
const METRIC: &str = "metric CISBenchmark/policies";

const UNAUTHORIZED: &str = r#"{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") || ($.sourceIPAddress!="delivery.logs.amazonaws.com") || ($.eventName!="HeadBucket") }"#;

fn replace_filter(world: &mut World, pattern: &str) {
    world.log_groups[0].filters = vec![MetricFilter::new(POLICIES, pattern)];
}

/// A rule in the place of the filter.
fn by_rule(world: &mut World) {
    world.log_groups[0].filters.clear();
    world.watch_policies_by_rule("us-east-1");
}

const ROWS: &[Row] = &[
    Row("all is there", |_| {}, &[]),
    Row("no trail at all", |w| w.trails.clear(), &[("fail", "account 000000000000")]),
    Row(
        "a trail of one region, which is not that of IAM's events",
        |w| w.trails[0].is_multi_region = false,
        &[("fail", "account 000000000000")],
    ),
    Row(
        "a trail of the region of IAM's events only",
        |w| {
            (w.trails[0].is_multi_region, w.trails[0].home_region) = (false, "us-east-1".into());
        },
        &[("warn", "trail policies")],
    ),
    Row("it does not log", |w| w.trails[0].is_logging = false, &[("fail", "logging of policies"), NO_RULE]),
    Row(
        "it cannot deliver to the log group",
        |w| w.trails[0].log_group_error = Some("Access denied.".into()),
        &[("fail", "log group policies"), NO_RULE],
    ),
    Row("it delivers to S3 only", |w| w.trails[0].log_group = None, &[("fail", "log group of policies"), NO_RULE]),
    Row("without the events of IAM", |w| w.trails[0].has_global_events = false, &[("fail", "events of policies"), NO_RULE]),
    Row(
        "events that read only",
        |w| w.trails[0].selectors = Some(json!([{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": true}])),
        &[("fail", "events of policies"), NO_RULE],
    ),
    Row(
        "events that change only",
        |w| w.trails[0].selectors = Some(json!([{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": true}])),
        &[],
    ),
    Row(
        "data events only",
        |w| w.trails[0].selectors = Some(json!([{"ReadWriteType": "All", "IncludeManagementEvents": false}])),
        &[("fail", "events of policies"), NO_RULE],
    ),
    Row(
        "advanced event selectors with management events",
        |w| {
            w.trails[0].advanced_selectors =
                Some(json!([{"Name": "all", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]));
        },
        &[],
    ),
    Row(
        "advanced event selectors without them",
        |w| {
            w.trails[0].advanced_selectors =
                Some(json!([{"Name": "all", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]));
        },
        &[("fail", "events of policies"), NO_RULE],
    ),
    Row("the log group is gone", |w| w.log_groups.clear(), &[("unknown", "filters of policies"), NO_RULE]),
    Row("no filter", |w| w.log_groups[0].filters.clear(), &[("fail", "filters of policies"), NO_RULE]),
    Row(
        "the filter of root's use",
        |w| {
            replace_filter(
                w,
                r#"{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }"#,
            )
        },
        &[("fail", "filters of policies"), NO_RULE],
    ),
    Row(
        "CIS's filter of calls that are not allowed, which counts nearly every event",
        |w| replace_filter(w, UNAUTHORIZED),
        &[("fail", "filter policies"), NO_RULE],
    ),
    Row(
        "the same with and, which counts some of them",
        |w| replace_filter(w, &UNAUTHORIZED.replace(") || ($.s", ") && ($.s").replace(") || ($.eventName", ") && ($.eventName")),
        &[("fail", "filters of policies"), NO_RULE],
    ),
    Row(
        "CreatePolicyVersion is not CreatePolicy",
        |w| replace_filter(w, &filter_pattern(&["CreatePolicy"])),
        &[("fail", "filter policies"), NO_RULE],
    ),
    Row(
        "the newer text of Security Hub, and more events",
        |w| {
            let events = filter_pattern(&[]);
            let events = events.trim_matches(['{', '}', ' ']);
            replace_filter(w, &format!("{{ ($.eventSource = iam.amazonaws.com) && ({events} || ($.eventName = CreateAccessKey)) }}"));
        },
        &[],
    ),
    Row(
        "a filter that leaves somebody out",
        |w| {
            let events = filter_pattern(&[]);
            let events = events.trim_matches(['{', '}', ' ']);
            replace_filter(w, &format!("{{ ({events}) && ($.userIdentity.userName != \"terraform\") }}"));
        },
        &[("unknown", "filter policies"), NO_RULE],
    ),
    Row(
        "a filter on one account of several",
        |w| w.log_groups[0].filters[0].criteria = Some("@aws.account = \"1\"".into()),
        &[("unknown", "filter policies"), NO_RULE],
    ),
    Row("a change counts nothing", |w| w.log_groups[0].filters[0].value = "0".into(), &[("fail", METRIC), NO_RULE]),
    Row(
        "dimensions",
        |w| w.log_groups[0].filters[0].dimensions = json!({"User": "$.userIdentity.userName"}),
        &[("unknown", METRIC), NO_RULE],
    ),
    Row("no alarm", |w| w.alarms.clear(), &[("fail", METRIC), NO_RULE]),
    Row("an alarm of that name in another namespace", |w| w.alarms[0].namespace = "Own".into(), &[("fail", METRIC), NO_RULE]),
    Row("an alarm in the profile's region", |w| w.alarms[0].region = "eu-west-1".into(), &[("fail", METRIC), NO_RULE]),
    Row("actions are off", |w| w.alarms[0].has_actions_enabled = false, &[("fail", "alarm policies"), NO_RULE]),
    Row("no action", |w| w.alarms[0].actions.clear(), &[("fail", "alarm policies"), NO_RULE]),
    Row("five changes raise it", |w| w.alarms[0].threshold = 5.0, &[("fail", "alarm policies"), NO_RULE]),
    Row("a unit that nothing is counted in", |w| w.alarms[0].unit = Some("Count".into()), &[("fail", "alarm policies"), NO_RULE]),
    Row(
        "a composite alarm goes by it",
        |w| {
            w.alarms[0].has_actions_enabled = false;
            w.composites.push(Composite { name: "security".into(), region: REGION.into(), children: vec![w.alarms[0].name.clone()] });
        },
        &[("unknown", METRIC), NO_RULE],
    ),
    Row(
        "an alarm computes with it",
        |w| {
            let metric = w.alarms[0].metric.clone();
            w.alarms.clear();
            w.computed.push(Computed { name: "security".into(), region: REGION.into(), metric });
        },
        &[("unknown", METRIC), NO_RULE],
    ),
    Row("an average of changes alone", |w| w.alarms[0].statistic = "Average".into(), &[]),
    Row(
        "an average of changes and of nothing",
        |w| {
            w.log_groups[0].filters[0].default = Some(0.0);
            w.alarms[0].statistic = "Average".into();
        },
        &[("unknown", "alarm policies"), NO_RULE],
    ),
    Row("silence raises it", |w| w.alarms[0].missing_data = "breaching".into(), &[("fail", "alarm policies"), NO_RULE]),
    Row("silence leaves it raised", |w| w.alarms[0].missing_data = "ignore".into(), &[("warn", "alarm policies")]),
    Row("every other event raises it", |w| w.log_groups[0].filters[0].default = Some(1.0), &[("fail", "alarm policies"), NO_RULE]),
    Row("three periods", |w| w.alarms[0].evaluation_periods = 3, &[("warn", "alarm policies")]),
    Row("the topic is gone", |w| w.topics.clear(), &[("fail", "topic policies"), NO_RULE]),
    Row(
        "a topic that lets CloudWatch not publish",
        |w| w.topics[0].policy = r#"{"Statement":[]}"#.into(),
        &[("fail", "topic policies"), NO_RULE],
    ),
    Row(
        "a topic with the key that AWS manages",
        |w| w.topics[0].kms_key_id = Some("alias/aws/sns".into()),
        &[("fail", "topic policies"), NO_RULE],
    ),
    Row("a topic with a key of one's own", |w| w.topics[0].kms_key_id = Some("alias/own".into()), &[("warn", "topic policies")]),
    Row("nobody subscribed", |w| w.topics[0].subscriptions.clear(), &[("fail", "subscriptions of policies"), NO_RULE]),
    Row("nobody confirmed", |w| w.topics[0].subscriptions[0].is_confirmed = false, &[("fail", "subscriptions of policies"), NO_RULE]),
    Row(
        "a filter policy that no alarm passes",
        |w| w.topics[0].subscriptions[0].filter = Some(BY_ATTRIBUTE),
        &[("fail", "subscriptions of policies"), NO_RULE],
    ),
    Row(
        "a filter policy about what is written",
        |w| w.topics[0].subscriptions[0].filter = Some(Filter { scope: "MessageBody", policy: r#"{"NewStateValue":["OK"]}"# }),
        &[("unknown", "subscriptions of policies"), NO_RULE],
    ),
    Row(
        "a queue of another account",
        |w| w.topics[0].subscriptions[0].owner = Some(OTHER_ACCOUNT.into()),
        &[("warn", "subscriptions of policies")],
    ),
    Row(
        "a filter policy of one of two",
        |w| {
            let topic = &mut w.topics[0];
            topic.subscriptions.insert(0, Subscription { filter: Some(BY_ATTRIBUTE), ..topic.subscriptions[0].clone() });
        },
        &[],
    ),
    Row(
        "two log groups, and one has it all",
        |w| {
            w.add_trail("first", "us-east-1", Some("first"));
            w.add_log_group("first", "us-east-1");
            w.trails.rotate_right(1);
        },
        &[],
    ),
    Row(
        "the organization's trail alone",
        |w| {
            let group = w.log_group_arn(OTHER_ACCOUNT, REGION, POLICIES);
            w.trails[0].account = OTHER_ACCOUNT.into();
            (w.trails[0].is_of_organization, w.trails[0].log_group) = (true, Some(group));
        },
        &[("unknown", "trail policies"), NO_RULE],
    ),
    Row(
        "the organization's trail, and an own one without an alarm",
        |w| {
            w.alarms.clear();
            let at = w.add_trail("all", REGION, None);
            w.trails[at].account = OTHER_ACCOUNT.into();
            w.trails[at].is_of_organization = true;
        },
        &[("warn", METRIC), ("unknown", "trail all"), NO_RULE],
    ),
    Row("a rule of EventBridge", by_rule, &[]),
    Row(
        "a rule in the profile's region",
        |w| {
            w.log_groups[0].filters.clear();
            w.watch_policies_by_rule("eu-west-1");
        },
        &[("fail", "filters of policies"), NO_RULE],
    ),
    Row(
        "a rule without one of the events",
        |w| {
            by_rule(w);
            w.event_rules[0].pattern = event_pattern(&["PutUserPolicy"]);
        },
        &[("fail", "filters of policies"), ("fail", "rule policies")],
    ),
    Row(
        "a rule that is disabled",
        |w| {
            by_rule(w);
            w.event_rules[0].is_enabled = false;
        },
        &[("fail", "filters of policies"), ("fail", "rule policies")],
    ),
    Row(
        "a rule without a target",
        |w| {
            by_rule(w);
            w.event_rules[0].targets.clear();
        },
        &[("fail", "filters of policies"), ("fail", "rule policies")],
    ),
    Row(
        "a rule, and a topic as it is made",
        |w| {
            by_rule(w);
            let topic = w.add_topic("plain", "us-east-1");
            w.event_rules[0].targets = vec![topic];
        },
        &[("fail", "filters of policies"), ("fail", "topic plain")],
    ),
    Row(
        "a rule of everything",
        |w| {
            by_rule(w);
            w.event_rules[0].pattern = format!(r#"{{"account":["{}"]}}"#, w.settings.account);
        },
        &[("fail", "filters of policies"), NO_RULE],
    ),
    Row(
        "a rule that writes into a log group",
        |w| {
            by_rule(w);
            w.event_rules[0].targets = vec!["arn:aws:logs:us-east-1:111122223333:log-group:all".into()];
        },
        &[("warn", "filters of policies"), ("unknown", "target arn:aws:logs:us-east-1:111122223333:log-group:all")],
    ),
    Row(
        "a rule, a topic as it is made, and a role that publishes",
        |w| {
            by_rule(w);
            let topic = w.add_topic("plain", "us-east-1");
            w.event_rules[0].targets = vec![topic];
            w.event_rules[0].target_role = Some(w.arn_of("role", "publisher"));
        },
        &[("warn", "filters of policies"), ("unknown", "topic plain")],
    ),
    Row(
        "a rule, and no trail that logs",
        |w| {
            w.watch_policies_by_rule("us-east-1");
            w.trails[0].is_logging = false;
        },
        &[("fail", "logging of policies")],
    ),
];

fn watched() -> Arc<Home> {
    let home = start(settings());
    home.lab.world().watch_policies(REGION);
    home
}

/// The findings of the check.
fn links(home: &Home) -> Vec<Value> {
    findings(home, TIER).0.into_iter().filter(|finding| finding["check"] == "POLICY-ALARM").collect()
}

fn not_passed(links: &[Value]) -> Vec<(&str, &str)> {
    let other = links.iter().filter(|link| link["level"] != "pass");
    other.map(|link| (link["level"].as_str().unwrap(), link["subject"].as_str().unwrap())).collect()
}

#[test]
fn each_account_is_judged_right() {
    every(ROWS, |Row(name, change, wanted)| {
        let home = watched();
        change(&mut home.lab.world());
        let links = links(&home);
        let is_right = not_passed(&links) == *wanted;
        if is_right { Ok(()) } else { Err(format!("{name}: {wanted:?}, and not {:?}", not_passed(&links))) }
    });
}

#[test]
fn it_is_said_what_was_seen_and_how_it_is_put_right() {
    let home = watched();
    let (found, output) = findings(&home, TIER);
    let seen: Vec<String> = found
        .iter()
        .filter(|finding| finding["check"] == "POLICY-ALARM")
        .map(|finding| format!("{}: {}", finding["subject"].as_str().unwrap(), finding["seen"].as_str().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            "trail policies: it records in all regions (made in eu-central-1)",
            "logging of policies: it is on",
            "events of policies: it records management events that change something",
            "log group policies: the trail policies delivers to it",
            "filter policies: it counts every change of a policy",
            "metric CISBenchmark/policies: a change counts 1",
            "alarm policies: one change raises it",
            "topic policies: cloudwatch.amazonaws.com may publish to it",
            "subscriptions of policies: 1 of 1 confirmed (email)",
        ]
    );
    assert!(found.iter().any(|finding| finding["check"] == "ROOT-USED"), "the tiers before are in it: {}", output.stdout);
    home.lab.world().alarms.clear();
    let links = links(&home);
    let fix = links.iter().find(|link| link["level"] == "fail").unwrap()["fix"].as_str().unwrap();
    assert!(fix.contains("aws cloudwatch put-metric-alarm --region eu-central-1 --alarm-name policy-changes"), "{fix}");
    assert!(fix.contains("--namespace CISBenchmark --metric-name policies"), "{fix}");
}

#[test]
fn only_what_leads_on_is_asked() {
    let home = watched();
    {
        let mut world = home.lab.world();
        world.log_groups[0].filters.push(MetricFilter::new("other", "{ $.eventName = ConsoleLogin }"));
        world.add_rule("other", "us-east-1", r#"{"source":["aws.ec2"]}"#, "arn:aws:sns:us-east-1:000000000000:other");
        world.add_topic("other", "us-east-1");
    }
    links(&home);
    let count = |action: &str| home.lab.calls().iter().filter(|call| call.action == action).count();
    let asked =
        ["DescribeTrails", "DescribeMetricFilters", "DescribeAlarmsForMetric", "GetTopicAttributes", "ListRules", "ListTargetsByRule"];
    assert_eq!(asked.map(count), [1, 1, 1, 1, 1, 0]);
}

#[test]
fn long_lists_are_read_to_their_end() {
    let home = watched();
    {
        let mut world = home.lab.world();
        world.settings.page_size = 1;
        world.log_groups[0].filters.insert(0, MetricFilter::new("a", "{ $.eventName = ConsoleLogin }"));
        let waiting = Subscription::new("email", "new@example.com");
        world.topics[0].subscriptions.insert(0, waiting);
    }
    assert_eq!(not_passed(&links(&home)), []);
    {
        let mut world = home.lab.world();
        by_rule(&mut world);
        world.add_rule("a", "us-east-1", r#"{"source":["aws.ec2"]}"#, "arn:aws:sns:us-east-1:000000000000:other");
        world.event_rules.rotate_right(1);
        world.event_rules[1].targets.insert(0, "arn:aws:sqs:us-east-1:000000000000:queue".into());
    }
    assert_eq!(not_passed(&links(&home)), []);
}

#[test]
fn each_call_denied_in_turn_is_named_and_no_pass_comes_from_it() {
    // Where one way is not known to its end, what was seen of the other is shown, too.
    let mut all = BTreeSet::new();
    for plant in [|_: &mut World| (), by_rule] {
        let home = watched();
        plant(&mut home.lab.world());
        let passes = |links: &[Value]| -> BTreeSet<String> {
            links.iter().filter(|link| link["level"] == "pass").map(|link| link["subject"].to_string()).collect()
        };
        all.extend(passes(&links(&home)));
        let services = ["cloudtrail", "logs", "monitoring", "sns", "events"];
        let made: BTreeSet<(String, String)> = home
            .lab
            .calls()
            .iter()
            .filter(|call| services.contains(&call.service.as_str()))
            .map(|call| (call.service.replace("monitoring", "cloudwatch"), call.action.clone()))
            .collect();
        assert!(made.len() >= 7, "{made:?}");
        for (service, action) in &made {
            let action = format!("{service}:{action}");
            home.lab.world().settings.denied = [action.clone()].into();
            let (found, output) = findings(&home, TIER);
            let links: Vec<Value> = found.into_iter().filter(|finding| finding["check"] == "POLICY-ALARM").collect();
            if not_passed(&links).is_empty() {
                // The other way was not needed.
                assert!(action.starts_with("events:") || action == "logs:DescribeMetricFilters", "{action}: {links:#?}");
                continue;
            }
            let missing: Vec<&Value> = links.iter().filter(|link| link["missing_actions"] == json!([action])).collect();
            assert!(!missing.is_empty() && missing.iter().all(|link| link["level"] == "unknown"), "{action}: {links:#?}");
            assert!(!links.iter().any(|link| link["level"] == "fail"), "{action}: {links:#?}");
            assert!(passes(&links).is_subset(&all), "{action}: {links:#?}");
            assert!([Some(10), Some(12)].contains(&output.code), "{action}: {}", output.stdout);
        }
        home.lab.world().settings.denied = made.iter().map(|(service, action)| format!("{service}:{action}")).collect();
        assert_eq!(passes(&links(&home)), BTreeSet::new(), "all denied");
    }
}

#[test]
fn a_torn_answer_is_no_pass() {
    for action in ["DescribeTrails", "DescribeMetricFilters", "DescribeAlarmsForMetric", "ListSubscriptionsByTopic"] {
        for fault in [Fault::Truncate, Fault::Garbage] {
            let home = watched();
            home.lab.rules(vec![Rule::on(action, fault.clone()).times(0)]);
            let links = links(&home);
            assert!(not_passed(&links).iter().any(|(level, _)| *level == "unknown"), "{action} {fault:?}: {links:#?}");
            assert!(!not_passed(&links).iter().any(|(level, _)| *level == "fail"), "{action} {fault:?}: {links:#?}");
        }
    }
}

#[test]
fn other_partitions_have_their_events_elsewhere_and_a_role_its_own_account() {
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
        let home = start(Settings { partition: partition.into(), ..settings() });
        home.lab.world().watch_policies(region);
        home.lab.world().trails[0].is_multi_region = false;
        assert_eq!(not_passed(&links(&home)), [("warn", "trail policies")], "{partition}");
    }
    let home = watched();
    home.write(".aws/config", "[profile admin]\nrole_arn = arn:aws:iam::111122223333:role/Admin\nsource_profile = default\n");
    configure(&home, "[defaults]\nrequire_mfa = false\n");
    let (found, output) = findings(&home, &["admin", "--tier", "monitoring"]);
    let links: Vec<Value> = found.into_iter().filter(|finding| finding["check"] == "POLICY-ALARM").collect();
    assert_eq!(not_passed(&links), [("unknown", "trail policies"), NO_RULE], "{}{}", output.stdout, output.stderr);
    assert!(links[0]["seen"].as_str().unwrap().contains("account 000000000000"), "{links:?}");
}
