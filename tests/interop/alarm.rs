//! `alarm` against moto: the printed commands make a trail there, by the AWS CLI; what it sets up is looked at by botocore, and is gone after its
//! removal. CloudWatch is the lab's: moto's server knows no CBOR, TestMetricFilter it has not at all.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::client::Client;
use crate::home::{Home, Output, Run};
use crate::lab::Settings;
use crate::moto::Moto;
use crate::peers::{Peer, command};

/// What is made where it is not there.
const CREATES_ONCE: [&str; 4] = ["create-bucket", "put-public-access-block", "put-bucket-policy", "create-trail"];

/// The script, run by `sh` with the AWS CLI at moto.
struct Shell<'a> {
    home: &'a Home,
    url: &'a str,
    script: &'a str,
}

/// What came of it.
struct Ran {
    is_well: bool,
    said: String,
    /// The operations that were asked for.
    calls: Vec<String>,
}

impl Shell<'_> {
    /// With this in the place of the AWS CLI, which is `real`.
    fn run(&self, aws: &str) -> Ran {
        let log = self.home.path().join("calls");
        std::fs::write(&log, "").expect("a log");
        let (cli, url) = (Peer::CliV2.program(), self.url);
        let functions = format!(
            "real() {{ '{}' --endpoint-url {url} \"$@\"; }}\naws() {{ echo \"$2\" >>'{}'; {aws}; }}\nsleep() {{ :; }}\n",
            cli.display(),
            log.display()
        );
        let ran = command(&self.home.path(), url, Path::new("/bin/sh"), &["-c", &(functions + self.script)])
            .env("AWS_ACCESS_KEY_ID", &self.home.old.id)
            .env("AWS_SECRET_ACCESS_KEY", &self.home.old.secret)
            .output()
            .expect("sh");
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        let calls = std::fs::read_to_string(&log).expect("a log").lines().map(str::to_owned).collect();
        Ran { is_well: ran.status.success(), said, calls }
    }

    /// Cut off behind the first change that is not among those which were made, and which then is.
    fn run_until_new(&self, made: &mut BTreeSet<String>) -> Ran {
        let old = made.iter().map(String::as_str).chain(["get-*", "head-*", "list-*"]).collect::<Vec<_>>().join("|");
        let ran = self.run(&format!(r#"real "$@"; came=$?; case "$2" in {old}) return "$came" ;; *) kill -KILL $$ ;; esac"#));
        made.extend(ran.calls.iter().cloned());
        ran
    }
}

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
    assert!(missing.code == Some(1) && missing.stderr.contains("has no trail"), "{missing:?}");

    let script = alarm(&["plan", "--create-trail"]).stdout;
    let shell = Shell { home: &home, url: &moto.url, script: &script };
    let stranger = shell.run(r#"case "$2" in get-caller-identity) echo 999999999999 ;; *) echo "changed: $*" ;; esac"#);
    assert!(!stranger.is_well && stranger.said.contains("of account 999999999999: nothing was changed"), "{}", stranger.said);
    assert_eq!(stranger.calls, ["get-caller-identity"]);
    let taken = shell.run(
        r#"case "$2" in head-bucket) echo 'An error occurred (403) when calling the HeadBucket operation: Forbidden' >&2; false ;; *) real "$@" ;; esac"#,
    );
    assert!(!taken.is_well && taken.said.contains("(403)"), "{}", taken.said);
    assert_eq!(taken.calls, ["get-caller-identity", "list-trails", "head-bucket"]);

    // Broken off behind each change that it did not make before, then run again.
    let mut made = BTreeSet::new();
    let mut last = shell.run_until_new(&mut made);
    while !last.is_well {
        assert!(made.len() < 30, "{}", last.said);
        last = shell.run_until_new(&mut made);
    }
    assert!(last.said.contains("then run keyrotate alarm install default --email"), "{}", last.said);
    let again = shell.run(r#"real "$@""#);
    assert!(again.is_well && !again.calls.iter().any(|call| CREATES_ONCE.contains(&call.as_str())), "{:?}", again.calls);
    assert!(CREATES_ONCE.iter().all(|call| made.contains(*call)), "{made:?}");

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
