//! From what was seen and done to what a person should know.
//!
//! Invariant: pure. A matter's name stays the same from day to day, so that it is told once a day and not with every run.

use std::collections::BTreeSet;

use crate::commands::failure::{Failure, FailureKind};
use crate::commands::rotate::{Finish, RotateOutcome, Rotated};
use crate::commands::status::{Finding, KeyFacts, StatusOutcome};
use crate::rotation::{End, State};

/// How much it presses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody has to act.
    Critical,
    /// Somebody has to look.
    Attention,
    /// It is good to know.
    Done,
}

/// Something that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matter {
    /// What it is about, in a form that stays the same.
    pub name: String,
    /// How much it presses.
    pub urgency: Urgency,
    /// One line.
    pub text: String,
}

/// All matters, the most urgent first. Nothing is `seen` where the files cannot be read.
pub(super) fn of(seen: Option<&StatusOutcome>, rotated: &RotateOutcome, moves: Vec<Matter>) -> Vec<Matter> {
    let notes = rotated.notes.iter().map(|note| matter(note.clone(), Urgency::Done, note.clone()));
    let mut matters: Vec<Matter> =
        moves.into_iter().chain(rotated.keys.iter().filter_map(of_result)).chain(notes).chain(seen.into_iter().flat_map(of_seen)).collect();
    matters.sort_by_key(|matter| matter.urgency);
    let mut names = BTreeSet::new();
    matters.retain(|matter| names.insert(matter.name.clone()));
    matters
}

fn of_seen(seen: &StatusOutcome) -> Vec<Matter> {
    let found = seen.keys.iter().flat_map(|(key, findings)| findings.iter().filter_map(|finding| of_finding(seen, key, finding)));
    let broken = seen.skipped.iter().filter(|skipped| skipped.is_broken);
    let broken = broken.map(|skipped| matter(format!("broken {}", skipped.profile), Urgency::Attention, skipped.reason.clone()));
    let others = seen.other_rotations.iter().filter(|pending| !pending.rests_at(seen.now));
    let others = others.map(|pending| {
        let text = format!("a rotation of {} waits: {}; {}", pending.old, pending.state, pending.hint);
        matter(format!("waits {}", pending.old), Urgency::Attention, text)
    });
    let unreadable = seen.unreadable.iter().map(|failure| matter(failure.message.clone(), Urgency::Critical, failure.message.clone()));
    let is_empty =
        seen.keys.is_empty() && seen.managed.is_empty() && seen.unreadable.is_empty() && !seen.skipped.iter().any(|one| one.is_broken);
    let empty = is_empty.then(|| {
        let why = seen.absent.iter().map(|absent| format!(": {absent}")).next().unwrap_or_default();
        let text =
            format!("there is no long-term access key here any more{why}; where none is meant to be, `keyrotate timer remove` ends this");
        matter("no key".to_owned(), Urgency::Attention, text)
    });
    found.chain(broken).chain(others).chain(unreadable).chain(empty).collect()
}

/// What the desktop is told: the most urgent matter, and how many more there are.
pub(super) fn summary(matters: &[Matter]) -> Option<String> {
    let first = matters.first()?;
    Some(match matters.len() {
        1 => first.text.clone(),
        more => format!("{} (and {} more: run `keyrotate status`)", first.text, more - 1),
    })
}

fn matter(name: String, urgency: Urgency, text: String) -> Matter {
    Matter { name, urgency, text }
}

fn of_result(result: &Rotated) -> Option<Matter> {
    match result {
        Rotated::Done { record, finish } => {
            let new = record.new.as_ref().map_or("?", |new| new.pair.id.as_str());
            let text = match finish {
                Finish::Fresh | Finish::Resumed if record.pulled => {
                    format!("{} of {} was rotated by another machine: it is now {new} here, too", record.old.id, record.user_name)
                }
                Finish::Fresh | Finish::Resumed => format!("{} of {} was rotated: it is now {new}", record.old.id, record.user_name),
                Finish::AfterGrace if record.state == State::Done(End::Rotated) => {
                    format!("the grace of {} of {} is over: it is deleted", record.old.id, record.user_name)
                }
                Finish::AfterGrace => format!("the grace of {} of {} is over: it was not deleted", record.old.id, record.user_name),
            };
            Some(matter(format!("rotated {}", record.id), Urgency::Done, text))
        }
        // Told when it began to rest; a rest that only goes on is no news.
        Rotated::Resting { message, finish: Finish::Fresh | Finish::Resumed, .. } => {
            Some(matter(format!("resting {message}"), Urgency::Done, message.clone()))
        }
        Rotated::TakenBack { key, why } => Some(matter(
            format!("taken back {key}"),
            Urgency::Attention,
            format!("a rotation was taken back, {key} is in use as before: {why}"),
        )),
        Rotated::Failed(failure) => Some(matter(failure.message.clone(), Urgency::Attention, failure.message.clone())),
        Rotated::Resting { finish: Finish::AfterGrace, .. }
        | Rotated::Forgotten { .. }
        | Rotated::Planned { .. }
        | Rotated::WouldGoOn { .. }
        | Rotated::WouldPull { .. }
        | Rotated::Elsewhere { .. }
        | Rotated::NotDue { .. }
        | Rotated::Declined(_) => None,
    }
}

fn of_finding(all: &StatusOutcome, key: &KeyFacts, finding: &Finding) -> Option<Matter> {
    let whose = format!("{} ({})", key.id, key.profile_names());
    let (urgency, what) = match finding {
        Finding::Overdue => (Urgency::Critical, format!("{whose} is overdue")),
        Finding::Due => (Urgency::Attention, format!("{whose} is due")),
        Finding::RootUserKey => (Urgency::Critical, format!("{whose} is a key of the root user: run `{}`", key.root_key_removal())),
        Finding::RootKeys(count) => {
            let account = key.seen.as_ref().map_or("?", |seen| seen.identity.account.as_str());
            let remedy = match all.root_key(account) {
                Some(key) => format!("run `{}`", key.root_key_removal()),
                None => "delete them in the AWS console".to_owned(),
            };
            return Some(matter(
                format!("root keys {account}"),
                Urgency::Critical,
                format!("the root user of account {account} has access keys ({count}): {remedy}"),
            ));
        }
        Finding::RotationWaits => (Urgency::Attention, format!("a rotation of {whose} waits: run `keyrotate status`")),
        Finding::Unchecked(_) => {
            let Failure { kind, message, hint, .. } = key.problem.as_ref()?;
            let hint = hint.as_ref().filter(|_| *kind == FailureKind::MfaNeeded).map(|hint| format!("; {hint}")).unwrap_or_default();
            (Urgency::Attention, format!("{whose} could not be checked: {message}{hint}"))
        }
        Finding::NeverObserved => return None,
    };
    Some(matter(format!("{} {}", finding.name(), key.id), urgency, what))
}
