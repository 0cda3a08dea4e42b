//! Accounts that are described here, and what is done in them.

mod place;
mod plan;
mod removal;

use serde_json::{Value, json};

use super::watch::{MADE_BY, MARK};
use super::*;
use crate::aws::{
    AwsError, ErrorKind, EventRule, EventSelector, EventSelectors, FieldSelector, Metric, MetricAlarm, MetricFilter, MonitoringSight,
    OwnRule, OwnSight, OwnTopic, RuleTarget, Subscription, Topic, Trail, TrailHome, TrailSight, TrailStatus,
};
use crate::model::{Hears, ProfileName, Truth, event_pattern, filter_pattern};

const GROUP: &str = "arn:aws:logs:eu-west-1:111122223333:log-group:trail:*";
const TOPIC_ARN: &str = "arn:aws:sns:eu-west-1:111122223333:keyrotate-alarms";

fn trail(name: &str, change: impl FnOnce(&mut TrailSight)) -> TrailSight {
    let all = EventSelector { has_management_events: true, has_writes: true, excluded_sources: Vec::new() };
    let mut sight = TrailSight {
        trail: Trail {
            name: name.to_owned(),
            arn: format!("arn:aws:cloudtrail:eu-west-1:111122223333:trail/{name}"),
            home_region: "eu-west-1".to_owned(),
            is_multi_region: true,
            has_global_events: true,
            is_of_organization: false,
            has_own_selectors: false,
            log_group_arn: Some(GROUP.to_owned()),
        },
        status: Ok(TrailStatus { is_logging: true, log_group_error: None }),
        selectors: Ok(EventSelectors { basic: vec![all], ..EventSelectors::default() }),
        filters: None,
    };
    change(&mut sight);
    sight
}

fn sight(trails: Vec<TrailSight>) -> MonitoringSight {
    let (account, region) = ("111122223333".to_owned(), "us-east-1".to_owned());
    MonitoringSight { account, region, trails: Ok(trails), rules: Ok(Vec::new()), topics: Vec::new() }
}

fn there() -> Place {
    place(&sight(vec![trail("main", |_| {})]), "aws", Via::Metric, None).expect("a place")
}

fn wanted(via: Via, root: bool) -> Wanted {
    Wanted { via, emails: vec!["ops@example.com".to_owned()], root }
}

/// What is there when the steps were carried out, as AWS would answer.
fn after(mut own: OwnSight, steps: &[Step]) -> OwnSight {
    for step in steps {
        match step.clone() {
            Step::CreateTopic { .. } => {
                let policy = json!({"Version": "2008-10-17", "Statement": [{
                    "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["SNS:Publish"],
                    "Resource": TOPIC_ARN, "Condition": {"StringEquals": {"AWS:SourceOwner": "111122223333"}},
                }]});
                let topic = Topic { display_name: Some(MARK.to_owned()), policy: Some(policy.to_string()), kms_key_id: None };
                own.topic = Some(OwnTopic { topic, subscriptions: Vec::new(), alarms: Vec::new(), rules: Vec::new() });
            }
            Step::AllowPublishing { topic, account, service } => {
                let found = &mut own.topic.as_mut().expect("the topic is made first").topic;
                found.policy = with_publisher(found.policy.as_deref(), &topic, &account, service).or(found.policy.take());
            }
            Step::Subscribe { email, .. } => {
                let subscription = Subscription {
                    protocol: "email".to_owned(),
                    endpoint: email,
                    arn: None,
                    other_account: None,
                    gets: Ok(Truth::Unknown),
                };
                own.topic.as_mut().expect("the topic is made first").subscriptions.push(subscription);
            }
            Step::PutFilter { group, filter, .. } => {
                own.filters.retain(|(of, one)| *of != group || one.name != filter.name);
                own.filters.push((group, filter));
            }
            Step::PutAlarm { alarm, .. } => {
                let named = &mut own.topic.as_mut().expect("the topic is made first").alarms;
                named.retain(|name| *name != alarm.name);
                named.extend(alarm.actions.iter().any(|action| action == TOPIC_ARN).then(|| alarm.name.clone()));
                own.alarms.retain(|one| one.name != alarm.name);
                own.watchers.retain(|(_, name)| *name != alarm.name);
                own.watchers.push((alarm.metric.clone(), alarm.name.clone()));
                own.alarms.push(alarm);
            }
            Step::PutRule { rule, .. } => {
                let before = own.rules.iter().position(|one| one.rule.name == rule.name).map(|at| own.rules.remove(at));
                own.rules.push(OwnRule { rule, targets: before.map(|one| one.targets).unwrap_or_default() });
            }
            Step::PutTarget { rule, id, topic, .. } => {
                own.topic.as_mut().expect("the topic is made first").rules.push(rule.clone());
                own.rules.iter_mut().for_each(|one| one.targets.retain(|target| one.rule.name != rule || target.id != id));
                own.rules.iter_mut().find(|one| one.rule.name == rule).expect("the rule is made first").targets.push(target(&id, &topic));
            }
            Step::DeleteAlarm { name } => {
                own.alarms.retain(|one| one.name != name);
                own.watchers.retain(|(_, of)| *of != name);
                own.topic.iter_mut().for_each(|topic| topic.alarms.retain(|one| *one != name));
            }
            Step::DeleteFilter { group, name } => own.filters.retain(|(of, one)| *of != group || one.name != name),
            Step::RemoveTargets { rule, ids } => {
                own.topic.iter_mut().for_each(|topic| topic.rules.retain(|one| *one != rule));
                own.rules.iter_mut().find(|one| one.rule.name == rule).expect("it is there").targets.retain(|one| !ids.contains(&one.id));
            }
            Step::DeleteRule { name } => own.rules.retain(|one| one.rule.name != name),
            Step::DeleteTopic { .. } => own.topic = None,
        }
    }
    own
}

fn target(id: &str, arn: &str) -> RuleTarget {
    RuleTarget { id: id.to_owned(), arn: arn.to_owned(), role_arn: None }
}

/// Everything that is wanted is there.
fn whole(via: Via, root: bool) -> (Place, OwnSight, Wanted) {
    let (place, wanted) = (Place { region: "eu-west-1".to_owned(), ..there() }, wanted(via, root));
    let own = after(OwnSight::default(), &plan(&place, &OwnSight::default(), &wanted).expect("a plan"));
    (place, own, wanted)
}
