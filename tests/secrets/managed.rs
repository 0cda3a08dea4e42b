//! The key of another user, in a secret: an operator's profile manages it.

use std::sync::Arc;

use crate::bench::{NAME, calls, configured, current, empty, entries, hurried, labels, run};
use crate::home::{Home, Output, one_line};
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;
use crate::lab::parallel::each;
use crate::lab::secrets::Body;
use crate::lab::{Key, Settings};

const ROTATE: &[&str] = &["rotate", "ci", "--yes", "--no-input"];
const JSON: &str = r#"{"UserName":"ci-deploy","AccessKeyId":"{id}","SecretAccessKey":"{secret}","port":900000000000000001}"#;
const DAY: f64 = 86_400.0;

/// `default` is the operator; the key of `ci-deploy` is in a secret only.
fn start() -> (Arc<Home>, Key) {
    start_with(empty(), "")
}

fn start_with(home: Arc<Home>, more: &str) -> (Arc<Home>, Key) {
    let key = {
        let mut world = home.lab.world();
        let user = world.add_user("ci-deploy", "/service/");
        let key = world.add_settled_key(user);
        world.add_secret(NAME, "us-east-1", Some(Body::Text(text(&key))));
        key
    };
    settings(&home, more);
    (home, key)
}

fn settings(home: &Home, more: &str) {
    let target = format!("target = [{{ type = \"secretsmanager\", secret_id = \"{NAME}\" }}]");
    configured(home, &format!("[key.ci]\nuser = \"ci-deploy\"\nauth_profile = \"default\"\n{target}\n{more}"));
}

fn text(key: &Key) -> String {
    JSON.replace("{id}", &key.id).replace("{secret}", &key.secret)
}

/// The user's only active key.
#[track_caller]
fn active(home: &Home) -> Key {
    let live: Vec<Key> = home.lab.live_keys("ci-deploy").into_iter().filter(|key| key.status == Status::Active).collect();
    assert_eq!(live.len(), 1, "active keys of ci-deploy");
    live[0].clone()
}

/// The secret has a new pair of the user, and neither the operator nor anything else changed.
#[track_caller]
fn rotated(home: &Home, old: &Key, output: &Output) {
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let key = active(home);
    assert_ne!(key.id, old.id);
    assert_eq!(current(home), text(&key));
    assert_eq!(home.lab.live_keys("ci-deploy").len(), 1);
    assert_eq!(home.lab.live_keys("dev").iter().map(|key| &key.id).collect::<Vec<_>>(), [&home.old.id]);
    assert!(entries(home).is_empty(), "an entry is left");
    assert!(labels(home).iter().all(|(_, stages)| !stages.contains(&"AWSPENDING".to_owned())));
    home.look("after the rotation");
    assert_eq!(home.told(), "");
}

/// Nothing of the user's was touched.
#[track_caller]
fn refused(home: &Home, old: &Key, output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.code, Some(code), "{}{}", output.stdout, output.stderr);
    let said = one_line(&output.stderr);
    for word in words {
        assert!(said.contains(word), "`{word}` is not said: {said}");
    }
    assert_eq!((active(home).id, current(home)), (old.id.clone(), text(old)));
    assert!(entries(home).is_empty() && !calls(home).iter().any(|action| action == "CreateAccessKey"), "{said}");
}

#[test]
fn a_shell_offers_its_name_where_it_can_be_named() {
    let (home, _) = start();
    let offered = |command: &str| {
        let words = ["--", "keyrotate", command, ""];
        let mut run = crate::home::Run::new(&words);
        run.env.extend([("COMPLETE", "fish".to_owned()), ("_CLAP_COMPLETE_INDEX", "2".to_owned())]);
        let output = home.run_with(&run);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
        output.stdout.lines().any(|line| line == "ci")
    };
    assert!(offered("rotate") && offered("undo") && offered("history"));
    assert!(!offered("exec") && !offered("login"));
}

