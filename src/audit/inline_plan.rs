//! How inline policies of a user become customer managed ones: the commands, in an order in which the user never lacks a permission.
//!
//! Invariant: pure; an inline policy is deleted only by a command that stands below the one that attaches its successor, and a script of them
//! ends at the first that fails.

use serde_json::Value;

use super::policies::CHARACTERS;
use crate::aws::InlinePolicy;
use crate::os::terminal::plain_json;

/// So many managed policies a user has at most, unless AWS was asked for more (IAM quotas).
const ATTACHED: usize = 10;

/// IAM is eventually consistent; what was attached counts everywhere after about so many seconds.
const SETTLED: u32 = 15;

/// What the plan is made from.
#[derive(Clone, Debug)]
pub struct InlineUser<'a> {
    /// The user's name.
    pub name: &'a str,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'a str,
    /// The account ID.
    pub account: &'a str,
    /// Its inline policies.
    pub inline: &'a [InlinePolicy],
    /// How many managed policies are attached to it.
    pub attached: usize,
}

/// A line of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// What a person should know.
    Comment(String),
    /// A command for a POSIX shell.
    Command(String),
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// The quota does not allow it.
    #[error(
        "the user has {attached} managed policies and {inline} inline ones, and {ATTACHED} can be attached: put some of them together first"
    )]
    TooMany {
        /// How many are attached.
        attached: usize,
        /// How many would come to it.
        inline: usize,
    },
    /// A document is too long.
    #[error("{policy} has {characters} characters without white space, and a managed policy has {CHARACTERS} at most: split it first")]
    TooLong {
        /// The policy.
        policy: String,
        /// Its length.
        characters: usize,
    },
    /// A document could not be read.
    #[error("{policy} cannot be read: {why}")]
    Unread {
        /// The policy.
        policy: String,
        /// Why.
        why: String,
    },
    /// A document cannot stand in a command.
    #[error("{policy} cannot be written as an argument of a command")]
    Unquotable {
        /// The policy.
        policy: String,
    },
}

/// The commands. `existing` answers for a name whether the account has a customer managed policy of that name, and with which document; where
/// that is not known, the command that creates it fails before anything is changed.
pub fn inline_plan(user: &InlineUser<'_>, existing: impl Fn(&str) -> Option<String>) -> Result<Vec<Step>, NoPlan> {
    let InlineUser { name: user_name, partition, account, inline, attached } = user;
    if attached + inline.len() > ATTACHED {
        return Err(NoPlan::TooMany { attached: *attached, inline: inline.len() });
    }
    let mut steps =
        vec![Step::Comment(format!("makes managed policies of {} inline ones of {user_name}; ends at the first failure", inline.len()))];
    steps.push(Step::Command("set -e".to_owned()));
    let mut deletions = Vec::new();
    for policy in *inline {
        let InlinePolicy { name, document } = policy;
        let unread = |why: String| NoPlan::Unread { policy: name.clone(), why };
        let document = document.as_ref().map_err(|error| unread(error.to_string()))?;
        let value: Value = serde_json::from_str(document).map_err(|_| unread("it is not JSON".to_owned()))?;
        let characters = document.chars().filter(|sign| !sign.is_whitespace()).count();
        if characters > CHARACTERS {
            return Err(NoPlan::TooLong { policy: name.clone(), characters });
        }
        let quote = |text: &str| shlex::try_quote(text).map(Into::<String>::into).map_err(|_| NoPlan::Unquotable { policy: name.clone() });
        let (quoted_user, quoted_name) = (quote(user_name)?, quote(name)?);
        let (managed, is_there) = free_name(name, &value, &existing);
        if is_there {
            steps.push(Step::Comment(format!("{managed} is there already, and says the same")));
        } else {
            // A tab is between the words of JSON only, and completes a line that is pasted.
            let document = plain_json(document.trim()).replace('\t', " ");
            let (managed, document) = (quote(&managed)?, quote(&document)?);
            steps.push(Step::Command(format!("aws iam create-policy --policy-name {managed} --policy-document {document}")));
        }
        let arn = quote(&format!("arn:{partition}:iam::{account}:policy/{managed}"))?;
        steps.push(Step::Command(format!("aws iam wait policy-exists --policy-arn {arn}")));
        steps.push(Step::Command(format!("aws iam attach-user-policy --user-name {quoted_user} --policy-arn {arn}")));
        deletions.push(Step::Command(format!("aws iam delete-user-policy --user-name {quoted_user} --policy-name {quoted_name}")));
    }
    steps.push(Step::Comment(format!("the new ones count everywhere after about {SETTLED} seconds")));
    steps.push(Step::Command(format!("sleep {SETTLED}")));
    steps.extend(deletions);
    steps.push(Step::Comment(
        "better still: attach them to a group that the user is in, and detach them from the user (DIRECT-ATTACH)".to_owned(),
    ));
    Ok(steps)
}

