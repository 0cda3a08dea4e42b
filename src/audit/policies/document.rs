//! An IAM policy document as it is written.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// So many characters a managed policy has at most, white space not counted (IAM quotas).
pub const CHARACTERS: usize = 6_144;

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    sid: &'static str,
    effect: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    action: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    WithMfa,
    /// A long-term key has no such context key at all, so that only IfExists is about it, too.
    WithoutMfa,
}

impl Policy {
    pub(super) fn new(statement: Vec<Statement>) -> Self {
        Self { version: "2012-10-17", statement }
    }

    /// How many characters of [`CHARACTERS`] it takes.
    pub fn characters(&self) -> usize {
        self.to_string().chars().filter(|sign| !sign.is_whitespace()).count()
    }
}

impl std::fmt::Display for Policy {
    /// As JSON on many lines.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| std::fmt::Error)?)
    }
}

impl Statement {
    pub(super) fn allow(sid: &'static str, actions: &[&'static str], resource: Vec<String>, condition: Option<Condition>) -> Self {
        Self { sid, effect: "Allow", action: actions.to_vec(), not_action: Vec::new(), resource, condition }
    }

    pub(super) fn deny_all_but(sid: &'static str, not_action: Vec<&'static str>, condition: Condition) -> Self {
        Self { sid, effect: "Deny", action: Vec::new(), not_action, resource: vec!["*".to_owned()], condition: Some(condition) }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (operator, value) = match self {
            Condition::WithMfa => ("Bool", "true"),
            Condition::WithoutMfa => ("BoolIfExists", "false"),
        };
        BTreeMap::from([(operator, BTreeMap::from([("aws:MultiFactorAuthPresent", value)]))]).serialize(serializer)
    }
}
