//! The keys of other users, which the settings name as `[key.NAME]`: what the operator's credentials see of them.
//!
//! Invariants: nobody is asked, and no session opened; which key a secret has is read from it, and nothing of it is kept but the ID.

use std::iter;

use chrono::{DateTime, Utc};

use super::facts::NamedSecret;
use super::judge::{Finding, waits};
use crate::aws::{Aws, AwsError, Signer, region_of_arn};
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::known::{ManagedSeen, Observations, Pending};
use crate::commands::rotate::{first_held, is_elsewhere, secrets};
use crate::commands::session::{SessionOptions, access, route};
use crate::model::{Age, AgeLevel, KeyOwner, LastUsed, Limits, ProfileName};
use crate::os::clock;
use crate::os::terminal::{Console, ConsoleOptions};
use crate::profile::settings::{KeySettings, Target};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedFacts {
    /// The name of its table.
    pub name: ProfileName,
    /// The IAM user's name, by the settings.
    pub user: String,
    /// The machine that rotates it; none is any.
    pub rotator: Option<String>,
    /// Whether this machine rotates it.
    pub is_here: bool,
    /// The secrets that have it.
    pub secrets: Vec<NamedSecret>,
    /// When it is due and overdue.
    pub limits: Limits,
    /// What was seen, now or at the last observation.
    pub seen: Option<ManagedSeen>,
    /// Whether `seen` is an earlier run's.
    pub is_remembered: bool,
    /// Why not all of it could be seen now.
    pub problem: Option<Failure>,
    /// Rotations of it under way.
    pub pending: Vec<Pending>,
}

impl ManagedFacts {
    /// The key's age at `now`, where it is known.
    pub fn age(&self, now: DateTime<Utc>) -> Option<Age> {
        self.seen.as_ref().map(|seen| Age::at(now, seen.created_at))
    }

    /// Whether it is due or overdue at `now`, as far as is known.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.age(now).is_some_and(|age| self.limits.level(age) != AgeLevel::Fresh)
    }
}

/// Looks at those that are meant; offline, remembers.
pub(super) fn managed(context: &Context, names: &[String], offline: bool, memory: &Observations, pending: &[Pending]) -> Vec<ManagedFacts> {
    let is_meant = |name: &&String| names.is_empty() || names.contains(name);
    let keys = context.settings.keys().iter().filter(|(name, _)| is_meant(name));
    let facts = |(name, key): (&String, &KeySettings)| {
        let name = ProfileName::new(name);
        let looked = if offline { None } else { Some(look(context, &name, key)) };
        let (seen, problem) = match looked {
            None => (None, None),
            Some(Ok(seen)) => (Some(seen), None),
            Some(Err(failure)) => (None, Some(Failure { kind: FailureKind::Unchecked, state: None, ..failure })),
        };
        let remembered = memory.of_managed(name.as_str()).filter(|_| seen.is_none());
        ManagedFacts {
            user: key.user.clone(),
            is_here: !key.rotator.as_deref().is_some_and(is_elsewhere),
            rotator: key.rotator.clone(),
            secrets: key.targets.iter().filter_map(named).collect(),
            limits: context.settings.for_key(key).limits,
            is_remembered: remembered.is_some(),
            seen: seen.or_else(|| remembered.cloned()),
            problem,
            pending: pending.iter().filter(|pending| pending.profile == name).cloned().collect(),
            name,
        }
    };
    keys.map(facts).collect()
}

fn named(target: &Target) -> Option<NamedSecret> {
    match target {
        Target::SecretsManager { secret_id, region, .. } => {
            Some(NamedSecret { id: secret_id.clone(), region: region_of_arn(secret_id).map(str::to_owned).or(region.clone()) })
        }
        Target::Command { .. } => None,
    }
}

fn look(context: &Context, name: &ProfileName, key: &KeySettings) -> Result<ManagedSeen, Failure> {
    let profile = &key.auth_profile;
    let way = route(context, profile).map_err(|failure| failure.of(profile.as_str()))?;
    let signer = operator(context, profile, way.roles.is_empty() && way.mfa_serial.is_none())?;
    let (aws, _) = context.aws(context.files()?, profile, way.key.region.clone(), way.key.ca_bundle.clone())?;
    let targets = secrets(key.targets.clone(), &format!("[key.{name}]"), way.key.region.as_ref())?;
    let id = first_held(&aws, &signer, &targets).map_err(|error| Failure::from_error(FailureKind::Unchecked, &error))?.id;
    let refused = |error: AwsError| {
        let message = format!("the profile {profile} cannot look at the keys of {}", key.user);
        Failure { causes: vec![error.to_string()], ..Failure::new(FailureKind::Unchecked, message) }
    };
    let keys = aws.list_access_keys(&signer, KeyOwner::User(&key.user)).map_err(refused)?;
    let Some(own) = keys.into_iter().find(|own| own.id == id) else {
        let message = format!("its secret has {id}, which is no key of the user {}", key.user);
        let hint = "put that user's key there, or correct `user` in config.toml; a key that was made just now is listed late";
        return Err(Failure::new(FailureKind::Unchecked, message).hint(hint));
    };
    let last_use = aws.get_access_key_last_used(&signer, &id).unwrap_or_else(|error| LastUsed::Unknown(error.to_string()));
    Ok(ManagedSeen { observed_at: now(&aws), id, created_at: own.created_at, status: own.status, last_use })
}

/// What signs: the key of a profile that goes without MFA and roles, else a session that is open.
fn operator(context: &Context, profile: &ProfileName, is_bare: bool) -> Result<Signer, Failure> {
    if is_bare {
        return context.known_pair(&route(context, profile)?.key.pair).map(Signer::LongTerm);
    }
    let options = SessionOptions { profile: Some(profile.to_string()), open_only: true, ..SessionOptions::default() };
    let nobody = || Ok(Console::new(ConsoleOptions { no_input: true, quiet: true, yes: false }, None));
    let access = access(context, &nobody, &options, "keyrotate status").map_err(|failure| {
        let message = format!("the profile {profile}, which manages it, has no session that is open");
        let hint = format!("run `keyrotate login {}`, then this again", profile.quoted());
        Failure { causes: iter::once(failure.message).chain(failure.causes).collect(), ..Failure::new(FailureKind::Unchecked, message) }
            .hint(hint)
    })?;
    Ok(Signer::Session(access.session.credentials))
}

fn now(aws: &Aws) -> DateTime<Utc> {
    aws.server_time().map_or_else(clock::local_now, |time| time.at(clock::boot_time()))
}

/// What is to be said against one at `now`.
pub fn judge_managed(key: &ManagedFacts, now: DateTime<Utc>) -> Vec<Finding> {
    let age = key.age(now).and_then(|age| match key.limits.level(age) {
        AgeLevel::Due => Some(Finding::Due),
        AgeLevel::Overdue => Some(Finding::Overdue),
        AgeLevel::Fresh => None,
    });
    let rotation = key.pending.iter().any(|pending| waits(pending, now)).then_some(Finding::RotationWaits);
    let unseen = (key.seen.is_none() && key.problem.is_none()).then_some(Finding::NeverObserved);
    let problem = key.problem.as_ref().map(|problem| Finding::Unchecked(problem.kind));
    age.into_iter().chain(rotation).chain(unseen).chain(problem).collect()
}
