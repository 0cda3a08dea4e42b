//! What goes well: a file and a secret together, forward and back.

use crate::bench::{
    JSON, NAME, ROTATE, UNDO, active, both_have, calls, configured, current, empty, entries, labels, rotated, run, start, target,
};
use crate::lab::secrets::Body;

#[test]
fn a_file_and_a_secret_change_together_and_every_other_byte_stays() {
    let home = start();
    let output = run(&home, ROTATE);
    rotated(&home, &output);
    assert!(output.stdout.contains("secret prod/ci in us-east-1\n"), "{}", output.stdout);
    let (key, labels) = (active(&home), labels(&home));
    let expected = JSON.replace("{id}", &key.id).replace("{secret}", &key.secret);
    assert_eq!(current(&home), expected);
    let [first, new] = &labels[..] else { panic!("{labels:?}") };
    assert_eq!(
        (first.0.as_str(), first.1.as_slice(), new.1.as_slice()),
        ("first", &["AWSPREVIOUS".to_owned()][..], &["AWSCURRENT".to_owned()][..])
    );
    assert!(new.0.starts_with("keyrotate-") && new.0.len() == 36, "{new:?}");
    let puts = calls(&home).iter().filter(|action| *action == "PutSecretValue").count();
    assert_eq!(puts, 2, "the probe and the new version");
    let second = run(&home, ROTATE);
    rotated(&home, &second);
    assert_ne!(active(&home).id, key.id);
}

#[test]
fn a_dry_run_names_the_secret_and_touches_nothing() {
    let home = start();
    let output = run(&home, &["rotate", "default", "--dry-run"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains("writing secret prod/ci in us-east-1"), "{}", output.stdout);
    let calls = calls(&home);
    assert!(!calls.iter().any(|action| action == "PutSecretValue" || action == "CreateAccessKey"), "{calls:?}");
}

#[test]
fn an_undo_puts_the_old_pair_back_in_both() {
    let home = start();
    let output = run(&home, &["rotate", "default", "--yes", "--no-input", "--grace", "7d"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let new = active(&home);
    both_have(&home, &new, &output.stdout);
    let output = run(&home, UNDO);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains("holder:  secret prod/ci in us-east-1"), "{}", output.stdout);
    assert_eq!(active(&home).id, home.old.id);
    both_have(&home, &home.old, &output.stdout);
    assert!(labels(&home).iter().all(|(_, stages)| !stages.contains(&"AWSPENDING".to_owned())) && entries(&home).is_empty());
    home.look("after the undo");
    assert_eq!(home.told(), "");
}

#[test]
fn a_binary_secret_and_named_fields_and_an_arn_are_targets_too() {
    let home = empty();
    let json = r#"{"creds":{"k":"{id}","s":"{secret}"},"copy":"{id}"}"#.replace("{id}", &home.old.id).replace("{secret}", &home.old.secret);
    let arn = home.lab.world().add_secret(NAME, "eu-west-3", Some(Body::Binary(json.clone().into_bytes())));
    let fields = "id_field = \"creds.k\"\nsecret_field = \"creds.s\"\n";
    configured(&home, &format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{arn}\"\n{fields}"));
    let output = run(&home, ROTATE);
    assert_eq!((output.code, home.told().as_str()), (Some(0), ""), "{}", output.stderr);
    let key = active(&home);
    let expected = json.replacen(&home.old.id, &key.id, 1).replace(&home.old.secret, &key.secret);
    assert_eq!(current(&home), expected, "the other field keeps the old ID");
    assert!(matches!(home.lab.world().secret(NAME).staged("AWSCURRENT").unwrap().body, Body::Binary(_)));
}

#[test]
fn every_profile_of_the_key_brings_its_targets_and_each_is_written_once() {
    let home = start();
    let secret = |region: &str| format!("type = \"secretsmanager\"\nsecret_id = \"{NAME}\"\n{region}");
    let other = "[[profile.work.target]]\ntype = \"secretsmanager\"\nsecret_id = \"second\"\n";
    let text = format!("[[profile.default.target]]\n{}[[profile.work.target]]\n{}{other}", secret(""), secret("region = \"us-east-1\"\n"));
    configured(&home, &text);
    let second = home.secret("second", r#"{"AccessKeyId":"{id}","SecretAccessKey":"{secret}"}"#);
    let output = run(&home, ROTATE);
    rotated(&home, &output);
    let key = active(&home);
    assert!(home.lab.world().secret(&second).current().contains(&key.id));
    assert_eq!(home.lab.world().secret(NAME).versions.len(), 3, "the first one, the probe's, the new one");
}

#[test]
fn status_history_and_their_json_name_the_secret() {
    let home = start();
    let status = run(&home, &["status", "default"]);
    assert!(status.stdout.contains("secret prod/ci"), "{}", status.stdout);
    let json = run(&home, &["status", "default", "--json"]).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let holders = value["keys"][0]["holders"].as_array().unwrap().clone();
    assert!(holders.iter().any(|holder| holder["secret"] == NAME), "{json}");
    assert!(!calls(&home).iter().any(|action| action.contains("Secret")), "status asks nothing of it");
    rotated(&home, &run(&home, ROTATE));
    let history = run(&home, &["history", "--json"]).stdout;
    assert!(history.contains("secret prod/ci in us-east-1"), "{history}");
}

#[test]
fn with_mfa_demanded_the_session_signs_for_the_secret_too() {
    let home = start();
    home.lab.world().settings.force_mfa = true;
    let serial = home.lab.world().users[0].serials[0].clone();
    home.write(".aws/config", &format!("[default]\nregion = us-east-1\nmfa_serial = {serial}\n"));
    target(&home, "");
    let code = home.lab.code("dev").unwrap();
    let output = run(&home, &["rotate", "default", "--yes", "--no-input", "--mfa-code", &code]);
    rotated(&home, &output);
    let signed = home.lab.calls().into_iter().filter(|call| call.action == "PutSecretValue").all(|call| call.key_id.starts_with("ASIA"));
    assert!(signed, "{:?}", home.lab.calls());
}
