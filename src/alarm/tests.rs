//! Plans, removals and topic policies of accounts that are described here.

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
                let subscription = Subscription { protocol: "email".to_owned(), endpoint: email, arn: None, gets: Ok(Truth::Unknown) };
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

#[test]
fn the_first_trail_that_will_do_is_taken_and_each_other_has_its_reason() {
    type Row = (fn(&mut TrailSight), Via, Option<Unfit>);
    let table: [Row; 10] = [
        (|_| {}, Via::Metric, None),
        (|one| one.trail.has_global_events = false, Via::Metric, Some(Unfit::NoGlobalEvents)),
        (|one| one.status = Ok(TrailStatus { is_logging: false, log_group_error: None }), Via::Metric, Some(Unfit::Off)),
        (|one| one.selectors = Ok(EventSelectors::default()), Via::EventBridge, Some(Unfit::LeavesOut)),
        (|one| one.trail.log_group_arn = None, Via::Metric, Some(Unfit::NoLogGroup)),
        (|one| one.trail.log_group_arn = None, Via::EventBridge, None),
        (
            |one| {
                one.trail.arn = one.trail.arn.replace("111122223333", "999999999999");
                (one.trail.is_of_organization, one.trail.log_group_arn) = (true, None);
            },
            Via::Metric,
            Some(Unfit::OthersTrail("999999999999".to_owned())),
        ),
        (
            |one| {
                let field = |field: &str| FieldSelector { field: field.to_owned(), ..FieldSelector::default() };
                let advanced = vec![vec![field("eventCategory"), field("userIdentity.arn")]];
                one.selectors = Ok(EventSelectors { advanced, ..EventSelectors::default() });
            },
            Via::Metric,
            Some(Unfit::Unclear),
        ),
        (
            |one| one.trail.log_group_arn = Some(GROUP.replace("111122223333", "999999999999")),
            Via::Metric,
            Some(Unfit::OtherAccount("999999999999".to_owned())),
        ),
        (
            |one| one.status = Ok(TrailStatus { is_logging: true, log_group_error: Some("denied".to_owned()) }),
            Via::Metric,
            Some(Unfit::NotDelivered("denied".to_owned())),
        ),
    ];
    for (change, via, unfit) in table {
        let only = place(&sight(vec![trail("main", change)]), "aws", via, None);
        match &unfit {
            None => assert_eq!(only.map(|place| place.trail).ok(), Some("main".to_owned())),
            Some(why) => {
                let Err(error) = only else { panic!("{why}: it was taken") };
                assert!(matches!(&error, Obstacle::NoneFits(all) if all.len() == 1 && all[0].why == *why), "{error}");
                assert!(error.hint(&work()).starts_with("main: "), "{}", error.hint(&work()));
                let second =
                    place(&sight(vec![trail("main", change), trail("other", |_| {})]), "aws", via, None).expect("the other will do");
                assert_eq!(second.trail, "other");
                assert!(place(&sight(vec![trail("main", change), trail("other", |_| {})]), "aws", via, Some("main")).is_err());
            }
        }
    }
}

fn work() -> ProfileName {
    ProfileName::new("my work")
}

#[test]
fn a_trail_of_all_regions_is_better_than_one_of_a_single_region() {
    let single = trail("single", |one| (one.trail.is_multi_region, one.trail.home_region) = (false, "us-east-1".to_owned()));
    let both = sight(vec![single.clone(), trail("main", |one| one.trail.is_of_organization = true)]);
    for via in [Via::Metric, Via::EventBridge] {
        assert_eq!(place(&both, "aws", via, None).expect("a place").trail, "main");
        assert_eq!(place(&both, "aws", via, Some("single")).expect("a place").trail, "single", "it was named");
        assert_eq!(place(&sight(vec![single.clone()]), "aws", via, None).expect("a place").trail, "single", "better than none");
    }
}

