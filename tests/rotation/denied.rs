//! AWS says no, is busy, or its answer is lost: at each call of a rotation. Whatever it was, the same command ends it well.

use std::sync::Arc;

use crate::bench::{ROTATE, calls_of_a_rotation, changes, new_key, refused, rotated, safe, start, status, told};
use crate::home::{Home, Output, Problem};
use crate::lab::faults::Fault;
use crate::lab::key::Status;
use crate::lab::parallel::each;
use crate::lab::{Rule, Verdict};

const IMPLICIT: &str =
    "User: arn:aws:iam::000000000000:user/dev is not authorized to perform: iam:X because no identity-based policy allows it";
const EXPLICIT: &str = "User: arn:aws:iam::000000000000:user/dev is not authorized to perform: iam:X with an explicit deny";
/// Looks whose denial means "unknown", not "stop".
const EXTRAS: [&str; 3] = ["GetAccessKeyLastUsed", "ListAttachedUserPolicies", "ListGroupsForUser"];

fn broken(action: &str, nth: usize, times: usize, fault: Fault) -> (Arc<Home>, Output) {
    let home = start();
    home.lab.rules(vec![Rule::on(action, fault).nth(nth).times(times)]);
    let output = home.run(ROTATE);
    assert!(home.lab.fired() > 0, "no fault fired");
    safe(&home);
    home.lab.rules(Vec::new());
    (home, output)
}

fn ends_well(home: &Home, output: &Output) {
    if output.code == Some(0) {
        return rotated(home, output);
    }
    told(output, output.code.expect("an exit code"));
    rotated(home, &home.run(ROTATE));
}

fn denied(message: &'static str, code: i32) {
    each(&calls_of_a_rotation(), |(action, nth)| {
        let (home, output) = broken(action, *nth, 0, Fault::ErrorBefore { status: 403, code: "AccessDenied", message });
        if EXTRAS.contains(&action.as_str()) {
            assert_eq!(output.code, Some(0), "an extra that is denied stopped the run: {}", output.stderr);
        } else {
            told(&output, code);
            assert!(output.stderr.contains(action), "the missing action is not named: {}", output.stderr);
        }
        ends_well(&home, &output);
    });
}

#[test]
fn a_missing_permission_is_named_at_each_call() {
    denied(IMPLICIT, 1);
}

#[test]
fn an_explicit_deny_wants_mfa_at_each_call() {
    denied(EXPLICIT, 20);
}

#[test]
fn throttling_at_each_call_is_ridden_out_or_told() {
    each(&calls_of_a_rotation(), |(action, nth)| {
        let (home, output) = broken(action, *nth, 1, Fault::error(400, "Throttling"));
        ends_well(&home, &output);
    });
}

#[test]
fn a_lost_answer_at_each_call_but_the_creation_ends_well() {
    let calls = calls_of_a_rotation();
    let calls: Vec<_> = calls.into_iter().filter(|(action, _)| action != "CreateAccessKey").collect();
    each(&calls, |(action, nth)| {
        let (home, output) = broken(action, *nth, 1, Fault::DropAfter);
        ends_well(&home, &output);
    });
}

#[test]
fn a_key_whose_answer_was_lost_is_left_until_it_is_named_then_the_run_goes_on() {
    let home = start();
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::DropAfter)]);
    let output = home.run(ROTATE);
    told(&output, 10);
    let suspect = new_key(&home);
    assert!(output.stderr.contains(&format!("--delete-key {}", suspect.id)), "{}", output.stderr);
    assert_eq!((status(&home, &suspect.id), changes(&home.lab).len()), (Status::Active, 1), "it was touched unasked");
    let again = home.run(ROTATE);
    told(&again, 10);
    assert_eq!(status(&home, &suspect.id), Status::Active, "`--yes` deleted it");
    rotated(&home, &home.run(&["rotate", "default", "--yes", "--no-input", "--delete-key", &suspect.id]));
    assert_eq!(status(&home, &suspect.id), Status::Deleted);
}

#[test]
fn a_lost_request_that_made_nothing_is_taken_back() {
    let home = start();
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::DropBefore)]);
    told(&home.run(ROTATE), 1);
    assert_eq!(home.lab.live_keys("dev").len(), 1);
    rotated(&home, &home.run(ROTATE));
}

#[test]
fn a_quarantine_stops_the_run_before_anything_is_made() {
    let home = start();
    home.lab.world().users[home.old.user].policies.push("AWSCompromisedKeyQuarantineV2".to_owned());
    let output = home.run(ROTATE);
    refused(&home, &output, 1);
    assert!(output.stderr.contains("AWSCompromisedKeyQuarantineV2"), "{}", output.stderr);
}

#[test]
fn the_keys_of_the_root_user_are_refused() {
    let home = start();
    let root = {
        let mut world = home.lab.world();
        let root = world.add_root();
        world.add_settled_key(root)
    };
    home.write(".aws/config", &format!("[profile root]\naws_access_key_id = {}\naws_secret_access_key = {}\n", root.id, root.secret));
    let output = home.run(&["rotate", "root", "--yes", "--no-input"]);
    refused(&home, &output, 11);
    assert!(output.stderr.contains("keyrotate root-key remove root --admin PROFILE"), "{}", output.stderr);
}

#[test]
fn a_clock_an_hour_off_is_told_as_such() {
    each(&[3600.0, -3600.0], |offset| {
        let home = start();
        home.lab.world().settings.clock_offset = *offset;
        let output = home.run(ROTATE);
        assert!(output.stderr.is_empty() || output.stderr.contains("clock"), "{}", output.stderr);
        assert!(!home.found().contains_key(&Problem::Locked));
        if output.code != Some(0) {
            refused(&home, &output, 1);
            assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::Yes);
        }
    });
}
