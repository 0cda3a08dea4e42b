//! What an earlier run saw.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::sync::Arc;

use crate::bench::{DENIED, STATE, age, start, status};
use crate::home::Home;
use crate::lab::Settings;
use crate::lab::faults::Rule;

/// A HOME whose state directory is there, as after a first rotation.
fn settled(settings: Settings) -> Arc<Home> {
    let home = start(settings);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home.path().join(STATE)).unwrap();
    home
}

#[test]
fn offline_tells_the_last_observation_and_calls_nobody() {
    let home = settled(Settings::default());
    age(&home, 80.0);
    let before = status(&home, &["status", "default", "--offline"]);
    assert_eq!(before.code, Some(12), "{}", before.stdout);
    assert!(before.stdout.contains("never observed"), "{}", before.stdout);
    assert!(home.lab.calls().is_empty());
    assert_eq!(status(&home, &["status"]).code, Some(10));
    let memory = std::fs::metadata(home.path().join(STATE).join("observations.json")).unwrap();
    assert_eq!(memory.permissions().mode() & 0o777, 0o600);
    let calls = home.lab.calls().len();
    let after = status(&home, &["status", "default", "--offline"]);
    assert_eq!(after.code, Some(10), "{}", after.stdout);
    assert!(after.stdout.contains("80 days old, due") && after.stdout.contains("as of:"), "{}", after.stdout);
    assert_eq!(home.lab.calls().len(), calls);
}

#[test]
fn what_was_seen_before_outlives_a_refusal() {
    let home = settled(Settings::default());
    age(&home, 95.0);
    assert_eq!(status(&home, &["status", "default"]).code, Some(11));
    home.lab.rules(vec![Rule::on("GetCallerIdentity", DENIED).times(0)]);
    let output = status(&home, &["status", "default"]);
    assert_eq!(output.code, Some(11), "{}", output.stdout);
    for said in ["95 days old, overdue", "could not be checked", "as of:", "sts:GetCallerIdentity is not allowed"] {
        assert!(output.stdout.contains(said), "{said}: {}", output.stdout);
    }
    home.lab.rules(vec![Rule::on("ListAccessKeys", DENIED).times(0)]);
    assert_eq!(status(&home, &["status", "default"]).code, Some(11), "the creation date is still known");
    assert_eq!(status(&home, &["status", "default", "--offline"]).code, Some(11));
}

#[test]
fn a_memory_that_cannot_be_written_is_a_note() {
    let home = settled(Settings::default());
    std::fs::create_dir(home.path().join(STATE).join("observations.json")).unwrap();
    let output = status(&home, &["status", "default"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains("cannot be written"), "{}", output.stdout);
}
