//! From nothing to a mail, and back to nothing.

use crate::bench::{BY_RULE, INSTALL, MAILBOX, REGION, REMOVE, account, alarm, audited, confirm, ours, said, start, well, writes};

#[test]
fn a_plan_is_the_diff_of_the_account_and_changes_nothing() {
    let home = start();
    let before = account(&home);
    let output = well(&home, &["plan", "--email", MAILBOX]);
    for part in [
        "account 000000000000, eu-central-1",
        "+ SNS topic arn:aws:sns:eu-central-1:000000000000:keyrotate-alarms",
        "+ subscription of security@example.com",
        "+ metric filter keyrotate-iam-policy-changes of the log group trail",
        "{($.eventName=DeleteGroupPolicy)||($.eventName=DeleteRolePolicy)||",
        "+ CloudWatch alarm keyrotate-iam-policy-changes",
        "+ metric filter keyrotate-iam-access-changes of the log group trail",
        "nothing was changed",
    ] {
        assert!(said(&output).contains(part), "{part}: {}", output.stdout);
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
        assert!(output.code == Some(10) && said(&output).contains("security@example.com has not confirmed"), "{output:?}");
        let whole = account(&home);
        let since = home.lab.calls().len();
        assert_eq!(alarm(&home, install).code, Some(10));
        assert_eq!((account(&home), writes(&home.lab.calls()[since..])), (whole.clone(), vec![]), "{link}");
        let unconfirmed = audited(&home);
        assert!(unconfirmed.iter().any(|(level, _)| level == "fail"), "{unconfirmed:?}");
        confirm(&home);
        let heard = audited(&home);
        assert!(heard.iter().all(|(level, _)| level == "pass" || level == "not_applicable"), "{link}: {heard:?}");
        let output = alarm(&home, install);
        assert!(output.code == Some(0) && said(&output).contains("nothing is missing"), "{output:?}");
        let removed = well(&home, REMOVE);
        assert!(said(&removed).contains("removed:"), "{removed:?}");
        assert_eq!((account(&home), ours(&home)), (before, 0), "{link}");
        let again = well(&home, REMOVE);
        assert!(said(&again).contains("nothing that keyrotate set up is there"), "{again:?}");
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
        assert!(none.code == Some(11) && said(&none).contains("keyrotate alarm install default --email"), "{none:?}");
        well(&home, install);
        let early = alarm(&home, &["test"]);
        assert!(early.code == Some(11) && said(&early).contains("not confirmed by security@example.com"), "{early:?}");
        confirm(&home);
        home.lab.world().mails.clear();
        let output = alarm(&home, &["test"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(output.stdout.matches("hears of each of its events and of nothing else").count(), 2, "{}", output.stdout);
        assert_eq!(output.stdout.matches("hears of its event and of nothing else").count(), 1, "{}", output.stdout);
        assert!(said(&output).contains("a mail is on its way to security@example.com"), "{output:?}");
        let mails = home.lab.world().mails.clone();
        assert!(mails.len() == 1 && mails[0].contains(MAILBOX) && mails[0].contains("nothing has happened"), "{mails:?}");
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
fn who_cannot_be_asked_says_yes_before_anything_is_changed() {
    let home = start();
    let before = account(&home);
    for args in [&["install", "--email", MAILBOX][..], &["install", "--email", MAILBOX, "--no-input"]] {
        let output = alarm(&home, args);
        assert!(output.code == Some(1) && said(&output).contains("--yes"), "{output:?}");
    }
    assert_eq!(account(&home), before);
    for wrong in ["nobody", "a@b", "a b@example.com", "@example.com"] {
        let output = alarm(&home, &["plan", "--email", wrong]);
        assert!(output.code == Some(2) && said(&output).contains("name@example.com"), "{output:?}");
    }
}
