//! A secret that the settings name and that is not there: never made unasked, and made once however often it is asked for.

use crate::bench::{NAME, ROTATE, calls, configured, current, empty, entries, labels, refused, rotated, run, target};
use crate::home::{Home, Run};
use crate::lab::faults::{Fault, Rule};
use crate::lab::parallel::each;
use crate::lab::secrets::Body;

const CREATE: &[&str] = &["rotate", "default", "--yes", "--no-input", "--create-secret"];
const USUAL: &str = r#"{"AccessKeyId":"{id}","SecretAccessKey":"{secret}"}"#;

fn start(more: &str) -> std::sync::Arc<Home> {
    let home = empty();
    target(&home, more);
    home
}

/// What the secret has now, the pair of the only active key taken out.
#[track_caller]
fn shape(home: &Home) -> String {
    let key = crate::bench::active(home);
    current(home).replace(&key.id, "{id}").replace(&key.secret, "{secret}")
}

/// From now on the secret is one of the places that are looked at.
fn watch(home: &Home, shape: &str) {
    let arn = home.lab.world().secret(NAME).arn.clone();
    home.watch(&arn, &shape.replace("{id}", &home.old.id).replace("{secret}", &home.old.secret));
}

#[test]
fn without_being_asked_nothing_makes_one() {
    let home = start("");
    let hint = ["can't find the specified secret", "keyrotate rotate default --create-secret"];
    for args in [ROTATE, &["rotate", "default", "--dry-run"]] {
        refused(&home, &run(&home, args), 1, &hint);
    }
    assert_ne!(run(&home, &["auto", "--now"]).code, Some(1), "nothing is due");
    assert_eq!(run(&home, &["rotate", "--all", "--yes", "--no-input"]).code, Some(1), "the other key is rotated");
    assert!(home.lab.world().secrets.is_empty() && !calls(&home).contains(&"CreateSecret".to_owned()));
}

