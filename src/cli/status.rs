//! How the results of `status` look to a person; `json` has them for programs.

mod json;

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, Local, Utc};

use super::render::{self, plain};
use crate::commands::failure::Failure;
use crate::commands::status::{Finding, KeyFacts, Observation, OtherKey, Pending, Rest, RootKeys, StatusOutcome};
use crate::model::{Age, KeyStatus, ProfileName, format_duration};
use crate::rotation::describe;

const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// How it is to be shown.
pub struct Look {
    /// For programs.
    pub json: bool,
    /// Skipped profiles, too.
    pub verbose: bool,
    /// No notes.
    pub quiet: bool,
}

/// Prints the outcome: keys on standard output, what could not be shown of the profiles that were named on standard error.
pub fn print(outcome: &StatusOutcome, look: &Look) {
    let mut text = String::new();
    if look.json {
        text = json::text(outcome);
    } else {
        let _ = whole(&mut text, outcome, look);
    }
    super::print(&text);
    if !look.json {
        let asked = outcome.skipped.iter().filter_map(|skipped| skipped.asked.as_ref());
        asked.chain(&outcome.unreadable).for_each(render::failure);
    }
}

fn whole(text: &mut String, outcome: &StatusOutcome, look: &Look) -> fmt::Result {
    for (index, (facts, findings)) in outcome.keys.iter().enumerate() {
        if index > 0 {
            writeln!(text)?;
        }
        key(text, facts, findings, outcome.now)?;
    }
    for pending in &outcome.other_rotations {
        writeln!(
            text,
            "{YELLOW}rotation:{YELLOW:#} of {}, for the profile {}: {}",
            pending.old,
            plain(pending.profile.as_str()),
            plain(&rotation(pending))
        )?;
    }
    if outcome.keys.is_empty() && outcome.skipped.iter().all(|skipped| skipped.asked.is_none()) {
        writeln!(text, "no long-term access key was found; `aws configure` makes a profile with one")?;
    }
    if look.verbose {
        for skipped in outcome.skipped.iter().filter(|skipped| skipped.asked.is_none()) {
            writeln!(text, "{DIM}skipped:{DIM:#} {}", plain(&skipped.reason))?;
        }
    }
    for note in outcome.notes.iter().filter(|_| !look.quiet) {
        writeln!(text, "{DIM}note:{DIM:#} {}", plain(note))?;
    }
    Ok(())
}

fn key(text: &mut String, key: &KeyFacts, findings: &[Finding], now: DateTime<Utc>) -> fmt::Result {
    writeln!(text, "{}  {}  {}", key.id, names(&key.profiles), verdict(key, findings, now))?;
    if let Some(seen) = &key.seen {
        observed(text, key, seen, now)?;
    }
    for (index, holder) in key.holders.iter().enumerate() {
        let place = format!("{}, line {}: [{}]", holder.path.display(), holder.line, holder.name);
        line(text, if index == 0 { "holders:" } else { "" }, &place)?;
    }
    for pending in &key.pending {
        line(text, "rotation:", &rotation(pending))?;
    }
    if let Some(problem) = &key.problem {
        failure(text, problem)?;
    }
    key.warnings.iter().try_for_each(|warning| line(text, "warning:", &warning.message))
}

fn observed(text: &mut String, key: &KeyFacts, seen: &Observation, now: DateTime<Utc>) -> fmt::Result {
    let identity = &seen.identity;
    let who = if identity.is_root() { "the root user" } else { identity.user_name().unwrap_or(identity.arn.as_str()) };
    line(text, "user:", &format!("{who} in account {}", identity.account))?;
    if let Some(created_at) = seen.created_at {
        let (warn, max) = (format_duration(key.limits.warn_age), format_duration(key.limits.max_age));
        line(text, "created:", &format!("{}; due at {warn}, overdue past {max}", local(created_at)))?;
    }
    line(text, "use:", &describe::last_use(&seen.last_use))?;
    for other in seen.others.iter().flatten() {
        line(text, "second:", &second(other, now))?;
    }
    let root = match &seen.root_keys {
        RootKeys::Count(0) => "none in this account".to_owned(),
        RootKeys::Count(count) => format!("{count} in account {}: delete what is not needed in the AWS console", identity.account),
        RootKeys::Unknown(why) => format!("unknown: {why}"),
    };
    line(text, "root keys:", &root)?;
    if key.is_remembered { line(text, "as of:", &local(seen.observed_at)) } else { Ok(()) }
}

fn verdict(key: &KeyFacts, findings: &[Finding], now: DateTime<Utc>) -> String {
    let age = key.age(now).map_or_else(|| "age unknown".to_owned(), days);
    let mut text = String::new();
    let mut words = Vec::new();
    for finding in findings {
        words.push(match finding {
            Finding::Due => (YELLOW, "due".to_owned()),
            Finding::Overdue => (RED, "overdue".to_owned()),
            Finding::RootUserKey => (RED, "a key of the root user".to_owned()),
            Finding::RootKeys(count) => (RED, format!("the root user has {count} access {}", if *count == 1 { "key" } else { "keys" })),
            Finding::RotationWaits => (YELLOW, "a rotation waits".to_owned()),
            Finding::Unchecked(_) => (YELLOW, "could not be checked".to_owned()),
            Finding::NeverObserved => (YELLOW, "never observed: run `keyrotate status` with the network".to_owned()),
        });
    }
    if words.is_empty() {
        words.push((GREEN, "fine".to_owned()));
    }
    let _ = write!(text, "{age}");
    words.iter().for_each(|(style, word)| {
        let _ = write!(text, ", {style}{word}{style:#}");
    });
    text
}

fn second(other: &OtherKey, now: DateTime<Utc>) -> String {
    let status = status_word(&other.status);
    let holders = match other.profiles.as_slice() {
        [] => "no profile here has it".to_owned(),
        profiles => format!("in {}", names(profiles)),
    };
    format!("{} {status}, {}, {}, {holders}", other.id, days(Age::at(now, other.created_at)), describe::last_use(&other.last_use))
}

fn rotation(pending: &Pending) -> String {
    let when = match pending.rests_until {
        None => String::new(),
        Some(Rest::Until(at)) => format!(" and can be restored until {}", local(at)),
        Some(Rest::Next) => " until the next rotation".to_owned(),
    };
    format!("{}{when}; {}", pending.state, pending.hint)
}

fn failure(text: &mut String, failure: &Failure) -> fmt::Result {
    line(text, "problem:", &failure.message)?;
    failure.causes.iter().try_for_each(|cause| line(text, "cause:", cause))?;
    failure.hint.iter().try_for_each(|hint| line(text, "hint:", hint))
}

fn line(text: &mut String, label: &str, what: &str) -> fmt::Result {
    writeln!(text, "  {DIM}{label:<10}{DIM:#} {}", plain(what))
}

fn names(profiles: &[ProfileName]) -> String {
    plain(&profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(", "))
}

fn days(age: Age) -> String {
    match age.days() {
        1 => "1 day old".to_owned(),
        days => format!("{days} days old"),
    }
}

fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%Y-%m-%d %H:%M %Z").to_string()
}

fn status_word(status: &KeyStatus) -> &str {
    match status {
        KeyStatus::Active => "Active",
        KeyStatus::Inactive => "Inactive",
        KeyStatus::Other(word) => word,
    }
}
