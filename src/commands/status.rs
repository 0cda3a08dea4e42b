//! `keyrotate status`: how old the keys are, who has them, and what waits.
//!
//! Invariant: it only reads. The one file it writes is the memory of what it saw; no directory is made or tightened, no lock taken.

mod facts;
mod judge;
mod look;
mod managed;
mod modes;
pub mod prompt;

use std::iter;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::context::Context;
use super::failure::{Failure, FailureKind, worst};
use super::known::{Journal, Observations, removals_directory, unread_removal, unreadable};
use super::rotate::elsewhere;
use crate::aws::{KeySight, region_of_arn};
use crate::keys::unfinished;
use crate::mfa;
use crate::model::{AccessKeyId, ProfileName};
use crate::os::clock;
use crate::os::disk::RealDisk;
use crate::profile::settings::Target;
use crate::profile::{AwsFiles, FileKind, INSIDE, OwnKey, OwnKeys, Refusal, Warning, choose_profile};
use crate::root_key;

pub use super::known::{Claim, ManagedSeen, Observation, OtherKey, Pending, Rest, RootKeys};
pub use facts::{KeyFacts, NamedSecret, OpenSession, Seat, Section};
pub use judge::{Finding, judge, waits};
pub use managed::{ManagedFacts, judge_managed};

use look::Looked;

/// What `status` was asked for.
#[derive(Clone, Debug, Default)]
pub struct StatusOptions {
    /// The profiles; none means every own key.
    pub profiles: Vec<String>,
    /// No network: what the last run saw.
    pub offline: bool,
}

/// What is known.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusOutcome {
    /// The time that ages are held against, in UTC: AWS's where it answered.
    pub now: DateTime<Utc>,
    /// The keys, each with what is to be said against it.
    pub keys: Vec<(KeyFacts, Vec<Finding>)>,
    /// The keys of other users that the settings name, likewise.
    pub managed: Vec<(ManagedFacts, Vec<Finding>)>,
    /// Profiles without a long-term key: all, or those that were named.
    pub skipped: Vec<Skipped>,
    /// Rotations of keys that are not among these; with names, those begun for one of them.
    pub other_rotations: Vec<Pending>,
    /// Journal entries that cannot be read.
    pub unreadable: Vec<Failure>,
    /// Moves of a key into the keychain or back that were interrupted, one sentence each; also among the warnings.
    pub moves: Vec<String>,
    /// What is wrong with the AWS files as a whole, one sentence each.
    pub warnings: Vec<String>,
    /// AWS files that a variable names and that do not exist, one sentence each; also among the notes.
    pub absent: Vec<String>,
    /// What a person should know beside.
    pub notes: Vec<String>,
    /// What the whole comes to.
    pub exit_code: u8,
}

/// A profile without a long-term key.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    /// The profile.
    pub profile: ProfileName,
    /// A stable name of the reason.
    pub code: &'static str,
    /// The reason.
    pub reason: String,
    /// It has something of a key that cannot be used, so that not every own key could be checked.
    pub is_broken: bool,
    /// It was asked for by name, so that it counts: as this.
    pub asked: Option<Failure>,
}