#[test]
fn an_operator_rotates_it_and_always_names_the_user() {
    let (home, old) = start();
    let output = run(&home, ROTATE);
    rotated(&home, &old, &output);
    let new = active(&home);
    for call in home.lab.calls() {
        let own = [&old.id, &new.id].contains(&&call.key_id);
        match (call.action.as_str(), call.service.as_str()) {
            ("GetCallerIdentity", _) => {}
            (action, "iam") => {
                assert_eq!(call.key_id, home.old.id, "{action} is signed by the operator");
                let names = call.params.get("UserName").is_some_and(|name| name == "ci-deploy");
                assert!(names || action == "GetAccessKeyLastUsed", "{action} names {:?}", call.params.get("UserName"));
            }
            (action, _) => assert!(!own, "{action} is signed by the key itself"),
        }
    }
    let history = run(&home, &["history", "ci"]);
    assert!(history.stdout.contains(&old.id) && history.stdout.contains(&new.id), "{}{}", history.stdout, history.stderr);
}

#[test]
fn it_is_undone_by_its_name() {
    let (home, old) = start();
    let output = run(&home, &["rotate", "ci", "--yes", "--no-input", "--grace", "7d"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains("keyrotate undo ci"), "{}", output.stdout);
    assert_ne!(active(&home).id, old.id);
    let status = run(&home, &["status"]);
    assert!(status.stdout.contains("keyrotate undo ci"), "{}", status.stdout);
    let output = run(&home, &["undo", "ci", "--yes", "--no-input"]);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert_eq!((active(&home).id, current(&home)), (old.id.clone(), text(&old)));
    let none = run(&home, &["undo", "ci", "--yes", "--no-input"]);
    assert!(none.code == Some(1) && none.stderr.contains("there is nothing to undo"), "{}", none.stderr);
}

#[test]
fn killed_at_any_call_the_next_run_finishes_it() {
    let (home, _) = start();
    assert_eq!(run(&home, ROTATE).code, Some(0));
    let clean = calls(&home);
    let numbers: Vec<usize> = (1..=clean.len()).collect();
    each(&numbers, |&number| {
        let (home, old) = start();
        home.lab.rules(vec![Rule::call(number, Fault::PauseAfter)]);
        let mut killed = hurried(ROTATE);
        killed.kill_at_pause = true;
        assert_eq!(home.run_with(&killed).code, None, "{}", clean[number - 1]);
        home.lab.rules(Vec::new());
        let mut output = run(&home, ROTATE);
        if output.code == Some(10) && clean[number - 1] == "CreateAccessKey" {
            let suspect = home.lab.live_keys("ci-deploy").pop().unwrap().id;
            assert!(output.stderr.contains("keyrotate rotate ci --delete-key"), "{}", output.stderr);
            output = run(&home, &["rotate", "ci", "--yes", "--no-input", "--delete-key", &suspect]);
        }
        rotated(&home, &old, &output);
    });
}

#[test]
fn auto_rotates_what_is_due_on_the_machine_that_the_settings_name() {
    let (home, old) = start();
    let age = |days: f64| home.lab.world().keys.iter_mut().find(|key| key.id == old.id).unwrap().created_at -= days * DAY;
    let auto = || run(&home, &["auto", "--now"]);
    let output = auto();
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""), "{}", output.stderr);
    assert_eq!(current(&home), text(&old));
    age(100.0);
    settings(&home, "rotator = \"another-host\"\n");
    let output = auto();
    assert_eq!((output.code, current(&home)), (Some(0), text(&old)), "{}", output.stderr);
    refused(&home, &old, &run(&home, ROTATE), 2, &["is rotated by the machine another-host", "keyrotate rotate ci"]);
    settings(&home, "");
    rotated(&home, &old, &auto());
}

