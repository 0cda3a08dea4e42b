//! How the results of `status` look to a person; `json` has them for programs.

mod json;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use anstyle::Style;
use chrono::{DateTime, Local, TimeDelta, Utc};

use super::page::{DIM, GREEN, Page, RED, YELLOW, plain};
use super::render;
use super::session::span;
use crate::aws::name_of_arn;
use crate::commands::failure::Failure;
use crate::commands::status::prompt::Prompt;
use crate::commands::status::{
    Claim, Finding, KeyFacts, ManagedFacts, Observation, OpenSession, OtherKey, Pending, Rest, RootKeys, Seat, Section, StatusOutcome,
};
use crate::model::{Age, KeyStatus, LastUsed, Limits, ProfileName, format_duration};
use crate::os::clock;
use crate::root_key::Removal;
use crate::rotation::describe;

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
    let mut page = Page::for_stdout(10);
    if look.json {
        page.json(&json::text(outcome));
        page.print();
        return;
    }
    whole(&mut page, outcome, look);
    page.print();
    let asked = outcome.skipped.iter().filter_map(|skipped| skipped.asked.as_ref());
    asked.chain(&outcome.unreadable).for_each(render::failure);
}

fn whole(page: &mut Page, outcome: &StatusOutcome, look: &Look) {
    for (index, (facts, findings)) in outcome.keys.iter().enumerate() {
        if index > 0 {
            page.push("\n");
        }
        key(page, outcome, facts, findings);
    }
    for (index, (facts, findings)) in outcome.managed.iter().enumerate() {
        if index > 0 || !outcome.keys.is_empty() {
            page.push("\n");
        }
        managed(page, facts, findings, outcome.now);
    }
    for pending in &outcome.other_rotations {
        page.head(
            YELLOW,
            "rotation:",
            &format!("of {}, for the profile {}: {}", pending.old, pending.profile, rotation(pending, outcome.now)),
        );
    }
    let unasked = || outcome.skipped.iter().filter(|skipped| skipped.asked.is_none());
    // A role says of its source what the source says of itself.
    let broken: BTreeSet<&str> = unasked().filter(|skipped| skipped.is_broken).map(|skipped| skipped.reason.as_str()).collect();
    broken.iter().for_each(|reason| page.head(YELLOW, "warning:", reason));
    // What a key's own lines say is not said again.
    let said: Vec<String> = outcome.keys.iter().filter_map(|(key, _)| key.removal.as_ref()).map(Removal::waits).collect();
    outcome.warnings.iter().filter(|warning| !said.contains(warning)).for_each(|warning| page.head(YELLOW, "warning:", warning));
    if outcome.keys.is_empty()
        && outcome.managed.is_empty()
        && broken.is_empty()
        && outcome.skipped.iter().all(|skipped| skipped.asked.is_none())
    {
        let why = if outcome.absent.is_empty() { "`aws configure` makes a profile with one".to_owned() } else { outcome.absent.join("; ") };
        page.sentence(&format!("no long-term access key was found; {why}"));
    }
    if look.verbose {
        unasked().filter(|skipped| !skipped.is_broken).for_each(|skipped| page.head(DIM, "skipped:", &skipped.reason));
    }
    outcome.notes.iter().filter(|_| !look.quiet).for_each(|note| page.note(note));
}

fn key(page: &mut Page, outcome: &StatusOutcome, key: &KeyFacts, findings: &[Finding]) {
    let now = outcome.now;
    page.push(key.id.as_str()).push("  ").push(&plain(&names(&key.profiles))).push("  ");
    verdict(page, key.age(now), findings);
    if let Some(seen) = &key.seen {
        observed(page, outcome, key, seen);
    }
    for (index, holder) in key.holders.iter().enumerate() {
        let place = match holder {
            Seat::Section(Section { path, name, line }) => format!("{}, line {line}: [{name}]", path.display()),
            Seat::KeychainItem(item) => format!("keychain item {item}"),
        };
        page.line(if index == 0 { "holders:" } else { "" }, &place);
    }
    for secret in &key.secrets {
        let region = secret.region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
        page.line("target:", &format!("secret {}{region}", name_of_arn(&secret.id)));
    }
    if let Some(host) = &key.rotator {
        page.line("rotator:", &format!("the machine {host}; `keyrotate auto` here takes over what it makes"));
    }
    key.sessions.iter().for_each(|open| page.line("session:", &session(open)));
    key.removal.iter().for_each(|waits| page.line("removal:", &removal(waits)));
    key.pending.iter().for_each(|pending| page.line("rotation:", &rotation(pending, now)));
    problem(page, key.problem.as_ref());
    key.warnings.iter().for_each(|warning| page.line("warning:", &warning.message));
}

