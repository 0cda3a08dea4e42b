//! The policy of an SNS topic, as far as it says whether a service of AWS's may publish to it.
//!
//! Invariant: a condition that is not understood makes it unknown, never a yes.

use serde_json::{Map, Value, json};

use super::policy_events::Truth;

/// The topic that `alarm install` makes.
pub const ALARM_TOPIC: &str = "keyrotate-alarms";

/// CloudWatch, as policies name it where one of its alarms publishes.
pub const CLOUDWATCH: &str = "cloudwatch.amazonaws.com";

/// EventBridge, as policies name it where one of its rules publishes.
pub const EVENTBRIDGE: &str = "events.amazonaws.com";

/// A service that publishes for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publisher<'a> {
    /// [`CLOUDWATCH`] or [`EVENTBRIDGE`].
    pub service: &'a str,
    /// The account that it publishes for.
    pub account: &'a str,
    /// The alarm or rule that it publishes for.
    pub source_arn: &'a str,
    /// The ARN of the topic.
    pub topic: &'a str,
}

/// Whether the policy lets it publish.
pub fn lets_publish(policy: &str, publisher: Publisher<'_>) -> Truth {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return Truth::Unknown };
    let statements: Vec<&Map<String, Value>> = match policy.get("Statement") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(one)) => vec![one],
        Some(_) | None => return Truth::Unknown,
    };
    let with = |effect: &'static str| {
        let of_effect = statements.iter().filter(move |statement| statement.get("Effect").and_then(Value::as_str) == Some(effect));
        Truth::any(of_effect.map(|statement| fits(statement, publisher)))
    };
    Truth::all([with("Allow"), with("Deny").negated()])
}

/// A statement by which it may publish to this topic.
///
/// EventBridge does not say on whose behalf it publishes (EventBridge user guide, resource-based policies: Amazon SNS).
pub fn publishing(publisher: Publisher<'_>) -> Value {
    let Publisher { service, account, topic, .. } = publisher;
    let mut statement = json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sns:Publish", "Resource": topic});
    if let (true, Some(statement)) = (service == CLOUDWATCH, statement.as_object_mut()) {
        statement.insert("Condition".to_owned(), json!({"StringEquals": {"aws:SourceAccount": account}}));
    }
    statement
}

fn fits(statement: &Map<String, Value>, publisher: Publisher<'_>) -> Truth {
    let conditions = statement.get("Condition").map_or(Truth::Yes, |conditions| hold(conditions, publisher));
    Truth::all([principal(statement, publisher), is_publish(statement), is_about(statement, publisher.topic), conditions])
}

/// Whether it is about this topic. SNS takes no policy that is about another one, nor one about none.
fn is_about(statement: &Map<String, Value>, topic: &str) -> Truth {
    match (statement.get("Resource"), statement.get("NotResource")) {
        (Some(resources), None) => texts(resources).any(|resource| like(resource, topic)).into(),
        (None, None) => Truth::Yes,
        (_, Some(_)) => Truth::Unknown,
    }
}

fn principal(statement: &Map<String, Value>, publisher: Publisher<'_>) -> Truth {
    match statement.get("Principal") {
        Some(Value::String(all)) => (all == "*").into(),
        Some(Value::Object(kinds)) => {
            let has =
                |kind: &str, wanted: &str| kinds.get(kind).is_some_and(|names| texts(names).any(|name| name == wanted || name == "*"));
            // Everybody of every account: AWS counts the services among them that call for an account of theirs.
            (has("Service", publisher.service) || has("AWS", "*")).into()
        }
        // NotPrincipal.
        Some(_) | None => Truth::Unknown,
    }
}

fn is_publish(statement: &Map<String, Value>) -> Truth {
    match statement.get("Action") {
        Some(actions) => texts(actions).any(|action| like(&action.to_ascii_lowercase(), "sns:publish")).into(),
        // NotAction.
        None => Truth::Unknown,
    }
}

fn hold(conditions: &Value, publisher: Publisher<'_>) -> Truth {
    let operators = conditions.as_object().into_iter().flatten();
    Truth::all(operators.flat_map(|(operator, keys)| {
        keys.as_object().into_iter().flatten().map(move |(key, values)| one(operator, &key.to_ascii_lowercase(), values, publisher))
    }))
}

