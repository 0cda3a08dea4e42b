//! `alarm` against moto: the printed commands make a trail there, by the AWS CLI; what it sets up is looked at by botocore, and is gone after its
//! removal. CloudWatch is the lab's: moto's server knows no CBOR, TestMetricFilter it has not at all.

use serde_json::{Value, json};

use crate::client::Client;
use crate::home::{Home, Output, Run};
use crate::lab::Settings;
use crate::moto::Moto;
use crate::peers::{Peer, command};

#[test]
fn what_is_set_up_at_moto_is_there_and_gone_again() {
    let moto = Moto::start();
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), false);
    let pair = (home.old.id.clone(), home.old.secret.clone());
    let mut client = Client::new(&moto.url);
    let mut ask = |service: &str, action: &str, parameters: Value| {
        let answer = client.call(&pair, service, action, &parameters);
        assert!(answer["status"].as_u64().is_some_and(|status| status < 300), "{service} {action}: {answer}");
        answer["result"].clone()
    };
    let alarm = |args: &[&str]| -> Output {
        let env = vec![("AWS_ENDPOINT_URL", moto.url.clone()), ("AWS_ENDPOINT_URL_CLOUDWATCH", home.lab.url())];
        let words = [&["alarm"], args].concat();
        home.run_with(&Run { env, ..Run::new(&words) })
    };
    let install = |way: &str| alarm(&["install", "--email", "security@example.com", "--root", "--yes", "--via", way]);
    let missing = install("metric");
    assert!(missing.code == Some(1) && missing.stderr.contains("no trail records"), "{missing:?}");

    let script = alarm(&["plan", "--create-trail"]).stdout;
    let functions = format!("aws() {{ '{}' --endpoint-url {} \"$@\"; }}\nsleep() {{ :; }}\n", Peer::CliV2.program().display(), moto.url);
    let ran = command(&home.path(), &moto.url, std::path::Path::new("/bin/sh"), &["-c", &(functions + &script)])
        .env("AWS_ACCESS_KEY_ID", &pair.0)
        .env("AWS_SECRET_ACCESS_KEY", &pair.1)
        .output()
        .expect("sh");
    assert!(ran.status.success(), "{}\n{script}", String::from_utf8_lossy(&ran.stderr));

    for way in ["metric", "eventbridge"] {
        // moto confirms a subscription at once.
        let set_up = install(way);
        assert!(set_up.code == Some(0) && set_up.stdout.contains("set up:"), "{way}: {set_up:?}");
        let again = install(way);
        assert!(again.code == Some(0) && again.stdout.contains("nothing is missing"), "{way}: {again:?}");
    }
    let filters = ask("logs", "DescribeMetricFilters", json!({"logGroupName": "keyrotate-trail"}));
    let rules = ask("events", "ListRules", json!({"NamePrefix": "keyrotate-"}));
    let topics = ask("sns", "ListTopics", json!({}));
    let count = |answer: &Value, list: &str| answer[list].as_array().map_or(0, Vec::len);
    assert_eq!(
        (count(&filters, "metricFilters"), count(&rules, "Rules"), count(&topics, "Topics")),
        (3, 3, 1),
        "{filters} {rules} {topics}"
    );
    assert_eq!(home.lab.world().alarms.len(), 3);

    let removed = alarm(&["remove", "--yes"]);
    assert!(removed.code == Some(0) && removed.stdout.contains("removed:"), "{removed:?}");
    let filters = ask("logs", "DescribeMetricFilters", json!({"logGroupName": "keyrotate-trail"}));
    let (rules, topics) = (ask("events", "ListRules", json!({})), ask("sns", "ListTopics", json!({})));
    assert_eq!(
        (count(&filters, "metricFilters"), count(&rules, "Rules"), count(&topics, "Topics")),
        (0, 0, 0),
        "{filters} {rules} {topics}"
    );
    assert!(home.lab.world().alarms.is_empty());
    assert_eq!(
        ask("cloudtrail", "GetTrailStatus", json!({"Name": "keyrotate-trail"}))["IsLogging"],
        true,
        "the trail is nobody's business"
    );
}
