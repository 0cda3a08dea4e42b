//! What can be typed after `alarm`.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::session::{self, GivenCode, duration};
use crate::alarm::Via;
use crate::cli::candidates;
use crate::commands::alarm::install::WAIT;
use crate::commands::alarm::{AlarmOptions, SetUp};

/// What `alarm` takes.
#[derive(Debug, ClapArgs)]
pub struct AlarmArgs {
    #[command(subcommand)]
    pub command: AlarmCommand,
}

const PLAN: &str = "Looks at the account's trails and shows what is missing, as a diff of the account, and who hears of a change. Changes nothing. Exits \
with 10 where something is missing or nobody hears of it. With --create-trail it prints \
the commands that make a trail, for an account that has none, and what a trail costs: keyrotate runs none of them.";

const INSTALL: &str = "Makes what is missing: an SNS topic with the mailboxes, metric filters of the trail's log group with the pattern of CIS and a \
second one for what CIS leaves out, and their CloudWatch alarms; with --via eventbridge rules of EventBridge. Waits until the mailboxes have \
confirmed. Run again it goes on where it was cut off, has the mail sent again to who has not confirmed, and changes nothing where nothing is missing. \
Exits with 10 while somebody has to confirm, or something else is in the way. Without a terminal it wants --yes.";

const TEST: &str = "Looks at everything that install makes and at the trail, holds each pattern against events of its kind (TestMetricFilter, \
TestEventPattern), and where all of that works sends a mail by setting the alarm's state, which CloudWatch resets within minutes. Exits with 11 where \
something does not work, and with 12 where it could not be seen.";

const REMOVE: &str = "Removes what install made, in every region with a log group of a trail, and leaves alone what somebody else made or uses. Without a \
terminal it wants --yes.";

#[derive(Debug, Subcommand)]
pub enum AlarmCommand {
    /// Show what is missing of the alarm on changes to policies
    #[command(after_help = PLAN)]
    Plan(AlarmPlanArgs),
    /// Set up the alarm on changes to policies
    #[command(after_help = INSTALL)]
    Install(AlarmInstallArgs),
    /// Try out what install made, and send a mail
    #[command(after_help = TEST)]
    Test(AlarmTestArgs),
    /// Remove what install made
    #[command(after_help = REMOVE)]
    Remove(AlarmRemoveArgs),
}

/// What all of them take.
#[derive(Debug, ClapArgs)]
pub struct Account {
    /// The profile of the account, with a key or a role; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    /// The code that the MFA device shows, where a session has to be opened
    #[arg(long, value_name = "CODE", env = "KEYROTATE_MFA_CODE", hide_env_values = true, value_parser = session::given_code)]
    pub mfa_code: Option<GivenCode>,
    /// Never ask anything
    #[arg(long)]
    pub no_input: bool,
}

/// What is to be set up.
#[derive(Debug, ClapArgs)]
pub struct Choices {
    /// A mailbox that is to hear of it; can be given again
    #[arg(long, value_name = "ADDRESS", value_parser = email)]
    pub email: Vec<String>,
    /// What hears of a change; without it, the way that is there already, else metric
    #[arg(long, value_name = "WAY")]
    pub via: Option<ViaArg>,
    /// The trail, by its name or ARN; without it, the best that will do
    #[arg(long, value_name = "TRAIL")]
    pub trail: Option<String>,
    /// Tell of whatever the root user does, too
    #[arg(long)]
    pub root: bool,
    /// Show the patterns whole
    #[arg(long)]
    pub patterns: bool,
}

/// By which way a change is heard of.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ViaArg {
    /// Metric filters and alarms, as CIS and Security Hub look for them; within minutes, and without who did it
    Metric,
    /// Rules of EventBridge, which need no log group; within seconds, with the whole event
    Eventbridge,
}

/// What `alarm plan` takes.
#[derive(Debug, ClapArgs)]
pub struct AlarmPlanArgs {
    #[command(flatten)]
    pub account: Account,
    #[command(flatten)]
    pub choices: Choices,
    /// Print the commands that make a trail
    #[arg(long)]
    pub create_trail: bool,
}

/// What `alarm install` takes.
#[derive(Debug, ClapArgs)]
pub struct AlarmInstallArgs {
    #[command(flatten)]
    pub account: Account,
    #[command(flatten)]
    pub choices: Choices,
    /// How long to wait until the mailboxes have confirmed, such as 0s or 10m; without it 10m at a terminal, and not at all without one
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Show what is missing, as plan does, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Set it up without confirmation
    #[arg(long, short)]
    pub yes: bool,
}

/// What `alarm test` takes.
#[derive(Debug, ClapArgs)]
pub struct AlarmTestArgs {
    #[command(flatten)]
    pub account: Account,
    #[command(flatten)]
    pub places: Places,
    /// Raise the alarm also where that sets off what somebody else added to it
    #[arg(long)]
    pub all_actions: bool,
}

/// Where is looked.
#[derive(Debug, ClapArgs)]
pub struct Places {
    /// A region in which is looked beside those of the trails; can be given again
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub region: Vec<String>,
}

/// What `alarm remove` takes.
#[derive(Debug, ClapArgs)]
pub struct AlarmRemoveArgs {
    #[command(flatten)]
    pub account: Account,
    #[command(flatten)]
    pub places: Places,
    /// Show what would go, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Remove it without confirmation
    #[arg(long, short)]
    pub yes: bool,
}

impl Account {
    /// The options of the command.
    pub fn options(&self) -> AlarmOptions {
        AlarmOptions { profile: self.profile.clone(), mfa_code: self.mfa_code.as_ref().and_then(GivenCode::code), regions: Vec::new() }
    }
}

impl AlarmTestArgs {
    /// The options of the command.
    pub fn options(&self) -> AlarmOptions {
        AlarmOptions { regions: self.places.region.clone(), ..self.account.options() }
    }
}

impl AlarmRemoveArgs {
    /// The options of the command.
    pub fn options(&self) -> AlarmOptions {
        AlarmOptions { regions: self.places.region.clone(), ..self.account.options() }
    }
}

impl Choices {
    /// What is to be set up.
    pub fn set_up(&self) -> SetUp {
        let via = self.via.map(|way| match way {
            ViaArg::Metric => Via::Metric,
            ViaArg::Eventbridge => Via::EventBridge,
        });
        SetUp { via, emails: self.email.clone(), root: self.root, trail: self.trail.clone() }
    }
}

impl AlarmInstallArgs {
    /// How long the mailboxes are waited for.
    pub fn wait(&self, is_watched: bool) -> Duration {
        self.wait.unwrap_or(if is_watched { WAIT } else { Duration::ZERO })
    }
}

/// What SNS would refuse after the topic was made.
fn email(text: &str) -> Result<String, String> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c);
    match text.split_once('@') {
        Some((name, host)) if !name.is_empty() && host.contains('.') && !host.contains('@') && !text.chars().any(is_odd) => {
            Ok(text.to_owned())
        }
        Some(_) | None => Err("an address is written name@example.com".to_owned()),
    }
}

/// A part of a host's name, or nothing that AWS has a region for.
fn region(text: &str) -> Result<String, String> {
    let is_one = text.contains('-') && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if is_one { Ok(text.to_owned()) } else { Err("a region is written eu-central-1".to_owned()) }
}
