//! Whether somebody hears of it when a policy changes: by a trail, its log group, a metric filter, an alarm and a topic; or by a rule of EventBridge.
//!
//! Each link is a finding of its own. One whole chain is enough, of whichever trail; and where one could not be looked at to its end, what is broken
//! in the others is no failure.

mod metric;
mod raised;
mod rule;
#[cfg(test)]
mod tests;
mod topic;
mod trail;

use super::denied;
use crate::audit::facts::Facts;
use crate::audit::finding::{Finding, Level};
use crate::aws::{AwsError, MonitoringSight};
use crate::model::{Check, aws_command as aws};

const CHECK: Check = Check::PolicyAlarm;

/// The links of a chain.
type Links = Vec<Finding>;

/// What the links look at.
#[derive(Clone, Copy)]
struct Sight<'a> {
    facts: &'a Facts,
    monitoring: &'a MonitoringSight,
}

impl Sight<'_> {
    fn denied(self, subject: impl Into<String>, error: &AwsError) -> Finding {
        denied(self.facts, CHECK, subject, error)
    }
}

pub(super) fn policy_changes(facts: &Facts) -> Vec<Finding> {
    let Some(monitoring) = &facts.monitoring else {
        return vec![found(Level::Unknown, "changes of policies", "it was not asked").fix("run this with --tier monitoring")];
    };
    let sight = Sight { facts, monitoring };
    let trails = match &monitoring.trails {
        Err(error) => return vec![sight.denied("trails", error)],
        Ok(trails) if trails.is_empty() => return vec![trail::none(sight)],
        Ok(trails) => trails,
    };
    let recorded: Vec<Links> = trails.iter().map(|one| trail::recorded(sight, one)).collect();
    let by_alarm = trails.iter().zip(&recorded).map(|(one, recorded)| match trail::elsewhere(sight, one) {
        Some(unknown) => vec![unknown],
        None => joined([recorded.clone(), trail::log_group(sight, one), metric::heard(sight, one)]),
    });
    let by_rule: Vec<Links> = match &monitoring.rules {
        Err(error) => vec![vec![sight.denied("rules of EventBridge", error)]],
        Ok(rules) => {
            let chain = |one| joined([any(recorded.clone()), rule::heard(sight, one)]);
            rules.iter().filter(|one| rule::is_meant(one)).map(chain).collect()
        }
    };
    let has_rule = !by_rule.is_empty();
    let mut links = any(by_alarm.chain(by_rule).collect());
    if outcome(&links) != Outcome::Whole && !has_rule {
        links.push(rule::none(monitoring));
    }
    // What two chains have in common is said once.
    let mut once: Links = Vec::new();
    links.into_iter().for_each(|link| once.extend((!once.contains(&link)).then_some(link)));
    once
}

/// What the links come to; the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// A link is missing.
    Broken,
    /// A link could not be looked at.
    Open,
    /// It holds.
    Whole,
}

fn outcome(links: &[Finding]) -> Outcome {
    let one = |link: &Finding| match link.level {
        Level::Fail => Outcome::Broken,
        Level::Unknown => Outcome::Open,
        Level::Pass | Level::NotApplicable | Level::Warn => Outcome::Whole,
    };
    links.iter().map(one).min().unwrap_or(Outcome::Broken)
}

/// Of several ways one is enough.
fn any(ways: Vec<Links>) -> Links {
    let warnings = |links: &&Links| links.iter().filter(|link| link.level == Level::Warn).count();
    if let Some(whole) = ways.iter().filter(|links| outcome(links) == Outcome::Whole).min_by_key(warnings) {
        return whole.clone();
    }
    let is_open = ways.iter().any(|links| outcome(links) == Outcome::Open);
    let softened = |link: Finding| if is_open && link.level == Level::Fail { Finding { level: Level::Warn, ..link } } else { link };
    ways.into_iter().flatten().map(softened).collect()
}

fn joined(parts: impl IntoIterator<Item = Links>) -> Links {
    parts.into_iter().flatten().collect()
}

fn found(level: Level, subject: impl Into<String>, seen: impl Into<String>) -> Finding {
    Finding::new(CHECK, level, subject, seen)
}

fn pass(subject: impl Into<String>, seen: impl Into<String>) -> Finding {
    found(Level::Pass, subject, seen)
}

fn fail(subject: impl Into<String>, seen: impl Into<String>, fix: impl Into<String>) -> Finding {
    found(Level::Fail, subject, seen).fix(fix)
}

fn unknown(subject: impl Into<String>, seen: impl Into<String>, fix: impl Into<String>) -> Finding {
    found(Level::Unknown, subject, seen).fix(fix)
}

/// The last part of an ARN.
fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}
