//! From nothing to a mail, and back to nothing.

use crate::bench::{BY_RULE, INSTALL, MAILBOX, REGION, REMOVE, account, alarm, audited, confirm, ours, start, well, writes};
use crate::lab::faults::{Fault, Rule};
use crate::lab::sns::Filter;
use crate::lab::state::World;

#[test]
fn a_plan_is_the_diff_of_the_account_and_changes_nothing() {
    let dry = alarm(&start(), &["install", "--email", MAILBOX, "--dry-run"]);
    assert_eq!((dry.code, &dry.stdout), (Some(10), &alarm(&start(), &["plan", "--email", MAILBOX]).stdout), "{dry:?}");
    let home = start();
    let before = account(&home);
    let output = well(&home, &["plan", "--email", MAILBOX]);
    let patterns = well(&home, &["plan", "--email", MAILBOX, "--patterns"]);
    assert!(patterns.said().contains("{($.eventName=DeleteGroupPolicy)||($.eventName=DeleteRolePolicy)||"), "{}", patterns.stdout);
    for part in [
        "account 000000000000, eu-central-1",
        "+ SNS topic arn:aws:sns:eu-central-1:000000000000:keyrotate-alarms",
        "+ subscription of security@example.com",
        "+ metric filter keyrotate-iam-policy-changes of the log group trail",
        "CIS's pattern to the letter, 16 events",
        "+ CloudWatch alarm keyrotate-iam-policy-changes",
        "+ metric filter keyrotate-iam-access-changes of the log group trail",
        "source: the log group trail of the trail main, in eu-central-1",
        "$0.80 a month",
        "each rotation by keyrotate makes an access key",
    ] {
        assert!(output.said().contains(part), "{part}: {}", output.stdout);
    }
    assert!(!output.stdout.contains("root"), "{}", output.stdout);
    assert_eq!((account(&home), writes(&home.lab.calls())), (before, vec![]));
}

#[test]
fn set_up_once_it_is_heard_of_and_a_second_time_nothing_is_changed() {
    for (install, link) in [(INSTALL, "metric filter"), (BY_RULE, "rule")] {
        let home = start();
        let before = account(&home);
        let output = alarm(&home, install);
        assert!(output.code == Some(10) && output.said().contains("waits: for security@example.com to follow the link"), "{output:?}");
        assert!(output.said().contains("nobody hears of a change yet"), "{output:?}");
        let whole = account(&home);
        let since = home.lab.calls().len();
        let again = alarm(&home, install);
        assert!(again.code == Some(10) && again.said().contains("sent again to security@example.com"), "{again:?}");
        assert_eq!((account(&home), writes(&home.lab.calls()[since..])), (whole.clone(), vec!["Subscribe".to_owned()]), "{link}");
        let unconfirmed = audited(&home);
        assert!(unconfirmed.iter().any(|(level, _)| level == "fail"), "{unconfirmed:?}");
        confirm(&home);
        let heard = audited(&home);
        assert!(heard.iter().all(|(level, _)| level == "pass" || level == "not_applicable"), "{link}: {heard:?}");
        let since = home.lab.calls().len();
        let output = alarm(&home, install);
        assert!(output.code == Some(0) && output.said().contains("nothing is missing, and nothing was changed"), "{output:?}");
        // Nor without a word of how it was set up.
        let plain = alarm(&home, &["install", "--yes"]);
        assert!(plain.code == Some(0) && plain.said().contains("nothing is missing, and nothing was changed"), "{plain:?}");
        assert_eq!(writes(&home.lab.calls()[since..]), Vec::<String>::new(), "{link}");
        let removed = well(&home, REMOVE);
        assert!(removed.said().contains("removed:"), "{removed:?}");
        assert_eq!((account(&home), ours(&home)), (before, 0), "{link}");
        let again = well(&home, REMOVE);
        assert!(again.said().contains("nothing that keyrotate set up is in eu-central-1, us-east-1"), "{again:?}");
    }
}

#[test]
fn both_ways_go_with_one_command() {
    let home = start();
    let before = account(&home);
    well(&home, INSTALL);
    well(&home, BY_RULE);
    well(&home, REMOVE);
    assert_eq!((account(&home), ours(&home)), (before, 0));
}

