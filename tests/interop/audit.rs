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

/// The way of a changed policy to a mailbox, link by link; moto confirms a subscription at once, and has no alarms
/// for who speaks CBOR.
#[cfg(feature = "alarm")]
#[test]
fn what_watches_over_an_account_of_moto_is_seen() {
    use crate::lab::watching::{event_pattern, filter_pattern};

    let moto = Moto::start();
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), false);
    home.write(".aws/credentials", &file(&moto.dev));
    let mut client = Client::new(&moto.url);
    let mut admin = |service: &str, action: &str, parameters: Value| {
        let made = client.call(&moto.dev, service, action, &parameters);
        assert!(made["status"].as_u64().is_some_and(|status| status < 300), "{service} {action}: {made}");
        made["result"].clone()
    };
    let expect = |what: &str, wanted: &[(&str, &str)]| {
        let env = vec![("AWS_ENDPOINT_URL", moto.url.clone())];
        let output = home.run_with(&Run { env, ..Run::new(&["audit", "--tier", "monitoring", "--json"]) });
        let shown: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output.stderr));
        let links: Vec<Value> = shown["findings"].as_array().unwrap().iter().filter(|f| f["check"] == "POLICY-ALARM").cloned().collect();
        let text = |link: &Value, name: &str| link[name].as_str().unwrap().to_owned();
        let other = links.iter().filter(|link| link["level"] != "pass").map(|link| (text(link, "level"), text(link, "subject")));
        let wanted: Vec<(String, String)> = wanted.iter().map(|(level, subject)| ((*level).to_owned(), (*subject).to_owned())).collect();
        assert_eq!(other.collect::<Vec<_>>(), wanted, "{what}: {links:#?}");
    };
    let no_rule = ("not_applicable", "rules of EventBridge");
    expect("nothing yet", &[("fail", "account 123456789012")]);
    admin("s3", "CreateBucket", json!({"Bucket": "trails"}));
    admin("logs", "CreateLogGroup", json!({"logGroupName": "trails"}));
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:us-east-1:123456789012:{rest}");
    let trail = json!({"Name": "main", "S3BucketName": "trails", "IsMultiRegionTrail": true, "IncludeGlobalServiceEvents": true,
        "CloudWatchLogsLogGroupArn": arn("logs", "log-group:trails:*"), "CloudWatchLogsRoleArn": "arn:aws:iam::123456789012:role/trail"});
    admin("cloudtrail", "CreateTrail", trail);
    expect("a trail that was not started", &[("fail", "logging of main"), ("fail", "filters of trails"), no_rule]);
    admin("cloudtrail", "StartLogging", json!({"Name": "main"}));
    expect("no filter", &[("fail", "filters of trails"), no_rule]);
    let filter = |pattern: &str| {
        let counts = json!([{"metricName": "changes", "metricNamespace": "CIS", "metricValue": "1"}]);
        json!({"logGroupName": "trails", "filterName": "changes", "filterPattern": pattern, "metricTransformations": counts})
    };
    admin("logs", "PutMetricFilter", filter(&filter_pattern(&["PutUserPolicy"])));
    expect("a filter without one of the events", &[("fail", "filter changes"), no_rule]);
    // A second one of that name moto would put beside the first.
    let unfilter = json!({"logGroupName": "trails", "filterName": "changes"});
    admin("logs", "DeleteMetricFilter", unfilter.clone());
    admin("logs", "PutMetricFilter", filter(&filter_pattern(&[])));
    // CloudWatch is spoken to in CBOR, which moto's server does not know: its 404 is no answer that a link is missing.
    expect("alarms cannot be asked for", &[("unknown", "metric CIS/changes"), no_rule]);
    admin("logs", "DeleteMetricFilter", unfilter);
    let broken = ("fail", "filters of trails");
    admin("events", "PutRule", json!({"Name": "changes", "EventPattern": event_pattern(&["PutUserPolicy"])}));
    expect("a rule without one of the events", &[broken, ("fail", "rule changes")]);
    admin("events", "PutRule", json!({"Name": "changes", "EventPattern": event_pattern(&[])}));
    expect("a rule without a target", &[broken, ("fail", "rule changes")]);
    let topic = admin("sns", "CreateTopic", json!({"Name": "alerts"}))["TopicArn"].as_str().unwrap().to_owned();
    admin("events", "PutTargets", json!({"Rule": "changes", "Targets": [{"Id": "1", "Arn": topic}]}));
    expect("a topic as it is made", &[broken, ("fail", "topic alerts"), ("fail", "subscriptions of alerts")]);
    let policy = json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}]});
    admin("sns", "SetTopicAttributes", json!({"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy.to_string()}));
    expect("nobody subscribed", &[broken, ("fail", "subscriptions of alerts")]);
    admin("sns", "Subscribe", json!({"TopicArn": topic, "Protocol": "email", "Endpoint": "ops@example.com"}));
    expect("all is there", &[]);
    admin("sns", "SetTopicAttributes", json!({"TopicArn": topic, "AttributeName": "KmsMasterKeyId", "AttributeValue": "alias/aws/sns"}));
    expect("the key that AWS manages", &[broken, ("fail", "topic alerts")]);
    admin("cloudtrail", "StopLogging", json!({"Name": "main"}));
    expect("nothing is logged", &[("fail", "logging of main"), broken, ("fail", "topic alerts")]);
}