#[test]
fn each_trail_that_will_not_do_has_its_own_command() {
    let off = |one: &mut TrailSight| one.status = Ok(TrailStatus { is_logging: false, log_group_error: None });
    let of_others = |one: &mut TrailSight| {
        one.trail.arn = one.trail.arn.replace("111122223333", "999999999999");
        one.trail.has_global_events = false;
    };
    let group_less = |one: &mut TrailSight| one.trail.log_group_arn = None;
    let all = sight(vec![trail("off", off), trail("theirs", of_others), trail("bare", group_less)]);
    let hint = place(&all, "aws", Via::Metric, None).expect_err("none will do").hint(&work());
    let lines: Vec<&str> = hint.lines().collect();
    assert_eq!(
        lines[0],
        "off: `aws cloudtrail start-logging --region eu-west-1 --name arn:aws:cloudtrail:eu-west-1:111122223333:trail/off`"
    );
    assert!(lines[1].starts_with("theirs: only account 999999999999 can change it"), "{hint}");
    assert!(lines[2].contains("--name arn:aws:cloudtrail:eu-west-1:111122223333:trail/bare --cloud-watch-logs-log-group-arn"), "{hint}");
    assert!(lines.len() == 4 && lines[3].contains("--via eventbridge"), "{hint}");
}

#[test]
fn a_trail_of_another_region_is_named_where_it_is_known() {
    let home = TrailHome {
        name: "main".to_owned(),
        arn: "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main".to_owned(),
        home_region: "eu-west-1".to_owned(),
    };
    let made = "`keyrotate alarm plan 'my work' --create-trail`";
    let update = format!("main: `aws cloudtrail update-trail --region eu-west-1 --name {} --is-multi-region-trail", home.arn);
    let nowhere = || place(&sight(Vec::new()), "aws", Via::Metric, None).expect_err("there is none");
    let told = |obstacle: Obstacle| (obstacle.to_string(), obstacle.hint(&work()));

    let (unknown, hint) = told(nowhere());
    assert!(
        unknown.starts_with("no trail records in us-east-1") && hint.contains(made) && hint.contains("cloudtrail:ListTrails"),
        "{hint}"
    );
    let (none, hint) = told(nowhere().among(Vec::new()));
    assert!(none.starts_with("account 111122223333 has no trail") && hint.starts_with(made) && !hint.contains("update-trail"), "{hint}");
    let (elsewhere, hint) = told(nowhere().among(vec![home.clone()]));
    assert!(elsewhere.ends_with("main records in eu-west-1 only") && hint.starts_with(&update) && hint.contains(made), "{hint}");

    let named = |name| place(&sight(vec![trail("other", |_| {})]), "aws", Via::Metric, Some(name)).expect_err("it is not there");
    assert_eq!(named("main").to_string(), "no trail main records in us-east-1, where the events of IAM are");
    for name in ["main", home.arn.as_str()] {
        let (there, hint) = told(named(name).among(vec![home.clone()]));
        assert_eq!(there, "the trail main records in eu-west-1 only, and the events of IAM are in us-east-1");
        assert!(hint.starts_with(&update), "{hint}");
    }
    assert_eq!(named("third").among(vec![home]).to_string(), "there is no trail third");
}

#[test]
fn the_alarm_is_where_its_log_group_is_and_the_rule_where_the_events_of_iam_are() {
    let account = sight(vec![trail("main", |_| {})]);
    let metric = place(&account, "aws", Via::Metric, None).expect("a place");
    assert_eq!((metric.region.as_str(), metric.log_group.as_deref()), ("eu-west-1", Some("trail")));
    assert_eq!(metric.topic(), TOPIC_ARN);
    let rule = place(&account, "aws", Via::EventBridge, None).expect("a place");
    assert_eq!((rule.region.as_str(), rule.log_group), ("us-east-1", None));
}

