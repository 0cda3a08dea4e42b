//! `keyrotate logout`: forgets sessions. AWS goes on accepting them until they end: nothing can end one but a policy.

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::session::route;
use crate::os::disk::RealDisk;
use crate::profile::choose_profile;
use crate::session::Cache;

/// Forgets the sessions of the profile's key, those of roles among them; or all. Returns how many there were.
pub fn logout(context: &Context, profile: Option<&str>, all: bool) -> Result<usize, Failure> {
    let disk = RealDisk;
    let cache = Cache::new(&disk, &context.paths.cache_dir);
    let wrong = |error: crate::session::CacheError| Failure::from_error(FailureKind::Failed, &error);
    if all {
        return cache.clear().map_err(wrong);
    }
    let name = choose_profile(&context.environment, profile).name;
    let key = route(context, &name)?.key.pair.id;
    let sessions: Vec<_> = cache.all().into_iter().filter(|session| session.request.key == key).collect();
    sessions.iter().try_for_each(|session| cache.forget(&session.request)).map_err(wrong)?;
    Ok(sessions.len())
}
