//! What can be typed after `audit`.

use clap::{Args as ClapArgs, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::session::{self, GivenCode};
use crate::audit::Tier;
use crate::cli::candidates;
use crate::commands::audit::{AuditOptions, FailOn};
use crate::model::Check;

pub(super) const AUDIT: &str = "Exits with 0 when all is well, 11 where something failed, 10 where something could be better, 12 where something could not be \
looked at: an answer that was denied is never a pass. Asks with the MFA session of the profile where one is open. Reads only.";

/// What `audit` takes.
#[derive(Debug, ClapArgs)]
pub struct AuditArgs {
    /// The profile to look at; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    /// How far to look
    #[arg(long, value_name = "TIER", default_value = "self")]
    pub tier: TierArg,
    /// Print JSON, with times in UTC
    #[arg(long)]
    pub json: bool,
    /// What makes an exit code other than 0: failures, warnings too, or also what could not be looked at
    #[arg(long, value_name = "LEVEL", default_value = "unknown")]
    pub fail_on: FailOnArg,
    /// Print the commands that put right what this check finds (INLINE), in an order that takes no permission away before its successor counts
    #[arg(long, value_name = "CHECK", value_parser = check, conflicts_with_all = ["json", "tier", "fail_on"])]
    pub plan: Option<Check>,
    /// The code that the MFA device shows, for a role that wants one
    #[arg(long, value_name = "CODE", env = "KEYROTATE_MFA_CODE", hide_env_values = true, value_parser = session::given_code)]
    pub mfa_code: Option<GivenCode>,
    /// Never ask anything
    #[arg(long)]
    pub no_input: bool,
}

/// How far to look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TierArg {
    /// Your own user, and what everybody may ask of the root user
    #[value(name = "self")]
    SelfTier,
    /// The account, too: its credential report, its organization
    Account,
    /// What watches over the account, too: whether somebody hears of a changed policy, by CloudTrail and an alarm or by EventBridge
    Monitoring,
}

/// What makes an exit code other than 0.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FailOnArg {
    Fail,
    Warn,
    Unknown,
}

fn check(id: &str) -> Result<Check, String> {
    Check::named(id).ok_or_else(|| {
        let ids = Check::ALL.map(Check::id).join(", ");
        format!("no check has this id; there are {ids}")
    })
}

impl AuditArgs {
    /// The options of the command.
    pub fn options(&self) -> AuditOptions {
        AuditOptions {
            profile: self.profile.clone(),
            tier: match self.tier {
                TierArg::SelfTier => Tier::SelfTier,
                TierArg::Account => Tier::Account,
                TierArg::Monitoring => Tier::Monitoring,
            },
            fail_on: match self.fail_on {
                FailOnArg::Fail => FailOn::Fail,
                FailOnArg::Warn => FailOn::Warn,
                FailOnArg::Unknown => FailOn::Unknown,
            },
            mfa_code: self.mfa_code.as_ref().and_then(GivenCode::code),
        }
    }
}