#[test]
fn one_that_is_asked_for_is_made_with_the_old_pair_and_then_rotated() {
    for (fields, expected) in
        [("", USUAL), ("id_field = \"aws.key\"\nsecret_field = \"aws.secret\"", r#"{"aws":{"key":"{id}","secret":"{secret}"}}"#)]
    {
        let home = start(fields);
        let dry = run(&home, &["rotate", "default", "--dry-run", "--create-secret"]);
        assert_eq!(dry.code, Some(0), "{}{}", dry.stdout, dry.stderr);
        let steps = [
            format!("making secret prod/ci in us-east-1 with {}", home.old.id),
            "creating a new access key".to_owned(),
            "writing secret prod/ci in us-east-1".to_owned(),
            format!("writing {}", home.path().join(".aws/credentials").display()),
            format!("deactivating {}", home.old.id),
        ];
        let at: Vec<Option<usize>> = steps.iter().map(|step| dry.stdout.find(step)).collect();
        assert!(at.iter().all(Option::is_some) && at.is_sorted(), "{at:?} {}", dry.stdout);
        assert!(home.lab.world().secrets.is_empty());
        let output = run(&home, CREATE);
        assert!(output.stdout.contains("made secret prod/ci in us-east-1"), "{}{}", output.stdout, output.stderr);
        watch(&home, expected);
        rotated(&home, &output);
        assert_eq!(shape(&home), expected);
        let first = home.lab.world().secret(NAME).versions[0].clone();
        assert_eq!(first.body.text(), expected.replace("{id}", &home.old.id).replace("{secret}", &home.old.secret));
        assert!(first.id.starts_with("keyrotate-new-") && first.id.len() >= 32, "{}", first.id);
        assert!(labels(&home).iter().all(|(_, stages)| !stages.contains(&"AWSPENDING".to_owned())));
        let made: Vec<String> = calls(&home).into_iter().filter(|action| action.starts_with("Create")).collect();
        assert_eq!(made, ["CreateSecret", "CreateAccessKey"]);
        // Asked again, there is nothing to make.
        let again = run(&home, CREATE);
        assert_eq!(again.code, Some(0), "{}", again.stderr);
        assert_eq!(calls(&home).iter().filter(|action| *action == "CreateSecret").count(), 1);
    }
}

#[test]
fn one_whose_answer_was_lost_is_made_once() {
    each(&[Fault::DropAfter, Fault::PauseAfter, Fault::PauseBefore], |fault| {
        let home = start("");
        home.lab.rules(vec![Rule::on("CreateSecret", fault.clone())]);
        let first = home.run_with(&Run { kill_at_pause: *fault != Fault::DropAfter, ..crate::bench::hurried(CREATE) });
        home.lab.rules(Vec::new());
        assert!(entries(&home).is_empty());
        let output = if *fault == Fault::DropAfter { first } else { run(&home, CREATE) };
        watch(&home, USUAL);
        rotated(&home, &output);
        assert_eq!((shape(&home).as_str(), home.lab.world().secrets.len()), (USUAL, 1));
        assert_eq!(home.lab.world().secret(NAME).versions.len(), 3, "the first, what was tried, and the new one");
    });
}

#[test]
fn one_that_cannot_be_made_stops_the_run_before_a_key_is() {
    for (denied, words) in [
        ("secretsmanager:CreateSecret", &["could not be made", "allow secretsmanager:CreateSecret", "no key was created"][..]),
        ("kms:GenerateDataKey", &["could not be made", "allow the KMS key"]),
    ] {
        let home = start("");
        home.lab.world().settings.denied.insert(denied.to_owned());
        refused(&home, &run(&home, CREATE), 1, words);
        assert!(home.lab.world().secrets.is_empty());
    }
    let home = start("");
    let arn = home.lab.world().add_secret(NAME, "us-east-1", Some(Body::Text("{}".into())));
    home.lab.world().secret(NAME).deleted_at = Some(1_714_557_600.0);
    refused(&home, &run(&home, CREATE), 1, &["marked for deletion", "restore-secret"]);
    home.lab.world().secrets.clear();
    let by_arn = format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{arn}\"\n");
    configured(&home, &by_arn);
    refused(&home, &run(&home, CREATE), 1, &["can't find the specified secret"]);
    target(&home, "id_field = \"a\"\nsecret_field = \"a.b\"");
    refused(&home, &run(&home, CREATE), 2, &["is no string", "id_field"]);
    assert!(!calls(&home).contains(&"CreateSecret".to_owned()));
}

#[test]
fn the_key_of_another_user_gets_a_second_place_and_never_a_first_one() {
    let home = empty();
    let key = {
        let mut world = home.lab.world();
        let user = world.add_user("ci-deploy", "/");
        world.add_settled_key(user)
    };
    let named = |names: &[&str]| {
        let targets: Vec<String> = names.iter().map(|name| format!("{{ type = \"secretsmanager\", secret_id = \"{name}\" }}")).collect();
        format!("[key.ci]\nuser = \"ci-deploy\"\nauth_profile = \"default\"\ntarget = [{}]\n", targets.join(", "))
    };
    configured(&home, &named(&["copy", NAME]));
    let create = ["rotate", "ci", "--yes", "--no-input", "--create-secret"];
    let none = run(&home, &create);
    assert!(none.code == Some(1) && none.stderr.contains("secret copy"), "{}", none.stderr);
    assert!(home.lab.world().secrets.is_empty());
    let text = USUAL.replace("{id}", &key.id).replace("{secret}", &key.secret);
    home.lab.world().add_secret(NAME, "us-east-1", Some(Body::Text(text)));
    let unasked = run(&home, &["rotate", "ci", "--yes", "--no-input"]);
    assert!(unasked.code == Some(1) && unasked.stderr.contains("keyrotate rotate ci --create-secret"), "{}", unasked.stderr);
    let output = run(&home, &create);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let live = home.lab.live_keys("ci-deploy");
    assert!(live.len() == 1 && live[0].id != key.id);
    for name in ["copy", NAME] {
        let current = home.lab.world().secret(name).current();
        assert_eq!(current, USUAL.replace("{id}", &live[0].id).replace("{secret}", &live[0].secret), "{name}");
    }
}
