//! A secret at moto: which version has which label before and after a rotation, and what botocore then reads.

use serde_json::{Value, json};

use crate::client::Client;
use crate::files::ROTATE;
use crate::home::{Home, Run};
use crate::lab::Settings;
use crate::moto::{Moto, Pair};

const NAME: &str = "prod/ci";
/// Escapes, a 64-bit number and an order of its own.
const JSON: &str = r#"{ "env":"prod", "SecretAccessKey" : "{secret}","note":"caf\u00e9", "AccessKeyId":"{id}", "ttl":900000000000000001}"#;

fn content(pair: &Pair) -> String {
    JSON.replace("{id}", &pair.0).replace("{secret}", &pair.1)
}

/// The labels of each version.
fn labels(client: &mut Client, pair: &Pair) -> Vec<(String, Vec<String>)> {
    let described = client.call(pair, "secretsmanager", "DescribeSecret", &json!({ "SecretId": NAME }));
    let versions = described["result"]["VersionIdsToStages"].as_object().unwrap_or_else(|| panic!("no versions: {described}")).clone();
    let stages = |stages: &Value| stages.as_array().expect("labels").iter().map(|stage| stage.as_str().unwrap().to_owned()).collect();
    versions.iter().map(|(version, found)| (version.clone(), stages(found))).collect()
}

fn with<'l>(labels: &'l [(String, Vec<String>)], stage: &str) -> Vec<&'l str> {
    labels.iter().filter(|(_, stages)| stages.iter().any(|found| found == stage)).map(|(version, _)| version.as_str()).collect()
}

#[test]
fn a_secret_that_is_not_there_is_made_with_the_old_pair_and_botocore_reads_both() {
    let moto = Moto::start();
    let mut client = Client::new(&moto.url);
    let home = with_target(&moto);
    let mut run = Run::new(&["rotate", "default", "--yes", "--no-input", "--create-secret"]);
    run.env = vec![("AWS_ENDPOINT_URL", moto.url.clone()), ("KEYROTATE_TIME_SCALE", "0.01".to_owned())];
    let output = home.run_with(&run);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let new = pair_in_file(&home);
    let after = labels(&mut client, &new);
    let [first] = with(&after, "AWSPREVIOUS")[..] else { panic!("{after:?}") };
    assert!(first.starts_with("keyrotate-new-"), "{after:?}");
    for (stage, expected) in [("AWSCURRENT", &new), ("AWSPREVIOUS", &moto.dev)] {
        let read = client.call(&new, "secretsmanager", "GetSecretValue", &json!({ "SecretId": NAME, "VersionStage": stage }));
        let text = read["result"]["SecretString"].as_str().unwrap_or_default();
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(value, json!({ "AccessKeyId": expected.0, "SecretAccessKey": expected.1 }), "{stage}");
    }
}

/// A HOME with moto's pair, and the secret as its target.
fn with_target(moto: &Moto) -> std::sync::Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), false);
    home.write(".aws/credentials", &format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", moto.dev.0, moto.dev.1));
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    let target = format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{NAME}\"\n");
    home.write(".config/keyrotate/config.toml", &target);
    home
}

fn pair_in_file(home: &Home) -> Pair {
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).expect("a value").to_owned();
    (value("aws_access_key_id"), value("aws_secret_access_key"))
}

#[test]
fn a_secret_changes_by_a_version_of_its_own_and_botocore_reads_the_new_pair() {
    let moto = Moto::start();
    let mut client = Client::new(&moto.url);
    let made = client.call(&moto.dev, "secretsmanager", "CreateSecret", &json!({ "Name": NAME, "SecretString": content(&moto.dev) }));
    assert_eq!(made["status"], 200, "{made}");
    let before = labels(&mut client, &moto.dev);
    let [first] = with(&before, "AWSCURRENT")[..] else { panic!("{before:?}") };

    let home = with_target(&moto);
    let mut run = Run::new(ROTATE);
    run.env = vec![("AWS_ENDPOINT_URL", moto.url.clone()), ("KEYROTATE_TIME_SCALE", "0.01".to_owned())];
    let output = home.run_with(&run);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);

    let new = pair_in_file(&home);
    assert_ne!(new.0, moto.dev.0);
    let after = labels(&mut client, &new);
    let [current] = with(&after, "AWSCURRENT")[..] else { panic!("{after:?}") };
    assert!(current.starts_with("keyrotate-") && current != first, "{after:?}");
    assert_eq!(with(&after, "AWSPREVIOUS"), [first], "{after:?}");
    for ours in ["AWSPENDING", "keyrotate-probe"] {
        assert_eq!(with(&after, ours), Vec::<&str>::new(), "{after:?}");
    }
    for (stage, expected) in [("AWSCURRENT", &new), ("AWSPREVIOUS", &moto.dev)] {
        let asked = json!({ "SecretId": NAME, "VersionStage": stage });
        let read = client.call(&new, "secretsmanager", "GetSecretValue", &asked);
        assert_eq!(read["result"]["SecretString"], content(expected), "{stage}");
    }
    let who = client.call(&new, "sts", "GetCallerIdentity", &json!({}));
    assert_eq!(who["result"]["Arn"], "arn:aws:iam::123456789012:user/dev", "{who}");
}
