//! `status --json`: names that scripts can rely on.
//!
//! Invariant: within one `version` a name is never removed and never means something else; times are UTC in RFC 3339; no secret is
//! within reach of what is written here.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::status_word;
use crate::cli::render::utc;
use crate::commands::failure::Failure;
use crate::commands::status::{
    Finding, KeyFacts, ManagedFacts, NamedSecret, OpenSession, OtherKey, Pending, Rest, RootKeys, Seat, Section, Skipped, StatusOutcome,
};
use crate::model::{Age, KeyStatus, LastUsed};
use crate::root_key::Removal;

const VERSION: u32 = 1;

/// The whole outcome, on indented lines.
pub fn text(outcome: &StatusOutcome) -> String {
    let now = outcome.now;
    let skipped = |skipped: &Skipped| {
        let Skipped { profile, code, reason, is_broken, asked: _ } = skipped;
        json!({"profile": profile.as_str(), "code": code, "reason": reason, "broken": is_broken})
    };
    let value = json!({
        "version": VERSION,
        "observed_at": utc(now),
        "exit_code": outcome.exit_code,
        "keys": outcome.keys.iter().map(|(facts, findings)| key(facts, findings, now)).collect::<Vec<_>>(),
        "managed_keys": outcome.managed.iter().map(|(facts, findings)| managed(facts, findings, now)).collect::<Vec<_>>(),
        "skipped": outcome.skipped.iter().map(skipped).collect::<Vec<_>>(),
        "other_rotations": outcome.other_rotations.iter().map(|pending| rotation(pending, now)).collect::<Vec<_>>(),
        "unreadable": outcome.unreadable.iter().map(failure).collect::<Vec<_>>(),
        "warnings": outcome.warnings,
        "notes": outcome.notes,
    });
    format!("{value:#}")
}

fn key(key: &KeyFacts, findings: &[Finding], now: DateTime<Utc>) -> Value {
    let seen = key.seen.as_ref();
    let holder = |holder: &Seat| match holder {
        Seat::Section(Section { path, name, line }) => json!({"file": path.to_string_lossy(), "section": name, "line": line}),
        Seat::KeychainItem(item) => json!({"keychain_item": item.as_str()}),
    };
    let secret = |secret: &NamedSecret| json!({"secret": secret.id, "region": secret.region});
    json!({
        "access_key_id": key.id.as_str(),
        "profiles": key.profiles,
        "holders": key.holders.iter().map(holder).chain(key.secrets.iter().map(secret)).collect::<Vec<_>>(),
        "rotator": key.rotator,
        "observed_at": seen.map(|seen| utc(seen.observed_at)),
        "remembered": key.is_remembered,
        "status": seen.and_then(|seen| seen.status.as_ref()).map(status_word),
        "created_at": seen.and_then(|seen| seen.created_at).map(utc),
        "age_days": key.age(now).map(Age::days),
        "age_seconds": key.age(now).map(|age| age.as_duration().as_secs()),
        "warn_age_seconds": key.limits.warn_age.as_secs(),
        "max_age_seconds": key.limits.max_age.as_secs(),
        "last_use": seen.map(|seen| last_use(&seen.last_use, Some(key.is_own_use))),
        "account": seen.map(|seen| seen.identity.account.as_str()),
        "arn": seen.map(|seen| seen.identity.arn.as_str()),
        "user_name": seen.and_then(|seen| seen.identity.user_name()),
        "root_user": seen.map(|seen| seen.identity.is_root()),
        "root_keys": seen.map(|seen| root_keys(&seen.root_keys)),
        "second_keys": seen.and_then(|seen| seen.others.as_ref()).map(|others| others.iter().map(|other| second(other, now)).collect::<Vec<_>>()),
        "removal": key.removal.as_ref().map(removal),
        "rotations": key.pending.iter().map(|pending| rotation(pending, now)).collect::<Vec<_>>(),
        "sessions": key.sessions.iter().map(session).collect::<Vec<_>>(),
        "findings": findings.iter().map(Finding::name).collect::<Vec<_>>(),
        "problem": key.problem.as_ref().map(failure),
        "warnings": key.warnings.iter().map(|warning| json!({"code": warning.code, "message": warning.message})).collect::<Vec<_>>(),
    })
}