#[test]
fn what_was_planned_and_done_leaves_nothing_to_plan_and_a_cut_off_plan_goes_on() {
    for via in [Via::Metric, Via::EventBridge] {
        let wanted = wanted(via, true);
        let place = Place { region: "eu-west-1".to_owned(), ..there() };
        let steps = plan(&place, &OwnSight::default(), &wanted).expect("a plan");
        assert_eq!(steps.len(), if via == Via::Metric { 8 } else { 9 }, "{steps:?}");
        assert!(matches!(steps.last(), Some(Step::Subscribe { .. })), "no mail before everything is there: {steps:?}");
        for cut in 0..=steps.len() {
            let (done, rest) = steps.split_at(cut);
            let own = after(OwnSight::default(), done);
            assert_eq!(plan(&place, &own, &wanted).expect("a plan"), rest, "cut off after {cut}");
        }
    }
}

#[test]
fn what_somebody_changed_of_ours_is_made_right() {
    let (place, wanted) = (there(), wanted(Via::Metric, false));
    let whole = after(OwnSight::default(), &plan(&place, &OwnSight::default(), &wanted).expect("a plan"));
    let changes: [fn(&mut OwnSight); 7] = [
        |own| own.alarms[0].is_narrowed = true,
        |own| own.alarms[0].description.clear(),
        |own| own.alarms[0].has_actions_enabled = false,
        |own| own.alarms[0].actions.clear(),
        |own| own.alarms[1].threshold = 5.0,
        |own| own.filters[0].1.pattern = "{$.eventName=CreatePolicy}".to_owned(),
        |own| own.filters[1].1.metrics[0].value = "0".to_owned(),
    ];
    for change in changes {
        let mut own = whole.clone();
        change(&mut own);
        let steps = plan(&place, &own, &wanted).expect("a plan");
        assert!(steps.len() == 1 && steps[0].sign() == Sign::Changes, "{steps:?}");
        assert_eq!(plan(&place, &after(own, &steps), &wanted).expect("a plan"), []);
    }
}

#[test]
fn what_aws_writes_in_other_words_is_no_difference() {
    for via in [Via::Metric, Via::EventBridge] {
        let place = Place { region: "eu-west-1".to_owned(), ..there() };
        let mut own = after(OwnSight::default(), &plan(&place, &OwnSight::default(), &wanted(via, true)).expect("a plan"));
        own.filters.iter_mut().flat_map(|(_, filter)| &mut filter.metrics).for_each(|metric| metric.unit = Some("None".to_owned()));
        for rule in &mut own.rules {
            let pattern: Value = serde_json::from_str(rule.rule.pattern.as_deref().expect("a pattern")).expect("JSON");
            (rule.rule.pattern, rule.rule.arn) = (Some(format!("{pattern:#}")), "arn:aws:events:eu-west-1:111122223333:rule/x".to_owned());
        }
        assert_eq!(plan(&place, &own, &wanted(via, true)).expect("a plan"), []);
    }
}

#[test]
fn what_has_our_name_and_not_our_mark_is_left_alone() {
    let (place, wanted) = (there(), wanted(Via::Metric, false));
    let whole = after(OwnSight::default(), &plan(&place, &OwnSight::default(), &wanted).expect("a plan"));
    let mut own = whole.clone();
    own.alarms[0] = MetricAlarm { description: "theirs".to_owned(), namespace: "theirs".to_owned(), ..own.alarms[0].clone() };
    assert!(plan(&place, &own, &wanted).expect_err("theirs").to_string().contains("nothing of it says that keyrotate made it"));
    let gone = removal(&own, TOPIC_ARN);
    assert!(!gone.steps.contains(&Step::DeleteAlarm { name: own.alarms[0].name.clone() }), "{gone:?}");
    assert!(!gone.steps.iter().any(|step| matches!(step, Step::DeleteTopic { .. })), "their alarm publishes to it: {gone:?}");
    let mut own = whole.clone();
    own.filters[0].1.metrics[0].namespace = "theirs".to_owned();
    assert!(plan(&place, &own, &wanted).expect_err("theirs").command.contains("aws logs delete-metric-filter --region eu-west-1"));
    let gone = removal(&own, TOPIC_ARN);
    assert!(after(own, &gone.steps).filters.len() == 1 && gone.stays.len() == 1, "{gone:?}");
    let topic = Topic { display_name: Some("theirs".to_owned()), ..Topic::default() };
    let topic = OwnTopic { topic, subscriptions: Vec::new(), alarms: Vec::new(), rules: Vec::new() };
    let own = OwnSight { topic: Some(topic), ..OwnSight::default() };
    assert!(plan(&place, &own, &wanted).expect_err("theirs").command.contains("aws sns delete-topic"));
    assert!(removal(&own, TOPIC_ARN).steps.is_empty());
}

