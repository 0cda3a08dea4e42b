//! What can be typed about sessions.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::candidates;
use crate::commands::exec::ExecOptions;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::refreshable::Beside;
use crate::commands::session::SessionOptions;
use crate::model::{TokenCode, parse_duration};

pub const LOGIN: &str = "The code is asked for at the terminal, unless --mfa-code, KEYROTATE_MFA_CODE or the profile's mfa_command gives it. \
The session is kept in a file that only you can read, and every profile of the same key shares it. Exits with 20 where a code is needed \
and nobody can be asked.";
pub const LOGOUT: &str = "Of a profile: all sessions of its key, those of roles among them. AWS accepts what was handed out until it ends.";
pub const EXEC: &str = "The program takes the place of keyrotate: its exit code, its signals and the terminal are its own. Without a program, your \
shell. Behind a profile the -- may be left out. Other variables that name credentials or a profile are taken away; KEYROTATE_PROFILE names the \
profile, and calls go where the profile's endpoint_url and its like send them. With --refreshable the program \
gets AWS_PROFILE and a config file that asks keyrotate, for what runs longer than a session. Exits with 125 where keyrotate could not get a session, 126 where the program cannot be run, 127 where it was not found.";
pub const ENV: &str = "In bash and zsh: eval \"$(keyrotate env work)\"; fish: keyrotate env work | source. `keyrotate shell-init` gives your shell a \
function that does it.";
pub const SHELL_INIT: &str = "bash: eval \"$(keyrotate shell-init bash)\" in ~/.bashrc; zsh: eval \"$(keyrotate shell-init zsh)\" in ~/.zshrc, below \
compinit; fish: keyrotate shell-init fish | source in ~/.config/fish/config.fish; PowerShell: keyrotate shell-init powershell | Out-String | \
Invoke-Expression in $PROFILE. Then `kr PROFILE` switches the shell to a session of the profile, and `kr --unset` takes it away again; kr takes \
what `keyrotate env` takes.";
pub const CREDENTIAL_PROCESS: &str = "In ~/.aws/config: [profile work-session], then credential_process = /path/to/keyrotate credential-process work. \
It never reads standard input. It asks for a code at the terminal, and where there is none and no mfa_command or dialog gives one, exits with 20 \
at once.";

/// What every command takes that gets a session.
#[derive(Debug, Default, ClapArgs)]
pub struct SessionArgs {
    /// How long the session is to last, such as 1h or 12h; of a role at most what the role allows
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Open a new session where the present one ends sooner than this
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub min_ttl: Option<Duration>,
    /// The code that the MFA device shows
    #[arg(long, value_name = "CODE", env = "KEYROTATE_MFA_CODE", hide_env_values = true, value_parser = given_code)]
    pub mfa_code: Option<GivenCode>,
    /// A file with a session policy, which the role's permissions are cut to
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// A managed policy which the role's permissions are cut to; can be given ten times
    #[arg(long, value_name = "ARN")]
    pub policy_arn: Vec<String>,
    /// Never ask anything
    #[arg(long)]
    pub no_input: bool,
}

impl SessionArgs {
    /// The options of the command.
    pub fn options(&self, profile: Option<&String>) -> Result<SessionOptions, Failure> {
        let policy = self.policy.as_ref().map(|path| {
            std::fs::read_to_string(path).map_err(|error| {
                let mut failure = Failure::new(FailureKind::Usage, format!("the session policy {} cannot be read", path.display()));
                failure.causes.push(error.to_string());
                failure.state("no session was opened")
            })
        });
        Ok(SessionOptions {
            profile: profile.cloned(),
            pick: true,
            duration: self.duration,
            min_ttl: self.min_ttl,
            fresh: false,
            open_only: false,
            is_process: false,
            again: None,
            mfa_code: self.mfa_code.clone().and_then(|given| given.0),
            policy: policy.transpose()?,
            policy_arns: self.policy_arn.clone(),
        })
    }
}

/// What `login` takes.
#[derive(Debug, ClapArgs)]
pub struct LoginArgs {
    /// The profile; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then what you pick at the terminal, else default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    #[command(flatten)]
    pub session: SessionArgs,
    /// Open a new session though one is open
    #[arg(long)]
    pub fresh: bool,
}

/// What `logout` takes.
#[derive(Debug, ClapArgs)]
pub struct LogoutArgs {
    /// The profile; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    /// Forget every session
    #[arg(long, conflicts_with = "profile")]
    pub all: bool,
}

/// What `exec` takes.
#[derive(Debug, ClapArgs)]
pub struct ExecArgs {
    /// The profile; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then what you pick at the terminal, else default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    #[command(flatten)]
    pub session: SessionArgs,
    /// Also where this is on a session already
    #[arg(long)]
    pub nested: bool,
    /// Give the program the long-term key itself, without a session and without MFA
    #[arg(long, conflicts_with_all = ["duration", "min_ttl", "policy", "policy_arn"])]
    pub no_session: bool,
    /// Give the program a profile by which it asks for its sessions itself, for as long as it runs
    #[arg(long, conflicts_with = "no_session")]
    pub refreshable: bool,
    /// The program and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
    /// The `--` before it was left out.
    #[arg(skip)]
    pub without_dashes: bool,
}

impl ExecArgs {
    /// The options of the command.
    pub fn options(&self) -> Result<ExecOptions, Failure> {
        Ok(ExecOptions {
            session: self.session.options(self.profile.as_ref())?,
            command: self.command.clone(),
            without_dashes: self.without_dashes,
            nested: self.nested,
            no_session: self.no_session,
            refreshable: self.refreshable.then(|| Beside { policy: self.session.policy.clone(), no_input: self.session.no_input }),
        })
    }
}

/// What reads the variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EnvFormat {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Cmd,
    Nu,
    Dotenv,
    Json,
}

/// What `env` takes.
#[derive(Debug, ClapArgs)]
pub struct EnvArgs {
    /// The profile; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then what you pick at the terminal, else default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    #[command(flatten)]
    pub session: SessionArgs,
    /// What reads it; without it, the shell that SHELL names, else bash
    #[arg(long, short, value_name = "FORMAT")]
    pub format: Option<EnvFormat>,
    /// Print what takes the variables away again
    #[arg(long, conflicts_with = "profile")]
    pub unset: bool,
}

/// What `shell-init` takes.
#[derive(Debug, ClapArgs)]
pub struct ShellInitArgs {
    /// The shell
    pub shell: InitShell,
}

/// A shell that can be switched to a profile.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum InitShell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// What `credential-process` takes.
#[derive(Debug, ClapArgs)]
pub struct CredentialProcessArgs {
    /// The profile
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: String,
    #[command(flatten)]
    pub session: SessionArgs,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// None where the variable is empty, which is as good as none.
#[derive(Clone, Debug)]
pub struct GivenCode(Option<TokenCode>);

impl GivenCode {
    /// The code, if there is one.
    pub fn code(&self) -> Option<TokenCode> {
        self.0.clone()
    }
}

pub(super) fn given_code(text: &str) -> Result<GivenCode, String> {
    (!text.is_empty()).then(|| token_code(text)).transpose().map(GivenCode)
}

fn token_code(text: &str) -> Result<TokenCode, String> {
    TokenCode::parse(text).map_err(|error| error.to_string())
}
