//! From facts to findings to the exit code.
//!
//! Invariant: pure, and what is not known is a finding of its own, never fine. A root check that is denied is the exception: it is an
//! extra, shown as unknown, and does not count.

use chrono::{DateTime, Utc};

use super::facts::KeyFacts;
use crate::audit::{Level, root_keys};
use crate::commands::failure::FailureKind;
use crate::commands::known::{Pending, RootKeys};
use crate::model::AgeLevel;

/// Something about a key that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Older than `warn_age`.
    Due,
    /// Older than `max_age`.
    Overdue,
    /// The key is the root user's own.
    RootUserKey,
    /// The account's root user has so many keys.
    RootKeys(u32),
    /// A rotation waits to be gone on with.
    RotationWaits,
    /// AWS could not be asked, for this kind of reason.
    Unchecked(FailureKind),
    /// Nothing is known of it from any run.
    NeverObserved,
}

impl Finding {
    /// What it makes of the exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Finding::Overdue | Finding::RootUserKey | Finding::RootKeys(_) => 11,
            Finding::Due | Finding::RotationWaits => FailureKind::Attention.exit_code(),
            // It asks for no code: it only could not look.
            Finding::Unchecked(FailureKind::MfaNeeded) => FailureKind::Unchecked.exit_code(),
            Finding::Unchecked(kind) => kind.exit_code(),
            Finding::NeverObserved => FailureKind::Unchecked.exit_code(),
        }
    }

    /// A stable name for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Finding::Due => "due",
            Finding::Overdue => "overdue",
            Finding::RootUserKey => "root-user-key",
            Finding::RootKeys(_) => "root-keys",
            Finding::RotationWaits => "rotation-waits",
            Finding::Unchecked(_) => "unchecked",
            Finding::NeverObserved => "never-observed",
        }
    }
}

/// What is to be said against a key at `now`.
pub fn judge(key: &KeyFacts, now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match key.age(now).map(|age| key.limits.level(age)) {
        Some(AgeLevel::Due) => findings.push(Finding::Due),
        Some(AgeLevel::Overdue) => findings.push(Finding::Overdue),
        Some(AgeLevel::Fresh) | None => {}
    }
    match &key.seen {
        Some(seen) => {
            if seen.identity.is_root() {
                findings.push(Finding::RootUserKey);
            }
            match seen.root_keys {
                RootKeys::Count(count) if root_keys(count) == Level::Fail => findings.push(Finding::RootKeys(count)),
                RootKeys::Count(_) | RootKeys::Unknown(_) => {}
            }
        }
        None if key.problem.is_none() => findings.push(Finding::NeverObserved),
        None => {}
    }
    if key.pending.iter().any(|pending| waits(pending, now)) {
        findings.push(Finding::RotationWaits);
    }
    findings.extend(key.problem.as_ref().map(|problem| Finding::Unchecked(problem.kind)));
    findings
}

/// Whether a rotation should be gone on with: it was broken off, or its grace is over.
pub fn waits(pending: &Pending, now: DateTime<Utc>) -> bool {
    !pending.rests_at(now)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use chrono::TimeDelta;

    use super::*;
    use crate::commands::failure::{Failure, worst};
    use crate::commands::known::{Observation, Rest};
    use crate::model::{AccessKeyId, Arn, Identity, LastUsed, Limits};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn id() -> AccessKeyId {
        AccessKeyId::parse("AKIAEXAMPLE000000001").unwrap()
    }

    fn key(change: impl Fn(&mut KeyFacts)) -> KeyFacts {
        let arn = Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap();
        let seen = Observation {
            observed_at: now(),
            identity: Identity { account: "111122223333".into(), arn, user_id: "AIDAEXAMPLE".into() },
            created_at: Some(now() - TimeDelta::days(1)),
            status: None,
            last_use: LastUsed::Never,
            others: None,
            root_keys: RootKeys::Count(0),
            watched: None,
        };
        let mut key = KeyFacts {
            id: id(),
            profiles: Vec::new(),
            holders: Vec::new(),
            secrets: Vec::new(),
            rotator: None,
            limits: Limits::default(),
            warnings: Vec::new(),
            seen: Some(seen),
            is_remembered: false,
            is_own_use: false,
            problem: None,
            is_unreachable: false,
            removal: None,
            pending: Vec::new(),
            sessions: Vec::new(),
        };
        change(&mut key);
        key
    }

    fn aged(key: &mut KeyFacts, days: i64) {
        key.seen.as_mut().unwrap().created_at = Some(now() - TimeDelta::days(days));
    }

    fn root(key: &mut KeyFacts, keys: RootKeys) {
        key.seen.as_mut().unwrap().root_keys = keys;
    }

    fn pend(key: &mut KeyFacts, rests_until: Option<Rest>) {
        let (state, hint) = (String::new(), String::new());
        key.pending.push(Pending {
            path: PathBuf::new(),
            profile: Default::default(),
            old: id(),
            new: None,
            state,
            claim: None,
            hint,
            hint_at_rest: None,
            rests_until,
        });
    }

    #[test]
    fn every_fact_finds_its_code() {
        let problem = || Some(Failure::new(FailureKind::Unchecked, "denied"));
        let table: [(&str, KeyFacts, &[&str], u8); 15] = [
            ("fresh", key(|_| {}), &[], 0),
            ("due", key(|k| aged(k, 75)), &["due"], 10),
            ("overdue", key(|k| aged(k, 91)), &["overdue"], 11),
            ("from the future", key(|k| aged(k, -3)), &[], 0),
            ("root keys", key(|k| root(k, RootKeys::Count(1))), &["root-keys"], 11),
            ("root check denied", key(|k| root(k, RootKeys::Unknown("denied".into()))), &[], 0),
            (
                "root user",
                key(|k| k.seen.as_mut().unwrap().identity.arn = Arn::parse("arn:aws:iam::111122223333:root").unwrap()),
                &["root-user-key"],
                11,
            ),
            ("broken off", key(|k| pend(k, None)), &["rotation-waits"], 10),
            ("in its grace", key(|k| pend(k, Some(Rest::Until(now() + TimeDelta::hours(1))))), &[], 0),
            ("past its grace", key(|k| pend(k, Some(Rest::Until(now() - TimeDelta::hours(1))))), &["rotation-waits"], 10),
            ("until the next", key(|k| pend(k, Some(Rest::Next))), &[], 0),
            ("never observed", key(|k| k.seen = None), &["never-observed"], 12),
            ("refused", key(|k| (k.seen, k.problem) = (None, problem())), &["unchecked"], 12),
            (
                "overdue as remembered",
                key(|k| {
                    aged(k, 200);
                    k.problem = problem();
                }),
                &["overdue", "unchecked"],
                11,
            ),
            (
                "due, root keys, rotation",
                key(|k| {
                    aged(k, 80);
                    root(k, RootKeys::Count(2));
                    pend(k, None);
                }),
                &["due", "root-keys", "rotation-waits"],
                11,
            ),
        ];
        for (name, key, wanted, code) in table {
            let findings = judge(&key, now());
            assert_eq!(findings.iter().map(Finding::name).collect::<Vec<_>>(), wanted, "{name}");
            assert_eq!(worst(findings.iter().map(Finding::exit_code)), code, "{name}");
        }
    }

    #[test]
    fn the_strictest_code_wins() {
        for (codes, wanted) in
            [(vec![], 0), (vec![0, 12], 12), (vec![12, 10], 10), (vec![10, 11, 12], 11), (vec![11, 20], 20), (vec![20, 2, 1], 1)]
        {
            assert_eq!(worst(codes.clone()), wanted, "{codes:?}");
        }
    }
}