#[test]
fn words_that_somebody_put_in_the_place_of_our_mark_change_nothing() {
    for via in [Via::Metric, Via::EventBridge] {
        let (place, mut own, wanted) = whole(via, true);
        own.topic.as_mut().expect("a topic").topic.display_name = Some("Security".to_owned());
        own.alarms.iter_mut().for_each(|alarm| alarm.description = "see the runbook".to_owned());
        own.rules.iter_mut().for_each(|rule| rule.rule.description = Some("see the runbook".to_owned()));
        assert_eq!(plan(&place, &own, &wanted).expect("a plan"), []);
        let gone = removal(&own, TOPIC_ARN);
        assert_eq!((after(own, &gone.steps), &gone.stays[..]), (OwnSight::default(), &[][..]));
    }
}

#[test]
fn what_an_alarm_of_ours_does_for_others_stays() {
    let (place, mut own, wanted) = whole(Via::Metric, false);
    own.alarms[0].actions = vec!["arn:aws:sns:eu-west-1:111122223333:pager".to_owned()];
    own.alarms[0].ok_actions = vec!["arn:aws:sns:eu-west-1:111122223333:pager".to_owned()];
    let steps = plan(&place, &own, &wanted).expect("a plan");
    let own = after(own, &steps);
    let ours = &own.alarms.iter().find(|alarm| alarm.name == Watch::Policies.name()).expect("the alarm");
    assert_eq!((steps.len(), ours.actions.len(), ours.ok_actions.len()), (1, 2, 1), "{steps:?}");
    let gone = removal(&own, TOPIC_ARN);
    let left = after(own.clone(), &gone.steps);
    assert_eq!((left.alarms.len(), left.alarms[0].actions.len(), left.filters.len(), left.topic), (1, 1, 1, None), "{gone:?}");
    let mut own = own;
    own.alarms.iter_mut().for_each(|alarm| alarm.is_narrowed = true);
    let gone = removal(&own, TOPIC_ARN);
    let left = after(own.clone(), &gone.steps);
    assert!(left.alarms.len() == 1 && left.alarms[0].actions.len() == 2 && left.topic.is_some(), "{gone:?}");
}

#[test]
fn no_alarm_that_stays_publishes_to_a_topic_that_goes() {
    let (_, mut own, _) = whole(Via::Metric, false);
    own.alarms[0].actions.push("arn:aws:sns:eu-west-1:111122223333:pager".to_owned());
    own.alarms[0].ok_actions = vec![TOPIC_ARN.to_owned()];
    own.alarms[0].missing_data = None;
    let gone = removal(&own, TOPIC_ARN);
    let left = after(own, &gone.steps);
    assert!(left.topic.is_none() && left.alarms.len() == 1 && left.alarms[0].ok_actions.is_empty(), "{gone:?}");
    assert_eq!(left.alarms[0].missing_data, None, "what was not said is not said");
}

#[test]
fn a_filter_that_somebody_elses_alarm_looks_at_stays() {
    let (_, mut own, _) = whole(Via::Metric, false);
    own.watchers.push((Watch::Policies.metric().to_owned(), "theirs".to_owned()));
    let gone = removal(&own, TOPIC_ARN);
    let left = after(own, &gone.steps);
    assert_eq!((left.filters.len(), left.alarms.len(), gone.stays.len()), (1, 0, 1), "{gone:?}");
    assert_eq!(left.filters[0].1.name, Watch::Policies.name());
}

