//! One key of several machines: one rotates it, another takes it over from the secret. The other machine is a second HOME with the same lab.

use std::path::PathBuf;
use std::sync::Arc;

use crate::bench::{JSON, NAME, calls, configured, credentials, current, empty, entries, hurried, labels, start};
use crate::home::{Home, Output, one_line};
use crate::lab::Key;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;

const ROTATE: &[&str] = &["rotate", "default", "--yes", "--no-input"];
const AUTO: &[&str] = &["auto", "--now"];
/// The calls that only the machine that rotates may make.
const IAM: [&str; 5] = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "PutSecretValue", "UpdateSecretVersionStage"];

/// The other machine.
struct Other {
    home: Arc<Home>,
    path: PathBuf,
}

impl Other {
    /// It has the pair of the start in two profiles, and takes the key of this `table` of its settings over.
    fn new(home: &Arc<Home>, table: &str) -> Self {
        let path = home.path().join("other-machine");
        for folder in [".aws", ".config/keyrotate"] {
            std::fs::create_dir_all(path.join(folder)).unwrap();
        }
        home.holds(path.join(".aws/credentials"));
        home.holds(path.join(".local/state/keyrotate/journal"));
        let other = Self { home: home.clone(), path };
        other.write(".config/keyrotate/config.toml", table);
        other.write(".aws/credentials", &credentials(home));
        other
    }

    fn write(&self, name: &str, text: &str) {
        self.home.write(&format!("other-machine/{name}"), text);
    }

    fn credentials(&self) -> String {
        std::fs::read_to_string(self.path.join(".aws/credentials")).unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut run = hurried(args);
        run.env.push(("HOME", self.path.display().to_string()));
        self.home.run_with(&run)
    }

    /// The key is taken over: both profiles have it, the rest of the file is as it was, and nothing was asked of IAM but who it is.
    #[track_caller]
    fn took_over(&self, output: &Output, key: &Key, before: usize, was: &str) {
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
        let old = &self.home.old;
        assert_eq!(self.credentials(), was.replace(&old.id, &key.id).replace(&old.secret, &key.secret));
        let changed: Vec<String> = calls(&self.home).split_off(before).into_iter().filter(|call| IAM.contains(&call.as_str())).collect();
        assert_eq!(changed, Vec::<String>::new());
        let journal = self.path.join(".local/state/keyrotate/journal");
        assert_eq!(std::fs::read_dir(journal).map(Iterator::count).unwrap_or_default(), 0, "an entry is left");
    }
}

/// The settings of a machine: the secret, who rotates, and more lines.
fn table(rotator: &str, more: &str) -> String {
    let target = format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{NAME}\"\n");
    format!("[profile.default]\nrotator = \"{rotator}\"\n{more}\n{target}")
}

fn here() -> String {
    let name = rustix::system::uname();
    name.nodename().to_str().unwrap().to_owned()
}

/// A home that rotates, and another machine that takes over.
fn two(grace: &str) -> (Arc<Home>, Other) {
    let home = start();
    configured(&home, &table(&here(), &format!("grace = \"{grace}\"")));
    let other = Other::new(&home, &table("build-host-1", ""));
    (home, other)
}

fn keys(home: &Home) -> Vec<Key> {
    home.lab.live_keys("dev")
}

/// The key that replaced the one of the start.
fn new(home: &Home) -> Key {
    keys(home).into_iter().find(|key| key.id != home.old.id).unwrap()
}

fn status_of_old(home: &Home) -> Option<Status> {
    keys(home).into_iter().find(|key| key.id == home.old.id).map(|key| key.status)
}

/// The key of the start is older than what replaces it, also by IAM's dates, which have whole seconds.
fn age_old(home: &Home) {
    home.lab.world().keys.iter_mut().find(|key| key.id == home.old.id).unwrap().created_at -= 10.0 * 86_400.0;
}

fn pass(home: &Home, seconds: f64) {
    home.lab.world().settings.clock_offset += seconds;
}

#[test]
fn the_old_key_drains_until_the_other_machine_has_the_new_one() {
    let (home, other) = two("8m");
    let was = other.credentials();
    let output = home.run_with(&hurried(ROTATE));
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let said = one_line(&output.stdout);
    assert!(said.contains("stays active for the machines that pull the new one"), "{said}");
    assert_eq!(status_of_old(&home), Some(Status::Active));
    let key = new(&home);
    assert!(current(&home).contains(&key.id) && credentials(&home).contains(&key.id));
    // A rest is no news.
    assert_eq!(home.run_with(&hurried(AUTO)).code, Some(0));
    assert_eq!((status_of_old(&home), entries(&home).is_empty()), (Some(Status::Active), false));

    let before = calls(&home).len();
    let output = other.run(AUTO);
    other.took_over(&output, &key, before, &was);
    assert!(output.stdout.contains("was rotated by another machine"), "{}", output.stdout);
    let again = other.run(AUTO);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""), "{}", again.stderr);
    assert!(other.run(&["history"]).stdout.contains("taken over from the machine that rotated it"));

    pass(&home, 600.0);
    let output = home.run_with(&hurried(AUTO));
    assert_eq!((output.code, status_of_old(&home)), (Some(0), None), "{}{}", output.stdout, output.stderr);
    assert!(entries(&home).is_empty() && !format!("{:?}", labels(&home)).contains("AWSPENDING"));
    assert_eq!(home.told(), "");
}

