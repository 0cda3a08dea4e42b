//! `keyrotate status --prompt`: what a shell's prompt shows of the profile that is meant. Asks nobody, writes nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Finding, StatusOptions, status};
use crate::commands::context::Context;
use crate::commands::failure::Failure;
use crate::model::ProfileName;
use crate::os::clock;
use crate::profile::choose_profile;

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The profile.
    pub profile: ProfileName,
    /// What is left of its session; none is open otherwise.
    pub left: Option<Duration>,
    /// That its key is the root user's, overdue or due, by the last observation.
    pub matter: Option<Finding>,
}

/// Of the profile whose session the shell is on (`inside`), else of the one that is chosen.
pub fn prompt(context: &Context, inside: Option<&str>) -> Result<Prompt, Failure> {
    let profile = choose_profile(&context.environment, inside).name;
    let options = StatusOptions { profiles: vec![profile.to_string()], offline: true };
    let key = status(context, &options)?.keys.into_iter().next();
    // On a session, it is that one; another that is open does not help the shell.
    let exported = || context.environment.get("AWS_CREDENTIAL_EXPIRATION").and_then(|at| at.parse::<DateTime<Utc>>().ok());
    let role =
        context.files()?.route(&profile, &context.environment).ok().and_then(|route| route.roles.last().map(|role| role.arn.clone()));
    let open = || key.as_ref()?.0.sessions.iter().find(|session| session.role == role).map(|session| session.expires_at);
    let ends_at = inside.and_then(|_| exported()).or_else(open);
    let findings = key.as_ref().map(|(_, findings)| findings.as_slice()).unwrap_or_default();
    let matter = [Finding::RootUserKey, Finding::Overdue, Finding::Due].into_iter().find(|matter| findings.contains(matter));
    Ok(Prompt { profile, left: ends_at.and_then(|at| (at - clock::local_now()).to_std().ok()), matter })
}
