//! A key of another user: is it the user that is meant, and can the operator manage it?

use super::{Managed, Preflight, Refused, explain};
use crate::aws::{AwsError, ErrorKind};
use crate::model::Identity;
use crate::rotation::step::StopKind;

/// Refuses a key of another user than the settings name, and one of another account than the operator's, where a user of the same name may be
/// another one.
pub(super) fn check(preflight: &Preflight<'_>, managed: &Managed, identity: &Identity, user_name: &str) -> Result<(), Refused> {
    let (id, name) = (&preflight.pair.id, managed.name.as_key());
    if user_name != managed.user {
        let message = format!("{id} is a key of {}, and [key.{name}] names the user {}", identity.arn, managed.user);
        return Err(Refused::new(StopKind::Failed, message, "correct `user` there, or put that user's key into its targets"));
    }
    let operator = preflight.aws.get_caller_identity(&preflight.authority.signer(&preflight.pair));
    let operator = operator.map_err(|error| preflight.explain(&error))?;
    if operator.account != identity.account {
        let whose = format!("{id} is a key of account {}", identity.account);
        let message = format!("{whose}, and the profile {} is of account {}", preflight.profile, operator.account);
        return Err(Refused::new(StopKind::Failed, message, format!("name a profile of that account as `auth_profile` of [key.{name}]")));
    }
    Ok(())
}

impl Preflight<'_> {
    /// Why a call did not go through that the authority signed.
    pub fn explain(&self, error: &AwsError) -> Refused {
        let Some(managed) = &self.managed else { return explain(&self.pair.id, error) };
        let profile = &self.profile;
        let (kind, message, hint) = match error.kind {
            ErrorKind::Denied { .. } => {
                let message = format!("the profile {profile} is not allowed {}", error.operation);
                (StopKind::Failed, message, format!("allow it on the user {}, or name another `auth_profile`", managed.user))
            }
            ErrorKind::NotYetValid | ErrorKind::BadSignature | ErrorKind::Expired => {
                let message = format!("AWS does not accept the credentials of the profile {profile}");
                (StopKind::Failed, message, format!("run `keyrotate login {}`, then this again", profile.quoted()))
            }
            ErrorKind::ClockSkew
            | ErrorKind::Unreachable(_)
            | ErrorKind::Throttled
            | ErrorKind::Gone
            | ErrorKind::LimitExceeded
            | ErrorKind::Conflict
            | ErrorKind::Server
            | ErrorKind::PendingDeletion
            | ErrorKind::Kms
            | ErrorKind::Garbled
            | ErrorKind::Other => return explain(&self.pair.id, error),
        };
        Refused { kind, message, causes: vec![error.to_string()], hint }
    }
}
