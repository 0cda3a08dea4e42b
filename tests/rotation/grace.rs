//! How long the old key stays, and the ways to end a rotation that stopped.

use crate::bench::{ROTATE, credentials, meanwhile, rotated, safe, start, status, told};
use crate::home::{Home, Run};
use crate::lab::faults::Fault;
use crate::lab::key::Status;
use crate::lab::{Rule, Verdict};

fn with_grace(home: &Home, grace: &str) -> crate::home::Output {
    home.run(&["rotate", "default", "--yes", "--no-input", "--grace", grace])
}

#[test]
fn within_the_grace_the_old_key_rests_and_every_profile_has_the_new_one() {
    for grace in ["7d", "next"] {
        let home = start();
        let output = with_grace(&home, grace);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        assert_eq!(status(&home, &home.old.id), Status::Inactive, "{grace}");
        assert!(!credentials(&home).contains(&home.old.id));
        safe(&home);
    }
}

#[test]
fn a_grace_of_nought_ends_one_that_rests() {
    let home = start();
    assert_eq!(with_grace(&home, "7d").code, Some(0));
    rotated(&home, &with_grace(&home, "0s"));
    assert_eq!(home.lab.live_keys("dev").len(), 1);
}

#[test]
fn the_next_rotation_ends_a_grace_until_next() {
    let home = start();
    assert_eq!(with_grace(&home, "next").code, Some(0));
    let resting = crate::bench::new_key(&home);
    let output = with_grace(&home, "next");
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!((status(&home, &home.old.id), status(&home, &resting.id)), (Status::Deleted, Status::Inactive));
    safe(&home);
}

#[test]
fn a_plain_rotation_ends_a_grace_until_next_and_rotates() {
    let home = start();
    assert_eq!(with_grace(&home, "next").code, Some(0));
    let resting = crate::bench::new_key(&home);
    let output = home.run(ROTATE);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!((status(&home, &home.old.id), status(&home, &resting.id)), (Status::Deleted, Status::Deleted), "{}", output.stdout);
    safe(&home);
}

#[test]
fn a_grace_that_is_no_duration_is_wrong_usage() {
    let home = start();
    assert_eq!(with_grace(&home, "soon").code, Some(2));
    assert!(home.lab.calls().is_empty());
}

#[test]
fn a_dry_run_changes_nothing() {
    let home = start();
    let output = home.run(&["rotate", "default", "--dry-run"]);
    assert_eq!((output.code, crate::bench::changes(&home.lab)), (Some(0), Vec::new()), "{}", output.stderr);
    assert!(output.stdout.contains(&home.old.id));
    safe(&home);
}

/// Killed in this state: the call took effect and its answer was not seen.
fn stopped_at(action: &str, nth: usize) -> std::sync::Arc<Home> {
    let home = start();
    let mut run = Run::new(ROTATE);
    run.kill_at_pause = true;
    home.lab.rules(vec![Rule::on(action, Fault::PauseAfter).nth(nth)]);
    assert_eq!(home.run_with(&run).code, None);
    home.lab.rules(Vec::new());
    safe(&home);
    home
}

fn resolve(home: &Home, direction: &str) -> crate::home::Output {
    let id = home.old.id.clone();
    home.run(&["rotate", "--resolve", &id, direction, "--yes", "--no-input"])
}

#[test]
fn a_rotation_that_stopped_is_resolved_forward() {
    for (action, nth) in [("GetCallerIdentity", 2), ("UpdateAccessKey", 1), ("DeleteAccessKey", 1)] {
        let home = stopped_at(action, nth);
        rotated(&home, &resolve(&home, "forward"));
    }
}

#[test]
fn a_rotation_that_stopped_is_resolved_back_while_the_old_key_lives() {
    for (action, nth) in [("GetCallerIdentity", 2), ("UpdateAccessKey", 1)] {
        let home = stopped_at(action, nth);
        let output = resolve(&home, "back");
        assert_eq!(output.code, Some(0), "{action}: {}", output.stderr);
        assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::Yes, "{action}");
        assert_eq!(credentials(&home).matches(&home.old.secret).count(), 2, "{action}");
        safe(&home);
    }
}

#[test]
fn a_rotation_whose_old_key_is_deleted_does_not_lock_out_when_told_to_go_back() {
    let home = stopped_at("DeleteAccessKey", 1);
    let output = resolve(&home, "back");
    assert_ne!(output.code, None);
    safe(&home);
    let last = if output.code == Some(0) { output } else { home.run(ROTATE) };
    assert_eq!(last.code, Some(0), "{}", last.stderr);
    safe(&home);
}

#[test]
fn a_forgotten_rotation_keeps_its_pairs_in_a_private_file_that_is_named() {
    for (action, nth) in [("GetCallerIdentity", 2), ("UpdateAccessKey", 1)] {
        let home = stopped_at(action, nth);
        let output = resolve(&home, "forget");
        assert_eq!(output.code, Some(0), "{action}: {}", output.stderr);
        let state = home.path().join(".local/state/keyrotate");
        let kept = std::fs::read_dir(&state).unwrap().flatten().find(|entry| entry.file_name().to_string_lossy().starts_with("forgotten-"));
        let kept = kept.expect("a file with the pairs").path();
        let text = std::fs::read_to_string(&kept).unwrap();
        assert!(text.contains(&crate::bench::new_key(&home).secret) && text.contains(&home.old.secret));
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(said.contains(kept.file_name().unwrap().to_str().unwrap()), "the file is not named: {said}");
        safe(&home);
    }
}

#[test]
fn an_id_that_no_rotation_has_cannot_be_resolved() {
    let home = start();
    let output = resolve(&home, "forward");
    told(&output, 2);
    assert_eq!(crate::bench::changes(&home.lab), Vec::<String>::new());
}

#[test]
fn a_key_used_by_somebody_else_within_the_grace_is_not_deleted() {
    let home = start();
    assert_eq!(with_grace(&home, "60s").code, Some(0));
    {
        // Two minutes later, so that the use is after the commit beyond doubt.
        let mut world = home.lab.world();
        world.settings.clock_offset += 240.0;
        let at = world.now() - 120.0;
        let key = world.keys.iter_mut().find(|key| key.id == home.old.id).unwrap();
        key.uses.push(crate::lab::key::Use { at, service: "s3".to_owned(), region: "eu-west-1".to_owned() });
    }
    let output = home.run(ROTATE);
    told(&output, 10);
    assert!(output.stderr.contains("s3") && output.stderr.contains("eu-west-1"), "{}", output.stderr);
    assert_eq!(status(&home, &home.old.id), Status::Inactive);
    safe(&home);
}

#[test]
fn a_long_suspension_after_the_creation_makes_no_second_key() {
    let home = start();
    let output = meanwhile(&home, Rule::on("CreateAccessKey", Fault::PauseAfter), |home, _| {
        home.lab.world().settings.clock_offset += 600.0;
    });
    let last = if output.code == Some(0) { output } else { home.run(ROTATE) };
    let made = crate::bench::changes(&home.lab).into_iter().filter(|action| action == "CreateAccessKey").count();
    assert_eq!(made, 1, "{}", last.stderr);
    safe(&home);
}
