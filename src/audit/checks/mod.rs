//! From facts to findings, one file for each thing that is looked at.
//!
//! Invariant: pure. Each check gives at least one finding, and a pass names what was seen.

mod admin;
mod alarm;
mod keys;
mod mfa;
mod policies;
mod root;
#[cfg(test)]
mod tests;

pub use admin::wants_boundary;
pub use root::{DELETE_ROOT_KEYS, root_keys};

use super::check::Tier;
use super::denied::when_denied;
use super::facts::Facts;
use super::finding::{Finding, Level};
use crate::aws::{AwsError, UserDetails};
use crate::model::{Check, Identity};

/// Every check up to this tier, in the order of [`Check::ALL`].
pub fn audit(facts: &Facts, tier: Tier) -> Vec<Finding> {
    Check::ALL.into_iter().filter(|check| check.tier() <= tier).flat_map(|check| findings(facts, check)).collect()
}

fn findings(facts: &Facts, check: Check) -> Vec<Finding> {
    match check {
        Check::Quarantine => policies::quarantine(facts),
        Check::CallerIsRoot => vec![root::caller(facts)],
        Check::RootKey => vec![root::key(facts)],
        Check::RootMfa => vec![root::mfa(facts)],
        Check::UserMfa => vec![mfa::user(facts)],
        Check::KeyAge => keys::age(facts),
        Check::KeyUnused => keys::unused(facts),
        Check::KeyNeeded => keys::needed(facts),
        Check::TwoKeys => keys::two(facts),
        Check::Inline => policies::inline(facts),
        Check::DirectAttach => policies::direct(facts),
        Check::Admin => admin::admin(facts),
        Check::RootUsed => vec![root::used(facts)],
        Check::CentralRoot => vec![root::central(facts)],
        Check::PolicyAlarm => alarm::policy_changes(facts),
    }
}

/// Who asked, as findings name them.
fn who(facts: &Facts) -> String {
    match &facts.user.identity {
        Ok(identity) if identity.is_root() => root_user(facts),
        Ok(identity) => format!("user {}", identity.user_name().unwrap_or(identity.arn.as_str())),
        Err(_) => format!("profile {}", facts.profile),
    }
}

/// The root user, as findings name it.
fn root_user(facts: &Facts) -> String {
    let account = facts.user.identity.as_ref().map(|identity| identity.account.as_str());
    account.map_or_else(|_| "root user".to_owned(), |account| format!("root user of {account}"))
}

/// Why there is nothing to say of the user's own things.
enum NoUser<'a> {
    /// The caller is no IAM user.
    Other(&'a Identity),
    /// It is not known who it is.
    Unknown(&'a AwsError),
}

fn details(facts: &Facts) -> Result<&UserDetails, NoUser<'_>> {
    match (&facts.user.identity, &facts.user.user) {
        (Err(error), _) => Err(NoUser::Unknown(error)),
        (Ok(_), Some(details)) => Ok(details),
        (Ok(identity), None) => Err(NoUser::Other(identity)),
    }
}

impl NoUser<'_> {
    fn finding(&self, facts: &Facts, check: Check) -> Finding {
        match self {
            NoUser::Other(identity) if identity.is_root() => {
                Finding::new(check, Level::NotApplicable, who(facts), "the root user is no IAM user")
            }
            NoUser::Other(identity) => Finding::new(check, Level::NotApplicable, who(facts), format!("{} is no IAM user", identity.arn)),
            NoUser::Unknown(error) => Finding::unknown(check, who(facts), error),
        }
    }
}

/// A list that could not be read, with what would help.
fn denied(facts: &Facts, check: Check, subject: impl Into<String>, error: &AwsError) -> Finding {
    let has_none = facts.user.mfa_devices.as_ref().is_ok_and(Vec::is_empty);
    let help = when_denied(error, check.tier().policy(), &facts.profile, !facts.here.by_session && !has_none);
    Finding::unknown(check, subject, error).fix(help.unwrap_or_else(|| "run this again".to_owned()))
}
