//! A key of which nobody here can tell whether it is gone: where a person can look, and what is done on their word.

use super::{Boss, Output, one_line, told};
use crate::bench::calls;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;

/// A key that signed its own deletion, whose answer was lost, while the root user has another key that is not here.
fn unheard() -> (Boss, String) {
    let boss = Boss::new(2, false);
    let all = boss.config.clone();
    let config = all.split_once("[profile boss2]").expect("a second section").0.to_owned();
    boss.home.write(".aws/config", &config);
    let boss = Boss { config, ..boss };
    boss.home.lab.rules(vec![Rule::on("DeleteAccessKey", Fault::DropAfter).times(0)]);
    let (code, screen) = boss.answered(boss.open(""));
    boss.home.lab.rules(vec![]);
    let text = one_line(&screen);
    assert!(code == Some(1) && text.contains("it is not known whether the key is deleted"), "{code:?} {text}");
    assert!(!text.contains("the session of the root user"), "there is none: {text}");
    assert_eq!((boss.status(), boss.written_down(), boss.config()), (Status::Deleted, 1, boss.config.clone()), "{text}");
    (boss, all)
}

fn remove(boss: &Boss, more: &[&str]) -> Output {
    boss.home.run(&[&["root-key", "remove", "boss", "--admin", "default"], more].concat())
}

#[test]
fn where_nobody_can_tell_the_ways_to_look_are_named_and_a_word_ends_it() {
    let (boss, _) = unheard();
    let (output, second) = (remove(&boss, &[]), &boss.keys[1].id);
    for said in [
        "an administrator sees only that the root user has a key".to_owned(),
        format!("put its other key, {second}, into a profile here"),
        "sign in to the AWS console as the root user of account 000000000000".to_owned(),
        "aws sts assume-root --target-principal 000000000000".to_owned(),
        "keyrotate root-key remove boss --admin default --seen-gone".to_owned(),
    ] {
        told(&output, 11, &said);
    }
    let planned = remove(&boss, &["--seen-gone", "--dry-run"]);
    assert!(
        planned.code == Some(0) && one_line(&planned.stdout).contains("that the root user does not have it is your word"),
        "{planned:?}"
    );
    assert!(one_line(&planned.stdout).contains("an administrator sees only that the root user has a key"), "{planned:?}");
    told(&remove(&boss, &["--seen-gone"]), 1, "the account ID has to be typed, and nobody can be asked here");
    assert_eq!(boss.config(), boss.config, "nothing yet");
    let (code, screen) = boss.answered(boss.open("--seen-gone"));
    assert_eq!(code, Some(0), "{screen}");
    let text = one_line(&screen);
    assert!(text.contains("AWS does not accept it, and that the root user does not have it is your word"), "{text}");
    assert!(!text.contains("AWS has no key"), "nobody saw that: {text}");
    boss.is_removed(&screen);
}

#[test]
fn the_other_key_in_a_profile_sees_it_without_a_word() {
    let (boss, all) = unheard();
    boss.home.write(".aws/config", &all);
    let (code, screen) = boss.answered(boss.open(""));
    assert_eq!(code, Some(0), "{screen}");
    Boss { config: all, ..boss }.is_removed(&screen);
}

#[test]
fn a_word_counts_only_where_aws_does_not_say_otherwise() {
    let boss = Boss::new(1, true);
    told(&remove(&boss, &["--seen-gone"]), 1, "AWS has it, and it is active");
    boss.waiting("").kill();
    told(&remove(&boss, &["--seen-gone"]), 1, "AWS has it, and it is inactive");
    assert_eq!((boss.config(), calls(&boss.home, "DeleteAccessKey")), (boss.config.clone(), 0));
}

#[test]
fn a_word_that_was_given_before_is_not_taken_for_a_fact() {
    let (boss, _) = unheard();
    boss.is_written_down_as_seen();
    told(&remove(&boss, &[]), 1, "to remove the lines of");
    assert_eq!((boss.config(), boss.written_down()), (boss.config.clone(), 1), "nothing goes without a question");
    let (code, screen) = boss.answered(boss.open(""));
    assert!(code == Some(0) && one_line(&screen).contains("that the root user does not have it is your word"), "{code:?} {screen}");
    boss.is_removed(&screen);
}

#[test]
fn a_word_that_was_given_before_is_taken_back_where_aws_has_the_key() {
    let boss = Boss::new(1, true);
    boss.waiting("").kill();
    boss.is_written_down_as_seen();
    told(&remove(&boss, &["--dry-run"]), 1, "AWS has it, and it is inactive");
    told(&remove(&boss, &[]), 1, "AWS has it, and it is inactive");
    assert_eq!((boss.status(), boss.config(), boss.written_down()), (Status::Inactive, boss.config.clone(), 1));
    boss.is_taken_back();
}

#[test]
fn a_word_does_not_stand_against_a_key_that_aws_still_counts() {
    let boss = Boss::new(1, true);
    boss.waiting("").kill();
    boss.is_without_sessions();
    let output = remove(&boss, &["--seen-gone"]);
    told(&output, 1, "AWS tells the administrator that the root user has a key, and it had no other");
    assert_eq!((boss.config(), boss.written_down()), (boss.config.clone(), 1));
    let at = boss.home.lab.world().keys.iter().position(|key| key.id == boss.keys[0].id).unwrap();
    boss.home.lab.world().change_key(at, Status::Deleted);
    let (code, screen) = boss.answered(boss.open("--seen-gone"));
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
}

#[test]
fn of_a_key_that_nobody_listed_what_aws_counts_is_said_before_the_question() {
    let boss = Boss::new(2, false);
    assert_eq!(boss.home.run(&["status", "boss"]).code, Some(11));
    let config = boss.config.split_once("[profile boss2]").expect("a second section").0.to_owned();
    boss.home.write(".aws/config", &config);
    boss.home.lab.world().set_status(&boss.keys[0].id, Status::Inactive);
    let planned = remove(&boss, &["--seen-gone", "--dry-run"]);
    assert!(one_line(&planned.stdout).contains("an administrator sees only that the root user has a key, and not which"), "{planned:?}");
}

#[test]
fn a_wrong_secret_is_no_dead_key() {
    let boss = Boss::new(1, true);
    assert_eq!(boss.home.run(&["status", "boss"]).code, Some(11));
    let config = boss.has_a_wrong_secret();
    let said = format!("the secret here is not that of {}, which AWS has", boss.keys[0].id);
    let output = remove(&boss, &[]);
    told(&output, 11, &said);
    assert!(!one_line(&output.stderr).contains("inactive or deleted"), "{}", output.stderr);
    told(&remove(&boss, &["--seen-gone"]), 1, "AWS has it");
    assert_eq!((boss.status(), boss.config()), (Status::Active, config));
}

#[test]
fn a_wrong_secret_of_a_key_that_nothing_knows_is_said_to_be_that() {
    let boss = Boss::new(1, true);
    boss.has_a_wrong_secret();
    told(&remove(&boss, &[]), 1, &format!("the secret here is not that of {}", boss.keys[0].id));
}
