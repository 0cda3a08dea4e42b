//! Broken at every call, and killed there: after the next run both places have the one key that is left, and no label of ours is anywhere.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::{JSON, NAME, ROTATE, UNDO, active, both_have, calls, current, entries, hurried, labels, rotated, run, start};
use crate::home::{Home, Output};
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;
use crate::lab::parallel::each;
use crate::lab::secrets::Body;

/// The calls of a rotation without faults.
fn clean() -> Vec<String> {
    let home = start();
    assert_eq!(run(&home, ROTATE).code, Some(0));
    calls(&home)
}

/// Killed while the call of this number stands still.
fn killed(home: &Home, number: usize, pause: Fault) -> Output {
    home.lab.rules(vec![Rule::call(number, pause)]);
    let mut run = hurried(ROTATE);
    run.kill_at_pause = true;
    let output = home.run_with(&run);
    home.lab.rules(Vec::new());
    output
}

#[test]
fn killed_at_every_call_and_resumed_both_places_have_one_key() {
    let clean = clean();
    let points: Vec<(usize, Fault)> =
        (1..=clean.len()).flat_map(|number| [(number, Fault::PauseBefore), (number, Fault::PauseAfter)]).collect();
    each(&points, |(number, pause)| {
        let home = start();
        assert_eq!(killed(&home, *number, pause.clone()).code, None, "{}", clean[number - 1]);
        home.look("after the kill");
        let value = current(&home);
        let whole = home.lab.world().keys.iter().any(|key| value == JSON.replace("{id}", &key.id).replace("{secret}", &key.secret));
        assert!(whole, "who reads the secret gets a whole version: {}", clean[number - 1]);
        let mut output = run(&home, ROTATE);
        if output.code == Some(10) && clean[number - 1] == "CreateAccessKey" {
            // Nobody has the secret of the key that was made; only a person can say that it is nobody else's.
            let suspect = home.lab.live_keys("dev").pop().unwrap().id;
            output = run(&home, &["rotate", "default", "--yes", "--no-input", "--delete-key", &suspect]);
        }
        rotated(&home, &output);
        let labels = labels(&home);
        let stages: Vec<&str> = labels.iter().flat_map(|(_, stages)| stages.iter().map(String::as_str)).collect();
        assert!(stages.iter().all(|stage| ["AWSCURRENT", "AWSPREVIOUS", "keyrotate-probe"].contains(stage)), "{labels:?}");
    });
}

#[test]
fn every_fault_at_every_call_to_the_secret_is_survived() {
    let clean = clean();
    let faults = [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::ErrorAfter { status: 500, code: "InternalServiceError", message: "Injected by the lab." },
        Fault::error(400, "ThrottlingException"),
        Fault::Truncate,
        Fault::Garbage,
        Fault::Skew(1_200.0),
        Fault::ErrorBefore { status: 400, code: "AccessDeniedException", message: "Access to KMS is not allowed" },
        Fault::ErrorBefore { status: 400, code: "AccessDeniedException", message: "User is not authorized to perform this action" },
        Fault::error(400, "ResourceExistsException"),
    ];
    let secret = |number: &usize| clean[number - 1].contains("Secret");
    let points: Vec<(usize, Fault)> =
        (1..=clean.len()).filter(secret).flat_map(|number| faults.iter().map(move |fault| (number, fault.clone()))).collect();
    each(&points, |(number, fault)| {
        let home = start();
        home.lab.rules(vec![Rule::call(*number, fault.clone())]);
        let mut output = run(&home, ROTATE);
        home.look("after the first run");
        home.lab.rules(Vec::new());
        if output.code != Some(0) {
            assert!(output.stderr.contains("keyrotate: error: ") && output.stderr.contains("hint:"), "{}", output.stderr);
            output = run(&home, ROTATE);
        }
        rotated(&home, &output);
    });
}

#[test]
fn a_denial_that_lasts_stops_with_both_pairs_alive_and_back_is_a_way() {
    for action in ["PutSecretValue", "UpdateSecretVersionStage", "GetSecretValue"] {
        let home = start();
        // After the probe, and after the key was made.
        let denied = Fault::ErrorBefore { status: 400, code: "AccessDeniedException", message: "User is not authorized" };
        let nth = if action == "GetSecretValue" { 4 } else { 2 };
        home.lab.rules(vec![Rule::on(action, denied).nth(nth).times(0)]);
        let output = run(&home, ROTATE);
        assert_eq!(output.code, Some(1), "{action}: {}", output.stderr);
        let words = format!("secret prod/ci in us-east-1: secretsmanager:{action} is not allowed: allow it");
        assert!(output.stderr.contains(&words), "{}", output.stderr);
        home.look("after the stop");
        assert_eq!(home.told(), "", "{action}");
        home.lab.rules(Vec::new());
        let output = run(&home, &["rotate", "default", "--yes", "--no-input", "--resolve", &home.old.id, "back"]);
        assert_eq!(output.code, Some(0), "{action}: {}", output.stderr);
        both_have(&home, &home.old, &output.stdout);
        assert_eq!(active(&home).id, home.old.id);
        assert!(labels(&home).iter().all(|(_, stages)| !stages.contains(&"AWSPENDING".to_owned())), "{:?}", labels(&home));
    }
}

