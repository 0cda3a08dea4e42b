//! An admin activates the old key again, at every call from its deactivation on. That is a veto, to the end: the key is not deleted behind
//! their back, and nobody is locked out.

use std::time::Duration;

use crate::bench::{ROTATE, calls_of_a_rotation, changes, credentials, hurried, meanwhile_at, rotated, safe, start, status, told};
use crate::home::{Home, Output};
use crate::lab::Rule;
use crate::lab::faults::Fault;
use crate::lab::key::Status;
use crate::lab::parallel::each;

const SCALE: &str = "0.01";

/// Each call from the deactivation on, before and after it takes effect.
fn after_deactivation() -> Vec<(String, usize, Fault)> {
    let calls = calls_of_a_rotation();
    let at = calls.iter().position(|(action, _)| action == "UpdateAccessKey").expect("a deactivation");
    let both = |(action, nth): (String, usize)| [(action.clone(), nth, Fault::PauseBefore), (action, nth, Fault::PauseAfter)];
    calls.into_iter().skip(at).flat_map(both).collect()
}

/// Does nothing to a key that is deleted: nobody can bring that back.
fn set(home: &Home, to: Status) {
    let id = home.old.id.clone();
    if status(home, &id) != Status::Deleted {
        home.lab.world().set_status(&id, to);
    }
}

/// Rotated; or a stop that names the old key and the way out, with the key as the admin wants it.
#[track_caller]
fn vetoed_or_rotated(home: &Home, output: &Output) {
    if output.code == Some(0) {
        return rotated(home, output);
    }
    told(output, 10);
    assert_eq!(status(home, &home.old.id), Status::Active, "the veto was overruled");
    assert!(output.stderr.contains(&format!("--resolve {} forward|back|forget", home.old.id)), "{}", output.stderr);
    safe(home);
}

#[test]
fn an_old_key_activated_again_at_each_call_is_a_veto_and_locks_nobody_out() {
    each(&after_deactivation(), |(action, nth, pause)| {
        let home = start();
        let output = meanwhile_at(SCALE, &home, Rule::on(action, pause.clone()).nth(*nth), |home, _| set(home, Status::Active));
        vetoed_or_rotated(&home, &output);
        // Not a veto: before the deactivation, after the last listing.
        let in_time = match action.as_str() {
            "UpdateAccessKey" => *pause == Fault::PauseAfter,
            "ListAccessKeys" => *pause == Fault::PauseBefore,
            other => other != "DeleteAccessKey",
        };
        assert_eq!(output.code, Some(if in_time { 10 } else { 0 }), "{}", output.stderr);
        if in_time {
            let (before, again) = (changes(&home.lab), hurried(&home, ROTATE));
            vetoed_or_rotated(&home, &again);
            assert_eq!((again.code, changes(&home.lab)), (Some(10), before), "the next run overruled the veto");
        }
    });
}

#[test]
fn a_veto_is_resolved_in_each_direction() {
    each(&["forward", "back", "forget"], |direction| {
        let home = start();
        let pause = Rule::on("UpdateAccessKey", Fault::PauseAfter);
        told(&meanwhile_at(SCALE, &home, pause, |home, _| set(home, Status::Active)), 10);
        let output = hurried(&home, &["rotate", "--resolve", &home.old.id, direction, "--yes", "--no-input"]);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        assert_eq!(status(&home, &home.old.id), Status::Active, "the veto was overruled");
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(!said.contains(&format!("{} is inactive", home.old.id)) && !said.contains("is deleted"), "{said}");
        let held = if *direction == "back" { home.old.secret.clone() } else { crate::bench::new_key(&home).secret };
        assert_eq!(credentials(&home).matches(&held).count(), 2, "{said}");
        safe(&home);
    });
}

/// Back and forth: activated at one call, inactive again at the next one.
#[test]
fn an_old_key_activated_and_deactivated_again_by_an_admin_locks_nobody_out() {
    each(&after_deactivation(), |(action, nth, pause)| {
        let home = start();
        let output = meanwhile_at(SCALE, &home, Rule::on(action, pause.clone()).nth(*nth), |home, _| {
            set(home, Status::Active);
            home.lab.rules(vec![Rule::on("*", Fault::PauseBefore)]);
            home.lab.release(false);
            // After the last call there is no next one.
            if home.lab.wait_paused(Duration::from_secs(4)) {
                set(home, Status::Inactive);
            }
        });
        home.lab.rules(Vec::new());
        safe(&home);
        let last = if output.code == Some(0) { output } else { hurried(&home, ROTATE) };
        vetoed_or_rotated(&home, &last);
    });
}

#[test]
fn an_old_key_activated_again_within_its_grace_is_not_deleted_when_that_is_over() {
    let home = start();
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "60s"]).code, Some(0));
    set(&home, Status::Active);
    home.lab.world().settings.clock_offset += 240.0;
    let output = hurried(&home, ROTATE);
    vetoed_or_rotated(&home, &output);
    assert_eq!(output.code, Some(10));
    set(&home, Status::Inactive);
    let output = hurried(&home, ROTATE);
    assert_eq!((output.code, status(&home, &home.old.id)), (Some(0), Status::Deleted), "{}", output.stderr);
    safe(&home);
}
