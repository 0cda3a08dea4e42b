//! The user has two keys already: each row of the protocol's table, unattended. A key that may be somebody's is never deleted unasked.

use crate::bench::{ROTATE, changes, refused, rotated, start, status};
use crate::home::Home;
use crate::lab::Key;
use crate::lab::faults::Fault;
use crate::lab::key::Status;
use crate::lab::parallel::each;
use crate::lab::{Rule, Verdict};

fn second(home: &Home, state: Status) -> Key {
    let key = home.lab.world().add_settled_key(home.old.user);
    home.lab.world().set_status(&key.id, state);
    key
}

#[test]
fn another_active_key_is_left_alone_and_named() {
    let home = start();
    let other = second(&home, Status::Active);
    let output = home.run(ROTATE);
    refused(&home, &output, 10);
    assert!(output.stderr.contains(&other.id) && output.stderr.contains("--delete-key"), "{}", output.stderr);
}

#[test]
fn another_active_key_goes_when_it_is_named() {
    let home = start();
    let other = second(&home, Status::Active);
    rotated(&home, &home.run(&["rotate", "default", "--yes", "--no-input", "--delete-key", &other.id]));
    assert_eq!(status(&home, &other.id), Status::Deleted);
}

#[test]
fn only_the_named_key_goes() {
    let home = start();
    second(&home, Status::Active);
    let foreign = home.other.id.clone();
    refused(&home, &home.run(&["rotate", "default", "--yes", "--no-input", "--delete-key", &foreign]), 10);
    assert_eq!(status(&home, &foreign), Status::Active);
}

#[test]
fn a_key_that_is_named_and_not_there_is_told() {
    let home = start();
    let output = home.run(&["rotate", "default", "--yes", "--no-input", "--delete-key", "AKIANOBODYS000000001"]);
    rotated(&home, &output);
    assert!(output.stdout.contains("dev has no key AKIANOBODYS000000001"), "{}", output.stdout);
}

#[test]
fn the_key_in_use_cannot_be_named_for_deletion() {
    let home = start();
    let output = home.run(&["rotate", "default", "--yes", "--no-input", "--delete-key", &home.old.id]);
    assert!(output.code != Some(0) || home.lab.accepts(&home.old.id, &home.old.secret) == Verdict::No, "{output:?}");
    crate::bench::safe(&home);
}

#[test]
fn another_active_key_that_a_profile_here_has_is_left_alone_even_when_named() {
    let home = start();
    let other = second(&home, Status::Active);
    home.write(".aws/config", &format!("[profile extra]\naws_access_key_id = {}\naws_secret_access_key = {}\n", other.id, other.secret));
    refused(&home, &home.run(ROTATE), 10);
    refused(&home, &home.run(&["rotate", "default", "--yes", "--no-input", "--delete-key", &other.id]), 10);
    assert_eq!(status(&home, &other.id), Status::Active);
}

#[test]
fn an_inactive_key_goes_only_with_reclaim_and_only_when_it_was_not_used_lately() {
    each(&[(false, false), (true, false), (true, true)], |(reclaim, recent)| {
        let home = start();
        let other = second(&home, Status::Inactive);
        home.lab.world().grow_old(&other.id, 31.0);
        if *recent {
            let mut world = home.lab.world();
            let now = world.now();
            world.keys.iter_mut().find(|key| key.id == other.id).unwrap().used(now - 86_400.0, "s3", "eu-west-1");
        }
        let mut args = ROTATE.to_vec();
        args.extend(reclaim.then_some("--reclaim-inactive"));
        let output = home.run(&args);
        if *reclaim && !*recent {
            rotated(&home, &output);
            assert_eq!(status(&home, &other.id), Status::Deleted);
        } else {
            refused(&home, &output, 10);
            assert_eq!(status(&home, &other.id), Status::Inactive);
        }
    });
}

#[test]
fn an_inactive_key_that_was_made_lately_is_not_reclaimed() {
    let home = start();
    let other = second(&home, Status::Inactive);
    home.lab.world().grow_old(&other.id, 29.0);
    refused(&home, &home.run(&["rotate", "default", "--yes", "--no-input", "--reclaim-inactive"]), 10);
}

#[test]
fn an_inactive_key_of_unknown_use_is_not_reclaimed() {
    let home = start();
    let other = second(&home, Status::Inactive);
    home.lab.world().grow_old(&other.id, 31.0);
    home.lab.world().settings.denied.insert("iam:GetAccessKeyLastUsed".to_owned());
    refused(&home, &home.run(&["rotate", "default", "--yes", "--no-input", "--reclaim-inactive"]), 10);
}

#[test]
fn a_newcomer_between_listing_and_creation_is_reported_and_left() {
    let home = start();
    let output = crate::bench::meanwhile(&home, Rule::on("CreateAccessKey", Fault::PauseBefore), |home, _| {
        second(home, Status::Active);
    });
    crate::bench::told(&output, 1);
    assert_eq!(changes(&home.lab), ["CreateAccessKey"], "only the refused creation");
    let newcomer = crate::bench::new_key(&home);
    assert!(output.stderr.contains(&newcomer.id), "the newcomer is not named: {}", output.stderr);
    assert_eq!(status(&home, &newcomer.id), Status::Active);
    crate::bench::safe(&home);
}