/// Runs the command.
pub fn status(context: &Context, options: &StatusOptions) -> Result<StatusOutcome, Failure> {
    let disk = RealDisk;
    let journal = Journal::of_context(context);
    let files = context.files().map_err(|failure| match journal.pending.first() {
        Some(pending) => failure.hint(format!("correct the file there; a rotation of {} is under way: {}", pending.old, pending.hint)),
        None => failure,
    })?;
    let own = files.own_keys(&context.environment);
    let (chosen, skipped) = choose(context, files, &own, &options.profiles);
    let path = Observations::path(context);
    let mut memory = Observations::load(&disk, &path);
    let absent = context.absent();
    let mut notes: Vec<String> = conflict(context).into_iter().chain(exported(context)).chain(memory.fault.take()).collect();
    notes.extend(absent.iter().cloned());
    notes.extend(context.unknown_tables());
    let (looked, now) = if options.offline { (Vec::new(), clock::local_now()) } else { look::look(context, files, &chosen) };
    let sessions = open_sessions(context);
    let (removals, unread_removals) = root_key::unfinished(&disk, &removals_directory(context));
    let looked = looked.into_iter().chain(iter::repeat_with(Looked::default));
    let known = |(key, looked): (&&OwnKey, Looked)| {
        let mut known = facts(context, files, key, looked, &memory);
        for other in known.seen.iter_mut().filter_map(|seen| seen.others.as_mut()).flatten() {
            other.profiles = own.profiles_with(&other.id);
        }
        let pending = journal.pending.iter().filter(|pending| pending.concerns(&known.id)).cloned();
        let as_listed = |pending: Pending| match known.listed(&pending.old) {
            Some(listed) => pending.as_listed(listed),
            None => pending,
        };
        known.pending = pending.map(as_listed).collect();
        known.removal = removals.iter().find(|removal| removal.id == known.id).cloned();
        known.sessions = sessions.iter().filter(|(key, _)| *key == known.id).map(|(_, session)| session.clone()).collect();
        let findings = judge(&known, now);
        (known, findings)
    };
    let keys: Vec<(KeyFacts, Vec<Finding>)> = chosen.iter().zip(looked).map(known).collect();
    let managed = managed::managed(context, &options.profiles, options.offline, &memory, &journal.pending);
    let managed: Vec<(ManagedFacts, Vec<Finding>)> = managed
        .into_iter()
        .map(|key| {
            let findings = judge_managed(&key, now);
            (key, findings)
        })
        .collect();
    if !options.offline {
        for (key, seen) in managed.iter().filter(|(key, _)| !key.is_remembered).filter_map(|(key, _)| Some((key, key.seen.as_ref()?))) {
            memory.remember_managed(key.name.as_str(), seen);
        }
        notes.extend(remember(memory, keys.iter().map(|(key, _)| key), now, &path));
    }
    let asked = |name: &ProfileName| options.profiles.is_empty() || options.profiles.iter().any(|asked| asked == name.as_str());
    let is_shown = |pending: &Pending| {
        keys.iter().any(|(key, _)| pending.concerns(&key.id)) || managed.iter().any(|(key, _)| key.pending.contains(pending))
    };
    let is_other = |pending: &&Pending| asked(&pending.profile) && !is_shown(pending);
    let other_rotations = journal.pending.iter().filter(is_other).cloned().collect();
    let (moves, wrong) = unfinished(&disk, &context.paths.state_dir.join("imports"));
    let (enrolments, unread) = mfa::unfinished(&disk, &super::mfa::directory(context));
    let begun = moves.iter().map(|begun| (begun.told(), begun.again())).chain(enrolments.iter().map(|begun| (begun.told(), begun.again())));
    let interrupted = begun.map(|(told, again)| format!("{told} was interrupted: run `{again}`, which goes on"));
    let moves: Vec<String> = interrupted.chain(removals.iter().map(root_key::Removal::waits)).collect();
    let outcome = StatusOutcome {
        now,
        keys,
        managed,
        skipped,
        other_rotations,
        unreadable: journal
            .unreadable
            .into_iter()
            .chain(wrong.iter().chain(&unread).map(unreadable))
            .chain(unread_removals.iter().map(unread_removal))
            .collect(),
        warnings: modes::readable_by_others(files).into_iter().chain(moves.iter().cloned()).collect(),
        moves,
        absent,
        notes,
        exit_code: 0,
    };
    Ok(StatusOutcome { exit_code: outcome.code(), ..outcome })
}

impl StatusOutcome {
    /// The key of this account's root user, where one is among those that were looked at.
    pub fn root_key(&self, account: &str) -> Option<&KeyFacts> {
        let is_roots = |seen: &Observation| seen.identity.is_root() && seen.identity.account == account;
        self.keys.iter().find(|(key, _)| key.seen.as_ref().is_some_and(is_roots)).map(|(key, _)| key)
    }

