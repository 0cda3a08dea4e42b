//! Two operators who rotate the same key of a service user at once, from two machines that know nothing of each other.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::{NAME, calls, configured, current, empty, hurried, labels};
use crate::home::{Home, Output};
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;
use crate::lab::parallel::each;
use crate::lab::secrets::Body;
use crate::lab::{Key, Verdict};

const ROTATE: &[&str] = &["rotate", "ci", "--yes", "--no-input"];

/// The key of `ci-deploy` is in a secret only; `default` and `other` are operators.
fn start() -> (Arc<Home>, Key) {
    let home = empty();
    let key = {
        let mut world = home.lab.world();
        let user = world.add_user("ci-deploy", "/service/");
        let key = world.add_settled_key(user);
        let text = format!(r#"{{"AccessKeyId":"{}","SecretAccessKey":"{}"}}"#, key.id, key.secret);
        world.add_secret(NAME, "us-east-1", Some(Body::Text(text)));
        key
    };
    let path = home.path().join("other-machine");
    home.holds(path.join(".aws/credentials"));
    home.holds(path.join(".local/state/keyrotate/journal"));
    for folder in [".aws", ".config/keyrotate"] {
        std::fs::create_dir_all(path.join(folder)).unwrap();
    }
    let table = |operator: &str| {
        let target = format!("target = [{{ type = \"secretsmanager\", secret_id = \"{NAME}\" }}]");
        format!("[key.ci]\nuser = \"ci-deploy\"\nauth_profile = \"{operator}\"\n{target}\n")
    };
    configured(&home, &table("default"));
    home.write("other-machine/.config/keyrotate/config.toml", &table("other"));
    home.write("other-machine/.aws/credentials", &std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap());
    (home, key)
}

/// Runs on the other machine, beside what stands still on this one.
fn beside(home: &Home, args: &[&str]) -> Output {
    let mut run = hurried(args);
    run.env.push(("HOME", home.path().join("other-machine").display().to_string()));
    let output = home.command(&run).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn keys(home: &Home) -> Vec<Key> {
    home.lab.live_keys("ci-deploy")
}

/// The pair in the secret is one that AWS accepts.
#[track_caller]
fn alive(home: &Home, when: &str) -> Key {
    let text = current(home);
    let key = keys(home).into_iter().find(|key| text.contains(&key.id) && text.contains(&key.secret));
    let key = key.unwrap_or_else(|| panic!("{when}: the secret has a key that is gone"));
    assert_eq!(home.lab.accepts(&key.id, &key.secret), Verdict::Yes, "{when}");
    key
}

fn count() -> usize {
    let (home, _) = start();
    assert_eq!(home.run_with(&hurried(ROTATE)).code, Some(0));
    calls(&home).len()
}

#[test]
fn whoever_comes_second_takes_nothing_from_the_first_and_leaves_nothing() {
    let points: Vec<usize> = (1..=count()).collect();
    each(&points, |number| {
        let (home, old) = start();
        home.lab.rules(vec![Rule::call(*number, Fault::PauseAfter)]);
        let runner = Arc::clone(&home);
        let first = std::thread::spawn(move || runner.run_with(&hurried(ROTATE)));
        assert!(home.lab.wait_paused(Duration::from_secs(60)), "no call stood still");
        let second = beside(&home, ROTATE);
        alive(&home, "while the first one stands still");
        home.lab.release(false);
        let first = first.join().unwrap();
        let said = format!(
            "first {:?}: {}{}; second {:?}: {}{}",
            first.code, first.stdout, first.stderr, second.code, second.stdout, second.stderr
        );
        alive(&home, &said);
        home.lab.rules(Vec::new());
        // What either left in its journal is finished by its next run, which may rotate again.
        for _ in 0..2 {
            let first = home.run_with(&hurried(ROTATE));
            let second = beside(&home, &["rotate", "ci", "--dry-run", "--no-input"]);
            let said = format!("{said}; then {:?}: {}; {:?}: {}", first.code, first.stderr, second.code, second.stderr);
            let key = alive(&home, &said);
            assert_ne!(key.id, old.id, "{said}");
        }
        let active: Vec<Key> = keys(&home).into_iter().filter(|key| key.status == Status::Active).collect();
        assert_eq!(active.len(), 1, "{said}: {active:?}");
        assert!(labels(&home).iter().all(|(_, stages)| !stages.contains(&"AWSPENDING".to_owned())), "{said}");
    });
}
