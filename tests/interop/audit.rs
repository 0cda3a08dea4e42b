//! `audit` against moto: what moto can represent is judged as against the lab, by answers that we did not write.
//!
//! moto has no root user to speak of, denies nothing, and answers ListMFADevices only with a user's name: those rows are the lab's alone.

use serde_json::{Value, json};

use crate::client::Client;
use crate::home::{Home, Run};
use crate::lab::Settings;
use crate::moto::{Moto, file};

const ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const LITTLE: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a b/%25/*"}}"#;

/// One account after another, each made of the one before.
#[test]
fn what_moto_can_represent_is_judged_as_against_the_lab() {
    let moto = Moto::start();
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), false);
    home.write(".aws/credentials", &file(&moto.dev));
    let mut client = Client::new(&moto.url);
    let mut admin = |action: &str, parameters: Value| {
        let made = client.call(&moto.dev, "iam", action, &parameters);
        assert_eq!(made["status"], 200, "{action}: {made}");
        made["result"].clone()
    };
    let audit = || {
        let env = vec![("AWS_ENDPOINT_URL", moto.url.clone())];
        let output = home.run_with(&Run { env, ..Run::new(&["audit", "--json"]) });
        let shown: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output.stderr));
        shown["findings"].as_array().unwrap().clone()
    };
    let expect = |what: &str, check: &str, wanted: &[&str]| {
        let findings = audit();
        let levels: Vec<&str> = findings.iter().filter(|f| f["check"] == check).map(|f| f["level"].as_str().unwrap()).collect();
        assert_eq!(levels, wanted, "{what}: {findings:#?}");
    };
    for check in ["QUARANTINE", "CALLER-IS-ROOT", "ROOT-KEY", "KEY-AGE", "TWO-KEYS", "INLINE", "DIRECT-ATTACH", "ADMIN"] {
        expect("a new user", check, &["pass"]);
    }
    admin("CreateGroup", json!({"GroupName": "devs"}));
    admin("AddUserToGroup", json!({"GroupName": "devs", "UserName": "dev"}));
    admin("PutGroupPolicy", json!({"GroupName": "devs", "PolicyName": "theirs", "PolicyDocument": LITTLE}));
    expect("an inline policy of a group", "INLINE", &["warn"]);
    expect("a harmless one", "ADMIN", &["pass"]);
    admin("PutUserPolicy", json!({"UserName": "dev", "PolicyName": "mine", "PolicyDocument": ALL}));
    expect("an inline policy of the user", "INLINE", &["fail", "warn"]);
    expect("one that allows everything", "ADMIN", &["fail"]);
    admin("DeleteUserPolicy", json!({"UserName": "dev", "PolicyName": "mine"}));
    let policy = |name: &str, document: &str| json!({"PolicyName": name, "PolicyDocument": document});
    let arn = |made: &Value| made["Policy"]["Arn"].as_str().unwrap().to_owned();
    let all = arn(&admin("CreatePolicy", policy("All", ALL)));
    admin("AttachGroupPolicy", json!({"GroupName": "devs", "PolicyArn": all}));
    expect("everything by a managed policy of a group", "ADMIN", &["fail"]);
    expect("attached to the group", "DIRECT-ATTACH", &["pass"]);
    // moto loads none of AWS's policies; the name is what counts.
    let quarantine = arn(&admin("CreatePolicy", policy("AWSCompromisedKeyQuarantineV4", LITTLE)));
    admin("AttachUserPolicy", json!({"UserName": "dev", "PolicyArn": quarantine}));
    expect("quarantined", "QUARANTINE", &["fail"]);
    admin("CreateAccessKey", json!({"UserName": "dev"}));
    expect("a second key", "TWO-KEYS", &["warn"]);
}
