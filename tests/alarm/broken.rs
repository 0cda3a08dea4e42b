//! What somebody changed of it is named, made right by the next run, and known from what was never ours.

use crate::bench::{BY_RULE, INSTALL, REGION, REMOVE, account, alarm, audited, confirm, start, well};
use crate::lab::cloudwatch::Composite;
use crate::lab::sns::BY_ATTRIBUTE;
use crate::lab::state::World;

const POLICIES: &str = "keyrotate-iam-policy-changes";

/// What somebody does, how it was set up, and what the plan and the test then name.
struct Row(fn(&mut World), &'static [&'static str], &'static str, &'static str);

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
    Row(|w| filter(w).pattern = "{$.eventName=CreatePolicy}".into(), INSTALL, FILTER_CHANGED, "does not match DeleteGroupPolicy"),
    Row(|w| filter(w).value = "0".into(), INSTALL, FILTER_CHANGED, "was changed"),
    Row(
        |w| w.log_groups[0].filters.retain(|one| one.name != POLICIES),
        INSTALL,
        "+ metric filter keyrotate-iam-policy-changes",
        "of the log group trail: is missing",
    ),
    Row(|w| alarm_of(w).has_actions_enabled = false, INSTALL, ALARM_CHANGED, "was changed"),
    Row(|w| alarm_of(w).actions.clear(), INSTALL, ALARM_CHANGED, "was changed"),
    Row(|w| alarm_of(w).threshold = 50.0, INSTALL, ALARM_CHANGED, "was changed"),
    Row(|w| alarm_of(w).unit = Some("Count".into()), INSTALL, ALARM_CHANGED, "was changed"),
    Row(
        |w| w.alarms.retain(|one| one.name != POLICIES),
        INSTALL,
        "+ CloudWatch alarm keyrotate-iam-policy-changes",
        "CloudWatch alarm keyrotate-iam-policy-changes on the metric keyrotate/IAMPolicyChanges: is missing",
    ),
    Row(
        |w| topic(w).policy = "{\"Statement\":[]}".into(),
        INSTALL,
        "+ cloudwatch.amazonaws.com may publish to keyrotate-alarms",
        "cloudwatch.amazonaws.com may publish to keyrotate-alarms: is missing",
    ),
    Row(|w| topic(w).subscriptions.clear(), INSTALL, "+ subscription of security@example.com", "nobody hears of it: name a mailbox"),
    Row(
        |w| topic(w).subscriptions[0].is_confirmed = false,
        INSTALL,
        "nothing is missing",
        "nobody hears of it: security@example.com did not follow the link",
    ),
    Row(|w| w.topics.retain(|topic| !topic.arn.ends_with(":keyrotate-alarms")), INSTALL, "+ SNS topic", "keyrotate-alarms: is missing"),
    Row(|w| rule(w).is_enabled = false, BY_RULE, RULE_CHANGED, "was changed"),
    Row(|w| rule(w).pattern = "{\"source\":[\"aws.s3\"]}".into(), BY_RULE, RULE_CHANGED, "does not match DeleteGroupPolicy"),
    Row(|w| rule(w).targets.clear(), BY_RULE, "+ target of keyrotate-iam-policy-changes", "the topic keyrotate-alarms: is missing"),
    Row(
        |w| topic(w).policy = "{\"Statement\":[]}".into(),
        BY_RULE,
        "+ events.amazonaws.com may publish to keyrotate-alarms",
        "events.amazonaws.com may publish to keyrotate-alarms: is missing",
    ),
];

const FILTER_CHANGED: &str = "~ metric filter keyrotate-iam-policy-changes";
const ALARM_CHANGED: &str = "~ CloudWatch alarm keyrotate-iam-policy-changes";
const RULE_CHANGED: &str = "~ EventBridge rule keyrotate-iam-policy-changes";

/// What somebody does that is not mended here, how it was set up, and what is said of it.
struct Other(fn(&mut World), &'static [&'static str], &'static str);

