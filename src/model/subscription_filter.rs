//! The filter policy of an SNS subscription, as far as it says whether a message without attributes gets through: CloudWatch and EventBridge give
//! theirs none.
//!
//! Invariant: what is not understood makes it unknown, never a yes.

use serde_json::{Value, json};

use super::policy_events::Truth;

/// Whether a message without attributes gets through (SNS developer guide, subscription filter policies).
///
/// `scope` is `FilterPolicyScope`, by default `MessageAttributes`. What a policy about the body lets through depends on what happened.
pub fn lets_through(policy: &str, scope: Option<&str>) -> Truth {
    let Ok(Value::Object(wanted)) = serde_json::from_str::<Value>(policy) else { return Truth::Unknown };
    let by_attributes = scope.is_none_or(|scope| scope == "MessageAttributes");
    Truth::all(wanted.iter().map(|(name, values)| match values.as_array() {
        Some(values) if by_attributes && name != "$or" => values.contains(&json!({"exists": false})).into(),
        Some(_) | None => Truth::Unknown,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_about_attributes_stops_what_has_none() {
        let table = [
            ("{}", None, Truth::Yes),
            ("{}", Some("MessageBody"), Truth::Yes),
            (r#"{"severity":["high"]}"#, None, Truth::No),
            (r#"{"severity":["high"]}"#, Some("MessageAttributes"), Truth::No),
            (r#"{"severity":[{"anything-but":["low"]}]}"#, None, Truth::No),
            (r#"{"severity":[{"exists":true}]}"#, None, Truth::No),
            (r#"{"severity":["high",{"exists":false}]}"#, None, Truth::Yes),
            (r#"{"severity":[{"exists":false}],"team":["a"]}"#, None, Truth::No),
            (r#"{"$or":[{"severity":["high"]},{"team":["a"]}]}"#, None, Truth::Unknown),
            (r#"{"$or":[{"severity":["high"]},{"team":["a"]}],"x":["y"]}"#, None, Truth::No),
            (r#"{"NewStateValue":["ALARM"]}"#, Some("MessageBody"), Truth::Unknown),
            (r#"{"detail":{"eventName":["CreatePolicy"]}}"#, Some("MessageBody"), Truth::Unknown),
            (r#"{"severity":"high"}"#, None, Truth::Unknown),
            (r#"["severity"]"#, None, Truth::Unknown),
            ("severity", None, Truth::Unknown),
            (r#"{"severity":["high"]}"#, Some("Somewhere"), Truth::Unknown),
        ];
        for (policy, scope, wanted) in table {
            assert_eq!(lets_through(policy, scope), wanted, "{policy} {scope:?}");
        }
    }
}
