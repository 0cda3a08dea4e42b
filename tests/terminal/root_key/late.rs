//! Answers that are lost, or refused, while the listing says what is not so yet: what a run cannot know, it does not say.

use super::{Boss, DENIED, one_line};
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;

/// At each call of this action the listing begins to show the key so.
fn shown_at(boss: &Boss, action: &'static str, status: Status) {
    let (lab, id) = (boss.home.lab.clone(), boss.keys[0].id.clone());
    boss.home.lab.on_commit(move |call| {
        if call.action == action {
            lab.world().set_status(&id, status);
        }
    });
}

/// Answers and listings are right again, and the key is so.
fn caught_up(boss: &Boss, status: Status) {
    boss.home.lab.on_commit(|_| {});
    boss.home.lab.rules(vec![]);
    boss.home.lab.world().set_status(&boss.keys[0].id, status);
}

#[test]
fn a_lost_deactivation_and_a_listing_that_shows_it_active_prove_nothing() {
    for caught in [Status::Inactive, Status::Active] {
        let boss = Boss::new(1, true);
        boss.home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::DropAfter).times(0)]);
        shown_at(&boss, "UpdateAccessKey", Status::Active);
        let (code, screen) = boss.answered(boss.open(""));
        let text = one_line(&screen);
        assert!(code == Some(1) && text.contains("it is not known whether the key is inactive"), "{code:?} {text}");
        assert!(text.contains("state: the key is active or inactive; the files still have it"), "{text}");
        assert_eq!((boss.written_down(), boss.config()), (1, boss.config.clone()), "what may have happened stays written down: {text}");
        caught_up(&boss, caught);
        let (code, screen) = boss.answered(boss.open(""));
        assert_eq!(code, Some(0), "{caught:?}: {screen}");
        boss.is_removed(&screen);
    }
}

#[test]
fn a_refused_deactivation_of_a_key_that_is_listed_as_active_is_over() {
    let boss = Boss::new(1, true);
    boss.home.lab.rules(vec![Rule::on("UpdateAccessKey", DENIED).times(0)]);
    let (code, screen) = boss.answered(boss.open(""));
    assert!(code == Some(1) && one_line(&screen).contains("state: the key is active"), "{code:?} {screen}");
    boss.is_as_before(&screen);
}

#[test]
fn a_refused_deletion_did_nothing_whatever_the_listing_leaves_out() {
    let boss = Boss::new(1, true);
    boss.home.lab.rules(vec![Rule::on("DeleteAccessKey", DENIED).times(0)]);
    shown_at(&boss, "DeleteAccessKey", Status::Deleted);
    let (code, screen) = boss.answered(boss.open(""));
    let text = one_line(&screen);
    assert!(code == Some(1) && text.contains("it is not known whether the key is deleted"), "{code:?} {text}");
    assert_eq!((boss.written_down(), boss.config()), (1, boss.config.clone()), "the lines go only after the key: {text}");
    caught_up(&boss, Status::Inactive);
    let (code, screen) = boss.answered(boss.open(""));
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
}