fn one(operator: &str, key: &str, values: &Value, publisher: Publisher<'_>) -> Truth {
    let is_alarm = publisher.service == CLOUDWATCH;
    let value = match key {
        // QUIRK(sns): no condition of these holds for a rule (EventBridge user guide, resource-based policies: Amazon SNS), though it has both.
        "aws:sourceaccount" => is_alarm.then_some(publisher.account),
        "aws:sourcearn" => is_alarm.then_some(publisher.source_arn),
        "aws:securetransport" | "aws:principalisawsservice" => Some("true"),
        "aws:principalservicename" => Some(publisher.service),
        // QUIRK(sns): the owner of what an alarm publishes is the alarm's account; EventBridge says none, so that the policy that a topic is made with
        // is enough for alarms and not for rules (EventBridge user guide, "My rule ran but I don't see any messages published into my Amazon SNS topic").
        "aws:sourceowner" => is_alarm.then_some(publisher.account),
        _ => return Truth::Unknown,
    };
    let (operator, if_exists) = operator.strip_suffix("IfExists").map_or((operator, false), |operator| (operator, true));
    let is_source = matches!(key, "aws:sourceaccount" | "aws:sourcearn");
    if value.is_none() && is_source && (if_exists || operator.contains("Not")) {
        return Truth::Unknown;
    }
    if value.is_none() && if_exists {
        return Truth::Yes;
    }
    // A key that is absent is equal to nothing and like nothing (IAM user guide, condition operators).
    let any = |fits: fn(&str, &str) -> bool| Truth::from(value.is_some_and(|value| texts(values).any(|wanted| fits(wanted, value))));
    let is: fn(&str, &str) -> bool = |wanted, value| wanted == value;
    match operator {
        "StringEquals" | "Bool" => any(is),
        "StringLike" | "ArnLike" | "ArnEquals" => any(like),
        "StringNotEquals" => any(is).negated(),
        "ArnNotLike" | "ArnNotEquals" | "StringNotLike" => any(like).negated(),
        _ => Truth::Unknown,
    }
}

/// Whether a text is like a pattern of IAM's, in which `*` stands for any characters and `?` for one.
pub fn like(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Behind the last star, and where in the text that began.
    let mut star = None;
    loop {
        let rest = text.clone();
        match (pattern.next(), text.next()) {
            (Some('*'), _) => {
                star = Some((pattern.clone(), rest.clone()));
                text = rest;
            }
            (Some('?'), Some(_)) => {}
            (Some(sign), Some(other)) if sign == other => {}
            (None, None) => return true,
            _ => {
                let Some((behind, from)) = &mut star else { return false };
                // The star takes one more.
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (behind.clone(), from.clone());
            }
        }
    }
}