#[test]
fn a_secret_that_is_marked_for_deletion_in_the_middle_is_waited_for_with_the_old_key_inactive() {
    let home = start();
    assert_eq!(killed(&home, created() + 1, Fault::PauseAfter).code, None);
    home.lab.world().secret(NAME).deleted_at = Some(1.0);
    let output = run(&home, ROTATE);
    assert_eq!(output.code, Some(10), "{}{}", output.stdout, output.stderr);
    assert!(format!("{}{}", output.stdout, output.stderr).contains("secret prod/ci in us-east-1"), "{}", output.stderr);
    let old = home.lab.live_keys("dev").into_iter().find(|key| key.id == home.old.id).unwrap();
    assert_eq!(old.status, Status::Inactive, "nobody can read the secret, and the key is kept for it");
    home.lab.world().secret(NAME).deleted_at = None;
    let output = run(&home, ROTATE);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    both_have(&home, &active(&home), &output.stdout);
}

#[test]
fn a_version_of_our_own_that_waits_is_in_nobodys_way_when_a_person_decides() {
    for (direction, is_new) in [("forward", true), ("back", false)] {
        let home = start();
        home.lab.rules(vec![Rule::on("PutSecretValue", Fault::PauseAfter).nth(2)]);
        let mut killed = hurried(ROTATE);
        killed.kill_at_pause = true;
        assert_eq!(home.run_with(&killed).code, None);
        assert!(labels(&home).iter().any(|(_, stages)| stages.contains(&"AWSPENDING".to_owned())));
        home.lab.rules(Vec::new());
        let output = run(&home, &["rotate", "default", "--yes", "--no-input", "--resolve", &home.old.id, direction]);
        assert_eq!(output.code, Some(0), "{direction}: {}", output.stderr);
        let key = active(&home);
        assert_eq!(key.id != home.old.id, is_new, "{direction}");
        both_have(&home, &key, &output.stdout);
        assert!(labels(&home).iter().all(|(_, stages)| !stages.contains(&"AWSPENDING".to_owned())));
    }
}

