//! What can be typed after `root-key`.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use clap_complete::engine::ArgValueCandidates;

use crate::cli::candidates;
use crate::commands::root_key::RemoveOptions;
use crate::model::parse_duration;

/// What `root-key` takes.
#[derive(Debug, ClapArgs)]
pub struct RootKeyArgs {
    #[command(subcommand)]
    pub command: RootKeyCommand,
}

const REMOVE: &str = "First the profile of --admin has to show that the account is administered without the key: AWS says who it is, and AWS's policy \
simulator what it may do. Then the key, its age and its last use are shown, and the account ID is asked for, which no option stands for. A second \
access key of the root user in a profile signs what follows; where there is none, and the root user has an MFA device, a code opens a session that signs: \
the key is made inactive, and deleted after --wait, or activated again by `n` or Ctrl-C. Where there is neither, the key can only sign its own deletion, at once, which \
is said before. Then its lines go from the files. An interrupted command is gone on with by running it again.";

#[derive(Debug, Subcommand)]
pub enum RootKeyCommand {
    /// Remove the root user's key that a profile has: from AWS, and then from the files
    #[command(after_help = REMOVE)]
    Remove(RootKeyRemoveArgs),
}

/// What `root-key remove` takes.
#[derive(Clone, Debug, ClapArgs)]
pub struct RootKeyRemoveArgs {
    /// The profile with the root user's key; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    /// The profile of an administrator of the same account, who is not the root user
    #[arg(long, value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub admin: Option<String>,
    /// How long the key is inactive before it is deleted, 50m at most; 0s deletes it right after
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub wait: Duration,
    /// You have seen that the root user does not have the key any more: remove its lines where AWS does not accept it and nothing here can see why
    #[arg(long)]
    pub seen_gone: bool,
    /// Say what would be done and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Never ask anything; then only --dry-run, and what is left of a key that is gone, can be done
    #[arg(long)]
    pub no_input: bool,
}

impl RootKeyRemoveArgs {
    /// The options of the command.
    pub fn options(&self) -> RemoveOptions {
        let Self { profile, admin, wait, seen_gone, dry_run, no_input: _ } = self.clone();
        RemoveOptions { profile, admin, wait, seen_gone, dry_run }
    }
}
