//! `keyrotate mfa`: the MFA devices of the user who has a profile's key.
//!
//! Invariant: the user is an IAM user, and the profile has the key itself: the root user's devices and a role's are nobody's business here.

mod codes;
pub mod enroll;
mod left;
pub mod list;
pub mod resync;

use std::cell::Cell;
use std::path::PathBuf;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::session::own_signer;
use crate::audit::{PolicyName, when_denied};
use crate::aws::{Aws, AwsError, MfaDevice, Signer};
use crate::model::{Identity, ProfileName};
use crate::os::clock;
use crate::os::terminal::Console;
use crate::profile::{AwsFiles, Route, choose_profile};
use crate::rotation::explain;

/// The state of things where nothing was done.
const UNCHANGED: &str = "nothing was changed";

/// The directory of what is written down, below the state directory.
pub(super) fn directory(context: &Context) -> PathBuf {
    context.paths.state_dir.join("mfa")
}

/// Whose devices are meant, and who asks.
struct Asked<'a> {
    context: &'a Context,
    files: &'a AwsFiles,
    profile: ProfileName,
    route: Route,
    aws: Aws,
    signer: Signer,
    identity: Identity,
    user_name: String,
    /// AWS listed none: then no session can be opened that a policy may want.
    has_none: Cell<bool>,
}

impl<'a> Asked<'a> {
    fn new(context: &'a Context, profile: Option<&str>) -> Result<Self, Failure> {
        let files = context.files()?;
        let chosen = choose_profile(&context.environment, profile).name;
        let route = files.route(&chosen, &context.environment).map_err(|refusal| {
            let kind = if refusal.code() == "no-credentials" { FailureKind::Unchecked } else { FailureKind::Failed };
            Failure::from_error(kind, &refusal).state(UNCHANGED)
        })?;
        let profile = route.key.key_profile.clone();
        if let Some(role) = route.roles.last() {
            let message = format!("{chosen} is the role {}, and a role has no MFA device: the user whose key opens it has", role.arn);
            let hint = format!("name the profile with that key: {}", profile.quoted());
            return Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint));
        }
        let (aws, _) = context.aws(files, &profile, route.key.region.clone(), route.key.ca_bundle.clone())?;
        let signer = own_signer(context, &profile, &route)?;
        let identity = aws
            .get_caller_identity(&signer)
            .map_err(|error| Failure { kind: FailureKind::Unchecked, ..Failure::from(explain(&route.key.pair.id, &error)) })?;
        let Some(user_name) = identity.user_name().filter(|_| !identity.is_root()).map(str::to_owned) else {
            let message = format!("{} is no IAM user, whose MFA devices alone are looked after here", identity.arn);
            let hint = format!(
                "the root user's MFA device is enabled in the AWS console, signed in as the root user; `{}` removes a root user's key",
                profile.root_key_removal()
            );
            return Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint));
        };
        Ok(Self { context, files, profile, route, aws, signer, identity, user_name, has_none: Cell::new(false) })
    }

    fn devices(&self) -> Result<Vec<MfaDevice>, Failure> {
        let listed = self.aws.own_mfa_devices(&self.signer).map_err(|error| self.refused(FailureKind::Unchecked, &error))?;
        self.has_none.set(listed.is_empty());
        Ok(listed)
    }

    /// A call that AWS refused, or did not answer.
    fn refused(&self, kind: FailureKind, error: &AwsError) -> Failure {
        let failure = Failure { kind, ..Failure::from(explain(&self.route.key.pair.id, error)) };
        let may_log_in = !matches!(self.signer, Signer::Session(_)) && !self.has_none.get();
        match when_denied(error, PolicyName::Mfa, &self.profile, may_log_in) {
            Some(help) => failure.hint(help),
            None => failure,
        }
    }

    /// What AWS's clock says, and how far this machine's is off where that is much: codes are a matter of clocks.
    fn clocks(&self) -> String {
        let at = self.aws.server_time().map(|time| time.at(clock::boot_time()).format("%H:%M:%S UTC").to_string());
        let off = self.aws.clock_skew().filter(|skew| skew.num_seconds().abs() >= 30).map(crate::aws::describe_skew);
        let told = at.map(|at| format!("AWS's clock says {at}"));
        told.into_iter().chain(off).collect::<Vec<_>>().join(", and ")
    }
}

/// There is nobody at a terminal.
fn nobody(why: &str, command: &str) -> Failure {
    Failure::new(FailureKind::MfaNeeded, why).state(UNCHANGED).hint(format!("run `{command}` in a terminal"))
}

/// A yes, or nothing said otherwise: `None` where there was no answer.
fn agreed(console: &Console, text: String, yes: &str, no: &str) -> Option<bool> {
    use crate::os::terminal::{Answer, Question};
    console.progress_done();
    let choices = vec![('y', yes.to_owned()), ('n', no.to_owned())];
    match console.ask(&Question { text, choices, default: Some('y') }) {
        Answer::Choice(key) => Some(key == 'y'),
        Answer::None => None,
    }
}
