//! The topic's policy with our statement in it, and every other as it is.

use serde_json::{Value, json};

/// Our statement's `Sid`, one for each service.
fn sid(service: &str) -> String {
    let word: String = service.split('.').next().unwrap_or_default().to_owned();
    format!("Keyrotate{}", word.replace("cloudwatch", "Alarms").replace("events", "Rules"))
}

/// EventBridge does not say on whose behalf it publishes (EventBridge user guide, resource-based policies: Amazon SNS).
fn statement(topic: &str, account: &str, service: &str) -> Value {
    let mut statement = json!({
        "Sid": sid(service),
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sns:Publish",
        "Resource": topic,
    });
    if let (true, Some(statement)) = (service != "events.amazonaws.com", statement.as_object_mut()) {
        statement.insert("Condition".to_owned(), json!({"StringEquals": {"aws:SourceAccount": account}}));
    }
    statement
}

/// The policy by which the service may publish for this account, too; `None` where it is so already, or cannot be read.
pub fn with_publisher(policy: Option<&str>, topic: &str, account: &str, service: &str) -> Option<String> {
    let ours = statement(topic, account, service);
    let mut policy = match policy {
        None => json!({"Version": "2012-10-17", "Statement": []}),
        Some(text) => serde_json::from_str(text).ok()?,
    };
    let statements = policy.as_object_mut()?.entry("Statement").or_insert_with(|| json!([]));
    if let Value::Object(only) = statements {
        *statements = Value::Array(vec![Value::Object(std::mem::take(only))]);
    }
    let statements = statements.as_array_mut()?;
    if statements.contains(&ours) {
        return None;
    }
    statements.retain(|statement| statement["Sid"] != ours["Sid"]);
    statements.push(ours);
    Some(policy.to_string())
}
