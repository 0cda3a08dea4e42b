//! `keyrotate logout`: forgets sessions. AWS goes on accepting them until they end: nothing can end one but a policy.

use std::collections::BTreeSet;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::session::route;
use crate::model::{AccessKeyId, MfaSerial, ProfileName};
use crate::os::disk::RealDisk;
use crate::profile::choose_profile;
use crate::session::{CacheError, Known, NotForgotten, Whose};

/// Forgets the sessions of the profile's key, those of roles among them; or all. Returns how many there were.
pub fn logout(context: &Context, profile: Option<&str>, all: bool) -> Result<usize, Failure> {
    let disk = RealDisk;
    let cache = context.cache(&disk);
    if all {
        return cache.forget(Whose::All).map_err(|error| failed(&error));
    }
    let name = choose_profile(&context.environment, profile).name;
    let own = route(context, &name).map_err(lost)?;
    let known = known(context).map_err(lost)?;
    let device = own.mfa_serial.or_else(|| cache.device(&own.key.pair.id));
    let others = |session: &Known| is_left_behind(session, &own.key.pair.id, device.as_ref(), &known);
    cache.forget(Whose::Of { key: &own.key.pair.id, others: &others }).map_err(|error| failed(&error))
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

fn failed(error: &NotForgotten) -> Failure {
    let (kind, hint) = match &error.source {
        CacheError::Busy(_) => (FailureKind::Locked, "answer its question, or end it; then run this again"),
        CacheError::Keychain { .. } => (FailureKind::Failed, "run this again when the keychain answers"),
        CacheError::Directory(_) | CacheError::Lock(_) | CacheError::Io { .. } => {
            (FailureKind::Failed, "correct what is wrong there, then run this again")
        }
    };
    let forgotten = if error.forgotten == 0 { "no session is forgotten".to_owned() } else { told(error.forgotten) };
    let state = format!("{forgotten}; others may be left");
    Failure::from_error(kind, error).state(state).hint(hint)
}
