//! The filter policy of an SNS subscription, as far as it says whether a message without attributes gets through: CloudWatch and EventBridge give
//! theirs none.
//!
//! Invariant: what is not understood makes it unknown, never a yes.

use serde_json::Value;

use super::policy_events::Truth;

/// Whether a message without attributes gets through (SNS developer guide, subscription filter policies).
///
/// `scope` is `FilterPolicyScope`, by default `MessageAttributes`. No policy about attributes matches where there is none, not even one that wants an
/// attribute not to exist (there, key matching). What a policy about the body lets through depends on what happened.
pub fn lets_through(policy: &str, scope: Option<&str>) -> Truth {
    match (serde_json::from_str::<Value>(policy), scope) {
        (Ok(Value::Object(wanted)), _) if wanted.is_empty() => Truth::Yes,
        (Ok(Value::Object(_)), None | Some("MessageAttributes")) => Truth::No,
        _ => Truth::Unknown,
    }
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
            (r#"{"severity":[{"exists":false}]}"#, None, Truth::No),
            (r#"{"$or":[{"severity":["high"]},{"team":["a"]}]}"#, None, Truth::No),
            (r#"{"severity":"high"}"#, None, Truth::No),
            (r#"{"NewStateValue":["ALARM"]}"#, Some("MessageBody"), Truth::Unknown),
            (r#"{"detail":{"eventName":["CreatePolicy"]}}"#, Some("MessageBody"), Truth::Unknown),
            (r#"["severity"]"#, None, Truth::Unknown),
            ("severity", None, Truth::Unknown),
            (r#"{"severity":["high"]}"#, Some("Somewhere"), Truth::Unknown),
        ];
        for (policy, scope, wanted) in table {
            assert_eq!(lets_through(policy, scope), wanted, "{policy} {scope:?}");
        }
    }
}