fn managed(page: &mut Page, key: &ManagedFacts, findings: &[Finding], now: DateTime<Utc>) {
    let id = key.seen.as_ref().map_or("key unknown", |seen| seen.id.as_str());
    page.push(id).push("  ").push(&plain(&format!("[key.{}]", key.name.as_key()))).push("  ");
    verdict(page, key.age(now), findings);
    page.line("user:", &key.user);
    if let Some(seen) = &key.seen {
        created(page, seen.created_at, &key.limits);
        page.line("use:", &used(&seen.last_use, ""));
        if key.is_remembered {
            page.line("as of:", &describe::time(seen.observed_at));
        }
    }
    for (index, secret) in key.secrets.iter().enumerate() {
        let region = secret.region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
        page.line(if index == 0 { "holders:" } else { "" }, &format!("secret {}{region}", name_of_arn(&secret.id)));
    }
    let rotator = match &key.rotator {
        None => "any machine that has it in its settings".to_owned(),
        Some(host) if key.is_here => format!("this machine, {host}"),
        Some(host) => format!("the machine {host}"),
    };
    page.line("rotator:", &rotator);
    key.pending.iter().for_each(|pending| page.line("rotation:", &rotation(pending, now)));
    problem(page, key.problem.as_ref());
}

/// The last use, with what is to be said of it; where it is unknown, why.
fn used(last_use: &LastUsed, own: &str) -> String {
    match last_use {
        LastUsed::Unknown(why) => format!("{}: {why}", describe::last_use(last_use)),
        LastUsed::Used(_) | LastUsed::Never => format!("{}{own}", describe::last_use(last_use)),
    }
}

fn problem(page: &mut Page, problem: Option<&Failure>) {
    if let Some(problem) = problem {
        page.line("problem:", &problem.message);
        problem.causes.iter().for_each(|cause| page.line("cause:", cause));
        problem.hint.iter().for_each(|hint| page.line("hint:", hint));
    }
}

fn created(page: &mut Page, created_at: DateTime<Utc>, limits: &Limits) {
    let limit = |age: Duration| {
        let day = TimeDelta::from_std(age).ok().and_then(|age| created_at.checked_add_signed(age));
        let day = day.map(|at| format!(" ({})", at.with_timezone(&Local).format("%Y-%m-%d"))).unwrap_or_default();
        format!("{}{day}", format_duration(age))
    };
    let (warn, max) = (limit(limits.warn_age), limit(limits.max_age));
    page.line("created:", &format!("{}; due at {warn}, overdue past {max}", describe::time(created_at)));
}

fn observed(page: &mut Page, outcome: &StatusOutcome, key: &KeyFacts, seen: &Observation) {
    let now = outcome.now;
    let identity = &seen.identity;
    let who = if identity.is_root() { "the root user" } else { identity.user_name().unwrap_or(identity.arn.as_str()) };
    page.line("user:", &format!("{who} in account {}", identity.account));
    if let Some(created_at) = seen.created_at {
        created(page, created_at, &key.limits);
    }
    let own = match &seen.last_use {
        LastUsed::Used(last_use) if key.is_own_use => format!(" ({}: perhaps keyrotate itself)", last_use.service),
        LastUsed::Used(_) | LastUsed::Never | LastUsed::Unknown(_) => String::new(),
    };
    page.line("use:", &used(&seen.last_use, &own));
    seen.others.iter().flatten().for_each(|other| page.line("second:", &second(other, key, seen, now)));
    let root = match &seen.root_keys {
        RootKeys::Count(0) => "none in this account".to_owned(),
        RootKeys::Count(count) => {
            let remedy = match outcome.root_key(&identity.account) {
                Some(key) if key.removal.is_some() => format!("the one that {} has is being removed", names(&key.profiles)),
                Some(key) => format!("`{}` removes the one that {} has", key.root_key_removal(), names(&key.profiles)),
                None => "delete what is not needed in the AWS console".to_owned(),
            };
            format!("{count} in account {}: {remedy}", identity.account)
        }
        RootKeys::Unknown(why) => format!("unknown: {why}"),
    };
    page.line("root keys:", &root);
    if key.is_remembered {
        page.line("as of:", &describe::time(seen.observed_at));
    }
}

fn verdict(page: &mut Page, age: Option<Age>, findings: &[Finding]) {
    page.push(&age.map_or_else(|| "age unknown".to_owned(), days));
    for finding in findings {
        let (style, word) = word(finding);
        page.push(", ").paint(style, &word);
    }
    if findings.is_empty() {
        page.push(", ").paint(GREEN, "fine");
    }
    page.end(4);
}

fn word(finding: &Finding) -> (Style, Cow<'static, str>) {
    match finding {
        Finding::Due => (YELLOW, "due".into()),
        Finding::Overdue => (RED, "overdue".into()),
        Finding::RootUserKey => (RED, "a key of the root user".into()),
        Finding::RootKeys(1) => (RED, "the root user has 1 access key".into()),
        Finding::RootKeys(count) => (RED, format!("the root user has {count} access keys").into()),
        Finding::RotationWaits => (YELLOW, "a rotation waits".into()),
        Finding::Unchecked(_) => (YELLOW, "could not be checked".into()),
        Finding::NeverObserved => (YELLOW, "never observed: run `keyrotate status` with the network".into()),
    }
}

