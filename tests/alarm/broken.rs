//! What somebody changed of it is named, made right by the next run, and known from what was never ours.

use crate::bench::{BY_RULE, INSTALL, REGION, REMOVE, account, alarm, audited, confirm, said, start, well};
use crate::lab::state::World;

const POLICIES: &str = "keyrotate-iam-policy-changes";

/// What somebody does, how it was set up, and what the plan and the test then name.
struct Row(fn(&mut World), &'static [&'static str], &'static str, Option<&'static str>);

fn filter(world: &mut World) -> &mut crate::lab::logs::MetricFilter {
    world.log_groups[0].filters.iter_mut().find(|filter| filter.name == POLICIES).unwrap()
}

fn alarm_of(world: &mut World) -> &mut crate::lab::cloudwatch::Alarm {
    world.alarms.iter_mut().find(|alarm| alarm.name == POLICIES).unwrap()
}

fn rule(world: &mut World) -> &mut crate::lab::events::Rule {
    world.event_rules.iter_mut().find(|rule| rule.name == POLICIES).unwrap()
}

fn topic(world: &mut World) -> &mut crate::lab::sns::Topic {
    world.topics.iter_mut().find(|topic| topic.arn.ends_with(":keyrotate-alarms")).unwrap()
}

const ROWS: &[Row] = &[
    Row(
        |w| filter(w).pattern = "{$.eventName=CreatePolicy}".into(),
        INSTALL,
        "~ metric filter keyrotate-iam-policy-changes",
        Some("does not hear of DeleteGroupPolicy"),
    ),
    Row(|w| filter(w).value = "0".into(), INSTALL, "~ metric filter keyrotate-iam-policy-changes", None),
    Row(|w| w.log_groups[0].filters.retain(|one| one.name != POLICIES), INSTALL, "+ metric filter keyrotate-iam-policy-changes", None),
    Row(|w| alarm_of(w).has_actions_enabled = false, INSTALL, "~ CloudWatch alarm keyrotate-iam-policy-changes", Some("it does nothing")),
    Row(|w| alarm_of(w).actions.clear(), INSTALL, "~ CloudWatch alarm keyrotate-iam-policy-changes", Some("it does nothing")),
    Row(|w| alarm_of(w).threshold = 50.0, INSTALL, "~ CloudWatch alarm keyrotate-iam-policy-changes", None),
    Row(
        |w| w.alarms.retain(|one| one.name != POLICIES),
        INSTALL,
        "+ CloudWatch alarm keyrotate-iam-policy-changes",
        Some("it is not there"),
    ),
    Row(|w| topic(w).policy = "{\"Statement\":[]}".into(), INSTALL, "+ cloudwatch.amazonaws.com may publish to keyrotate-alarms", None),
    Row(|w| topic(w).subscriptions.clear(), INSTALL, "+ subscription of security@example.com", Some("nobody hears of it")),
    Row(|w| topic(w).subscriptions[0].is_confirmed = false, INSTALL, "nothing is missing", Some("not confirmed by security@example.com")),
    Row(|w| rule(w).is_enabled = false, BY_RULE, "~ EventBridge rule keyrotate-iam-policy-changes", Some("it is switched off")),
    Row(
        |w| rule(w).pattern = "{\"source\":[\"aws.s3\"]}".into(),
        BY_RULE,
        "~ EventBridge rule keyrotate-iam-policy-changes",
        Some("does not hear of DeleteGroupPolicy"),
    ),
    Row(|w| rule(w).targets.clear(), BY_RULE, "+ target of keyrotate-iam-policy-changes", Some("it does not send to the topic")),
    Row(|w| topic(w).policy = "{\"Statement\":[]}".into(), BY_RULE, "+ events.amazonaws.com may publish to keyrotate-alarms", None),
];

#[test]
fn each_part_that_is_broken_is_named_and_made_right() {
    for (number, Row(change, install, planned, tried)) in ROWS.iter().enumerate() {
        let home = start();
        well(&home, install);
        confirm(&home);
        change(&mut home.lab.world());
        let audited = audited(&home);
        assert!(audited.iter().any(|(level, _)| level == "fail" || level == "warn"), "row {number}: the audit passes: {audited:?}");
        let words: Vec<&str> = ["plan"].iter().chain(install[1..].iter().filter(|word| **word != "--yes")).copied().collect();
        let plan = well(&home, &words);
        assert!(said(&plan).contains(planned), "row {number}: {}", plan.stdout);
        let test = alarm(&home, &["test"]);
        match tried {
            Some(told) => assert!(test.code == Some(11) && said(&test).contains(told), "row {number}: {test:?}"),
            None => assert!(test.code.is_some(), "row {number}"),
        }
        well(&home, install);
        let again = well(&home, &words);
        assert!(said(&again).contains("nothing is missing"), "row {number}: {}", again.stdout);
    }
}

#[test]
fn what_others_added_to_ours_stays_and_what_bears_our_name_only_is_left_alone() {
    let home = start();
    well(&home, INSTALL);
    {
        let mut world = home.lab.world();
        let arn = topic(&mut world).arn.clone();
        world.add_alarm("second", REGION, "theirs", &arn);
    }
    let before = account(&home);
    let output = well(&home, REMOVE);
    assert!(said(&output).contains("the alarm second publishes to it, too"), "{output:?}");
    let (mut world, now) = (home.lab.world(), account_of_topic(&before));
    assert_eq!(format!("{:#?}\n", topic(&mut world)), now, "the topic and its subscriptions are as they were");
    assert!(world.alarms.iter().all(|alarm| !alarm.name.starts_with("keyrotate-")));
    drop(world);

    let home = start();
    home.lab.world().add_alarm(POLICIES, REGION, "theirs", "arn:aws:sns:eu-central-1:000000000000:theirs");
    let before = account(&home);
    let output = alarm(&home, INSTALL);
    assert!(output.code == Some(1) && said(&output).contains("keyrotate did not make it"), "{output:?}");
    well(&home, REMOVE);
    assert_eq!(account(&home), before);
}

/// The part of the text that is about our topic.
fn account_of_topic(text: &str) -> String {
    let start = text
        .match_indices("Topic {")
        .map(|(at, _)| at)
        .find(|at| text[*at..].lines().nth(1).unwrap().contains("keyrotate-alarms"))
        .unwrap();
    let end = text[start..].find("\n}\n").unwrap();
    text[start..start + end + 3].to_owned()
}
