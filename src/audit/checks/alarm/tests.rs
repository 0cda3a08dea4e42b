//! Chains, and everything by which other auditors pass or fail wrongly. Here is a whole one.

mod chains;
mod fixes;

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
    FilterSight { filter, hears, metrics: vec![MetricSight { metric: metric(), alarms, others: None }] }
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
    let confirmed = Subscription {
        protocol: "email".into(),
        endpoint: "ops@example.com".into(),
        arn: Some(format!("{arn}:1")),
        other_account: None,
        gets: Ok(Truth::Yes),
    };
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