#[test]
fn the_status_says_what_a_second_key_is_to_a_key_that_another_machine_rotates() {
    let (home, other) = two("8m");
    age_old(&home);
    let line = |output: Output, label: &str| {
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
        let words = one_line(&output.stdout);
        words.split_once(label).unwrap_or_else(|| panic!("no {label} {}", output.stdout)).1.trim().to_owned()
    };
    let status = |label: &str| line(other.run(&["status", "default"]), label);
    assert!(status("rotator:").starts_with("the machine build-host-1"));
    let output = home.run_with(&hurried(ROTATE));
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let (old, new) = (&home.old.id, new(&home).id);

    let second = status("second:");
    assert!(second.starts_with(&new) && second.contains("the new key of build-host-1, as it seems"), "{second}");
    assert!(second.contains("the next `keyrotate auto` here takes it over"), "{second}");

    assert_eq!(other.run(AUTO).code, Some(0));
    let second = status("second:");
    assert!(second.starts_with(old) && second.contains("replaced by build-host-1, as it seems"), "{second}");
    assert!(second.contains("stays active there until its grace is over"), "{second}");
    let json: serde_json::Value = serde_json::from_str(&other.run(&["status", "default", "--json"]).stdout).unwrap();
    assert_eq!(json["keys"][0]["rotator"].as_str(), Some("build-host-1"), "{json:#}");

    let rotation = line(home.run(&["status", "default"]), "rotation:");
    assert!(rotation.contains("is still active, for other machines; it stays so until"), "{rotation}");
}

#[test]
fn a_machine_that_still_uses_the_old_key_keeps_it_alive() {
    let (home, other) = two("8m");
    assert_eq!(home.run_with(&hurried(ROTATE)).code, Some(0));
    pass(&home, 600.0);
    // It cannot write its file, and goes on with the old key.
    let broken = other.credentials().replace("[work]", "work]");
    other.write(".aws/credentials", &broken);
    assert_eq!(other.run(AUTO).code, Some(1));
    other.write(".aws/credentials", &broken.replace("work]", "[work]"));
    {
        let mut world = home.lab.world();
        let at = world.now() - 60.0;
        let key = world.keys.iter_mut().find(|key| key.id == home.old.id).unwrap();
        key.uses.push(crate::lab::key::Use { at, service: "s3".to_owned(), region: "eu-west-1".to_owned() });
    }
    let output = home.run_with(&hurried(AUTO));
    let said = format!("{}{}", output.stdout, output.stderr);
    assert_eq!((output.code, status_of_old(&home)), (Some(10), Some(Status::Active)), "{said}");
    assert!(said.contains("a machine has not taken over the new key"), "{said}");
    let output = home.run_with(&hurried(&["rotate", "default", "--grace", "0s", "--yes", "--no-input"]));
    assert_eq!((output.code, status_of_old(&home)), (Some(0), None), "{}", output.stderr);
}

#[test]
fn undo_within_the_grace_brings_the_other_machine_back_too() {
    let (home, other) = two("8m");
    let was = other.credentials();
    assert_eq!(home.run_with(&hurried(ROTATE)).code, Some(0));
    let key = new(&home);
    assert_eq!(other.run(AUTO).code, Some(0));
    let output = home.run_with(&hurried(&["undo", "default", "--yes", "--no-input"]));
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert_eq!((status_of_old(&home), new(&home).status), (Some(Status::Active), Status::Inactive));
    // The key here is dead by now, and a profile that may read the secret is named.
    let output = other.run(AUTO);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert_eq!(output.code, Some(10), "{said}");
    for word in [key.id.as_str(), "build-host-1", "auth_profile", "[profile.default]"] {
        assert!(said.contains(word), "`{word}` is not said: {said}");
    }
    other.write(".config/keyrotate/config.toml", &table("build-host-1", "auth_profile = \"other\""));
    let output = other.run(AUTO);
    assert_eq!((output.code, other.credentials()), (Some(0), was), "{}{}", output.stdout, output.stderr);
}

