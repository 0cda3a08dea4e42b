//! The events by which the policies of an account change, and what a pattern of AWS's has to do with them.
//!
//! Invariant: a pattern hears of an event only where that follows from what is known of it: its source and its name. Whatever else a pattern
//! asks for makes it unclear, never a yes.

mod event_pattern;
mod filter_pattern;
#[cfg(test)]
mod tests;
mod truth;

pub use event_pattern::event_pattern;
pub use filter_pattern::filter_pattern;
pub use truth::{Truth, like};

/// The source of IAM's events.
pub const IAM_SOURCE: &str = "iam.amazonaws.com";

/// The events of CIS AWS Foundations (1.4 to 7.0), in its order.
pub const POLICY_EVENTS: [&str; 16] = [
    "DeleteGroupPolicy",
    "DeleteRolePolicy",
    "DeleteUserPolicy",
    "PutGroupPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
    "CreatePolicy",
    "DeletePolicy",
    "CreatePolicyVersion",
    "DeletePolicyVersion",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "AttachUserPolicy",
    "DetachUserPolicy",
    "AttachGroupPolicy",
    "DetachGroupPolicy",
];

/// The metric filter pattern as CIS has it; Security Hub takes this one only.
pub fn cis_pattern() -> String {
    format!("{{{}}}", POLICY_EVENTS.map(|name| format!("($.eventName={name})")).join("||"))
}

/// How many of [`POLICY_EVENTS`] something hears of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hears {
    /// All of them, and of others perhaps.
    All,
    /// Not of these, but of others of them.
    NotOf(Vec<&'static str>),
    /// It is about them, and asks for more than is known of an event.
    Unclear,
    /// None of them.
    Nothing,
}

impl Hears {
    /// By an answer for each event.
    pub fn by(answer: impl Fn(&'static str) -> Truth) -> Self {
        let answers = POLICY_EVENTS.map(|name| (name, answer(name)));
        let no: Vec<&str> = answers.iter().filter(|(_, answer)| *answer == Truth::No).map(|(name, _)| *name).collect();
        if no.len() == answers.len() {
            Hears::Nothing
        } else if !no.is_empty() {
            Hears::NotOf(no)
        } else if answers.iter().all(|(_, answer)| *answer == Truth::Yes) {
            Hears::All
        } else {
            Hears::Unclear
        }
    }
}
