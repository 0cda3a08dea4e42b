//! What can be typed after `timer`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::commands::timer::InstallOptions;
use crate::timer::Kind;

/// What `timer` takes.
#[derive(Debug, ClapArgs)]
pub struct TimerArgs {
    #[command(subcommand)]
    pub command: TimerCommand,
}

const INSTALL: &str = "Shows what it writes first. Without a terminal nothing is asked. It can be run again: after a change of the \
variables it carries along (where the AWS files and keyrotate's own are, region, CA bundle, endpoints, proxies), or to change the kind. \
Secrets are never carried along.";
const TIMER_STATUS: &str = "Exits with 0 when one timer is installed and its last run did its work, 10 otherwise.";

#[derive(Debug, Subcommand)]
pub enum TimerCommand {
    /// Install it, or bring it up to date
    #[command(after_help = INSTALL)]
    Install(InstallArgs),
    /// Show when it runs next, how its last run ended, and where its log is
    #[command(after_help = TIMER_STATUS)]
    Status,
    /// Remove it, with its log
    Remove(RemoveArgs),
}

/// What `timer install` takes.
#[derive(Debug, ClapArgs)]
pub struct InstallArgs {
    /// What shall run it; without, what this machine has
    #[arg(long, value_name = "KIND")]
    pub kind: Option<TimerKind>,
    /// The program to run, by a path that stays; without, this one
    #[arg(long, value_name = "PATH")]
    pub program: Option<PathBuf>,
    /// Print what would be written and run, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Use a program that may soon be gone: below target or a temporary directory, or of one version only
    #[arg(long)]
    pub force: bool,
    /// Install without confirmation
    #[arg(long, short)]
    pub yes: bool,
}

/// What `timer remove` takes.
#[derive(Debug, ClapArgs)]
pub struct RemoveArgs {
    /// Print what would be removed and run, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What runs it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TimerKind {
    /// A timer of the systemd user manager
    Systemd,
    /// A launchd agent
    Launchd,
    /// A line in the crontab
    Cron,
}

impl InstallArgs {
    /// The options of the command.
    pub fn options(&self) -> InstallOptions {
        let kind = self.kind.map(|kind| match kind {
            TimerKind::Systemd => Kind::Systemd,
            TimerKind::Launchd => Kind::Launchd,
            TimerKind::Cron => Kind::Cron,
        });
        InstallOptions { kind, program: self.program.clone(), force: self.force }
    }
}