#[test]
fn a_topic_without_a_mark_goes_before_that_by_which_it_is_known() {
    let (_, mut own, _) = whole(Via::Metric, true);
    own.topic.as_mut().expect("a topic").topic.display_name = Some("Security".to_owned());
    let gone = removal(&own, TOPIC_ARN);
    for cut in 0..=gone.steps.len() {
        let left = after(own.clone(), &gone.steps[..cut]);
        assert_eq!(after(left.clone(), &removal(&left, TOPIC_ARN).steps), OwnSight::default(), "cut off after {cut}");
    }
}

#[test]
fn a_target_of_somebody_else_with_our_id_stays_and_words_of_a_rule_stay() {
    let (place, mut own, wanted) = whole(Via::EventBridge, false);
    let theirs = target(TARGET, "arn:aws:lambda:eu-west-1:111122223333:function:theirs");
    own.rules[0].targets = vec![theirs.clone()];
    own.rules[0].rule.description = Some(format!("{MADE_BY} Call Ann."));
    own.rules[0].rule.is_enabled = false;
    let steps = plan(&place, &own, &wanted).expect("a plan");
    let own = after(own, &steps);
    let rule = own.rules.iter().find(|one| one.rule.name == Watch::Policies.name()).expect("the rule");
    assert!(rule.targets.contains(&theirs) && rule.targets.len() == 2, "{steps:?}");
    assert_eq!((rule.rule.description.as_deref(), rule.rule.is_enabled), (Some(format!("{MADE_BY} Call Ann.").as_str()), true));
    let mut own = own;
    own.rules.iter_mut().flat_map(|one| &mut one.targets).for_each(|target| target.role_arn = Some("arn:aws:iam::1:role/x".to_owned()));
    let steps = plan(&place, &own, &wanted).expect("a plan");
    assert!(!steps.is_empty() && steps.iter().all(|step| step.sign() == Sign::Changes), "{steps:?}");
}