fn second(other: &OtherKey, key: &KeyFacts, seen: &Observation, now: DateTime<Utc>) -> String {
    let status = status_word(&other.status);
    let role = key.pending.iter().find(|pending| pending.concerns(&other.id)).map(|pending| pending.old == other.id);
    let holders = match (other.profiles.as_slice(), role) {
        ([], None) => elsewhere(other, key, seen).unwrap_or_else(|| "no profile here has it".to_owned()),
        ([], Some(true)) => "the old key of the rotation below".to_owned(),
        ([], Some(false)) => "the new key of the rotation below".to_owned(),
        (profiles, None) => format!("in {}", names(profiles)),
        (profiles, Some(true)) => format!("in {}, the old key of the rotation below", names(profiles)),
        (profiles, Some(false)) => format!("in {}, the new key of the rotation below", names(profiles)),
    };
    format!("{} {status}, {}, {}, {holders}", other.id, days(Age::at(now, other.created_at)), describe::last_use(&other.last_use))
}

/// What another machine that rotates the key has to do with a second one, as far as ages tell: its journal is not here.
fn elsewhere(other: &OtherKey, key: &KeyFacts, seen: &Observation) -> Option<String> {
    let (host, created_at) = (key.rotator.as_ref()?, seen.created_at?);
    match (&other.status, other.created_at.cmp(&created_at)) {
        (KeyStatus::Active, Ordering::Greater) => {
            Some(format!("the new key of {host}, as it seems: the next `keyrotate auto` here takes it over"))
        }
        (KeyStatus::Active, Ordering::Less) => {
            Some(format!("replaced by {host}, as it seems: it stays active there until its grace is over"))
        }
        (KeyStatus::Inactive, Ordering::Less) => Some(format!("replaced by {host}, as it seems")),
        // IAM's dates have whole seconds.
        (_, Ordering::Equal) | (KeyStatus::Inactive, Ordering::Greater) | (KeyStatus::Other(_), _) => None,
    }
}

fn rotation(pending: &Pending, now: DateTime<Utc>) -> String {
    let when = match (pending.rests_until, pending.claim) {
        (Some(Rest::Until(at)), Some(Claim::Active)) if now < at => format!("; it stays so until {}", describe::time(at)),
        (Some(Rest::Until(at)), _) if now < at => format!("; it can be restored until {}", describe::time(at)),
        (Some(Rest::Until(_)), _) => "; its grace is over".to_owned(),
        (Some(Rest::Next), _) => "; it rests until the next rotation".to_owned(),
        (None, _) => String::new(),
    };
    format!("{}{when}; {}", pending.state, pending.hint_at(now))
}

/// That the removal of a root user's key is not over, and for how long it can be gone on with.
fn removal(removal: &Removal) -> String {
    let until = match removal.signs_until {
        Some(at) if at > clock::local_now() => format!("; the session that signs ends at {}", describe::time(at)),
        Some(at) => format!("; the session that signed ended at {}", describe::time(at)),
        None => String::new(),
    };
    format!("is not finished: {}; {}{until}", removal.how_far(), removal.goes_on())
}

fn session(open: &OpenSession) -> String {
    let whose = open.role.as_ref().map_or_else(String::new, |role| format!(" of {role}"));
    let mfa = if open.with_mfa { "" } else { ", without MFA" };
    let left = span((open.expires_at - clock::local_now()).to_std().unwrap_or_default());
    format!("open{whose} until {}, for {left}{mfa}", describe::time(open.expires_at))
}

/// The line for a shell's prompt: the profile, how long its session lasts yet, and what is to be said of its key.
pub fn print_prompt(prompt: &Prompt) {
    let left =
        prompt.left.map(|left| format!(" {}", span(left).replace(" min", "m").replace(" h", "h").replace(' ', ""))).unwrap_or_default();
    let matter = match prompt.matter {
        Some(Finding::RootUserKey) => " root key",
        Some(Finding::Overdue) => " overdue",
        Some(Finding::Due) => " due",
        Some(_) | None => "",
    };
    Page::for_stdout(0).push(&plain(&format!("{}{left}{matter}", prompt.profile))).push("\n").print();
}

fn names(profiles: &[ProfileName]) -> String {
    profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(", ")
}

fn days(age: Age) -> String {
    match age.days() {
        1 => "1 day old".to_owned(),
        days => format!("{days} days old"),
    }
}

fn status_word(status: &KeyStatus) -> &str {
    match status {
        KeyStatus::Active => "Active",
        KeyStatus::Inactive => "Inactive",
        KeyStatus::Other(word) => word,
    }
}