#[test]
fn what_does_not_fit_is_refused_before_a_key_is_made() {
    let config = |more: &str, old: &str, new: &str| {
        let (home, key) = start_with(empty(), more);
        let text = std::fs::read_to_string(home.path().join(".config/keyrotate/config.toml")).unwrap();
        configured(&home, &text.replace(old, new));
        (home, key)
    };
    let (home, old) = config("", "user = \"ci-deploy\"", "user = \"dev\"");
    refused(&home, &old, &run(&home, ROTATE), 1, &["user/service/ci-deploy", "[key.ci] names the user dev"]);
    let (home, old) = config("", "auth_profile = \"default\"", "auth_profile = \"nobody\"");
    refused(&home, &old, &run(&home, ROTATE), 1, &["nobody"]);
    let (home, old) = config("", "[key.ci]", "[key.default]");
    refused(&home, &old, &run(&home, &["rotate", "default", "--yes", "--no-input"]), 2, &["[key.default]", "rename"]);
    let (home, old) = config("", NAME, "prod/none");
    refused(&home, &old, &run(&home, ROTATE), 1, &["prod/none", "targets of [key.ci]"]);
    let (home, old) = start();
    home.lab.rules(vec![Rule::on("ListAccessKeys", Fault::error(403, "AccessDenied")).times(0)]);
    refused(&home, &old, &run(&home, ROTATE), 1, &["the profile default is not allowed iam:ListAccessKeys", "on the user ci-deploy"]);
    let (home, old) = start();
    let not_json = run_with_value(&home, "plain text");
    assert!(not_json.code == Some(1) && not_json.stderr.contains("is not JSON"), "{}", not_json.stderr);
    let not_a_key = run_with_value(&home, &text(&old).replace(&old.id, "CaNaRy"));
    assert!(not_a_key.stderr.contains("`AccessKeyId` of its JSON holds no access key ID"), "{}", not_a_key.stderr);
    assert!(!not_a_key.stderr.contains("CaNaRy"));
}

fn run_with_value(home: &Home, value: &str) -> Output {
    home.lab.world().secrets.clear();
    home.lab.world().add_secret(NAME, "us-east-1", Some(Body::Text(value.to_owned())));
    run(home, ROTATE)
}

#[test]
fn an_operator_with_a_device_works_on_its_session() {
    let settings = Settings { force_mfa: true, ..Settings::default() };
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, true);
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    let serial = home.lab.world().users[0].serials[0].clone();
    home.write(".aws/config", &format!("[default]\nregion = us-east-1\nmfa_serial = {serial}\n"));
    let (home, old) = start_with(home, "");
    refused(&home, &old, &run(&home, ROTATE), 20, &["keyrotate login default"]);
    let output = run(&home, &["auto", "--now"]);
    assert_eq!((output.code, current(&home)), (Some(20), text(&old)), "{}", output.stderr);
    let code = home.lab.code("dev").unwrap();
    rotated(&home, &old, &run(&home, &["rotate", "ci", "--yes", "--no-input", "--mfa-code", &code]));
    assert_eq!(calls(&home).iter().filter(|action| *action == "GetSessionToken").count(), 1);
}

fn status(home: &Home, args: &[&str]) -> (Option<i32>, serde_json::Value) {
    let output = run(home, &[&["status", "--json"], args].concat());
    let value: serde_json::Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}{}", output.stdout, output.stderr));
    (output.code, value)
}

#[test]
fn an_own_key_is_asked_no_more_where_the_settings_name_those_of_others() {
    let (home, _) = start();
    let asked = || {
        let before = calls(&home).len();
        let output = run(&home, &["rotate", "default", "--dry-run"]);
        assert!(output.code == Some(0) && output.stdout.contains("creating a new access key"), "{}{}", output.stdout, output.stderr);
        calls(&home).split_off(before)
    };
    let with = asked();
    assert_eq!(with.iter().filter(|call| *call == "GetCallerIdentity").count(), 1, "{with:?}");
    configured(&home, "");
    assert_eq!(with, asked(), "the calls without [key.ci]");
}

fn aged(home: &Home, id: &str, days: f64) {
    let mut world = home.lab.world();
    let now = world.now();
    world.keys.iter_mut().find(|key| key.id == id).unwrap().created_at = now - days * DAY;
}