/// One text or several; `true` counts as one.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let all: Vec<&str> = match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        Value::Bool(true) => vec!["true"],
        Value::Bool(false) => vec!["false"],
        Value::Null | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What SNS gives a topic that is made without a policy.
    const MADE_WITH: &str = r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","SNS:Subscribe","SNS:Publish"],
        "Resource":"arn","Condition":{"StringEquals":{"AWS:SourceOwner":"111122223333"}}}"#;

    fn publishes(statements: &str) -> [Truth; 2] {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let arns = ["arn:aws:cloudwatch:us-east-1:111122223333:alarm:a", "arn:aws:events:us-east-1:111122223333:rule/a"];
        [(CLOUDWATCH, arns[0]), (EVENTBRIDGE, arns[1])]
            .map(|(service, source_arn)| lets_publish(&policy, Publisher { service, account: "111122223333", source_arn, topic: "arn" }))
    }

    #[test]
    fn a_service_may_publish_where_a_statement_says_so_and_none_denies_it() {
        use Truth::{No, Unknown, Yes};
        let allow = |rest: &str| format!(r#"{{"Effect":"Allow","Action":"sns:Publish","Resource":"*",{rest}}}"#);
        let cloudwatch = r#""Principal":{"Service":["cloudwatch.amazonaws.com"]}"#;
        for (statements, wanted) in [
            (MADE_WITH.to_owned(), [Yes, No]),
            (MADE_WITH.replace("111122223333", "444455556666"), [No, No]),
            (allow(cloudwatch), [Yes, No]),
            (allow(r#""Principal":{"Service":"events.amazonaws.com"}"#), [No, Yes]),
            (allow(r#""Principal":"*""#), [Yes, Yes]),
            (allow(r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#), [No, No]),
            (
                allow(&format!(
                    r#"{cloudwatch},"Condition":{{"ArnLike":{{"aws:SourceArn":"arn:aws:cloudwatch:*:111122223333:alarm:*"}}}}"#
                )),
                [Yes, No],
            ),
            (
                allow(&format!(
                    r#"{cloudwatch},"Condition":{{"ArnLike":{{"aws:SourceArn":"arn:aws:cloudwatch:*:11112222333?:alarm:*"}}}}"#
                )),
                [Yes, No],
            ),
            (
                allow(&format!(
                    r#"{cloudwatch},"Condition":{{"ArnLike":{{"aws:SourceArn":"arn:aws:cloudwatch:*:111122223333?:alarm:*"}}}}"#
                )),
                [No, No],
            ),
            // None of these holds for a rule.
            (allow(r#""Principal":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#), [Yes, No]),
            (allow(r#""Principal":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:*:us-east-1:111122223333:*"}}"#), [Yes, No]),
            (allow(r#""Principal":"*","Condition":{"ArnNotLike":{"aws:SourceArn":"arn:aws:s3:*"}}"#), [Yes, Unknown]),
            (allow(r#""Principal":"*","Condition":{"StringEqualsIfExists":{"aws:SourceAccount":"111122223333"}}"#), [Yes, Unknown]),
            (allow(r#""Principal":"*","Condition":{"StringEquals":{"aws:PrincipalServiceName":"events.amazonaws.com"}}"#), [No, Yes]),
            // About another topic, and about none that is named.
            (allow(r#""Principal":"*""#).replace(r#""Resource":"*""#, r#""Resource":"arn2""#), [No, No]),
            (allow(r#""Principal":"*""#).replace(r#""Resource":"*""#, r#""Resource":["x","ar*"]"#), [Yes, Yes]),
            (allow(r#""Principal":"*""#).replace(r#""Resource":"*""#, r#""NotResource":"x""#), [Unknown, Unknown]),
            // Of who publishes for a rule no owner is known, who then is not this one either.
            (allow(r#""Principal":"*","Condition":{"StringNotEquals":{"aws:SourceOwner":"111122223333"}}"#), [No, Yes]),
            (allow(&format!(r#"{cloudwatch},"Condition":{{"StringEquals":{{"aws:SourceAccount":"444455556666"}}}}"#)), [No, No]),
            (allow(&format!(r#"{cloudwatch},"Condition":{{"StringEquals":{{"aws:PrincipalOrgID":"o-1"}}}}"#)), [Unknown, No]),
            (allow(cloudwatch).replace("sns:Publish", "sns:Subscribe"), [No, No]),
            (allow(cloudwatch).replace("sns:Publish", "SNS:*"), [Yes, No]),
            (String::new(), [No, No]),
            (
                format!(
                    "{MADE_WITH},{}",
                    allow(r#""Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#).replace("Allow", "Deny")
                ),
                [Yes, No],
            ),
            (format!("{MADE_WITH},{}", allow(r#""Principal":"*""#).replace("Allow", "Deny")), [No, No]),
            (
                format!(
                    "{MADE_WITH},{}",
                    allow(
                        r#""Principal":"*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-1"},
                            "BoolIfExists":{"aws:PrincipalIsAWSService":"false","aws:SecureTransport":"false"}}"#
                    )
                    .replace("Allow", "Deny")
                ),
                [Yes, No],
            ),
            (
                format!(
                    "{MADE_WITH},{}",
                    allow(r#""Principal":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}"#).replace("Allow", "Deny")
                ),
                [Unknown, No],
            ),
        ] {
            assert_eq!(publishes(&statements), wanted, "{statements}");
        }
        let publisher = Publisher { service: CLOUDWATCH, account: "1", source_arn: "", topic: "arn" };
        assert_eq!([lets_publish("", publisher), lets_publish("{}", publisher)], [Unknown, Unknown]);
    }
}
