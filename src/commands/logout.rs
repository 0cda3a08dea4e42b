//! `keyrotate logout`: forgets sessions. AWS goes on accepting them until they end: nothing can end one but a policy.
//!
//! Invariant: the session that alone may sign what is left of a root user's key's removal stays until that is over.

use std::collections::BTreeSet;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::root_key::directory;
use super::session::route;
use crate::model::{AccessKeyId, MfaSerial, ProfileName};
use crate::os::clock;
use crate::os::disk::RealDisk;
use crate::profile::choose_profile;
use crate::root_key::{Removal, unfinished};
use crate::rotation::describe;
use crate::session::{Cache, CacheError, Known, NotForgotten, Whose};

/// Forgets the sessions of the profile's key, those of roles among them; or all. Returns how many there were. That one is kept is a failure, so that
/// no script takes the machine to be without sessions.
pub fn logout(context: &Context, profile: Option<&str>, all: bool) -> Result<usize, Failure> {
    let disk = RealDisk;
    let cache = context.cache(&disk);
    let needed = needed(context, &cache);
    if all {
        let spared: Vec<AccessKeyId> = needed.iter().map(|removal| removal.id.clone()).collect();
        let forgotten = cache.forget(Whose::AllBut(&spared)).map_err(|error| failed(&error))?;
        return needed.first().map_or(Ok(forgotten), |removal| Err(kept(removal, forgotten)));
    }
    let name = choose_profile(&context.environment, profile).name;
    let own = route(context, &name).map_err(lost)?;
    if let Some(removal) = needed.iter().find(|removal| removal.id == own.key.pair.id) {
        return Err(kept(removal, 0));
    }
    let known = known(context).map_err(lost)?;
    let device = own.mfa_serial.or_else(|| cache.device(&own.key.pair.id));
    let others = |session: &Known| is_left_behind(session, &own.key.pair.id, device.as_ref(), &known);
    cache.forget(Whose::Of { key: &own.key.pair.id, others: &others }).map_err(|error| failed(&error))
}

/// The removals of root users' keys that are not over, and that a session which is open can sign for.
fn needed(context: &Context, cache: &Cache<'_>) -> Vec<Removal> {
    let (now, open) = (clock::local_now(), cache.all());
    let is_open = |id: &AccessKeyId| open.iter().any(|known| known.request.key == *id && known.expires_at > now);
    let (removals, _) = unfinished(&RealDisk, &directory(context));
    removals.into_iter().filter(|removal| !removal.is_over_at_aws() && is_open(&removal.id)).collect()
}

/// The session for this removal is kept.
fn kept(removal: &Removal, forgotten: usize) -> Failure {
    let Removal { id, profile, .. } = removal;
    let until = removal.signs_until.map(|at| format!("; it ends at {}", describe::time(at))).unwrap_or_default();
    let message =
        format!("the session of {id} ({profile}) is kept: a removal of this root user's key is not over, and it may alone take that back");
    let hint = format!("{}, and forgets the session when it is over{until}", removal.goes_on());
    Failure::new(FailureKind::Attention, message).state(so_many(forgotten)).hint(hint)
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
