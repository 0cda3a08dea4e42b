//! An IAM policy document as far as an audit has to understand it: how much its statements allow.
//!
//! Invariant: only `Allow` is read as allowing, and a statement with a condition is not held to be without limits. Denies elsewhere, permissions
//! boundaries and service control policies may still cut it down; nothing here says that they do. Of what a boundary leaves the opposite holds: what
//! it may allow is taken for allowed.

use serde_json::{Map, Value};

use crate::model::like;

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
    Ok(statements(document)?.iter().map(of_statement).max().unwrap_or(Power::Limited))
}

/// Whether the document may let IAM be changed by somebody who is allowed that elsewhere, whatever its conditions and resources.
pub fn may_change_iam(document: &str) -> Result<bool, NotAPolicy> {
    let statements = statements(document)?;
    let lets = |effect: &str, does: fn(&Map<String, Value>) -> bool| {
        statements.iter().any(|statement| member(statement, "Effect").and_then(Value::as_str) == Some(effect) && does(statement))
    };
    Ok(lets("Allow", may_concern_iam) && !lets("Deny", is_about_all_of_iam))
}

fn may_concern_iam(statement: &Map<String, Value>) -> bool {
    let but = texts(statement, "NotAction");
    let changes = |action: &&str| {
        let (service, name) = action.split_once(':').unwrap_or((action, "*"));
        let only_looks = ["get", "list", "generate", "simulate"].iter().any(|start| name.to_ascii_lowercase().starts_with(start));
        like(&service.to_ascii_lowercase(), "iam") && !only_looks
    };
    if but.is_empty() { texts(statement, "Action").iter().any(changes) } else { !but.iter().any(|action| covers_iam(action)) }
}

fn is_about_all_of_iam(statement: &Map<String, Value>) -> bool {
    let is_bare = member(statement, "Condition").is_none() && texts(statement, "Resource").iter().any(|resource| is_all(resource));
    is_bare && texts(statement, "Action").iter().any(|action| covers_iam(action))
}

fn covers_iam(action: &str) -> bool {
    is_all(action) || action.strip_prefix_ignoring_case("iam:").is_some_and(is_all)
}

fn statements(document: &str) -> Result<Vec<Map<String, Value>>, NotAPolicy> {
    let value: Value = serde_json::from_str(document).map_err(|_| NotAPolicy)?;
    match member(value.as_object().ok_or(NotAPolicy)?, "Statement").ok_or(NotAPolicy)? {
        Value::Array(list) => list.iter().map(|one| one.as_object().cloned().ok_or(NotAPolicy)).collect(),
        Value::Object(one) => Ok(vec![one.clone()]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(NotAPolicy),
    }
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
    } else if everywhere && actions.iter().any(|action| covers_iam(action)) {
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
    fn a_document_that_leaves_iam_alone_is_known_from_one_that_may_not() {
        let table = [
            (r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#, true),
            (r#"{"Statement":{"Effect":"Allow","NotAction":"aws-portal:*","Resource":"*"}}"#, true),
            (r#"{"Statement":{"Effect":"Allow","NotAction":["aws-portal:*","IAM:*"],"Resource":"*"}}"#, false),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"1"}}}}"#,
                true,
            ),
            (r#"{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:*"}}"#, true),
            (r#"{"Statement":{"Effect":"Allow","Action":["s3:*","iam:Get*","iam:ListUsers"],"Resource":"*"}}"#, false),
            (r#"{"Statement":{"Effect":"Allow","Action":["s3:*","i*:Put*"],"Resource":"*"}}"#, true),
            (r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}"#, false),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:DeleteUserPermissionsBoundary","Resource":"*"}]}"#,
                true,
            ),
            (r#"{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#, false),
        ];
        for (document, wanted) in table {
            assert_eq!(may_change_iam(document), Ok(wanted), "{document}");
        }
        assert_eq!(may_change_iam("{"), Err(NotAPolicy));
    }

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
