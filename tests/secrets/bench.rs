//! How a test starts, and what it says of a file and a secret together.

use std::sync::Arc;

use crate::home::{Home, Output, Run};
use crate::lab::key::Status;
use crate::lab::{Key, Settings};

pub const ROTATE: &[&str] = &["rotate", "default", "--yes", "--no-input"];
pub const UNDO: &[&str] = &["undo", "default", "--yes", "--no-input"];
pub const NAME: &str = "prod/ci";
/// Escapes, a 64-bit number, an order of its own, and a secret that is not the key's.
pub const JSON: &str = r#"{ "env":"prod", "secret_access_key" : "{secret}","note":"caf\u00e9",
  "access_key_id":"{id}", "ttl":900000000000000001,"password":"CaNaRyBiRdpasswordCaNaRyBiRd"}"#;
/// The calls that change something.
const CHANGES: [&str; 4] = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "PutSecretValue"];

/// A HOME with two profiles, and a secret that has their pair, too.
pub fn start() -> Arc<Home> {
    let home = empty();
    home.secret(NAME, JSON);
    target(&home, "");
    home
}

/// The same without the secret.
pub fn empty() -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home
}

/// The settings name the secret as a target, with these lines more.
pub fn target(home: &Home, more: &str) {
    configured(home, &format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{NAME}\"\n{more}"));
}

pub fn configured(home: &Home, text: &str) {
    home.write(".config/keyrotate/config.toml", text);
}

/// Runs.
pub fn run(home: &Home, args: &[&str]) -> Output {
    home.run_with(&hurried(args))
}

pub fn hurried<'a>(args: &'a [&'a str]) -> Run<'a> {
    let mut run = Run::new(args);
    run.env.push(("KEYROTATE_TIME_SCALE", "0.1".to_owned()));
    run
}

pub fn calls(home: &Home) -> Vec<String> {
    home.lab.calls().into_iter().map(|call| call.action).collect()
}

pub fn current(home: &Home) -> String {
    home.lab.world().secret(NAME).current()
}

pub fn credentials(home: &Home) -> String {
    std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap()
}

/// Which versions have which labels, those of the first version as `first`.
pub fn labels(home: &Home) -> Vec<(String, Vec<String>)> {
    let mut world = home.lab.world();
    let secret = world.secret(NAME);
    let first = secret.versions[0].id.clone();
    secret.labels().into_iter().map(|(id, stages)| (if id == first { "first".to_owned() } else { id }, stages)).collect()
}

/// The file and the secret have this key, whole and nothing else of the user's.
#[track_caller]
pub fn both_have(home: &Home, key: &Key, said: &str) {
    for (place, text) in [("file", credentials(home)), ("secret", current(home))] {
        assert!(text.contains(&key.id) && text.contains(&key.secret), "the {place} has not {}: {said}", key.id);
    }
}

/// The key that is in use now: the only active one.
#[track_caller]
pub fn active(home: &Home) -> Key {
    let live: Vec<Key> = home.lab.live_keys("dev").into_iter().filter(|key| key.status == Status::Active).collect();
    assert_eq!(live.len(), 1, "active keys");
    live[0].clone()
}

/// It is rotated in both places, and nothing is left anywhere.
#[track_caller]
pub fn rotated(home: &Home, output: &Output) {
    home.look("after the rotation");
    home.finish("after the rotation", output);
    assert_eq!((output.code, home.told().as_str()), (Some(0), ""), "{}{}", output.stdout, output.stderr);
    let key = active(home);
    assert_ne!(key.id, home.old.id);
    both_have(home, &key, &output.stdout);
    assert!(entries(home).is_empty(), "an entry is left");
}

/// Refused with this exit code before anything was changed; each of these words is in the message, or in its causes and hints.
#[track_caller]
pub fn refused(home: &Home, output: &Output, code: i32, words: &[&str]) {
    let said = &output.stderr;
    assert_eq!(output.code, Some(code), "{}{said}", output.stdout);
    for word in words {
        assert!(said.contains(word), "`{word}` is not said: {said}");
    }
    let changed: Vec<String> =
        calls(home).into_iter().filter(|action| CHANGES.contains(&action.as_str()) && action != "PutSecretValue").collect();
    assert_eq!(changed, Vec::<String>::new(), "{said}");
    assert!(credentials(home).contains(&home.old.secret) && entries(home).is_empty());
}

pub fn entries(home: &Home) -> Vec<std::path::PathBuf> {
    let journal = home.path().join(".local/state/keyrotate/journal");
    std::fs::read_dir(journal).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
