//! The topic's policy: who may publish by it, with our statement in it and every other as it is.

use serde_json::{Value, json};

use crate::model::{Publisher, Truth, lets_publish, publishing};

/// What our statements' `Sid`s begin with.
const SID: &str = "Keyrotate";

/// The statement that SNS makes a topic with.
const DEFAULT: &str = "__default_statement_ID";

/// Our statement's `Sid`, one for each service.
fn sid(service: &str) -> String {
    let word: String = service.split('.').next().unwrap_or_default().to_owned();
    format!("{SID}{}", word.replace("cloudwatch", "Alarms").replace("events", "Rules"))
}

fn statement(topic: &str, account: &str, service: &str) -> Value {
    let mut statement = publishing(Publisher { service, account, source_arn: "", topic });
    statement.as_object_mut().into_iter().for_each(|fields| drop(fields.insert("Sid".to_owned(), json!(sid(service)))));
    statement
}

/// Whether the service may publish for what has this ARN.
pub fn may_publish(policy: Option<&str>, publisher: Publisher<'_>) -> Truth {
    policy.map_or(Truth::No, |policy| lets_publish(policy, publisher))
}

/// The policy by which the service may publish for this account, too; `None` where our statement is there already, or the policy cannot be read.
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
    statements.retain(|statement| of_sid(statement) != of_sid(&ours));
    statements.push(ours);
    Some(policy.to_string())
}

/// Whether one of the statements is ours.
pub fn has_our_statement(policy: &str) -> bool {
    statements(policy).iter().any(|statement| of_sid(statement).is_some_and(|sid| sid.starts_with(SID)))
}

/// Whether somebody else put a statement into it.
pub fn has_others_statement(policy: &str) -> bool {
    statements(policy).iter().any(|statement| of_sid(statement).is_none_or(|sid| sid != DEFAULT && !sid.starts_with(SID)))
}

fn statements(policy: &str) -> Vec<Value> {
    let policy = serde_json::from_str::<Value>(policy).unwrap_or_default();
    match policy.get("Statement") {
        Some(Value::Array(all)) => all.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        Some(_) | None => Vec::new(),
    }
}

fn of_sid(statement: &Value) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str)
}
