//! The user's second factor.

use super::{denied, who};
use crate::audit::facts::Facts;
use crate::audit::finding::{Finding, Level};
use crate::model::{Check, Identity, MfaKind};

/// Also of a user without a password: with a device, a policy can ask for MFA before the key may do anything.
pub(super) fn user(facts: &Facts) -> Finding {
    let check = Check::UserMfa;
    match &facts.user.identity {
        Err(error) => return denied(facts, check, who(facts), error),
        Ok(identity) if identity.is_root() => {
            return Finding::new(check, Level::NotApplicable, who(facts), "the root user is no IAM user: see ROOT-MFA");
        }
        Ok(identity) if Identity::user_name(identity).is_none() => {
            return Finding::new(check, Level::NotApplicable, who(facts), format!("{} is no IAM user", identity.arn));
        }
        Ok(_) => {}
    }
    let devices = match &facts.user.mfa_devices {
        Err(error) => return denied(facts, check, who(facts), error),
        Ok(devices) => devices,
    };
    let kinds: Vec<MfaKind> = devices.iter().map(|serial| MfaKind::of(serial)).collect();
    let listed = devices.iter().zip(&kinds).map(|(serial, kind)| format!("{} {serial}", kind.word())).collect::<Vec<_>>().join(", ");
    let enroll = format!("run `keyrotate mfa enroll {}` in a terminal", facts.profile.quoted());
    if devices.is_empty() {
        Finding::new(check, Level::Fail, who(facts), "it has no MFA device").fix(enroll)
    } else if kinds.contains(&MfaKind::Virtual) || kinds.contains(&MfaKind::Hardware) {
        Finding::new(check, Level::Pass, who(facts), format!("it has {listed}"))
    } else {
        let seen = format!("it has {listed}, which cannot open a session for the AWS CLI");
        Finding::new(check, Level::Warn, who(facts), seen).fix(format!("{enroll}: a virtual device beside it shows codes"))
    }
}
