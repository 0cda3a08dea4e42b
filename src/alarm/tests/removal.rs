//! What goes again, and what stays.

use super::*;

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
fn an_alarm_by_which_a_composite_one_goes_stays_and_tells_nobody_any_more() {
    let (_, mut own, _) = whole(Via::Metric, true);
    own.composites.push((Watch::Policies.name().to_owned(), "theirs".to_owned()));
    let gone = removal(&own, TOPIC_ARN);
    let left = after(own, &gone.steps);
    assert!(left.topic.is_none() && left.alarms.len() == 1 && left.alarms[0].actions.is_empty() && left.filters.len() == 1, "{left:?}");
    assert!(gone.stays[0].contains("the composite alarm theirs goes by it"), "{gone:?}");
    assert_eq!(removal(&left, TOPIC_ARN).steps, []);
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
    let theirs = Subscription {
        protocol: "https".to_owned(),
        endpoint: "https://pager.example".to_owned(),
        arn: None,
        other_account: None,
        gets: Ok(Truth::Unknown),
    };
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