#[test]
fn a_test_holds_the_patterns_against_events_and_sends_a_mail() {
    for install in [INSTALL, BY_RULE] {
        let home = start();
        let none = alarm(&home, &["test"]);
        assert!(none.code == Some(11) && none.said().contains("keyrotate alarm install default --email"), "{none:?}");
        well(&home, install);
        let early = alarm(&home, &["test"]);
        assert!(early.code == Some(11) && early.said().contains("security@example.com did not follow the link"), "{early:?}");
        confirm(&home);
        home.lab.world().mails.clear();
        let output = alarm(&home, &["test"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(output.said().matches("matches each of its events, and not an event of another kind").count(), 2, "{}", output.stdout);
        assert_eq!(output.said().matches("matches its event, and not an event of another kind").count(), 1, "{}", output.stdout);
        let alarms = output.said().matches("one event raises it, and it tells the topic").count();
        assert_eq!(alarms, if install == INSTALL { 3 } else { 0 }, "{}", output.stdout);
        assert!(early.said().contains("`keyrotate alarm install default --email security@example.com` sends it again"), "{early:?}");
        assert!(output.said().contains("sent: a message to security@example.com"), "{output:?}");
        let mails = home.lab.world().mails.clone();
        assert!(mails.len() == 1 && mails[0].contains(MAILBOX) && mails[0].contains("nothing has happened"), "{mails:?}");
        assert_eq!(alarm(&home, &["test"]).code, Some(0));
        assert_eq!(home.lab.world().mails.len(), 2, "once more is a mail once more");
    }
}

#[test]
fn a_changed_policy_reaches_the_mailbox() {
    for (install, region) in [(INSTALL, REGION), (BY_RULE, "us-east-1")] {
        let home = start();
        well(&home, install);
        confirm(&home);
        for (event, is_heard) in
            [("PutUserPolicy", true), ("UpdateAssumeRolePolicy", true), ("CreateAccessKey", true), ("ListUsers", false), ("GetUser", false)]
        {
            home.lab.world().mails.clear();
            home.lab.world().happens("iam.amazonaws.com", event, "IAMUser");
            assert_eq!(home.lab.world().mails.len(), usize::from(is_heard), "{event} in {region}");
        }
        home.lab.world().mails.clear();
        home.lab.world().happens("s3.amazonaws.com", "ListBuckets", "Root");
        assert_eq!(home.lab.world().mails.len(), 1, "the root user in {region}");
    }
}

#[test]
fn without_anybody_who_hears_of_it_nothing_is_made() {
    let home = start();
    let before = account(&home);
    for args in [&["install", "--yes"][..], &["install", "--yes", "--via", "eventbridge"]] {
        let output = alarm(&home, args);
        assert!(output.code == Some(2) && output.said().contains("keyrotate alarm install default --email ADDRESS"), "{output:?}");
    }
    let plan = alarm(&home, &["plan"]);
    assert!(plan.code == Some(10) && plan.said().contains("nobody would hear of it: name a mailbox"), "{plan:?}");
    assert_eq!(account(&home), before);
}

#[test]
fn what_was_set_up_in_a_region_that_no_trail_leads_to_is_found_by_its_name() {
    let home = start();
    let before = account(&home);
    well(&home, INSTALL);
    let trail = home.lab.world().trails.remove(0);
    let nothing = alarm(&home, REMOVE);
    assert!(nothing.code == Some(0) && nothing.said().contains("--region REGION looks in another region"), "{nothing:?}");
    let test = alarm(&home, &["test", "--region", REGION]);
    assert!(test.code == Some(11) && test.said().contains("no trail"), "{test:?}");
    well(&home, &["remove", "--yes", "--region", REGION]);
    home.lab.world().trails.insert(0, trail);
    assert_eq!(account(&home), before);
}

#[test]
fn an_alarm_that_does_more_for_others_is_raised_where_that_is_said() {
    let home = start();
    well(&home, INSTALL);
    confirm(&home);
    let pager = "arn:aws:sns:eu-central-1:000000000000:theirs";
    home.lab.world().alarms.iter_mut().filter(|alarm| alarm.name.contains("policy")).for_each(|alarm| alarm.actions.push(pager.to_owned()));
    home.lab.world().mails.clear();
    let unsure = alarm(&home, &["test"]);
    assert!(
        unsure.code == Some(12) && unsure.said().contains("would set off arn:aws:sns:eu-central-1:000000000000:theirs, too"),
        "{unsure:?}"
    );
    assert!(home.lab.world().mails.is_empty());
    assert_eq!(alarm(&home, &["test", "--all-actions"]).code, Some(0));
    assert_eq!(home.lab.world().mails.iter().filter(|mail| mail.contains(MAILBOX)).count(), 1);
}

/// What is changed, and what is then said of it.
type Doubt = (fn(&mut World), &'static str);

#[test]
fn what_cannot_be_seen_of_the_way_is_a_doubt_where_no_alarm_tries_it_out() {
    let key = |world: &mut World| world.topics.iter_mut().for_each(|topic| topic.kms_key_id = Some("alias/own".to_owned()));
    let filter = |world: &mut World| {
        let filter = Filter { scope: "MessageBody", policy: r#"{"NewStateValue":["ALARM"]}"# };
        world.topics.iter_mut().flat_map(|topic| &mut topic.subscriptions).for_each(|one| one.filter = Some(filter.clone()));
    };
    let denied = |world: &mut World| world.settings.denied = ["sns:GetSubscriptionAttributes".to_owned()].into();
    let table: [Doubt; 3] = [
        (key, "do kms:Decrypt and kms:GenerateDataKey* was not looked at"),
        (filter, "security@example.com has a filter policy for its subscription: whether a change passes it could not be judged"),
        (
            denied,
            "whether security@example.com has a filter policy for its subscription is unknown: sns:GetSubscriptionAttributes answered",
        ),
    ];
    for ((change, told), (install, code)) in table.into_iter().flat_map(|row| [(row, (INSTALL, 0)), (row, (BY_RULE, 12))]) {
        let home = start();
        well(&home, install);
        confirm(&home);
        change(&mut home.lab.world());
        let plan = alarm(&home, &["plan"]);
        assert!(plan.said().contains(told), "{told}: {plan:?}");
        let test = alarm(&home, &["test"]);
        assert_eq!((test.code, test.said().contains("unsure:")), (Some(code), code == 12), "{told}: {test:?}");
    }
}

#[test]
fn what_fails_counts_more_than_a_region_that_refuses() {
    let home = start();
    well(&home, INSTALL);
    let mut world = home.lab.world();
    world.alarms.retain(|alarm| !alarm.name.contains("access"));
    drop(world);
    // ListRules is asked in each region: the second is that of IAM's events.
    home.lab.rules(vec![Rule::on("ListRules", Fault::error(403, "AccessDenied")).nth(2)]);
    let output = alarm(&home, &["test"]);
    assert!(output.code == Some(11) && output.said().contains("unsure: us-east-1: events:ListRules"), "{output:?}");
}

#[test]
fn one_region_that_refuses_ends_no_removal_of_the_rest() {
    let home = start();
    let before = account(&home);
    well(&home, INSTALL);
    home.lab.rules(vec![Rule::on("GetTopicAttributes", Fault::error(403, "AccessDenied"))]);
    let output = alarm(&home, REMOVE);
    assert!(output.code == Some(12) && output.said().contains("sns:GetTopicAttributes"), "{output:?}");
    home.lab.rules(vec![]);
    well(&home, REMOVE);
    assert_eq!(account(&home), before);
}

#[test]
fn another_way_beside_is_said_to_be_two_mails() {
    let home = start();
    well(&home, INSTALL);
    let output = alarm(&home, &["plan", "--via", "eventbridge", "--email", MAILBOX]);
    assert!(output.said().contains("it is told by CloudWatch alarms in eu-central-1 already"), "{output:?}");
}

#[test]
fn the_trail_that_was_named_once_is_meant_from_then_on() {
    let home = start();
    let mut world = home.lab.world();
    world.add_trail("second", REGION, Some("second"));
    world.add_log_group("second", REGION);
    drop(world);
    well(&home, &[INSTALL, &["--trail", "second"]].concat());
    confirm(&home);
    for args in [&["plan"][..], &["install", "--yes"], &["test"]] {
        let output = alarm(&home, args);
        assert!(output.code == Some(0) && !output.said().contains("trail main"), "{args:?}: {output:?}");
    }
    let other = well(&home, &["plan", "--trail", "main"]);
    assert!(other.said().contains("+ metric filter keyrotate-iam-policy-changes of the log group trail"), "{other:?}");
}

#[test]
fn who_cannot_be_asked_says_yes_before_anything_is_changed() {
    let home = start();
    let before = account(&home);
    for args in [&["install", "--email", MAILBOX][..], &["install", "--email", MAILBOX, "--no-input"]] {
        let output = alarm(&home, args);
        assert!(output.code == Some(1) && output.said().contains("--yes"), "{output:?}");
    }
    assert_eq!(account(&home), before);
    for wrong in ["nobody", "a@b", "a b@example.com", "@example.com"] {
        let output = alarm(&home, &["plan", "--email", wrong]);
        assert!(output.code == Some(2) && output.said().contains("name@example.com"), "{output:?}");
    }
}
