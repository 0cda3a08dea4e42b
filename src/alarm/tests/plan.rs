//! What is missing, and what somebody else added.

use super::*;

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
