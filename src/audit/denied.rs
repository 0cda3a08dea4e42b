//! What helps who was denied a call: a session, or an administrator with the policy that is missing.

use super::policies::PolicyName;
use crate::aws::{AwsError, ErrorKind};
use crate::model::ProfileName;

/// What to do about a call that was denied; none where it failed otherwise. Where `may_log_in`, no session has signed it, and one can be had.
pub fn when_denied(error: &AwsError, policy: PolicyName, profile: &ProfileName, may_log_in: bool) -> Option<String> {
    if !matches!(error.kind, ErrorKind::Denied { .. }) {
        return None;
    }
    let login = format!("`keyrotate login {}`", profile.quoted());
    if error.is_explicit_deny() && may_log_in {
        return Some(format!("run {login}, then this again: the policy seems to want MFA"));
    }
    let (action, id) = (error.operation, policy.id());
    let allow = format!("have an administrator allow {action}: `keyrotate policy show {id} {}` prints all that is asked", profile.quoted());
    // A statement that allows with MFA only is refused like none at all.
    Some(if may_log_in { format!("{allow}; or run {login} first, where it is allowed with MFA") } else { allow })
}
