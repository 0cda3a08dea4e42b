//! A removal whose calls are denied or lost, and one that is killed: what the next run makes of it.

use super::{Boss, DENIED, OFFLINE, one_line, told};
use crate::bench::Terminal;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;

#[test]
fn each_call_denied_leaves_the_key_active_or_says_what_it_is() {
    for action in [
        "GetCallerIdentity",
        "SimulatePrincipalPolicy",
        "GetAccountSummary",
        "ListAccessKeys",
        "GetAccessKeyLastUsed",
        "ListMFADevices",
        "GetSessionToken",
        "UpdateAccessKey",
        "DeleteAccessKey",
    ] {
        let boss = Boss::new(1, true);
        boss.home.lab.rules(vec![Rule::on(action, DENIED).times(0)]);
        let (code, screen) = boss.answered(boss.open(""));
        assert_eq!(boss.home.told(), "", "{action}: {screen}");
        match (action, boss.status()) {
            ("GetAccountSummary" | "GetAccessKeyLastUsed", Status::Deleted) => {
                assert_eq!(code, Some(0), "{action}: {screen}");
                continue;
            }
            ("DeleteAccessKey", Status::Inactive) => {
                assert!(code == Some(1) && one_line(&screen).contains("the key is inactive"), "{action}: {screen}");
            }
            (_, Status::Active) => assert!(code == Some(1) && boss.written_down() == 0, "{action}: {code:?} {screen}"),
            (_, status) => panic!("{action}: {status:?} {screen}"),
        }
        boss.home.lab.rules(vec![]);
        let (code, screen) = boss.answered(boss.open(""));
        assert_eq!(code, Some(0), "{action}: {screen}");
        boss.is_removed(&screen);
    }
}

#[test]
fn a_lost_answer_is_told_by_looking() {
    for has_device in [true, false] {
        for action in ["UpdateAccessKey", "DeleteAccessKey", "SimulatePrincipalPolicy", "ListAccessKeys"] {
            let boss = Boss::new(1, has_device);
            boss.home.lab.rules(vec![Rule::on(action, Fault::DropAfter).times(if action == "DeleteAccessKey" { 0 } else { 3 })]);
            let (_, first) = boss.answered(boss.open(""));
            boss.home.lab.rules(vec![]);
            if boss.status() != Status::Deleted || boss.written_down() > 0 || boss.config() != boss.config_after() {
                let (code, screen) = boss.answered(boss.open(""));
                assert_eq!(code, Some(0), "{action} {has_device}: {first} {screen}");
            }
            boss.is_removed(&format!("{action} {has_device}: {first}"));
        }
    }
}

#[test]
fn killed_at_any_call_the_next_run_goes_on() {
    for has_device in [true, false] {
        let boss = Boss::new(1, has_device);
        let (code, screen) = boss.answered(boss.open(""));
        assert_eq!(code, Some(0), "{screen}");
        let count = boss.home.lab.calls().len();
        for (number, fault) in (1..=count).flat_map(|number| [(number, Fault::PauseBefore), (number, Fault::PauseAfter)]) {
            let boss = Boss::new(1, has_device);
            boss.home.lab.rules(vec![Rule::call(number, fault.clone())]);
            let why = format!("{number} {fault:?} {has_device}");
            boss.killed_at_pause();
            let is_touched = boss.status() != Status::Active;
            assert!(!is_touched || boss.written_down() == 1, "{why}: what was begun is written down");
            if is_touched {
                let status = boss.home.run(OFFLINE);
                assert!((status.stdout + &status.stderr).contains("keyrotate root-key remove boss --admin default"), "{why}");
            }
            boss.home.lab.rules(vec![]);
            let (code, screen) = boss.answered(boss.open(""));
            assert_eq!(code, Some(0), "{why}: {screen}");
            boss.is_removed(&format!("{why}: {screen}"));
        }
    }
}

#[test]
fn killed_in_the_wait_the_next_run_can_activate_it_again() {
    let boss = Boss::new(1, true);
    boss.waiting("").kill();
    assert_eq!((boss.status(), boss.written_down()), (Status::Inactive, 1));
    boss.is_taken_back();
}

#[test]
fn by_whatever_profile_has_the_key_an_interrupted_removal_goes_on() {
    let boss = Boss::new(1, true);
    let config = format!("{}{}", boss.config, boss.config.replace("[profile boss]", "[profile copy]"));
    boss.home.write(".aws/config", &config);
    boss.waiting("").kill();
    let (code, screen) = boss.answered(Terminal::open(&boss.home, "root-key remove copy --admin default", &[]));
    assert_eq!((code, boss.status(), boss.written_down()), (Some(0), Status::Deleted, 0), "{screen}");
    let key = &boss.keys[0];
    assert!(!boss.config().contains(&key.id) && !boss.config().contains(&key.secret), "{screen}");
}

#[test]
fn stranded_it_names_what_can_still_be_done_and_then_removes_the_lines() {
    let boss = Boss::new(1, true);
    boss.waiting("").kill();
    std::fs::remove_dir_all(boss.home.path().join(".cache/keyrotate")).unwrap();
    let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default"]);
    told(&output, 11, "aws sts assume-root --target-principal 000000000000");
    told(&output, 11, "sign in to the AWS console as the root user of account 000000000000");
    let auto = boss.home.run(&["auto", "--now"]);
    assert!(auto.stderr.contains("root-key remove boss"), "{}", auto.stderr);
    assert_eq!(boss.config(), boss.config, "the only copy stays");
    let at = boss.home.lab.world().keys.iter().position(|key| key.id == boss.keys[0].id).unwrap();
    boss.home.lab.world().change_key(at, Status::Deleted);
    let (code, screen) = boss.answered(boss.open(""));
    assert!(code == Some(0) && screen.contains("to remove the lines of"), "{code:?} {screen}");
    boss.is_removed(&screen);
}

#[test]
fn stranded_the_partition_is_the_accounts_and_govcloud_has_no_console_for_root() {
    for (partition, has_console) in [("aws", true), ("aws-cn", true), ("aws-us-gov", false)] {
        let boss = Boss::of(partition, 1, true);
        boss.waiting("").kill();
        std::fs::remove_dir_all(boss.home.path().join(".cache/keyrotate")).unwrap();
        let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default"]);
        told(&output, 11, &format!("--task-policy-arn arn=arn:{partition}:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"));
        assert_eq!(output.stderr.split_whitespace().any(|word| word == "console"), has_console, "{partition}: {}", output.stderr);
    }
}