#[test]
fn a_topic_that_others_use_stays() {
    let uses: [fn(&mut OwnSight); 3] = [
        |own| own.topic.as_mut().expect("a topic").rules.push("theirs".to_owned()),
        |own| own.topic.as_mut().expect("a topic").alarms.push("theirs".to_owned()),
        |own| {
            let policy = own.topic.as_mut().expect("a topic").topic.policy.as_mut().expect("a policy");
            let mut read: Value = serde_json::from_str(policy).expect("JSON");
            read["Statement"]
                .as_array_mut()
                .expect("a list")
                .push(json!({"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}}));
            *policy = read.to_string();
        },
    ];
    for add in uses {
        for via in [Via::Metric, Via::EventBridge] {
            let (place, mut own, wanted) = whole(via, true);
            add(&mut own);
            assert_eq!(plan(&place, &own, &wanted).expect("a plan"), []);
            let gone = removal(&own, TOPIC_ARN);
            let left = after(own, &gone.steps);
            assert!(left.topic.is_some() && left.rules.is_empty() && left.alarms.is_empty() && left.filters.is_empty(), "{gone:?}");
        }
    }
}

#[test]
fn what_is_in_the_way_of_a_mail_is_told_and_is_no_step() {
    for via in [Via::Metric, Via::EventBridge] {
        let (place, own, wanted) = whole(via, true);
        assert_eq!(faults(&place, &own, via), Vec::<String>::new());
        let mut locked = own.clone();
        locked.topic.as_mut().expect("a topic").topic.kms_key_id = Some("alias/aws/sns".to_owned());
        let mut denied = own.clone();
        let policy = &mut denied.topic.as_mut().expect("a topic").topic.policy;
        let allowed = with_publisher(policy.as_deref(), TOPIC_ARN, "111122223333", via.service()).or(policy.take()).expect("a policy");
        let mut read: Value = serde_json::from_str(&allowed).expect("JSON");
        read["Statement"].as_array_mut().expect("a list").push(json!({"Effect": "Deny", "Principal": "*", "Action": "sns:*"}));
        *policy = Some(read.to_string());
        for own in [locked, denied] {
            assert_eq!(faults(&place, &own, via).len(), 1);
            assert_eq!(plan(&place, &own, &wanted).expect("a plan"), []);
        }
    }
}

#[test]
fn a_filter_policy_is_in_the_way_where_nobody_hears_without_one() {
    let (place, wanted) = (there(), wanted(Via::Metric, false));
    let own = after(OwnSight::default(), &plan(&place, &OwnSight::default(), &wanted).expect("a plan"));
    let unseen = || AwsError::for_tests("sns:GetSubscriptionAttributes", ErrorKind::Denied { explicit: false }, true);
    let table = [
        (vec![], 0, 0),
        (vec![Ok(Truth::Yes)], 0, 0),
        (vec![Ok(Truth::No)], 1, 0),
        (vec![Ok(Truth::No), Ok(Truth::No)], 1, 0),
        (vec![Ok(Truth::No), Ok(Truth::Yes)], 0, 0),
        (vec![Ok(Truth::No), Ok(Truth::Unknown)], 0, 1),
        (vec![Err(unseen()), Ok(Truth::No)], 0, 1),
        (vec![Err(unseen()), Ok(Truth::Yes)], 0, 0),
    ];
    for (all, faulty, doubtful) in table {
        let mut own = own.clone();
        let subscriptions = &mut own.topic.as_mut().expect("a topic").subscriptions;
        let waiting = subscriptions[0].clone();
        subscriptions.extend(all.iter().map(|gets| Subscription { arn: Some("arn:1".to_owned()), gets: gets.clone(), ..waiting.clone() }));
        assert_eq!((faults(&place, &own, Via::Metric).len(), doubts(&own, Via::Metric).len()), (faulty, doubtful), "{all:?}");
    }
}

#[test]
fn a_removal_leaves_nothing_of_ours_and_everything_of_others() {
    for via in [Via::Metric, Via::EventBridge] {
        let place = Place { region: "eu-west-1".to_owned(), ..there() };
        let whole = after(OwnSight::default(), &plan(&place, &OwnSight::default(), &wanted(via, true)).expect("a plan"));
        let gone = removal(&whole, TOPIC_ARN);
        assert_eq!((after(whole.clone(), &gone.steps), &gone.stays[..]), (OwnSight::default(), &[][..]));
        for cut in 0..gone.steps.len() {
            let (done, rest) = gone.steps.split_at(cut);
            assert_eq!(removal(&after(whole.clone(), done), TOPIC_ARN).steps, rest, "cut off after {cut}");
        }
    }
    let mut own = after(OwnSight::default(), &plan(&there(), &OwnSight::default(), &wanted(Via::Metric, false)).expect("a plan"));
    let theirs =
        Subscription { protocol: "https".to_owned(), endpoint: "https://pager.example".to_owned(), arn: None, gets: Ok(Truth::Unknown) };
    own.topic.as_mut().expect("a topic").subscriptions.push(theirs);
    let metric = Metric {
        namespace: "theirs".to_owned(),
        name: "IAMPolicyChanges".to_owned(),
        value: "1".to_owned(),
        default: None,
        unit: None,
        has_dimensions: false,
    };
    let filter = MetricFilter { name: "theirs".to_owned(), pattern: String::new(), is_narrowed: false, metrics: vec![metric] };
    own.filters.push(("trail".to_owned(), filter));
    let gone = removal(&own, TOPIC_ARN);
    let left = after(own, &gone.steps);
    assert!(left.topic.is_some() && left.filters.len() == 1 && left.alarms.is_empty(), "{left:?}");
    assert_eq!(gone.stays.len(), 2, "{gone:?}");
}

#[test]
fn a_rule_with_other_targets_stays_and_sends_to_us_no_more() {
    let place = Place { region: "eu-west-1".to_owned(), ..there() };
    let mut own = after(OwnSight::default(), &plan(&place, &OwnSight::default(), &wanted(Via::EventBridge, false)).expect("a plan"));
    own.rules[0].targets[0].id = "from-the-console".to_owned();
    own.rules[0].targets.push(target("theirs", "arn:aws:lambda:eu-west-1:111122223333:function:theirs"));
    let gone = removal(&own, TOPIC_ARN);
    let left = after(own, &gone.steps);
    assert!(left.rules.len() == 1 && left.rules[0].targets.len() == 1 && left.topic.is_none(), "{left:?}");
    let foreign = EventRule { description: Some("theirs".to_owned()), ..left.rules[0].rule.clone() };
    let own = OwnSight { rules: vec![OwnRule { rule: foreign, targets: Vec::new() }], ..OwnSight::default() };
    assert_eq!(removal(&own, TOPIC_ARN).steps, []);
}

#[test]
fn our_statement_comes_once_and_every_other_stays() {
    let cloudwatch = |policy: Option<&str>| with_publisher(policy, TOPIC_ARN, "111122223333", "cloudwatch.amazonaws.com");
    let theirs = json!({"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "sns:Subscribe", "Resource": TOPIC_ARN});
    for before in [json!({"Version": "2012-10-17", "Statement": [theirs]}), json!({"Version": "2012-10-17", "Statement": theirs})] {
        let once = cloudwatch(Some(&before.to_string())).expect("it is not there yet");
        let policy: Value = serde_json::from_str(&once).expect("JSON");
        assert!(policy["Statement"][0] == theirs && policy["Statement"].as_array().map(Vec::len) == Some(2), "{once}");
        assert_eq!(cloudwatch(Some(&once)), None);
        let both = with_publisher(Some(&once), TOPIC_ARN, "111122223333", "events.amazonaws.com").expect("another service");
        assert_eq!(
            (cloudwatch(Some(&both)), serde_json::from_str::<Value>(&both).expect("JSON")["Statement"].as_array().map(Vec::len)),
            (None, Some(3))
        );
        let narrowed = once.replace("111122223333\"}}", "999999999999\"}}");
        assert_eq!(cloudwatch(Some(&narrowed)).as_deref(), Some(once.as_str()), "ours is made right, and not doubled");
    }
    assert!(cloudwatch(None).is_some());
    assert_eq!(cloudwatch(Some("{")), None);
}

#[test]
fn the_audit_takes_what_is_set_up_for_the_changes_of_policies() {
    assert_eq!(filter_pattern(&Watch::Policies.filter_pattern()), Hears::All);
    assert_eq!(event_pattern(&Watch::Policies.event_pattern(), "111122223333", "us-east-1"), Hears::All);
    for other in [Watch::Access, Watch::Root] {
        assert_eq!(filter_pattern(&other.filter_pattern()), Hears::Nothing, "{other:?}");
        assert!(other.filter_pattern().len() <= 1024, "longer than a filter's pattern may be");
    }
}

#[test]
fn a_script_has_the_profile_account_and_region_and_ends_at_the_first_command_that_fails() {
    let script = trail_script(&work(), "aws-cn", "111122223333", "cn-north-1");
    let (head, rest) = script.split_once("\nset -eu\n").expect("a first command");
    assert!(head.contains("keyrotate alarm plan 'my work' --create-trail > trail.sh"), "{head}");
    assert!(head.lines().all(|line| line.starts_with('#')) && rest.starts_with("export AWS_PROFILE='my work' "), "{script}");
    assert!(script.contains("LocationConstraint=cn-north-1"), "{script}");
    assert!(!trail_script(&work(), "aws", "1", "us-east-1").contains("LocationConstraint"));
    assert!(!script.contains("arn:aws:"), "{script}");
    for line in script.lines().filter(|line| line.starts_with("aws ")) {
        assert_eq!(line.matches('\'').count() % 2, 0, "{line}");
    }
    let told = std::process::Command::new("sh").args(["-c", script.lines().last().unwrap()]).output().expect("a shell");
    assert!(String::from_utf8_lossy(&told.stdout).ends_with("keyrotate alarm install 'my work' --email …\n"), "{told:?}");
    assert!(MADE_BY.ends_with('.'));
}