#[test]
fn a_version_that_a_rotation_left_which_is_over_is_in_nobodys_way() {
    let home = start();
    rotated(&home, &run(&home, ROTATE));
    let history = std::fs::read_to_string(home.path().join(".local/state/keyrotate/history.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(history.lines().next().unwrap()).unwrap();
    let rotation = line["rotation"].as_str().unwrap();
    let left = |rotation: &str| {
        let version = format!("keyrotate-{rotation:0>16}-01-000009");
        home.lab.world().secret(NAME).add(&version, Body::Text("{}".into()), &["AWSPENDING"]);
    };
    let is_left = || labels(&home).iter().any(|(_, stages)| stages.contains(&"AWSPENDING".to_owned()));
    left(rotation);
    let first = active(&home);
    let dry = run(&home, &[ROTATE, &["--dry-run"]].concat());
    assert!(dry.code == Some(0) && is_left(), "{}{}", dry.stdout, dry.stderr);
    let output = run(&home, ROTATE);
    assert_eq!((output.code, is_left()), (Some(0), false), "{}", output.stderr);
    assert_ne!(active(&home).id, first.id);
    both_have(&home, &active(&home), &output.stdout);
    // Another keyrotate's may be under way.
    left("fedcba9876543210");
    let output = run(&home, ROTATE);
    assert!(output.code == Some(1) && output.stderr.contains("fedcba9876543210") && is_left(), "{}", output.stderr);
}

/// The number of CreateAccessKey among the calls.
fn created() -> usize {
    clean().iter().position(|action| action == "CreateAccessKey").unwrap() + 1
}

/// Rotates; when the call of this rule stands still, does `act`.
fn meanwhile(home: &Arc<Home>, rule: Rule, act: impl FnOnce(&Home)) -> Output {
    home.lab.rules(vec![rule]);
    let runner = Arc::clone(home);
    let worker = std::thread::spawn(move || runner.run_with(&hurried(ROTATE)));
    assert!(home.lab.wait_paused(Duration::from_secs(60)), "no call stood still");
    act(home);
    home.lab.release(false);
    worker.join().unwrap()
}

#[test]
fn another_field_that_somebody_writes_at_the_same_time_is_kept() {
    // Between the put and the move of AWSCURRENT.
    let home = start();
    let rule = Rule::on("UpdateSecretVersionStage", Fault::PauseBefore).nth(2);
    let output = meanwhile(&home, rule, |home| {
        let text = current(home).replace("prod", "test");
        let mut world = home.lab.world();
        world.secret(NAME).add("theirs-theirs-theirs-theirs-theirs", Body::Text(text.clone()), &["AWSCURRENT"]);
        let arn = world.secret(NAME).arn.clone();
        drop(world);
        home.watch(&arn, &text);
    });
    rotated(&home, &output);
    assert!(current(&home).contains("\"env\":\"test\""), "{}", output.stdout);
}

#[test]
fn a_foreign_pending_version_stops_it_and_keeps_its_label() {
    let home = start();
    let rule = Rule::on("CreateAccessKey", Fault::PauseAfter);
    let output = meanwhile(&home, rule, |home| {
        home.lab.world().secret(NAME).add("theirs-theirs-theirs-theirs-theirs", Body::Text("{}".into()), &["AWSPENDING"]);
    });
    assert_eq!(output.code, Some(1), "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("theirs-theirs-theirs-theirs-theirs"), "{}", output.stderr);
    let kept = home.lab.world().secret(NAME).staged("AWSPENDING").map(|version| version.id.clone());
    assert_eq!(kept.as_deref(), Some("theirs-theirs-theirs-theirs-theirs"));
    home.look("after the stop");
    assert_eq!(home.told(), "");
    home.lab.world().secret(NAME).versions.retain(|version| !version.id.starts_with("theirs"));
    home.lab.rules(Vec::new());
    rotated(&home, &run(&home, ROTATE));
}

#[test]
fn a_pair_of_somebody_else_in_the_secret_stops_it_and_is_kept() {
    let home = start();
    let other = home.other.clone();
    let rule = Rule::on("CreateAccessKey", Fault::PauseAfter);
    let output = meanwhile(&home, rule, |home| {
        let text = JSON.replace("{id}", &other.id).replace("{secret}", &other.secret);
        home.lab.world().secret(NAME).add("theirs-theirs-theirs-theirs-theirs", Body::Text(text), &["AWSCURRENT"]);
    });
    assert_eq!(output.code, Some(1), "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains(&format!("secret prod/ci in us-east-1 has {}", other.id)), "{}", output.stderr);
    assert!(current(&home).contains(&other.id));
    assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), crate::lab::Verdict::Yes);
}

#[test]
fn an_undo_killed_at_every_call_puts_the_old_pair_back_in_both() {
    let grace = ["rotate", "default", "--yes", "--no-input", "--grace", "7d"];
    let resting = || {
        let home = start();
        assert_eq!(run(&home, &grace).code, Some(0));
        home
    };
    let (before, after) = {
        let home = resting();
        let before = calls(&home).len();
        assert_eq!(run(&home, UNDO).code, Some(0));
        (before, calls(&home).len())
    };
    let points: Vec<usize> = (1..=after - before).collect();
    each(&points, |number| {
        let home = resting();
        home.lab.rules(vec![Rule::call(calls(&home).len() + number, Fault::PauseAfter)]);
        let mut killed = hurried(UNDO);
        killed.kill_at_pause = true;
        home.run_with(&killed);
        home.lab.rules(Vec::new());
        home.look("after the kill");
        let output = run(&home, UNDO);
        assert!(output.code == Some(0) || entries(&home).is_empty(), "{}", output.stderr);
        both_have(&home, &home.old, &output.stdout);
        assert_eq!((active(&home).id, home.told()), (home.old.id.clone(), String::new()));
        assert!(labels(&home).iter().all(|(_, stages)| !stages.contains(&"AWSPENDING".to_owned())));
    });
}

#[test]
fn with_mfa_demanded_a_resume_takes_the_session_that_is_open() {
    let home = start();
    home.lab.world().settings.force_mfa = true;
    let serial = home.lab.world().users[0].serials[0].clone();
    home.write(".aws/config", &format!("[default]\nregion = us-east-1\nmfa_serial = {serial}\n"));
    let code = home.lab.code("dev").unwrap();
    home.lab.rules(vec![Rule::on("PutSecretValue", Fault::PauseAfter).nth(2)]);
    let first = ["rotate", "default", "--yes", "--no-input", "--mfa-code", &code];
    let mut killed = hurried(&first);
    killed.kill_at_pause = true;
    assert_eq!(home.run_with(&killed).code, None);
    home.lab.rules(Vec::new());
    rotated(&home, &run(&home, ROTATE));
}