const OTHERS: &[Other] = &[
    Other(|w| w.trails[0].is_logging = false, INSTALL, "switched off"),
    Other(|w| w.trails[0].is_logging = false, BY_RULE, "switched off"),
    Other(|w| topic(w).kms_key_id = Some("alias/aws/sns".into()), INSTALL, "a key that cloudwatch.amazonaws.com cannot use"),
    Other(|w| topic(w).kms_key_id = Some("alias/aws/sns".into()), BY_RULE, "a key that events.amazonaws.com cannot use"),
    Other(deny, BY_RULE, "denies events.amazonaws.com to publish"),
    Other(|w| topic(w).subscriptions[0].filter = Some(BY_ATTRIBUTE), INSTALL, "filters by attributes, which no alarm and no rule gives"),
    Other(|w| topic(w).subscriptions[0].filter = Some(BY_ATTRIBUTE), BY_RULE, "takes the filter of security@example.com off"),
];

fn deny(world: &mut World) {
    let policy = &mut topic(world).policy;
    *policy = policy.replacen("[{", "[{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"sns:Publish\"},{", 1);
}

#[test]
fn what_is_in_the_way_and_not_ours_is_named_and_no_mail_is_said_to_be_sent() {
    for (number, Other(change, install, told)) in OTHERS.iter().enumerate() {
        let home = start();
        well(&home, install);
        confirm(&home);
        change(&mut home.lab.world());
        let before = account(&home);
        home.lab.world().mails.clear();
        let words: Vec<&str> = ["plan"].iter().chain(install[1..].iter().filter(|word| **word != "--yes")).copied().collect();
        for args in [&["test"][..], &words, install] {
            let output = alarm(&home, args);
            assert!(matches!(output.code, Some(1 | 10 | 11)) && output.said().contains(told), "row {number}, {args:?}: {output:?}");
            assert!(
                !["nothing is missing, and", "set up:", "hears:"].iter().any(|well| output.stdout.contains(well)),
                "row {number}, {args:?}: {output:?}"
            );
        }
        assert_eq!((account(&home), home.lab.world().mails.len()), (before, 0), "row {number}");
    }
}

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
        assert!(plan.said().contains(planned), "row {number}: {}", plan.stdout);
        let test = alarm(&home, &["test"]);
        assert!(test.code == Some(11) && test.said().contains(tried), "row {number}: {test:?}");
        assert!(test.said().contains("no message was sent") && home.lab.world().mails.is_empty(), "row {number}: {test:?}");
        well(&home, install);
        let again = well(&home, &words);
        assert!(again.said().contains("nothing is missing"), "row {number}: {}", again.stdout);
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
    assert!(output.said().contains("second publishes to it, too"), "{output:?}");
    let (mut world, now) = (home.lab.world(), account_of_topic(&before));
    assert_eq!(format!("{:#?}\n", topic(&mut world)), now, "the topic and its subscriptions are as they were");
    assert!(world.alarms.iter().all(|alarm| !alarm.name.starts_with("keyrotate-")));
    drop(world);

    let home = start();
    well(&home, INSTALL);
    let theirs = Composite { name: "theirs".to_owned(), region: REGION.to_owned(), children: vec![POLICIES.to_owned()] };
    home.lab.world().composites.push(theirs);
    let output = well(&home, REMOVE);
    assert!(output.said().contains("the composite alarm theirs goes by it"), "{output:?}");
    assert!(
        home.lab.world().alarms.iter().any(|alarm| alarm.name == POLICIES && alarm.actions.is_empty()),
        "it is there, and tells nobody"
    );
    assert!(home.lab.world().topics.iter().all(|topic| !topic.arn.ends_with(":keyrotate-alarms")));

    let home = start();
    home.lab.world().add_alarm(POLICIES, REGION, "theirs", "arn:aws:sns:eu-central-1:000000000000:theirs");
    let before = account(&home);
    let output = alarm(&home, INSTALL);
    assert!(output.code == Some(1) && output.said().contains("nothing of it says that keyrotate made it"), "{output:?}");
    well(&home, REMOVE);
    assert_eq!(account(&home), before);
}

/// The part of the text that is about our topic.
fn account_of_topic(text: &str) -> &str {
    let is_ours = |part: &&str| part.lines().nth(1).is_some_and(|line| line.contains(":keyrotate-alarms"));
    text.split_inclusive("\n}\n").find(is_ours).expect("the topic")
}