    fn code(&self) -> u8 {
        let nothing = (self.keys.is_empty() && self.managed.is_empty()).then_some(FailureKind::Unchecked);
        let asked = self.skipped.iter().filter_map(|skipped| skipped.asked.as_ref());
        let broken = self.skipped.iter().filter(|skipped| skipped.is_broken && skipped.asked.is_none()).map(|_| FailureKind::Unchecked);
        let failures = asked.chain(&self.unreadable).map(|failure| failure.kind).chain(nothing).chain(broken).map(FailureKind::exit_code);
        let rotations = self.other_rotations.iter().filter(|pending| waits(pending, self.now)).map(|_| Finding::RotationWaits.exit_code());
        let moves = (!self.moves.is_empty()).then_some(FailureKind::Attention.exit_code());
        let findings = self.keys.iter().flat_map(|(_, findings)| findings).map(Finding::exit_code);
        // What another machine rotates is that machine's to look after.
        let here = self.managed.iter().filter(|(key, _)| key.is_here).flat_map(|(_, findings)| findings).map(Finding::exit_code);
        worst(failures.chain(rotations).chain(moves).chain(findings).chain(here))
    }
}

/// The keys that are meant, and the profiles that have none.
fn choose<'a>(context: &Context, files: &AwsFiles, own: &'a OwnKeys, names: &[String]) -> (Vec<&'a OwnKey>, Vec<Skipped>) {
    if names.is_empty() {
        let skipped = own.skipped.iter().map(|(profile, refusal)| skipped(profile, refusal, false)).collect();
        return (own.keys.iter().collect(), skipped);
    }
    let (mut keys, mut refused): (Vec<&OwnKey>, Vec<Skipped>) = Default::default();
    let is_managed = |name: &&String| context.settings.keys().contains_key(*name);
    for name in names.iter().filter(|name| !is_managed(name)).map(ProfileName::new) {
        let key = own.keys.iter().find(|key| key.profiles.iter().any(|profile| profile.name == name));
        if let Some(key) = key {
            keys.extend(Some(key).filter(|key| !keys.iter().any(|other| other.pair.id == key.pair.id)));
        } else if let Err(refusal) = files.resolve(&name, &context.environment) {
            refused.push(skipped(&name, &refusal, true));
        }
    }
    (keys, refused)
}

fn skipped(profile: &ProfileName, refusal: &Refusal, asked: bool) -> Skipped {
    let failure = || {
        let kind = if matches!(refusal, Refusal::NoSuchProfile { .. }) { FailureKind::Failed } else { FailureKind::Unchecked };
        Failure::from_error(kind, refusal)
    };
    Skipped {
        profile: profile.clone(),
        code: refusal.code(),
        reason: refusal.to_string(),
        is_broken: refusal.is_broken_key(),
        asked: asked.then(failure),
    }
}

/// Tools disagree on the profile; a command that only reads says so.
pub(super) fn conflict(context: &Context) -> Option<String> {
    let (profile, default_profile) = choose_profile(&context.environment, None).conflict?;
    Some(format!("AWS_PROFILE is {profile} and AWS_DEFAULT_PROFILE is {default_profile}: programs differ in which they take"))
}

/// The AWS CLI takes an exported key before any profile, unless one is named.
fn exported(context: &Context) -> Option<String> {
    let id = AccessKeyId::parse(context.environment.get("AWS_ACCESS_KEY_ID")?).ok();
    if let Some(inside) = context.environment.get(INSIDE) {
        return Some(format!("this is inside a session of the profile {inside}: commands that name no profile use that session"));
    }
    let which = id.map(|id| format!(" ({id})")).unwrap_or_default();
    Some(format!(
        "AWS_ACCESS_KEY_ID is exported{which}: commands that name no profile use that key, not the profile's; unset it if that is not meant"
    ))
}

