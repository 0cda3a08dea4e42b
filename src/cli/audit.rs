//! How the findings of `audit` look.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::page::{DIM, GREEN, Page, RED, YELLOW, plain};
use super::render::utc;
use super::session;
use crate::audit::{Exempt, Finding, Level, Step, Tier};
use crate::commands::audit::{AuditOutcome, PlanOutcome};

/// The version of the JSON: within one, a name is never removed and never means something else.
const VERSION: u32 = 1;

/// Prints what was found, on standard output.
pub fn print(outcome: &AuditOutcome, is_json: bool, is_quiet: bool) {
    let mut page = Page::for_stdout(8);
    if is_json {
        page.json(&format!("{:#}", json(outcome)));
    } else {
        page.sentence(&format!("{} (profile {}, {} tier)", outcome.identity.arn, outcome.profile, tier(outcome.tier)));
        outcome.findings.iter().for_each(|found| finding(&mut page, found));
        page.sentence(&sum(outcome));
        let missing: BTreeSet<&str> = outcome.findings.iter().flat_map(|found| &found.missing_actions).map(String::as_str).collect();
        if !missing.is_empty() {
            page.sentence(&format!("not allowed: {}", missing.into_iter().collect::<Vec<_>>().join(", ")));
        }
        outcome.notes.iter().filter(|_| !is_quiet).for_each(|note| page.note(note));
    }
    page.print();
}

/// Prints a plan: a script on standard output, which a shell can read; what is to be said of it on standard error.
pub fn print_plan(outcome: &PlanOutcome, is_quiet: bool) {
    let mut page = Page::for_stdout(0);
    for step in &outcome.steps {
        match step {
            Step::Comment(text) => page.push("# ").push(&plain(text)).push("\n"),
            // As it is: what breaks a line would break the command.
            Step::Command(text) => page.push(text).push("\n"),
        };
    }
    page.print();
    if !is_quiet {
        session::notes(&outcome.notes);
    }
}

fn finding(page: &mut Page, found: &Finding) {
    let (style, word) = match (found.level, found.counted()) {
        (level, counted) if level != counted => (DIM, "exempt"),
        (Level::Pass, _) => (GREEN, "pass"),
        (Level::NotApplicable, _) => (DIM, "n/a"),
        (Level::Warn, _) => (YELLOW, "warn"),
        (Level::Fail, _) => (RED, "fail"),
        (Level::Unknown, _) => (YELLOW, "unknown"),
    };
    page.paint(style, &format!("{word:<7}")).push(&format!(" {:<14} ", found.check.id()));
    page.push(&plain(&format!("{}: {}", found.subject, found.seen))).end(23);
    if matches!(found.level, Level::Pass | Level::NotApplicable) {
        return;
    }
    page.line("why:", found.check.why());
    found.fix.iter().for_each(|fix| page.line("fix:", fix));
    found.exempt.iter().for_each(|exempt| page.line("exempt:", &told(exempt)));
}

fn told(exempt: &Exempt) -> String {
    let when = if exempt.has_ended { "was exempt until" } else { "until" };
    format!("{when} {}: {}", exempt.until, exempt.reason)
}

fn sum(outcome: &AuditOutcome) -> String {
    let (exempt, counted): (Vec<_>, Vec<_>) = outcome.findings.iter().partition(|found| found.counted() != found.level);
    let count = |level| counted.iter().filter(|found| found.level == level).count();
    let words = [(Level::Fail, "failed"), (Level::Warn, "warned"), (Level::Unknown, "unknown"), (Level::Pass, "passed")];
    let exempt = if exempt.is_empty() { String::new() } else { format!(", {} exempt", exempt.len()) };
    words.map(|(level, word)| format!("{} {word}", count(level))).join(", ") + &exempt
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::SelfTier => "self",
        Tier::Account => "account",
        Tier::Monitoring => "monitoring",
    }
}

fn json(outcome: &AuditOutcome) -> Value {
    json!({
        "version": VERSION,
        "checked_at": utc(outcome.now),
        "profile": outcome.profile.as_str(),
        "account": outcome.identity.account,
        "arn": outcome.identity.arn.as_str(),
        "tier": tier(outcome.tier),
        "exit_code": outcome.exit_code,
        "findings": outcome.findings.iter().map(found).collect::<Vec<_>>(),
        "notes": outcome.notes,
    })
}

fn found(finding: &Finding) -> Value {
    let level = match finding.level {
        Level::Pass => "pass",
        Level::NotApplicable => "not_applicable",
        Level::Warn => "warn",
        Level::Fail => "fail",
        Level::Unknown => "unknown",
    };
    let exempt = finding.exempt.as_ref();
    json!({
        "check": finding.check.id(),
        "tier": tier(finding.check.tier()),
        "level": level,
        "subject": finding.subject,
        "seen": finding.seen,
        "why": finding.check.why(),
        "fix": finding.fix,
        "missing_actions": finding.missing_actions,
        "exemption": exempt.map(|exempt| json!({"reason": exempt.reason, "until": exempt.until.to_string(), "ended": exempt.has_ended})),
        "references": finding.check.references().iter().map(|r| json!({"catalogue": r.catalogue, "number": r.number})).collect::<Vec<_>>(),
    })
}
