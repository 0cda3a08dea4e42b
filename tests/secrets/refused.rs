//! What is refused before a key is made, each with a message of its own.

use crate::bench::{JSON, NAME, ROTATE, calls, configured, empty, refused, run, start, target};
use crate::home::Home;
use crate::lab::faults::{Fault, Rule};
use crate::lab::secrets::{Body, Secret};

fn with(text: &str) -> std::sync::Arc<Home> {
    let home = empty();
    let text = text.replace("{id}", &home.old.id).replace("{secret}", &home.old.secret);
    home.lab.world().add_secret(NAME, "us-east-1", Some(Body::Text(text)));
    target(&home, "");
    home
}

#[test]
fn a_secret_of_a_wrong_shape_is_refused_by_its_fields() {
    for (text, words) in [
        ("no JSON at all", &["its value is not JSON (line 1, column 2)", "secret prod/ci in us-east-1"][..]),
        ("[]", &["no object"]),
        (r#"{"user":"me"}"#, &["no field that holds an access key ID", "`user`", "id_field"]),
        (r#"{"access_key_id":"{id}"}"#, &["no field that holds a secret access key"]),
        (r#"{"access_key_id":"{id}","secret_access_key":"{secret}","access_key_id":"x"}"#, &["`access_key_id` twice"]),
        (r#"{"a":"{id}","b":"{id}","c":"{secret}"}"#, &["more than one field", "`a`, `b`"]),
        (
            r#"{"access_key_id":"{id}","secret_access_key":"CaNaRyBiRdotherCaNaRyBiRd"}"#,
            &["with another secret access key", "or take the target out"],
        ),
        (r#"{"access_key_id":"AKIASOMEBODYELSESKEY","secret_access_key":"CaNaRyBiRdotherCaNaRyBiRd"}"#, &["has AKIASOMEBODYELSESKEY"]),
    ] {
        let home = with(text);
        refused(&home, &run(&home, ROTATE), 1, words);
    }
}

#[test]
fn a_field_that_is_deeper_or_not_there_is_named() {
    for (fields, words) in [
        ("id_field = \"k\"\nsecret_field = \"in.s\"", "`in.k` is inside an object"),
        ("id_field = \"in.x\"\nsecret_field = \"in.s\"", "no field `in.x`"),
        ("id_field = \"in\"\nsecret_field = \"in.s\"", "`in` of its JSON is no string"),
    ] {
        let home = with(r#"{"in":{"k":"{id}","s":"{secret}"}}"#);
        target(&home, fields);
        refused(&home, &run(&home, ROTATE), 1, &[words]);
    }
}

#[test]
fn a_value_that_leaves_no_room_is_refused() {
    let home = empty();
    let (id, secret) = (home.old.id.clone(), home.old.secret.clone());
    // With escapes that the new value does not have, it fits; with a full secret and a longer key it would not. The lab's keys are all of one length.
    let text = format!(r#"{{"access_key_id":"{id}","secret_access_key":"{secret}","pad":""}}"#);
    let full = text.replace(r#""pad":"""#, &format!(r#""pad":"{}""#, "x".repeat(65_536 - text.len())));
    assert_eq!(full.len(), 65_536);
    home.lab.world().add_secret(NAME, "us-east-1", Some(Body::Text(full)));
    target(&home, "");
    let output = run(&home, ROTATE);
    assert_eq!(output.code, Some(0), "64 KiB are taken: {}", output.stderr);
}

#[test]
fn a_secret_that_cannot_be_written_is_refused_each_with_its_reason() {
    type Change = fn(&mut Secret);
    let changes: [(Change, &[&str]); 5] = [
        (|secret| secret.deleted_at = Some(1_714_557_600.0), &["it is marked for deletion", "restore-secret"]),
        (|secret| secret.is_rotated = true, &["it is rotated by AWS", "turn that off"]),
        (|secret| secret.primary_region = Some("eu-west-1".into()), &["it is a replica", "name the original in eu-west-1"]),
        (|secret| secret.versions.clear(), &["it has no value yet"]),
        (
            |secret| secret.add("theirs-theirs-theirs-theirs-theirs", Body::Text("{}".into()), &["AWSPENDING"]),
            &["theirs-theirs", "AWSPENDING", "update-secret-version-stage"],
        ),
    ];
    for (change, words) in changes {
        let home = start();
        change(home.lab.world().secret(NAME));
        refused(&home, &run(&home, &["rotate", "default", "--dry-run"]), 1, words);
        assert!(!calls(&home).contains(&"PutSecretValue".to_owned()));
        refused(&home, &run(&home, ROTATE), 1, words);
        let kept = home.lab.world().secret(NAME).staged("AWSPENDING").map(|version| version.id.clone());
        assert!(kept.is_none_or(|id| id.starts_with("theirs")), "a label of somebody else's is kept");
    }
}

#[test]
fn a_missing_permission_is_told_from_a_kms_key_that_refuses() {
    // The case secret-kms-denied.
    for (action, words) in [
        ("kms:Decrypt", &["its KMS key may not be used", "kms:Decrypt and kms:GenerateDataKey", "Access to KMS is not allowed"][..]),
        ("kms:GenerateDataKey", &["its KMS key may not be used"]),
        ("secretsmanager:DescribeSecret", &["secretsmanager:DescribeSecret is not allowed: allow it"]),
        ("secretsmanager:GetSecretValue", &["secretsmanager:GetSecretValue is not allowed: allow it"]),
        ("secretsmanager:PutSecretValue", &["secretsmanager:PutSecretValue is not allowed: allow it"]),
        ("secretsmanager:UpdateSecretVersionStage", &["secretsmanager:UpdateSecretVersionStage is not allowed: allow it"]),
    ] {
        let home = start();
        home.lab.world().settings.denied.insert(action.to_owned());
        let output = run(&home, ROTATE);
        refused(&home, &output, 1, words);
        assert_eq!(output.stderr.contains("KMS"), action.starts_with("kms:"), "{action}: {}", output.stderr);
    }
}

#[test]
fn a_secret_in_another_region_or_account_is_not_found_and_both_are_named() {
    let home = start();
    target(&home, "region = \"eu-west-1\"");
    refused(&home, &run(&home, ROTATE), 1, &["secret prod/ci in eu-west-1: it is not there", "`secret_id` and `region`"]);
    let arn = "arn:aws:secretsmanager:us-east-1:999988887777:secret:theirs-AbC123";
    configured(&home, &format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{arn}\"\n"));
    refused(&home, &run(&home, ROTATE), 1, &["it is not there", "account 999988887777", "account 000000000000"]);
    configured(&home, &format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{arn}\"\nregion = \"eu-west-1\"\n"));
    refused(&home, &run(&home, ROTATE), 1, &["region = \"eu-west-1\"", "us-east-1", "config.toml"]);
}

#[test]
fn throttled_and_unreachable_say_so() {
    let home = start();
    home.lab.rules(vec![Rule::on("DescribeSecret", Fault::error(400, "ThrottlingException")).times(0)]);
    refused(&home, &run(&home, ROTATE), 1, &["AWS throttles the requests"]);
    home.lab.rules(vec![Rule::on("GetSecretValue", Fault::DropBefore).times(0)]);
    refused(&home, &run(&home, ROTATE), 1, &["AWS cannot be reached"]);
}

#[test]
fn a_target_of_another_kind_is_still_refused_and_no_secret_is_asked() {
    let home = start();
    configured(&home, "[[profile.default.target]]\ntype = \"command\"\nrun = [\"true\"]\n");
    refused(&home, &run(&home, ROTATE), 2, &["`command`"]);
    assert!(calls(&home).is_empty());
    assert!(JSON.contains("{id}"));
}
