//! The events by which the policies of an account change, and what a pattern of AWS's has to do with them.
//!
//! Invariant: a pattern hears of an event only where that follows from what is known of it: its source, its name, and what every call has that
//! changed something. Whatever else a pattern asks for makes it unclear, never a yes.

mod event_pattern;
mod filter_pattern;
#[cfg(test)]
mod tests;
mod truth;

pub use event_pattern::event_pattern;
pub use filter_pattern::{filter_pattern, is_only_policy_events};
pub use truth::Truth;

/// The source of IAM's events.
pub const IAM_SOURCE: &str = "iam.amazonaws.com";

/// The source of an event, as CloudTrail has it, and its name.
#[derive(Clone, Copy)]
struct Event<'a> {
    source: &'a str,
    name: &'a str,
    is_read: bool,
}

impl<'a> Event<'a> {
    const fn of_iam(name: &'a str) -> Self {
        Event { source: IAM_SOURCE, name, is_read: false }
    }

    /// What is known of a call that AWS did, and does not depend on who called (CloudTrail user guide, record contents). A change that AWS refused is
    /// none.
    fn known(self, field: &str) -> Option<Known<'a>> {
        Some(match field {
            "eventName" => Known::Text(self.name),
            "eventSource" => Known::Text(self.source),
            "eventType" => Known::Text("AwsApiCall"),
            "eventCategory" => Known::Text("Management"),
            "managementEvent" => Known::Is(true),
            "readOnly" => Known::Is(self.is_read),
            "errorCode" | "errorMessage" => Known::Absent,
            _ => return None,
        })
    }
}

/// What a field of an event has.
#[derive(Clone, Copy)]
enum Known<'a> {
    Text(&'a str),
    Is(bool),
    Absent,
}

/// An event that no pattern names.
const STRANGER: Event<'_> = Event { source: "nobody.amazonaws.com", name: "DoNothing", is_read: false };

/// What reads policies and users all day, as the console does, and changes nothing.
const READS: [Event<'_>; 2] =
    [Event { is_read: true, ..Event::of_iam("ListUsers") }, Event { is_read: true, ..Event::of_iam("GetPolicy") }];

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
    /// All of them, and of what reads, too.
    AllAndReads,
    /// Of nearly every event there is, so that what it hears tells nothing.
    Everything,
    /// Not of these, but of others of them.
    NotOf(Vec<&'static str>),
    /// It is about them, and asks for more than is known of an event.
    Unclear,
    /// None of them.
    Nothing,
}

impl Hears {
    /// Nothing of the changes is missed, and they can be told from the rest.
    pub fn has_all(&self) -> bool {
        matches!(self, Hears::All | Hears::AllAndReads)
    }

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