/// The policy's own name where that is free or has the same document, else the name with a number; and whether it is there.
fn free_name(name: &str, document: &Value, existing: &impl Fn(&str) -> Option<String>) -> (String, bool) {
    // A server that has every name would keep us for ever; the command that creates the policy fails then, before anything is changed.
    let numbered = (2..100).map(|number| format!("{name}-{number}"));
    for candidate in [name.to_owned()].into_iter().chain(numbered) {
        match existing(&candidate) {
            None => return (candidate, false),
            Some(there) if serde_json::from_str::<Value>(&there).is_ok_and(|there| there == *document) => return (candidate, true),
            Some(_) => {}
        }
    }
    (name.to_owned(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "{ \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:*\", \"Resource\": \"arn:aws:s3:::it's/*\"}] }";

    fn inline(name: &str, document: &str) -> InlinePolicy {
        InlinePolicy { name: name.into(), document: Ok(document.into()) }
    }

    fn plan(inline: &[InlinePolicy], attached: usize, existing: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, NoPlan> {
        let user = InlineUser { name: "dev", partition: "aws", account: "111122223333", inline, attached };
        let steps = inline_plan(&user, existing)?;
        Ok(steps.into_iter().filter_map(|step| if let Step::Command(command) = step { Some(command) } else { None }).collect())
    }

    fn at(commands: &[String], word: &str, what: &str) -> usize {
        commands.iter().position(|command| command.contains(word) && command.contains(what)).unwrap()
    }

    #[test]
    fn each_is_attached_before_any_is_deleted() {
        let commands = plan(&[inline("one", DOCUMENT), inline("two", "{\"Statement\":[]}")], 8, |_| None).unwrap();
        assert_eq!(commands[0], "set -e");
        for name in ["one", "two"] {
            assert!(at(&commands, "create-policy", name) < at(&commands, "attach-user-policy", name));
            assert!(at(&commands, "attach-user-policy", "two") < at(&commands, "sleep", ""));
            assert!(at(&commands, "sleep", "") < at(&commands, "delete-user-policy", name));
        }
    }

    #[test]
    fn the_document_reaches_the_shell_as_it_is() {
        // What a terminal would take for a command, and what completes a line.
        for document in [DOCUMENT.to_owned(), DOCUMENT.replace("it's", "\u{9b}31m").replace("{ ", "{\t")] {
            let commands = plan(&[inline("one", &document)], 0, |_| None).unwrap();
            let command = &commands[at(&commands, "create-policy", "one")];
            assert!(!command.contains(char::is_control), "{command}");
            let given: Value = serde_json::from_str(shlex::split(command).unwrap().last().unwrap()).unwrap();
            assert_eq!(given, serde_json::from_str::<Value>(&document).unwrap());
        }
    }

    #[test]
    fn a_name_that_is_taken_by_something_else_gets_a_number_and_one_that_says_the_same_is_used() {
        let other = |name: &str| (name == "one").then(|| "{\"Statement\":[]}".to_owned());
        let commands = plan(&[inline("one", DOCUMENT)], 0, other).unwrap();
        assert!(commands[at(&commands, "create-policy", "one")].contains("--policy-name one-2 "));
        assert!(commands[at(&commands, "attach-user-policy", "")].ends_with("policy/one-2"));
        assert!(commands[at(&commands, "delete-user-policy", "")].ends_with("--policy-name one"));
        let same = |name: &str| (name == "one").then(|| DOCUMENT.replace(' ', ""));
        let commands = plan(&[inline("one", DOCUMENT)], 0, same).unwrap();
        assert!(!commands.iter().any(|command| command.contains("create-policy")), "{commands:?}");
        assert!(commands[at(&commands, "attach-user-policy", "")].ends_with("policy/one"));
    }

    #[test]
    fn limits_are_told_before_anything_is_printed() {
        let some = |count: usize| (0..count).map(|n| inline(&format!("p{n}"), DOCUMENT)).collect::<Vec<_>>();
        assert_eq!(plan(&some(3), 8, |_| None), Err(NoPlan::TooMany { attached: 8, inline: 3 }));
        let long = format!("{{\"Statement\":[],\"Id\":\"{}\"}}", "x".repeat(6_144));
        assert!(matches!(plan(&[inline("long", &long)], 0, |_| None), Err(NoPlan::TooLong { characters: 6_168, .. })));
        assert!(matches!(plan(&[inline("bad", "{")], 0, |_| None), Err(NoPlan::Unread { .. })));
    }
}
