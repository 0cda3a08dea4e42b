//! A key of which nobody here can tell whether it is gone: where a person can look, and what is done on their word.

use super::{Boss, Output, told, words};
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
    let text = words(&screen);
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
    assert!(planned.code == Some(0) && words(&planned.stdout).contains("that the root user does not have it is your word"), "{planned:?}");
    told(&remove(&boss, &["--seen-gone"]), 1, "the account ID has to be typed, and nobody can be asked here");
    assert_eq!(boss.config(), boss.config, "nothing yet");
    let (code, screen) = boss.answered(boss.open("--seen-gone"));
    assert_eq!(code, Some(0), "{screen}");
    let text = words(&screen);
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
