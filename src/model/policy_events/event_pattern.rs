//! An event pattern of EventBridge (EventBridge user guide, event patterns; operators), as far as it is about IAM's events.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::truth::{Truth, like};
use super::{Event, Hears, POLICY_EVENTS, STRANGER};

/// How many of the policy events a rule with this pattern hears of, in this account and region.
pub fn event_pattern(pattern: &str, account: &str, region: &str) -> Hears {
    let Ok(Value::Object(pattern)) = serde_json::from_str(pattern) else { return Hears::Nothing };
    let sent = |event| Sent { event, account, region };
    // Whatever it matches beside: a rule that names nothing of IAM's is about something else, or about everything.
    if !names_policies(&pattern, "", &sent) {
        return Hears::Nothing;
    }
    let hears = Hears::by(|name| holds(&pattern, "", &sent(Event::of_iam(name))));
    let is_of_all = hears == Hears::All && holds(&pattern, "", &sent(STRANGER)) == Truth::Yes;
    if is_of_all { Hears::Everything } else { hears }
}

/// An event as CloudTrail sends it to EventBridge.
struct Sent<'a> {
    event: Event<'a>,
    account: &'a str,
    region: &'a str,
}

impl Sent<'_> {
    fn known(&self, path: &str) -> Option<Cow<'_, str>> {
        match path {
            ".source" => Some(self.event.source.strip_suffix(".amazonaws.com").map(|service| format!("aws.{service}"))?.into()),
            ".detail-type" => Some("AWS API Call via CloudTrail".into()),
            ".account" => Some(self.account.into()),
            ".region" | ".detail.awsRegion" => Some(self.region.into()),
            ".detail.eventSource" => Some(self.event.source.into()),
            ".detail.eventName" => Some(self.event.name.into()),
            _ => None,
        }
    }
}

fn names_policies<'a>(pattern: &Map<String, Value>, path: &str, sent: &impl Fn(Event<'a>) -> Sent<'a>) -> bool {
    pattern.iter().any(|(name, inside)| match inside {
        Value::Array(any) if name == "$or" => any.iter().filter_map(Value::as_object).any(|one| names_policies(one, path, sent)),
        Value::Object(inside) => names_policies(inside, &format!("{path}.{name}"), sent),
        Value::Array(any) => {
            let path = format!("{path}.{name}");
            let fits = |event| one_of(any, &path, &sent(event));
            fits(STRANGER) == Truth::No && POLICY_EVENTS.iter().any(|name| fits(Event::of_iam(name)) == Truth::Yes)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    })
}

fn one_of(matchers: &[Value], path: &str, event: &Sent<'_>) -> Truth {
    let value = event.known(path);
    Truth::any(matchers.iter().map(|matcher| value.as_ref().map_or(Truth::Unknown, |value| matches(matcher, value))))
}

fn holds(pattern: &Map<String, Value>, path: &str, event: &Sent<'_>) -> Truth {
    Truth::all(pattern.iter().map(|(name, inside)| match inside {
        Value::Array(any) if name == "$or" => {
            Truth::any(any.iter().map(|one| one.as_object().map_or(Truth::Unknown, |one| holds(one, path, event))))
        }
        Value::Object(inside) => holds(inside, &format!("{path}.{name}"), event),
        Value::Array(any) => one_of(any, &format!("{path}.{name}"), event),
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
