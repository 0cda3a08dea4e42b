//! What a finding says to do.

use super::Level::Fail;
use super::*;

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
        one.subscriptions =
            Ok(vec![Subscription { protocol: "https".into(), endpoint, arn: None, other_account: None, gets: Ok(Truth::Unknown) }]);
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
        let metric = &mut one.filter.metrics[0];
        (metric.namespace, metric.name) = ("Log, x=y".into(), "IAMPolicy".into());
        (metric.unit, metric.default) = (Some("Count".into()), Some(0.0));
    });
    let fix = links.iter().find(|link| link.level == Fail).and_then(|link| link.fix.clone()).unwrap();
    let put = r#"'[{"defaultValue":0,"metricName":"IAMPolicy","metricNamespace":"Log, x=y","metricValue":"1","unit":"Count"}]'"#;
    assert!(fix.contains(put), "{fix}");
}

#[test]
fn an_alarm_that_is_mended_tells_whom_it_told() {
    let links = audited(|sight| alarms(sight)[0].threshold = Some(50.0));
    let fix = links.iter().find(|link| link.level == Fail).and_then(|link| link.fix.clone()).unwrap();
    assert!(fix.ends_with(&format!("--alarm-actions {TOPIC}`")), "{fix}");
    let links = audited(|sight| alarms(sight)[0].actions.clear());
    assert!(links.iter().any(|link| link.fix.as_ref().is_some_and(|fix| fix.ends_with("--alarm-actions TOPIC-ARN`"))), "{links:?}");
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
        let publisher = Publisher { service, account: "111122223333", source_arn, topic: TOPIC };
        assert_eq!(lets_publish(&format!(r#"{{"Statement":[{statement}]}}"#), publisher), Truth::Yes, "{fix}");
        assert!(statement.contains(TOPIC) && before.contains("get-topic-attributes"), "{fix}");
    }
}
