//! An event pattern of EventBridge (EventBridge user guide, event patterns; operators), as far as it is about IAM's events.

use serde_json::{Map, Value};

use super::truth::{Truth, like};
use super::{Event, Hears, Known, POLICY_EVENTS, STRANGER};

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
    /// Whether what the event has there fits one of them.
    fn fits(&self, path: &str, matchers: &[Value]) -> Truth {
        let service = self.event.source.strip_suffix(".amazonaws.com").unwrap_or(self.event.source);
        let source = format!("aws.{service}");
        let known = match path {
            ".source" => Known::Text(&source),
            ".detail-type" => Known::Text("AWS API Call via CloudTrail"),
            ".account" | ".detail.recipientAccountId" => Known::Text(self.account),
            ".region" | ".detail.awsRegion" => Known::Text(self.region),
            _ => match path.strip_prefix(".detail.").and_then(|field| self.event.known(field)) {
                Some(known) => known,
                None => return Truth::Unknown,
            },
        };
        Truth::any(matchers.iter().map(|matcher| matches(matcher, known)))
    }
}

fn names_policies<'a>(pattern: &Map<String, Value>, path: &str, sent: &impl Fn(Event<'a>) -> Sent<'a>) -> bool {
    pattern.iter().any(|(name, inside)| match inside {
        Value::Array(any) if name == "$or" => any.iter().filter_map(Value::as_object).any(|one| names_policies(one, path, sent)),
        Value::Object(inside) => names_policies(inside, &format!("{path}.{name}"), sent),
        Value::Array(any) => {
            let path = format!("{path}.{name}");
            let fits = |event| sent(event).fits(&path, any);
            fits(STRANGER) == Truth::No && POLICY_EVENTS.iter().any(|name| fits(Event::of_iam(name)) == Truth::Yes)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    })
}

fn holds(pattern: &Map<String, Value>, path: &str, event: &Sent<'_>) -> Truth {
    Truth::all(pattern.iter().map(|(name, inside)| match inside {
        Value::Array(any) if name == "$or" => {
            Truth::any(any.iter().map(|one| one.as_object().map_or(Truth::Unknown, |one| holds(one, path, event))))
        }
        Value::Object(inside) => holds(inside, &format!("{path}.{name}"), event),
        Value::Array(any) => event.fits(&format!("{path}.{name}"), any),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Truth::Unknown,
    }))
}

fn matches(matcher: &Value, known: Known<'_>) -> Truth {
    let value = match (matcher, known) {
        // What is not there is like nothing, nor unlike anything.
        (matcher, Known::Absent) => return (matcher.get("exists") == Some(&Value::Bool(false))).into(),
        (Value::Bool(wanted), Known::Is(value)) => return (*wanted == value).into(),
        (Value::Object(_), Known::Is(_)) => return if matcher.get("exists").is_some() { exists(matcher) } else { Truth::Unknown },
        (_, Known::Is(_)) => return Truth::No,
        (_, Known::Text(value)) => value,
    };
    match matcher {
        Value::String(text) => (text == value).into(),
        Value::Object(operators) => Truth::all(operators.iter().map(|(operator, with)| match (operator.as_str(), with) {
            ("exists", _) => exists(matcher),
            ("anything-but", Value::Array(none)) => Truth::any(none.iter().map(|one| matches(one, known))).negated(),
            ("anything-but", one @ (Value::String(_) | Value::Object(_))) => matches(one, known).negated(),
            (operator, Value::Array(any)) => Truth::any(any.iter().map(|one| by(operator, one, value))),
            (operator, one) => by(operator, one, value),
        })),
        // No text.
        Value::Null | Value::Bool(_) | Value::Number(_) => Truth::No,
        Value::Array(_) => Truth::Unknown,
    }
}

/// Of something that is there.
fn exists(matcher: &Value) -> Truth {
    matcher.get("exists").and_then(Value::as_bool).map_or(Truth::Unknown, Truth::from)
}

fn by(operator: &str, with: &Value, value: &str) -> Truth {
    // Inside of a prefix or a suffix.
    let in_any_case = with.get("equals-ignore-case").and_then(Value::as_str);
    let (with, value) = match (with.as_str(), in_any_case) {
        (Some(text), _) => (text.to_owned(), value.to_owned()),
        (None, Some(text)) => (text.to_ascii_lowercase(), value.to_ascii_lowercase()),
        (None, None) => return Truth::Unknown,
    };
    match operator {
        "prefix" => value.starts_with(&with).into(),
        "suffix" => value.ends_with(&with).into(),
        "equals-ignore-case" => with.eq_ignore_ascii_case(&value).into(),
        "wildcard" => like(&with, &value).into(),
        _ => Truth::Unknown,
    }
}
