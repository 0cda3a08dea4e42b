//! Rotations of a key in the keychain: no file has a secret at any moment of them, and the pending pair is in the keychain, too.

use std::sync::Arc;

use crate::bed::{Bed, ITEM, ROTATE, content, entries, fine, in_no_file, told};
use crate::lab::Rule;
use crate::lab::faults::Fault;
use crate::lab::key::Status;

/// At every call of the run no file has a secret.
fn watched(bed: &Arc<Bed>) {
    let home = Arc::downgrade(&bed.home);
    bed.home.lab.on_commit(move |call| {
        if let Some(home) = home.upgrade() {
            in_no_file(&home, &format!("call {} {}", call.number, call.action));
        }
    });
}

#[test]
fn the_item_has_the_new_key_and_no_file_ever_had_it() {
    let bed = Bed::start();
    watched(&bed);
    fine(&bed.login());
    let output = bed.run(ROTATE);
    fine(&output);
    assert!(output.stdout.contains(&format!("keychain item {ITEM}")), "{}", output.stdout);
    assert_ne!(bed.newest().id, bed.home.old.id);
    bed.holds_only(&bed.newest());
    let history = bed.run(&["history"]);
    assert!(history.stdout.contains(&bed.newest().id), "{}", history.stdout);
    // The session of the old key goes on under the new one.
    fine(&bed.home.run(&["credential-process", "default", "--no-input"]));
}

#[test]
fn within_the_grace_undo_puts_the_old_key_back() {
    let bed = Bed::start();
    watched(&bed);
    fine(&bed.run(&["rotate", "default", "--yes", "--no-input", "--grace", "7d"]));
    let new = bed.newest();
    assert_eq!(bed.get(ITEM), Ok(Some(content(&new))));
    assert_eq!(bed.indexed(), new.id);
    assert_eq!((bed.items().len(), entries(&bed.home).is_empty()), (2, false), "{:?}", bed.items());
    bed.is_in_no_file();
    let status = bed.run(&["status"]);
    assert!(status.stdout.contains("rotation:"), "{}", status.stdout);
    fine(&bed.run(&["undo", "default", "--yes", "--no-input"]));
    bed.holds_only(&bed.home.old);
    assert_eq!(bed.home.lab.world().keys.iter().find(|key| key.id == new.id).unwrap().status, Status::Inactive);
}

#[test]
fn a_run_that_is_killed_at_any_call_is_finished_by_the_next() {
    // ListAccessKeys, CreateAccessKey, its first proof, and what deactivates and deletes.
    for (action, fault) in [
        ("CreateAccessKey", Fault::PauseBefore),
        ("CreateAccessKey", Fault::PauseAfter),
        ("UpdateAccessKey", Fault::PauseBefore),
        ("UpdateAccessKey", Fault::PauseAfter),
        ("DeleteAccessKey", Fault::PauseAfter),
    ] {
        let bed = Bed::start();
        watched(&bed);
        bed.home.lab.rules(vec![Rule::on(action, fault.clone())]);
        let mut run = bed.with(ROTATE);
        run.kill_at_pause = true;
        assert_eq!(bed.home.run_with(&run).code, None, "{action} {fault:?}");
        bed.home.lab.rules(Vec::new());
        let output = bed.run(ROTATE);
        // A key whose secret was lost with its answer waits for a person.
        if (action, fault.clone()) == ("CreateAccessKey", Fault::PauseAfter) {
            assert!(output.code == Some(0) || output.code == Some(10), "{}", output.stderr);
            assert_eq!(bed.get(ITEM), Ok(Some(content(&bed.home.old))));
            bed.is_in_no_file();
            continue;
        }
        fine(&output);
        bed.holds_only(&bed.newest());
    }
}

#[test]
fn a_rotation_that_a_person_forgets_leaves_its_pairs_in_the_keychain() {
    let bed = Bed::start();
    fine(&bed.run(&["rotate", "default", "--yes", "--no-input", "--grace", "7d"]));
    let old = bed.home.old.id.clone();
    let output = bed.run(&["rotate", "--resolve", &old, "forget", "--yes", "--no-input"]);
    fine(&output);
    let item = bed.items().into_iter().find(|name| name != ITEM).expect("the pairs");
    assert!(output.stdout.contains(&item), "{}", output.stdout);
    assert!(bed.get(&item).unwrap().unwrap().contains(&bed.home.old.secret));
    bed.is_in_no_file();
}

#[test]
fn a_dry_run_tells_the_plan_and_writes_nothing() {
    let bed = Bed::start();
    let output = bed.run(&["rotate", "default", "--dry-run"]);
    fine(&output);
    assert!(output.stdout.contains("keychain item work"), "{}", output.stdout);
    bed.holds_only(&bed.home.old);
}

#[test]
fn a_profile_without_the_item_is_as_it_was() {
    let bed = Bed::start();
    let state = bed.home.path().join(".local/state/keyrotate/keychain.json");
    std::fs::remove_file(state).unwrap();
    told(&bed.run(ROTATE), 1, &["gets its credentials by keyrotate, which has no key for it"]);
}
