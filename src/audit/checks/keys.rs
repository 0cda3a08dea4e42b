//! The user's access keys: their age, their use, their number.

use chrono::{DateTime, TimeDelta, Utc};

use super::{denied, details, who};
use crate::audit::facts::{Facts, OthersUse, Replacing};
use crate::audit::finding::{Finding, Level};
use crate::aws::AwsError;
use crate::model::{AccessKey, AccessKeyId, Age, AgeLevel, Check, KeyStatus, LastUsed, format_duration};

pub(super) fn age(facts: &Facts) -> Vec<Finding> {
    of_each(facts, Check::KeyAge, |key| {
        let age = Age::at(facts.now, key.created_at);
        let (days, max) = (days(age), format_duration(facts.here.limits.max_age));
        let level = match facts.here.limits.level(age) {
            AgeLevel::Fresh => Level::Pass,
            AgeLevel::Due => Level::Warn,
            AgeLevel::Overdue => Level::Fail,
        };
        let seen = format!("it is {days} old; overdue past {max}");
        match facts.here.replacing(&key.id) {
            Some(rotation) if rotation.old == key.id && level > Level::Pass => {
                Finding::new(Check::KeyAge, Level::Warn, key.id.as_str(), format!("{seen}; {}", replacing(rotation)))
                    .fix("nothing: `keyrotate auto` finishes the rotation")
            }
            _ if level == Level::Pass => Finding::new(Check::KeyAge, level, key.id.as_str(), seen),
            _ => Finding::new(Check::KeyAge, level, key.id.as_str(), seen).fix(rotate(facts)),
        }
    })
}

pub(super) fn unused(facts: &Facts) -> Vec<Finding> {
    of_each(facts, Check::KeyUnused, |key| {
        let check = Check::KeyUnused;
        let id = key.id.as_str();
        let limit = TimeDelta::from_std(facts.here.unused_after).unwrap_or(TimeDelta::MAX);
        let is_long = |since: DateTime<Utc>| facts.now - since > limit;
        let after = format_duration(facts.here.unused_after);
        let last_used = match last_used(facts, &key.id) {
            Ok(last_used) => last_used,
            Err(Some(error)) => return denied(facts, check, id, error),
            Err(None) => return Finding::new(check, Level::Unknown, id, "its last use was not asked").fix("run this again"),
        };
        let fix = || {
            let inactive = format!("`aws iam update-access-key --access-key-id {id} --status Inactive`");
            format!("make it inactive ({inactive}), and delete it once nothing was missed; `keyrotate status` shows what has it here")
        };
        match facts.here.others_use(&key.id, last_used) {
            OthersUse::Unknown(why) => Finding::new(check, Level::Unknown, id, why),
            OthersUse::At(last) if is_long(last.at) => {
                Finding::new(check, Level::Fail, id, format!("it was last used on {} for {}", day(last.at), last.service)).fix(fix())
            }
            OthersUse::At(last) => Finding::new(check, Level::Pass, id, format!("it was used on {} for {}", day(last.at), last.service)),
            OthersUse::Never if is_long(key.created_at) => {
                Finding::new(check, Level::Fail, id, format!("it was never used since {}", day(key.created_at))).fix(fix())
            }
            OthersUse::Never => Finding::new(check, Level::Pass, id, format!("it is younger than {after} and was not used yet")),
            OthersUse::NotSince(since) if is_long(since) => {
                let seen = format!("nobody but keyrotate has used it since {}", day(since));
                Finding::new(check, Level::Fail, id, seen).fix(fix())
            }
            OthersUse::NotSince(_) if !is_long(key.created_at) => {
                Finding::new(check, Level::Pass, id, format!("it is younger than {after}, and only keyrotate has used it"))
            }
            OthersUse::NotSince(since) => {
                let seen = format!(
                    "its last use was keyrotate's own question, and AWS keeps no earlier one; uses by others are watched for since {}",
                    day(since)
                );
                Finding::new(check, Level::Unknown, id, seen).fix("run this again in a few days: keyrotate remembers the uses that it sees")
            }
        }
    })
}

/// Only where the files here show another way into the account.
pub(super) fn needed(facts: &Facts) -> Vec<Finding> {
    let check = Check::KeyNeeded;
    let ways = facts.here.without_key.iter().map(|profile| profile.as_str()).collect::<Vec<_>>().join(", ");
    of_each(facts, check, |key| {
        let id = key.id.as_str();
        if ways.is_empty() {
            return Finding::new(check, Level::Pass, id, "no profile here reaches the account without a key");
        }
        let seen = format!("these profiles reach the same account without a key: {ways}");
        let fix = "work with one of those (`aws sso login`, `aws login`), and delete the key once nothing needs it";
        Finding::new(check, Level::Warn, id, seen).fix(fix)
    })
}

pub(super) fn two(facts: &Facts) -> Vec<Finding> {
    let check = Check::TwoKeys;
    let keys = match keys(facts, check) {
        Ok(keys) => keys,
        Err(findings) => return findings,
    };
    let active: Vec<&AccessKey> = keys.iter().filter(|key| key.status == KeyStatus::Active).collect();
    let listed = active.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(" and ");
    if active.len() < 2 {
        let seen = if active.is_empty() { "it has no active key".to_owned() } else { format!("{listed} is its only active key") };
        return vec![Finding::new(check, Level::Pass, who(facts), seen)];
    }
    vec![match active.iter().find_map(|key| facts.here.replacing(&key.id)) {
        Some(rotation) => Finding::new(check, Level::Pass, who(facts), format!("{listed} are active: {}", replacing(rotation))),
        None => Finding::new(check, Level::Warn, who(facts), format!("{listed} are both active"))
            .fix("find out who has the other one (`keyrotate status`), move that to the first, then make it inactive and delete it"),
    }]
}

/// One finding for each active key.
fn of_each(facts: &Facts, check: Check, judge: impl Fn(&AccessKey) -> Finding) -> Vec<Finding> {
    let keys = match keys(facts, check) {
        Ok(keys) => keys,
        Err(findings) => return findings,
    };
    let found: Vec<Finding> = keys.iter().filter(|key| key.status != KeyStatus::Inactive).map(judge).collect();
    if found.is_empty() { vec![Finding::new(check, Level::NotApplicable, who(facts), "it has no active key")] } else { found }
}

fn keys(facts: &Facts, check: Check) -> Result<&[AccessKey], Vec<Finding>> {
    let details = details(facts).map_err(|none| vec![none.finding(facts, check)])?;
    details.keys.as_deref().map_err(|error| vec![denied(facts, check, who(facts), error)])
}

/// What AWS said of a key's last use; `None` where it was not asked.
fn last_used<'a>(facts: &'a Facts, id: &AccessKeyId) -> Result<&'a LastUsed, Option<&'a AwsError>> {
    let uses = facts.user.user.iter().flat_map(|details| &details.last_uses);
    match uses.filter(|(of, _)| of == id).map(|(_, last_used)| last_used).next() {
        None => Err(None),
        Some(Ok(last_used)) => Ok(last_used),
        Some(Err(error)) => Err(Some(error)),
    }
}

fn rotate(facts: &Facts) -> String {
    format!("run `keyrotate rotate {}`", facts.profile.quoted())
}

fn replacing(rotation: &Replacing) -> String {
    let Replacing { old, new, until } = rotation;
    let by = new.as_ref().map(|new| format!(" by {new}")).unwrap_or_default();
    let until = until.map(|at| format!(", until {}", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
    format!("keyrotate is replacing {old}{by}{until}")
}

fn days(age: Age) -> String {
    match age.days() {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}
