//! An event pattern of EventBridge (EventBridge user guide, event patterns; operators), as far as it is about IAM's events.

use serde_json::{Map, Value};

use super::truth::{Truth, like};
use super::{Hears, IAM_SOURCE};

/// How many of the policy events a rule with this pattern hears of, in this account and region.
pub fn event_pattern(pattern: &str, account: &str, region: &str) -> Hears {
    let Ok(Value::Object(pattern)) = serde_json::from_str(pattern) else { return Hears::Nothing };
    let hears = Hears::by(|name| holds(&pattern, "", &Event { name, account, region }));
    // Another field alone says nothing of policies.
    if hears == Hears::Unclear && !is_about_iam(&pattern) { Hears::Nothing } else { hears }
}

struct Event<'a> {
    name: &'a str,
    account: &'a str,
    region: &'a str,
}

impl Event<'_> {
    fn known(&self, path: &str) -> Option<&str> {
        match path {
            ".source" => Some("aws.iam"),
            ".detail-type" => Some("AWS API Call via CloudTrail"),
            ".account" => Some(self.account),
            ".region" | ".detail.awsRegion" => Some(self.region),
            ".detail.eventSource" => Some(IAM_SOURCE),
            ".detail.eventName" => Some(self.name),
            _ => None,
        }
    }
}

fn is_about_iam(pattern: &Map<String, Value>) -> bool {
    let detail = pattern.get("detail").and_then(Value::as_object);
    pattern.contains_key("source") || detail.is_some_and(|detail| detail.contains_key("eventName") || detail.contains_key("eventSource"))
}

fn holds(pattern: &Map<String, Value>, path: &str, event: &Event<'_>) -> Truth {
    Truth::all(pattern.iter().map(|(name, inside)| match inside {
        Value::Array(any) if name == "$or" => {
            Truth::any(any.iter().map(|one| one.as_object().map_or(Truth::Unknown, |one| holds(one, path, event))))
        }
        Value::Object(inside) => holds(inside, &format!("{path}.{name}"), event),
        Value::Array(any) => {
            let value = event.known(&format!("{path}.{name}"));
            Truth::any(any.iter().map(|matcher| value.map_or(Truth::Unknown, |value| matches(matcher, value))))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Truth::Unknown,
    }))
}

fn matches(matcher: &Value, value: &str) -> Truth {
    match matcher {
        Value::String(text) => (text == value).into(),
        Value::Object(matcher) => Truth::all(matcher.iter().map(|(operator, with)| match (operator.as_str(), with) {
            ("prefix", Value::String(start)) => value.starts_with(start).into(),
            ("suffix", Value::String(end)) => value.ends_with(end).into(),
            ("equals-ignore-case", Value::String(text)) => text.eq_ignore_ascii_case(value).into(),
            ("wildcard", Value::String(pattern)) => like(pattern, value).into(),
            ("exists", Value::Bool(exists)) => (*exists).into(),
            ("anything-but", Value::Array(none)) => Truth::any(none.iter().map(|one| matches(one, value))).negated(),
            ("anything-but", one @ (Value::String(_) | Value::Object(_))) => matches(one, value).negated(),
            _ => Truth::Unknown,
        })),
        // No text.
        Value::Null | Value::Bool(_) | Value::Number(_) => Truth::No,
        Value::Array(_) => Truth::Unknown,
    }
}
