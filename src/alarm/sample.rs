//! Events as CloudTrail writes them, to see whether a pattern hears of them: those it is about, and one that it is not.

use serde_json::{Value, json};

use super::watch::Watch;

/// One event for each that is watched for, and last one that nothing is to hear of.
pub fn samples(watch: Watch, account: &str, region: &str) -> Vec<Value> {
    let user = json!({"type": "IAMUser", "userName": "somebody", "accountId": account});
    let root = json!({"type": "Root", "accountId": account, "arn": format!("arn:aws:iam::{account}:root")});
    let event = |name: &str, source: &str, who: &Value| {
        json!({
            "eventVersion": "1.11",
            "eventSource": source,
            "eventName": name,
            "eventType": "AwsApiCall",
            "awsRegion": region,
            "recipientAccountId": account,
            "userIdentity": who,
        })
    };
    let heard: Vec<Value> = match watch {
        Watch::Policies | Watch::Access => watch.events().iter().map(|name| event(name, "iam.amazonaws.com", &user)).collect(),
        Watch::Root => vec![event("ListBuckets", "s3.amazonaws.com", &root)],
    };
    heard.into_iter().chain([event("ListUsers", "iam.amazonaws.com", &user)]).collect()
}

/// Whether the one with this number of so many should be heard of.
pub fn is_hit(number: usize, count: usize) -> bool {
    number + 1 < count
}

/// The same event as EventBridge hands it on.
pub fn on_the_bus(event: &Value, account: &str, region: &str) -> String {
    let source = event["eventSource"].as_str().and_then(|source| source.split('.').next()).unwrap_or_default();
    json!({
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": "AWS API Call via CloudTrail",
        "source": format!("aws.{source}"),
        "account": account,
        "time": "2026-01-01T00:00:00Z",
        "region": region,
        "resources": [],
        "detail": event,
    })
    .to_string()
}