#[test]
fn a_machine_that_was_off_for_a_month_says_who_can_fetch_the_secret() {
    let (home, other) = two("0s");
    let was = other.credentials();
    // It has seen whose the key is.
    assert_eq!(other.run(&["status"]).code, Some(0));
    assert_eq!(home.run_with(&hurried(ROTATE)).code, Some(0));
    assert_eq!(status_of_old(&home), None);
    let key = new(&home);
    let output = other.run(&["rotate", "default", "--no-input"]);
    let said = one_line(&output.stderr);
    assert_eq!(output.code, Some(10), "{said}");
    for word in [&home.old.id, "build-host-1 rotates it", NAME, "`auth_profile` of [profile.default]", "keyrotate rotate default"] {
        assert!(said.contains(word), "`{word}` is not said: {said}");
    }
    assert_eq!(other.credentials(), was);
    other.write(".config/keyrotate/config.toml", &table("build-host-1", "auth_profile = \"other\""));
    let before = calls(&home).len();
    let output = other.run(&["rotate", "default", "--no-input"]);
    other.took_over(&output, &key, before, &was);
}

#[test]
fn where_nobody_knows_whose_the_dead_key_was_nothing_is_taken_unasked() {
    let (home, other) = two("0s");
    assert_eq!(home.run_with(&hurried(ROTATE)).code, Some(0));
    other.write(".config/keyrotate/config.toml", &table("build-host-1", "auth_profile = \"other\""));
    let was = other.credentials();
    let output = other.run(AUTO);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(said.contains("of a user who is not known here"), "{said}");
    assert_eq!(other.credentials(), was);
}

#[test]
fn the_pair_of_another_user_is_not_taken() {
    let (home, other) = two("8m");
    let was = other.credentials();
    let strange = JSON.replace("{id}", &home.other.id).replace("{secret}", &home.other.secret);
    home.lab.world().secret(NAME).versions[0].body = crate::lab::secrets::Body::Text(strange);
    let output = other.run(&["rotate", "default", "--no-input"]);
    assert_eq!((output.code, other.credentials()), (Some(10), was), "{}", output.stderr);
    assert!(output.stderr.contains("user/other"), "{}", output.stderr);
}

#[test]
fn a_machine_that_does_not_rotate_makes_no_key() {
    let (home, other) = two("8m");
    home.lab.world().keys.iter_mut().find(|key| key.id == home.old.id).unwrap().created_at -= 100.0 * 86_400.0;
    let output = other.run(ROTATE);
    assert_eq!(output.code, Some(2), "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("is rotated by the machine build-host-1"), "{}", output.stderr);
    let output = other.run(&["rotate", "--due", "--yes", "--no-input"]);
    assert!(output.stdout.contains(&format!("left to build-host-1: {}", home.old.id)), "{}{}", output.stdout, output.stderr);
    assert_eq!(other.run(AUTO).code, Some(11), "it is overdue all the same");
    assert!(!calls(&home).contains(&"CreateAccessKey".to_owned()));
}

#[test]
fn killed_at_any_call_it_goes_on() {
    let (home, other) = two("8m");
    let was = other.credentials();
    assert_eq!(home.run_with(&hurried(ROTATE)).code, Some(0));
    let key = new(&home);
    let before = calls(&home).len();
    assert_eq!(other.run(AUTO).code, Some(0));
    let count = calls(&home).len() - before;
    assert!(count > 4, "{count}");
    for at in 1..=count {
        other.write(".aws/credentials", &was);
        home.lab.rules(vec![Rule::on("*", Fault::PauseAfter).nth(at)]);
        let mut run = hurried(AUTO);
        run.env.push(("HOME", other.path.display().to_string()));
        run.kill_at_pause = true;
        home.run_with(&run);
        home.lab.rules(Vec::new());
        let before = calls(&home).len();
        let output = other.run(AUTO);
        other.took_over(&output, &key, before, &was);
    }
}

#[test]
fn profiles_take_over_the_key_of_a_service_user_that_another_machine_rotates() {
    let home = empty();
    age_old(&home);
    home.secret(NAME, JSON);
    let key = |rotator: &str| {
        let target = format!("target = [{{ type = \"secretsmanager\", secret_id = \"{NAME}\" }}]");
        format!("[key.ci]\nuser = \"dev\"\nauth_profile = \"other\"\nrotator = \"{rotator}\"\n{target}\n")
    };
    configured(&home, &format!("[defaults]\ngrace = \"8m\"\n{}", key(&here())));
    let other = Other::new(&home, &key("build-host-1"));
    let was = other.credentials();
    let output = home.run_with(&hurried(&["rotate", "ci", "--yes", "--no-input"]));
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let new = new(&home);
    assert!(credentials(&home).contains(&new.id), "the profile of the same key is written, too");
    let seen = one_line(&other.run(&["status", "default"]).stdout);
    assert!(seen.contains("the new key of build-host-1, as it seems"), "{seen}");
    let before = calls(&home).len();
    let output = other.run(AUTO);
    other.took_over(&output, &new, before, &was);
    // By its profile the key is rotated with its secret, not without.
    pass(&home, 600.0);
    assert_eq!(home.run_with(&hurried(AUTO)).code, Some(0));
    let output = home.run_with(&hurried(&["rotate", "default", "--yes", "--no-input"]));
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let third = keys(&home).into_iter().find(|key| key.id != new.id).unwrap();
    assert!(current(&home).contains(&third.id) && credentials(&home).contains(&third.id));
}