/// What this machine's files say of a key, with what was seen now, or before where nothing was.
fn facts(context: &Context, files: &AwsFiles, key: &OwnKey, looked: Looked, memory: &Observations) -> KeyFacts {
    let remembered = memory.of(&key.pair.id);
    let Looked { seen, problem, is_unreachable } = looked;
    let is_remembered = seen.is_none() && remembered.is_some();
    let seen = seen.map(|seen| {
        let created_at = seen.created_at.or_else(|| remembered.and_then(|before| before.created_at));
        Observation { created_at, ..seen }
    });
    let mut holders: Vec<Seat> = Vec::new();
    let mut secrets: Vec<NamedSecret> = Vec::new();
    let mut warnings: Vec<Warning> = Vec::new();
    for profile in &key.profiles {
        let path = match profile.file {
            FileKind::Credentials => &files.paths().credentials,
            FileKind::Config => &files.paths().config,
        };
        let section = || Seat::Section(Section { path: path.clone(), name: profile.section.clone(), line: profile.line });
        let seat = profile.pair.item().map_or_else(section, |item| Seat::KeychainItem(item.clone()));
        if !holders.contains(&seat) {
            holders.push(seat);
        }
        let found = named_secrets(context, &profile.name, profile.region.as_deref());
        secrets.extend(found.into_iter().filter(|secret| !secrets.contains(secret)).collect::<Vec<_>>());
        let fault = profile.fault.as_ref().map(|fault| Warning { code: fault.code(), message: fault.to_string() });
        let fault = fault.filter(|fault| problem.as_ref().is_none_or(|problem| problem.message != fault.message));
        let told = profile.warnings.iter().cloned().chain(fault);
        warnings.extend(told.filter(|warning| !warnings.contains(warning)).collect::<Vec<_>>());
    }
    let seen = seen.or_else(|| remembered.cloned());
    KeyFacts {
        id: key.pair.id.clone(),
        rotator: elsewhere(&context.settings, key, seen.as_ref().and_then(|seen| seen.identity.user_name())),
        profiles: key.profiles.iter().map(|profile| profile.name.clone()).collect(),
        holders,
        secrets,
        limits: context.settings.limits_of(key.profiles.iter().map(|profile| &profile.name)),
        warnings,
        is_own_use: seen.as_ref().is_some_and(|seen| seen.is_own_use(remembered)),
        seen,
        is_remembered,
        problem,
        is_unreachable,
        removal: None,
        pending: Vec::new(),
        sessions: Vec::new(),
    }
}

/// The secrets that a profile has as targets, each with its region.
fn named_secrets(context: &Context, profile: &ProfileName, region: Option<&str>) -> Vec<NamedSecret> {
    let secret = |target| match target {
        Target::SecretsManager { secret_id: id, region: named, .. } => {
            let region = region_of_arn(&id).map(str::to_owned).or(named).or_else(|| region.map(str::to_owned));
            Some(NamedSecret { id, region })
        }
        Target::Command { .. } => None,
    };
    context.settings.for_profile(profile).targets.into_iter().filter_map(secret).collect()
}

/// The sessions that are open, of each key.
fn open_sessions(context: &Context) -> Vec<(AccessKeyId, OpenSession)> {
    let (disk, now) = (RealDisk, clock::local_now());
    let known = context.cache(&disk).all().into_iter().filter(|known| known.expires_at > now);
    let told = known.map(|known| {
        let role = known.request.roles.last().map(|role| role.arn.clone());
        let session = OpenSession { role, with_mfa: known.request.mfa_serial.is_some(), expires_at: known.expires_at };
        (known.request.key, session)
    });
    let mut sessions: Vec<_> = told.collect();
    sessions.sort_by_key(|(_, session)| std::cmp::Reverse(session.expires_at));
    sessions
}

/// Notes what another command saw of a key; returns what went wrong there, if anything did.
pub(super) fn note(context: &Context, id: &AccessKeyId, sight: KeySight, now: DateTime<Utc>) -> Option<String> {
    let path = Observations::path(context);
    let mut memory = Observations::load(&RealDisk, &path);
    let seen = look::observation(id, sight, now).filter(is_worth_it)?;
    memory.remember(id, &seen);
    memory.store(&RealDisk, &path, now)
}

/// An answer without an age would take away more than it brings.
fn is_worth_it(seen: &Observation) -> bool {
    seen.created_at.is_some() || seen.identity.is_root()
}

/// Stores what was seen now.
fn remember<'a>(mut memory: Observations, keys: impl Iterator<Item = &'a KeyFacts>, now: DateTime<Utc>, path: &Path) -> Option<String> {
    for key in keys.filter(|key| !key.is_remembered) {
        if let Some(seen) = key.seen.as_ref().filter(|seen| is_worth_it(seen)) {
            memory.remember(&key.id, seen);
        }
    }
    memory.store(&RealDisk, path, now)
}
