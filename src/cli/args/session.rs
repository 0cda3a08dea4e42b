//! What can be typed about sessions.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::completions;
use crate::commands::exec::ExecOptions;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::SessionOptions;
use crate::model::{TokenCode, parse_duration};

pub const LOGIN: &str = "The code is asked for at the terminal, unless --mfa-code, KEYROTATE_MFA_CODE or the profile's mfa_command gives it. \
The session is kept in a file that only you can read, and every profile whose key is the same shares it. Exits with 20 where a code is needed and \
nobody can be asked.";
pub const LOGOUT: &str = "Of a profile: all sessions of its key, those of roles among them. AWS accepts what was handed out until it ends.";
pub const EXEC: &str = "The program takes the place of keyrotate: its exit code, its signals and the terminal are its own. Without a program, your \
shell. Exits with 125 where keyrotate could not get a session, 126 where the program cannot be run, 127 where it was not found.";
pub const ENV: &str = "In bash: eval \"$(keyrotate env work)\".";
pub const CREDENTIAL_PROCESS: &str = "In ~/.aws/config: [profile work-session], then credential_process = /path/to/keyrotate credential-process work. \
It never reads standard input. It asks for a code at the terminal, and where there is none exits with 20 at once.";

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
    #[arg(long, value_name = "CODE", env = "KEYROTATE_MFA_CODE", hide_env_values = true, value_parser = token_code)]
    pub mfa_code: Option<TokenCode>,
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
            duration: self.duration,
            min_ttl: self.min_ttl,
            fresh: false,
            mfa_code: self.mfa_code.clone(),
            policy: policy.transpose()?,
            policy_arns: self.policy_arn.clone(),
        })
    }
}

/// What `login` takes.
#[derive(Debug, ClapArgs)]
pub struct LoginArgs {
    /// The profile; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(completions::profiles))]
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
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(completions::profiles))]
    pub profile: Option<String>,
    /// Forget every session
    #[arg(long, conflicts_with = "profile")]
    pub all: bool,
}

/// What `exec` takes.
#[derive(Debug, ClapArgs)]
pub struct ExecArgs {
    /// The profile; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(completions::profiles))]
    pub profile: Option<String>,
    #[command(flatten)]
    pub session: SessionArgs,
    /// Also inside another `keyrotate exec`
    #[arg(long)]
    pub nested: bool,
    /// Give the program the long-term key itself, without a session and without MFA
    #[arg(long)]
    pub no_session: bool,
    /// The program and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

impl ExecArgs {
    /// The options of the command.
    pub fn options(&self) -> Result<ExecOptions, Failure> {
        Ok(ExecOptions {
            session: self.session.options(self.profile.as_ref())?,
            command: self.command.clone(),
            nested: self.nested,
            no_session: self.no_session,
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
    /// The profile; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(completions::profiles))]
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

/// What `credential-process` takes.
#[derive(Debug, ClapArgs)]
pub struct CredentialProcessArgs {
    /// The profile
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(completions::profiles))]
    pub profile: String,
    #[command(flatten)]
    pub session: SessionArgs,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn token_code(text: &str) -> Result<TokenCode, String> {
    TokenCode::parse(text).map_err(|error| error.to_string())
}