#[test]
fn status_shows_it_with_its_age_and_where_it_is() {
    let (home, old) = start();
    aged(&home, &old.id, 80.0);
    let output = run(&home, &["status", "ci"]);
    assert_eq!(output.code, Some(10), "{}{}", output.stdout, output.stderr);
    for said in [&old.id, "[key.ci]", "80 days old", "due", "ci-deploy", "secret prod/ci", "any machine"] {
        assert!(output.stdout.contains(said), "`{said}` is not in: {}", output.stdout);
    }
    assert!(!output.stdout.contains(&home.old.id), "only what was asked for: {}", output.stdout);
    let (code, value) = status(&home, &[]);
    let key = &value["managed_keys"][0];
    assert_eq!((code, key["name"].as_str(), key["user_name"].as_str()), (Some(10), Some("ci"), Some("ci-deploy")), "{value:#}");
    assert_eq!((key["access_key_id"].as_str(), key["age_days"].as_u64()), (Some(old.id.as_str()), Some(80)));
    assert_eq!((key["holders"][0]["secret"].as_str(), key["findings"][0].as_str()), (Some(NAME), Some("due")));
    assert_eq!(value["keys"].as_array().unwrap().len(), 2, "the own keys are there, too: {value:#}");
    assert_eq!(status(&home, &["default"]).1["managed_keys"].as_array().unwrap().len(), 0);
    let (code, value) = status(&home, &["ci", "--offline"]);
    let key = &value["managed_keys"][0];
    assert_eq!((code, key["remembered"].as_bool(), key["access_key_id"].as_str()), (Some(10), Some(true), Some(old.id.as_str())));
    assert!(!calls(&home).iter().any(|action| action == "CreateAccessKey" || action == "PutSecretValue"));
}

#[test]
fn status_counts_it_only_where_it_is_rotated_and_says_why_it_cannot_look() {
    let (home, old) = start();
    aged(&home, &old.id, 200.0);
    assert_eq!(status(&home, &["ci"]).0, Some(11));
    settings(&home, "rotator = \"elsewhere\"\n");
    let (code, value) = status(&home, &["ci"]);
    let key = &value["managed_keys"][0];
    assert_eq!((code, key["rotator"].as_str(), key["rotated_here"].as_bool()), (Some(0), Some("elsewhere"), Some(false)), "{value:#}");
    assert_eq!(key["findings"][0], "overdue");
    settings(&home, "");
    for (denied, said) in
        [("secretsmanager:GetSecretValue", "GetSecretValue"), ("iam:ListAccessKeys", "cannot look at the keys of ci-deploy")]
    {
        home.lab.world().settings.denied.insert(denied.to_owned());
        let (code, value) = status(&home, &["ci"]);
        let key = &value["managed_keys"][0];
        assert!(code == Some(11) && key["problem"].to_string().contains(said), "{code:?} {value:#}");
        assert_eq!((key["remembered"].as_bool(), key["findings"][1].as_str()), (Some(true), Some("unchecked")));
        home.lab.world().settings.denied.clear();
    }
    let serial = "arn:aws:iam::000000000000:mfa/dev";
    home.write(".aws/config", &format!("[default]\nmfa_serial = {serial}\n"));
    let before = home.lab.calls().len();
    let (_, value) = status(&home, &["ci"]);
    assert!(value["managed_keys"][0]["problem"].to_string().contains("keyrotate login default"), "{value:#}");
    assert_eq!(home.lab.calls().len(), before, "nothing is opened by who only looks");
    let code = home.lab.code("dev").expect("a code");
    assert_eq!(run(&home, &["login", "default", "--no-input", "--mfa-code", &code]).code, Some(0));
    let (_, value) = status(&home, &["ci"]);
    assert!(value["managed_keys"][0]["problem"].is_null(), "{value:#}");
}

#[test]
fn status_shows_its_rotation_with_it() {
    let (home, _) = start();
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseBefore)]);
    assert_eq!(home.run_with(&crate::home::Run { kill_at_pause: true, ..hurried(ROTATE) }).code, None);
    home.lab.rules(Vec::new());
    let (code, value) = status(&home, &[]);
    let key = &value["managed_keys"][0];
    assert_eq!((code, key["rotations"].as_array().unwrap().len()), (Some(10), 1), "{value:#}");
    assert!(value["other_rotations"].as_array().unwrap().is_empty() && key["findings"].to_string().contains("rotation-waits"), "{value:#}");
}
