//! How a test sets up a person, gets policies shown, and puts them in force. It judges; it changes nothing by itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::home::{Home, Output, Run};
use crate::lab::Settings;
use crate::lab::key::Status;

pub const DAY: f64 = 86_400.0;
const SCALE: &str = "0.05";
pub const SERIAL: &str = "arn:aws:iam::000000000000:mfa/dev";
pub const NAMES_DEVICE: &str = "[default]\nmfa_serial = arn:aws:iam::000000000000:mfa/dev\nregion = us-east-1\n";

/// A key in two profiles, whose user is in a group.
pub fn start(config: &str) -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    home.lab.world().join("dev", "staff");
    home.write(".aws/config", config);
    home.holds(home.path().join(".cache/keyrotate/sessions"));
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home
}

pub fn settings(home: &Home, text: &str) {
    home.write(".config/keyrotate/config.toml", text);
}

/// With short waits, on a machine that may have much to do.
pub fn hurried<'a>(args: &'a [&'a str]) -> Run<'a> {
    let mut run = Run::new(args);
    run.limit = Duration::from_secs(240);
    run.env.push(("KEYROTATE_TIME_SCALE", SCALE.to_owned()));
    run
}

pub fn run(home: &Home, args: &[&str]) -> Output {
    home.run_with(&hurried(args))
}

/// The same with a token code that was not used yet.
pub fn run_with_code(home: &Home, args: &[&str]) -> Output {
    let mut run = hurried(args);
    run.env.push(("KEYROTATE_MFA_CODE", home.lab.code("dev").expect("a code that was not used yet")));
    home.run_with(&run)
}

/// A session that is open, of a time when everything was allowed.
pub fn logged_in(home: &Home) {
    let output = run_with_code(home, &["login", "default", "--no-input"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}

/// The document that `policy show` prints with these words: one text of JSON, and nothing else.
#[track_caller]
pub fn shown(home: &Home, words: &[&str]) -> Value {
    let output = run(home, &[&["policy", "show"], words].concat());
    assert_eq!(output.code, Some(0), "{words:?}: {}", output.stderr);
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}: {}", output.stdout))
}

/// From now on the user may do what these say, and nothing else. They come by the user's group, as most people's do.
pub fn allow(home: &Home, documents: &[Value]) {
    let mut world = home.lab.world();
    let at = world.user("dev").unwrap();
    world.users[at].enforced = true;
    world.managed.retain(|managed| !managed.name.starts_with("shown-"));
    let arns: Vec<String> =
        documents.iter().enumerate().map(|(n, document)| world.add_policy(&format!("/shown-{n}"), &document.to_string())).collect();
    let group = world.group("staff").unwrap();
    world.groups[group].policies.attached = arns;
}

/// The actions that documents allow.
pub fn actions(documents: &[Value]) -> Vec<String> {
    let statements = documents.iter().flat_map(|document| document["Statement"].as_array().unwrap());
    let allowed = statements.filter(|statement| statement["Effect"] == "Allow");
    let mut all: Vec<String> =
        allowed.flat_map(|statement| statement["Action"].as_array().unwrap()).map(|action| action.as_str().unwrap().to_owned()).collect();
    all.sort();
    all.dedup();
    all
}

/// The documents without this action.
pub fn without(documents: &[Value], action: &str) -> Vec<Value> {
    let mut left = documents.to_vec();
    for document in &mut left {
        let statements = document["Statement"].as_array_mut().unwrap();
        for statement in statements.iter_mut().filter(|statement| statement["Effect"] == "Allow") {
            statement["Action"].as_array_mut().unwrap().retain(|own| own != action);
        }
        statements.retain(|statement| statement["Effect"] == "Deny" || statement["Action"] != serde_json::json!([]));
    }
    left
}

pub fn count(home: &Home, action: &str) -> usize {
    home.lab.calls().iter().filter(|call| call.action == action).count()
}

/// Every place has one new key, and nothing is left of the old one or of the rotation.
#[track_caller]
pub fn rotated(home: &Home, output: &Output) {
    assert_eq!(output.code, Some(0), "{}", output.said());
    home.look("after the rotation");
    home.finish("after the rotation", output);
    assert_eq!(home.told(), "", "{}", output.said());
    let active: Vec<_> = home.lab.live_keys("dev").into_iter().filter(|key| key.status == Status::Active).collect();
    assert!(active.len() == 1 && active[0].id != home.old.id, "{}", output.said());
}
