//! An IAM policy document as far as an audit has to understand it: how much its statements allow.
//!
//! Invariant: only `Allow` is read as allowing, and a statement with a condition is not held to be without limits. Denies elsewhere, permissions
//! boundaries and service control policies may still cut it down; nothing here says that they do.

use serde_json::{Map, Value};

/// How much a document allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// So much and no more.
    Limited,
    /// All but what a `NotAction` or `NotResource` leaves out.
    NearlyEverything,
    /// All of IAM, and so whatever the user gives itself.
    AllOfIam,
    /// Everything.
    Everything,
}

/// The text is no policy document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document is not an IAM policy in JSON")]
pub struct NotAPolicy;

/// The most that one of the document's statements allows.
pub fn power(document: &str) -> Result<Power, NotAPolicy> {
    let value: Value = serde_json::from_str(document).map_err(|_| NotAPolicy)?;
    let statements = member(value.as_object().ok_or(NotAPolicy)?, "Statement").ok_or(NotAPolicy)?;
    let powers: Result<Vec<Power>, NotAPolicy> = match statements {
        Value::Array(list) => list.iter().map(|one| one.as_object().map(of_statement).ok_or(NotAPolicy)).collect(),
        Value::Object(one) => Ok(vec![of_statement(one)]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(NotAPolicy),
    };
    Ok(powers?.into_iter().max().unwrap_or(Power::Limited))
}

fn of_statement(statement: &Map<String, Value>) -> Power {
    let is_allow = member(statement, "Effect").and_then(Value::as_str) == Some("Allow");
    let has_condition = member(statement, "Condition").is_some_and(|condition| condition.as_object().is_none_or(|all| !all.is_empty()));
    if !is_allow || has_condition {
        return Power::Limited;
    }
    let (actions, resources) = (texts(statement, "Action"), texts(statement, "Resource"));
    let everywhere = resources.iter().any(|resource| is_all(resource));
    let nearly_everywhere = member(statement, "NotResource").is_some();
    let everything = actions.iter().any(|action| is_all(action));
    if everything && everywhere {
        Power::Everything
    } else if everywhere && actions.iter().any(|action| action.strip_prefix_ignoring_case("iam:").is_some_and(is_all)) {
        Power::AllOfIam
    } else if (everything && nearly_everywhere) || (member(statement, "NotAction").is_some() && (everywhere || nearly_everywhere)) {
        Power::NearlyEverything
    } else {
        Power::Limited
    }
}

/// `*`, `**`, `*:*`.
fn is_all(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.chars().all(|sign| sign == '*' || sign == ':')
}

/// One text or several.
fn texts<'a>(statement: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    match member(statement, name) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    }
}

/// A member by its name in any case, as IAM takes it.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

trait StripPrefix {
    fn strip_prefix_ignoring_case(&self, prefix: &str) -> Option<&str>;
}

impl StripPrefix for str {
    fn strip_prefix_ignoring_case(&self, prefix: &str) -> Option<&str> {
        self.split_at_checked(prefix.len()).filter(|(start, _)| start.eq_ignore_ascii_case(prefix)).map(|(_, rest)| rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_allow_without_a_condition_is_everything() {
        let table = [
            (r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#, Power::Everything),
            (r#"{"Statement":[{"Effect":"Allow","Action":["s3:Get*","*:*"],"Resource":["arn:aws:s3:::a","*"]}]}"#, Power::Everything),
            (r#"{"statement":[{"effect":"Allow","action":"*","resource":"*"}]}"#, Power::Everything),
            (r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}}"#, Power::Everything),
            (r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#, Power::Limited),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}}"#,
                Power::Limited,
            ),
            (r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::a/*"}}"#, Power::Limited),
            (r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#, Power::Limited),
            (r#"{"Statement":{"Effect":"Allow","Action":"IAM:*","Resource":"*"}}"#, Power::AllOfIam),
            (r#"{"Statement":{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}}"#, Power::Limited),
            (r#"{"Statement":{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}}"#, Power::NearlyEverything),
            (r#"{"Statement":{"Effect":"Deny","NotAction":["iam:*"],"Resource":"*"}}"#, Power::Limited),
            (r#"{"Statement":{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::a"}}"#, Power::NearlyEverything),
            (
                r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
                Power::Everything,
            ),
            (r#"{"Statement":[]}"#, Power::Limited),
        ];
        for (document, wanted) in table {
            assert_eq!(power(document), Ok(wanted), "{document}");
        }
        for broken in ["", "[]", "{}", r#"{"Statement":1}"#, r#"{"Statement":["x"]}"#, "{"] {
            assert_eq!(power(broken), Err(NotAPolicy), "{broken}");
        }
    }
}
