//! What can be typed.

#[cfg(feature = "alarm")]
mod alarm;
mod audit;
mod keys;
mod mfa;
mod policy;
mod root_key;
mod session;
mod timer;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::candidates;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::history::HistoryOptions;
use crate::commands::rotate::RotateOptions;
use crate::commands::status::StatusOptions;
use crate::commands::undo::UndoOptions;
use crate::model::{AccessKeyId, Grace};
use crate::rotation::Direction;
#[cfg(feature = "alarm")]
pub use alarm::{Account as AlarmAccount, AlarmArgs, AlarmCommand, Choices as AlarmChoices};
pub use audit::AuditArgs;
pub use keys::{KeysArgs, KeysCommand};
pub use mfa::{MfaArgs, MfaCommand};
pub use policy::{PolicyArgs, PolicyCommand};
pub use root_key::{RootKeyArgs, RootKeyCommand};
use session::GivenCode;
pub use session::{CredentialProcessArgs, EnvArgs, EnvFormat, ExecArgs, InitShell, LoginArgs, LogoutArgs, ShellInitArgs};
pub use timer::{TimerArgs, TimerCommand};

/// Options of every command come below a command's own.
const BELOW: usize = 900;

/// Checks the age of your AWS access keys, keeps them behind MFA sessions, and rotates them so that no crash can cost you one.
#[derive(Debug, Parser)]
#[command(name = "keyrotate", version, max_term_width = 100, subcommand_required = false)]
pub struct Args {
    /// No notes and no progress
    #[arg(long, short, global = true, display_order = BELOW)]
    pub quiet: bool,
    /// Tell each step on standard error
    #[arg(long, global = true, display_order = BELOW)]
    pub debug: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", display_order = BELOW)]
    pub color: Color,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Sets it for everything that is printed.
    pub fn apply(self) {
        let choice = match self {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        match choice {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

const STATUS: &str = "Exits with 0 when all is well, 10 when a key is due or a rotation waits, 11 when a key is overdue or root keys \
exist, 12 when something could not be checked: no key was found, a profile's key is broken, or AWS did not answer.";
const ROTATE: &str = "The old key is not touched before the new one is written everywhere and AWS accepts it from there. An interrupted \
rotation is finished by running the same command again. Without a terminal nothing is asked: the key is rotated.";

const AUTO: &str = "Never asks. Says nothing when there is nothing to say, and exits like status. Waits up to five minutes for the network, \
as after a wake, and, without a terminal, a random part of five minutes before it rotates. Tells the desktop of each matter once a day.";
const UNDO: &str = "Possible until the old key is deleted: a rotation keeps it for a while with --grace. Also a rotation that was interrupted \
is taken back. Without a terminal nothing is asked. Exits with 1 where there is nothing to undo, and says why.";
const HISTORY: &str = "Of a profile, that is every rotation of the key that it has now and of those that this one replaced. Reads one file, \
and asks AWS nothing.";

const COMPLETIONS: &str = "bash: source <(keyrotate completions bash) in ~/.bashrc; zsh: source <(keyrotate completions zsh) in ~/.zshrc, \
below compinit; fish: keyrotate completions fish > ~/.config/fish/completions/keyrotate.fish; PowerShell: keyrotate completions powershell | \
Out-String | Invoke-Expression in $PROFILE; elvish: eval (keyrotate completions elvish | slurp) in rc.elv.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the age of each own key, its holders, its last use and what waits (also without any command)
    #[command(after_help = STATUS)]
    Status(StatusArgs),
    /// What a timer runs: go on with what waits, rotate what is due, tell what a person has to know
    #[command(after_help = AUTO)]
    Auto(AutoArgs),
    /// Rotate access keys: create, write, verify, then deactivate and delete the old one
    #[command(after_help = ROTATE)]
    Rotate(RotateArgs),
    /// Within the grace of a rotation, put the old key back everywhere and make the new one inactive
    #[command(after_help = UNDO)]
    Undo(UndoArgs),
    /// Check the practices that keep keys and accounts safe: MFA, root, policies, keys; each with its fix
    #[command(after_help = audit::AUDIT)]
    Audit(AuditArgs),
    /// Have changes to IAM policies told to a mailbox: plan it, set it up, try it out, remove it
    #[cfg(feature = "alarm")]
    Alarm(AlarmArgs),
    /// Print the least IAM policy that a work of keyrotate needs
    Policy(PolicyArgs),
    /// Show every rotation that is over, the newest last
    #[command(after_help = HISTORY)]
    History(HistoryArgs),
    /// Show where long-term keys are
    Keys(KeysArgs),
    /// Look after the MFA devices of your user
    Mfa(MfaArgs),
    /// Remove a root user's access key, in steps that can be taken back as long as AWS allows it
    RootKey(RootKeyArgs),
    /// Open a session with one MFA code, for every command until it ends
    #[command(after_help = session::LOGIN)]
    Login(LoginArgs),
    /// Forget sessions
    #[command(after_help = session::LOGOUT)]
    Logout(LogoutArgs),
    /// Run a program on the session of a profile
    #[command(after_help = session::EXEC)]
    Exec(ExecArgs),
    /// Print the variables of a session for a shell or a program
    #[command(after_help = session::ENV)]
    Env(EnvArgs),
    /// Print a function for your shell that switches the shell itself to a profile: kr PROFILE
    #[command(after_help = session::SHELL_INIT)]
    ShellInit(ShellInitArgs),
    /// Print a session for the AWS CLI and the SDKs, as their option credential_process wants it
    #[command(after_help = session::CREDENTIAL_PROCESS)]
    CredentialProcess(CredentialProcessArgs),
    /// What a login leaves to a process of its own, where `rotate_on_login` is "background"
    #[command(name = crate::commands::after_login::COMMAND, hide = true)]
    AfterLogin {
        /// The profile
        profile: String,
        /// Where the rotation says what it did
        log: PathBuf,
    },
    /// Have `keyrotate auto` run by itself: a systemd user timer, a launchd agent or a line in the crontab
    Timer(TimerArgs),
    /// Print what a shell has to read to complete commands, options and profiles
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages, one for each command
    Man {
        /// The directory for them, made where it is not there
        #[arg(long)]
        dir: PathBuf,
    },
}

/// What `status` takes.
#[derive(Debug, Default, ClapArgs)]
pub struct StatusArgs {
    /// Profiles whose keys to show; without any, every own key
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profiles: Vec<String>,
    /// Print JSON, with times in UTC
    #[arg(long)]
    pub json: bool,
    /// Ask nobody: show what the last run saw
    #[arg(long)]
    pub offline: bool,
    /// List the profiles that have no long-term key, too
    #[arg(long, short)]
    pub verbose: bool,
    /// Print one short line for a shell's prompt: the profile, what is left of its session, and whether its key is due or the root user's; asks nobody
    #[arg(long, conflicts_with_all = ["profiles", "json", "offline", "verbose"])]
    pub prompt: bool,
}

impl StatusArgs {
    /// The options of the command.
    pub fn options(&self) -> StatusOptions {
        StatusOptions { profiles: self.profiles.clone(), offline: self.offline }
    }
}

/// What `auto` takes.
#[derive(Debug, ClapArgs)]
pub struct AutoArgs {
    /// Begin at once, without the random while
    #[arg(long)]
    pub now: bool,
}

/// What `rotate` takes.
#[derive(Debug, ClapArgs)]
pub struct RotateArgs {
    /// Profiles whose keys to rotate, or names of [key.NAME] in config.toml; without any, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles_and_keys))]
    pub profiles: Vec<String>,
    /// Rotate every own key
    #[arg(long, conflicts_with = "profiles")]
    pub all: bool,
    /// Rotate only keys that are due or overdue
    #[arg(long)]
    pub due: bool,
    /// Print the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long the old key stays, inactive, before it is deleted: a number with s, m, h, d or w, such as 0s, 24h, 7d or 2w; or next
    #[arg(long, value_name = "DURATION")]
    pub grace: Option<Grace>,
    /// Delete a second key that is inactive and was not used for 30 days
    #[arg(long)]
    pub reclaim_inactive: bool,
    /// Delete this second key, to make room for the new one
    #[arg(long, value_name = "ID", value_parser = access_key_id)]
    pub delete_key: Option<AccessKeyId>,
    /// Make a secret that config.toml names as a target and that is not there: with the key as it is now, which the rotation then replaces
    #[arg(long)]
    pub create_secret: bool,
    /// Rotate a key of this account's root user, which is refused otherwise and better removed (`root-key remove`): the ID is asked for
    /// again, at a terminal
    #[arg(long, value_name = "ACCOUNT-ID", value_parser = account_id, conflicts_with_all = ["all", "due", "resolve"])]
    pub root_key: Option<String>,
    /// Decide how a rotation that stopped or rests goes on: the old or the new key's ID, then forward (to the new key, without the
    /// files that refuse), back (to the old key) or forget (close it; both pairs go to a file)
    #[arg(long, num_args = 2, value_names = ["ID", "DIRECTION"], conflicts_with_all = ["all", "due", "dry_run"])]
    pub resolve: Option<Vec<String>>,
    /// Never ask anything
    #[arg(long)]
    pub no_input: bool,
    /// Rotate without confirmation; a key is never deleted on this alone
    #[arg(long, short)]
    pub yes: bool,
    /// The code that the MFA device shows, for where a policy asks for MFA
    #[arg(long, value_name = "CODE", env = "KEYROTATE_MFA_CODE", hide_env_values = true, value_parser = session::given_code)]
    pub mfa_code: Option<GivenCode>,
}

/// A shell that can complete.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
}

/// What `undo` takes.
#[derive(Debug, ClapArgs)]
pub struct UndoArgs {
    /// The profile whose old key to put back, or a name of [key.NAME] in config.toml; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles_and_keys))]
    pub profile: Option<String>,
    /// Print the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Never ask anything
    #[arg(long)]
    pub no_input: bool,
    /// Undo without confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// The code that the MFA device shows, for where a policy asks for MFA
    #[arg(long, value_name = "CODE", env = "KEYROTATE_MFA_CODE", hide_env_values = true, value_parser = session::given_code)]
    pub mfa_code: Option<GivenCode>,
}

impl UndoArgs {
    /// The options of the command.
    pub fn options(&self) -> UndoOptions {
        UndoOptions {
            profile: self.profile.clone(),
            dry_run: self.dry_run,
            yes: self.yes,
            mfa_code: self.mfa_code.as_ref().and_then(GivenCode::code),
        }
    }
}

/// What `history` takes.
#[derive(Debug, ClapArgs)]
pub struct HistoryArgs {
    /// Profiles whose keys' rotations to show; without any, all rotations
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles_and_keys))]
    pub profiles: Vec<String>,
    /// Print JSON, with times in UTC
    #[arg(long)]
    pub json: bool,
    /// Show only so many, the newest
    #[arg(long, short = 'n', value_name = "N")]
    pub limit: Option<NonZeroUsize>,
}

