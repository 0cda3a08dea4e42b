//! `keys list`: what it tells, and that it asks nobody.

use serde_json::{Value, json};

use crate::bed::{Bed, ITEM, fine, told};
use crate::home::one_line;

fn listed(bed: &Bed) -> Value {
    let output = bed.home.run(&["keys", "list", "--json"]);
    fine(&output);
    serde_json::from_str(&output.stdout).unwrap()
}

#[test]
fn every_place_of_every_key_is_told_and_nobody_is_asked() {
    let bed = Bed::start();
    let (old, other) = (bed.home.old.clone(), bed.home.other.clone());
    let pair = |id: &str, secret: &str| format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    bed.home.write(
        ".aws/credentials",
        &format!("[copy]\n{}[strange]\n{}", pair(&old.id, &old.secret), pair("ASIAEXAMPLE000000001", &other.secret)),
    );
    let config = std::fs::read_to_string(bed.home.path().join(".aws/config")).unwrap();
    let role = "[profile role]\nrole_arn = arn:aws:iam::000000000000:role/R\nsource_profile = default\n";
    bed.home.write(".aws/config", &format!("{config}{role}[unreachable]\n{}", pair(&other.id, &other.secret)));
    std::fs::create_dir_all(bed.home.path().join(".config/keyrotate")).unwrap();
    bed.home.write(
        ".config/keyrotate/config.toml",
        "[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"app/aws\"\nregion = \"eu-west-1\"\n\
         [key.service]\nuser = \"svc\"\nauth_profile = \"default\"\n[[key.service.target]]\ntype = \"secretsmanager\"\nsecret_id = \"svc/aws\"\n",
    );
    // Neither answers.
    bed.kill_daemon();
    let value = listed(&bed);
    let (credentials, config) = (bed.home.path().join(".aws/credentials"), bed.home.path().join(".aws/config"));
    let expected = [
        json!({"access_key_id": old.id, "profiles": ["copy", "default", "role"], "holders": [
            {"file": credentials, "section": "copy", "line": 2},
            {"keychain_item": ITEM, "made": true},
            {"secret": "app/aws", "region": "eu-west-1"},
        ], "root_user": null}),
        json!({"access_key_id": other.id, "profiles": [], "holders": [{"file": config, "section": "unreachable", "line": 8}], "root_user": null}),
    ];
    let keys = value["keys"].as_array().unwrap();
    assert!(keys.len() == 2 && expected.iter().all(|key| keys.contains(key)), "{value:#}");
    let service = json!([{"name": "service", "user_name": "svc", "holders": [{"secret": "svc/aws", "region": null}]}]);
    assert_eq!((&value["managed_keys"], &value["notes"]), (&service, &json!([])));
    let text = bed.home.run(&["keys", "list"]);
    fine(&text);
    for said in
        ["copy, default, role", "keychain item work", "[unreachable]", "no profile leads to it", "secret app/aws in eu-west-1", "svc"]
    {
        assert!(text.stdout.contains(said), "{said}: {}", text.stdout);
    }
    assert_eq!(bed.home.lab.calls().len(), 0);
}

#[test]
fn what_is_odd_about_a_place_is_said_without_a_secret() {
    let bed = Bed::start();
    let (old, other) = (&bed.home.old, &bed.home.other);
    let id = format!("aws_access_key_id = {}\n", old.id);
    let with = |secret: &str| format!("{id}aws_secret_access_key = {secret}\n");
    bed.home.write(".aws/credentials", &format!("[a]\n{}[b]\n{}[c]\n{id}", with(&old.secret), with(&other.secret)));
    bed.change_index(|known| known.is_made = false);
    let text = bed.home.run(&["keys", "list"]);
    told(&text, 0, &[]);
    let said = one_line(&text.stdout);
    for part in
        ["line 5: [b] has", "with another secret access key than", "line 8: [c] has", "without a secret", "whose making was interrupted"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    bed.home.write(".aws/credentials", "[a\n");
    told(&bed.home.run(&["keys", "list"]), 1, &["credentials, line 1", "nothing was changed"]);
}
