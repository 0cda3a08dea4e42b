//! `keyrotate logout`: forgets sessions. AWS goes on accepting them until they end: nothing can end one but a policy.
//!
//! Invariant: the session that alone may sign what is left of a root user's key's removal stays until that is over.

use std::collections::BTreeSet;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::known::removals_directory;
use super::session::{route, usable};
use crate::model::{AccessKeyId, MfaSerial, ProfileName};
use crate::os::disk::RealDisk;
use crate::profile::choose_profile;
use crate::root_key::unfinished;
use crate::rotation::describe;
use crate::session::{Cache, CacheError, Known, NotForgotten, Whose};

/// Forgets the sessions of the profile's key, those of roles among them; or all. Returns how many there were. That one is kept is a failure, so that
/// no script takes the machine to be without sessions.
pub fn logout(context: &Context, profile: Option<&str>, all: bool) -> Result<usize, Failure> {
    let disk = RealDisk;
    let cache = context.cache(&disk);
    let needed = needed(context, &cache);
    let forget = |whose: Whose<'_>, is_meant: &dyn Fn(&Known) -> bool| {
        let spares = |session: &Known| needed.iter().any(|needed| needed.sessions.contains(session));
        let forgotten = cache.forget(whose, &spares).map_err(|error| failed(&error))?;
        let kept = needed.iter().find(|needed| needed.sessions.iter().any(is_meant));
        kept.map_or(Ok(forgotten), |needed| Err(needed.kept(forgotten)))
    };
    if all {
        return forget(Whose::All, &|_| true);
    }
    let name = choose_profile(&context.environment, profile).name;
    let own = route(context, &name).map_err(lost)?;
    let known = known(context).map_err(lost)?;
    let key = &own.key.pair.id;
    let device = own.mfa_serial.or_else(|| cache.device(key));
    let others = |session: &Known| is_left_behind(session, key, device.as_ref(), &known);
    forget(Whose::Of { key, others: &others }, &|session| session.request.key == *key || others(session))
}

/// What a removal of a root user's key needs that is not over.
struct Needed {
    /// The sessions that can sign what is left of it.
    sessions: Vec<Known>,
    /// The key, for a person.
    name: String,
    why: String,
    hint: String,
}

impl Needed {
    /// That its session is kept.
    fn kept(&self, forgotten: usize) -> Failure {
        let Self { sessions, name, why, hint } = self;
        let until = sessions.iter().map(|session| session.expires_at).max();
        let until = until.map(|at| format!("; it ends at {}", describe::time(at))).unwrap_or_default();
        let message = format!("the session of {name} is kept: {why}, and it may alone take that back");
        Failure::new(FailureKind::Attention, message).state(so_many(forgotten)).hint(format!("{hint}{until}"))
    }
}

/// The removals that are not over, each with what can sign for it: also those that cannot be read, which may be a newer keyrotate's.
fn needed(context: &Context, cache: &Cache<'_>) -> Vec<Needed> {
    let (removals, unread) = unfinished(&RealDisk, &removals_directory(context));
    let unfinished = removals.into_iter().filter(|removal| !removal.is_over_at_aws()).map(|removal| Needed {
        sessions: signers(context, cache, &removal.id, Some(&removal.profile)),
        name: format!("{} ({})", removal.id, removal.profile),
        why: "a removal of this root user's key is not over".to_owned(),
        hint: format!("{}, and forgets the session when it is over", removal.goes_on()),
    });
    let unread = unread.iter().filter_map(|unread| {
        let id = unread.id()?;
        let sessions = signers(context, cache, &id, None);
        Some(Needed { sessions, name: id.to_string(), why: unread.to_string(), hint: unread.hint().to_owned() })
    });
    unfinished.chain(unread).filter(|needed| !needed.sessions.is_empty()).collect()
}

/// The sessions of the key that a removal would sign with. Where these files do not lead to the key they do not say at which endpoint it is.
fn signers(context: &Context, cache: &Cache<'_>, id: &AccessKeyId, profile: Option<&ProfileName>) -> Vec<Known> {
    let files = context.files_or_empty();
    let leads = |profile: &&ProfileName| files.route(profile, &context.environment).is_ok_and(|route| route.key.pair.id == *id);
    let endpoints: BTreeSet<Option<String>> = match profile.filter(leads) {
        Some(profile) => [files.endpoint("sts", profile, &context.environment)].into(),
        None => cache.all().into_iter().map(|session| session.request.endpoint).collect(),
    };
    endpoints.iter().flat_map(|endpoint| usable(cache, std::slice::from_ref(id), None, endpoint.as_deref())).collect()
}

/// What was forgotten, in words.
pub fn told(count: usize) -> String {
    match count {
        0 => "no session was open".to_owned(),
        1 => "one session is forgotten".to_owned(),
        count => format!("{count} sessions are forgotten"),
    }
}

/// Every profile with the key that it leads to.
fn known(context: &Context) -> Result<Vec<(ProfileName, AccessKeyId)>, Failure> {
    let files = context.files()?;
    let key = |profile: &ProfileName| files.route(profile, &context.environment).ok().map(|route| route.key.pair.id);
    Ok(files.profiles().filter_map(|profile| key(&profile).map(|key| (profile, key))).collect())
}

/// Whether a session is of the same user by another key, which no profile has any more: it was rotated elsewhere. Such a session was opened
/// with the same device, or for a profile that has the new key now; but a device of another account is another user's, whose profile of the
/// same name is in other files.
fn is_left_behind(session: &Known, own: &AccessKeyId, device: Option<&MfaSerial>, known: &[(ProfileName, AccessKeyId)]) -> bool {
    let request = &session.request;
    if known.iter().any(|(_, key)| *key == request.key) {
        return false;
    }
    if device.is_some() && request.mfa_serial.as_ref() == device {
        return true;
    }
    let account = |serial: Option<&MfaSerial>| serial.and_then(MfaSerial::account);
    let is_of_another = account(device).zip(account(request.mfa_serial.as_ref())).is_some_and(|(ours, theirs)| ours != theirs);
    let profiles: BTreeSet<&str> = known.iter().filter(|(_, key)| key == own).map(|(profile, _)| profile.as_str()).collect();
    !is_of_another && session.opened_for.as_deref().is_some_and(|profile| profiles.contains(profile))
}

/// The files do not lead to the profile's key, whose sessions may be open.
fn lost(failure: Failure) -> Failure {
    let all = "`keyrotate logout --all` forgets every session, whatever the files say";
    let hint = failure.hint.as_ref().map_or_else(|| all.to_owned(), |hint| format!("{hint}; or {all}"));
    failure.state("no session is forgotten").hint(hint)
}

/// Where not all are.
fn so_many(forgotten: usize) -> String {
    if forgotten == 0 { "no session is forgotten".to_owned() } else { told(forgotten) }
}

fn failed(error: &NotForgotten) -> Failure {
    let (kind, hint) = match &error.source {
        CacheError::Busy(_) => (FailureKind::Locked, "answer its question, or end it; then run this again"),
        CacheError::Keychain { .. } => (FailureKind::Failed, "run this again when the keychain answers"),
        CacheError::Directory(_) | CacheError::Lock(_) | CacheError::Io { .. } => {
            (FailureKind::Failed, "correct what is wrong there, then run this again")
        }
    };
    let state = format!("{}; others may be left", so_many(error.forgotten));
    Failure::from_error(kind, error).state(state).hint(hint)
}