impl HistoryArgs {
    /// The options of the command.
    pub fn options(&self) -> HistoryOptions {
        HistoryOptions { profiles: self.profiles.clone(), limit: self.limit }
    }
}

fn account_id(text: &str) -> Result<String, &'static str> {
    let is_id = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    if is_id { Ok(text.to_owned()) } else { Err("an account ID has twelve digits") }
}

fn access_key_id(text: &str) -> Result<AccessKeyId, String> {
    AccessKeyId::parse(text).map_err(|error| error.to_string())
}

impl RotateArgs {
    /// The options of the command.
    pub fn options(&self) -> Result<RotateOptions, Failure> {
        Ok(RotateOptions {
            profiles: self.profiles.clone(),
            all: self.all,
            due: self.due,
            dry_run: self.dry_run,
            grace: self.grace,
            reclaim_inactive: self.reclaim_inactive,
            delete_key: self.delete_key.clone(),
            create_secret: self.create_secret,
            root_key: self.root_key.clone(),
            resolve: self.resolve.as_deref().map(decision).transpose()?,
            yes: self.yes,
            mfa_code: self.mfa_code.as_ref().and_then(GivenCode::code),
        })
    }
}

fn decision(words: &[String]) -> Result<(AccessKeyId, Direction), Failure> {
    let wrong = |message: String| Failure::new(FailureKind::Usage, message).hint("write `--resolve ID forward|back|forget`");
    let [id, direction] = words else { return Err(wrong("--resolve takes an access key ID and a direction".to_owned())) };
    let direction = match direction.as_str() {
        "forward" => Direction::Forward,
        "back" => Direction::Back,
        "forget" => Direction::Forget,
        other => return Err(wrong(format!("`{other}` is not a direction"))),
    };
    Ok((AccessKeyId::parse(id).map_err(|error| wrong(format!("`{id}` is {error}")))?, direction))
}