fn managed(key: &ManagedFacts, findings: &[Finding], now: DateTime<Utc>) -> Value {
    let seen = key.seen.as_ref();
    json!({
        "name": key.name,
        "user_name": key.user,
        "rotator": key.rotator,
        "rotated_here": key.is_here,
        "access_key_id": seen.map(|seen| seen.id.as_str()),
        "holders": key.secrets.iter().map(|secret| json!({"secret": secret.id, "region": secret.region})).collect::<Vec<_>>(),
        "observed_at": seen.map(|seen| utc(seen.observed_at)),
        "remembered": key.is_remembered,
        "status": seen.map(|seen| status_word(&seen.status)),
        "created_at": seen.map(|seen| utc(seen.created_at)),
        "age_days": key.age(now).map(Age::days),
        "age_seconds": key.age(now).map(|age| age.as_duration().as_secs()),
        "warn_age_seconds": key.limits.warn_age.as_secs(),
        "max_age_seconds": key.limits.max_age.as_secs(),
        "last_use": seen.map(|seen| last_use(&seen.last_use, None)),
        "rotations": key.pending.iter().map(|pending| rotation(pending, now)).collect::<Vec<_>>(),
        "findings": findings.iter().map(Finding::name).collect::<Vec<_>>(),
        "problem": key.problem.as_ref().map(failure),
    })
}

fn removal(removal: &Removal) -> Value {
    json!({
        "profile": removal.profile,
        "state": removal.how_far(),
        "signs_until": removal.signs_until.map(utc),
        "hint": removal.goes_on(),
    })
}

fn session(session: &OpenSession) -> Value {
    json!({"role": session.role.as_ref().map(|role| role.as_str()), "mfa": session.with_mfa, "expires_at": utc(session.expires_at)})
}

fn second(other: &OtherKey, now: DateTime<Utc>) -> Value {
    let age = Age::at(now, other.created_at);
    json!({
        "access_key_id": other.id.as_str(),
        "status": status_word(&other.status),
        "active": matches!(other.status, KeyStatus::Active | KeyStatus::Other(_)),
        "created_at": utc(other.created_at),
        "age_days": age.days(),
        "age_seconds": age.as_duration().as_secs(),
        "last_use": last_use(&other.last_use, None),
        "profiles": other.profiles,
    })
}

/// `is_own` only where it was asked: a second key is not used here.
fn last_use(last_use: &LastUsed, is_own: Option<bool>) -> Value {
    let mut value = match last_use {
        LastUsed::Never => json!({"known": true, "at": null}),
        LastUsed::Used(last_use) => json!({"known": true, "at": utc(last_use.at), "service": last_use.service, "region": last_use.region}),
        LastUsed::Unknown(why) => return json!({"known": false, "reason": why}),
    };
    if let (Some(is_own), Some(fields)) = (is_own, value.as_object_mut()) {
        fields.insert("perhaps_keyrotate".to_owned(), is_own.into());
    }
    value
}

fn root_keys(root_keys: &RootKeys) -> Value {
    match root_keys {
        RootKeys::Count(count) => json!({"known": true, "count": count}),
        RootKeys::Unknown(why) => json!({"known": false, "reason": why}),
    }
}

fn rotation(pending: &Pending, now: DateTime<Utc>) -> Value {
    let (rests, until) = match pending.rests_until {
        None => (false, None),
        Some(Rest::Until(at)) => (true, Some(utc(at))),
        Some(Rest::Next) => (true, None),
    };
    json!({
        "profile": pending.profile,
        "old_access_key_id": pending.old.as_str(),
        "new_access_key_id": pending.new.as_ref().map(|id| id.as_str()),
        "state": pending.state,
        "rests": rests,
        "rests_until": until,
        "hint": pending.hint_at(now),
        "entry": pending.path.to_string_lossy(),
    })
}

fn failure(failure: &Failure) -> Value {
    json!({"message": failure.message, "causes": failure.causes, "hint": failure.hint})
}
