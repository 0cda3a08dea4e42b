//! `keyrotate exec`: a program on session credentials, in the place of this process.
//!
//! Invariant: the program gets the session and nothing of the long-term key; on Unix its exit code, signals and terminal are its own.

use std::ffi::OsString;
use std::path::PathBuf;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::session::{Access, Attend, SessionOptions, access, route};
use crate::os::process::{self, Replaced};
use crate::profile::choose_profile;
use crate::session::environment::{CLEARED, INSIDE, exports};

/// What `exec` was asked for.
#[derive(Clone, Debug, Default)]
pub struct ExecOptions {
    /// The session.
    pub session: SessionOptions,
    /// The program with its arguments; none is the person's shell.
    pub command: Vec<OsString>,
    /// Also inside another `exec`.
    pub nested: bool,
    /// The long-term key itself, without a session.
    pub no_session: bool,
}

/// A program that is about to take this process's place.
#[derive(Debug)]
pub struct Program {
    /// The program with its arguments; never empty.
    pub words: Vec<OsString>,
    /// Variables for it.
    pub set: Vec<(&'static str, String)>,
    /// Variables that it must not have.
    pub removed: &'static [&'static str],
    /// What a person should know.
    pub notes: Vec<String>,
    /// The session that it runs on.
    pub access: Option<Access>,
}

/// The program, ready to be started.
pub fn prepare(context: &Context, attend: Attend<'_>, options: &ExecOptions, inside: Option<&str>) -> Result<Program, Failure> {
    let words = if options.command.is_empty() { vec![shell()] } else { options.command.clone() };
    if let Some(profile) = inside.filter(|_| !options.nested) {
        let message = format!("this is inside `keyrotate exec` already, for the profile {profile}");
        return Err(Failure::new(FailureKind::Usage, message).state("nothing was started").hint("leave it first, or say --nested"));
    }
    if options.no_session {
        return bare(context, options, words);
    }
    let access = access(context, attend, &options.session, "keyrotate exec")?;
    let set = exports(&access.profile, access.region.as_deref(), &access.session.credentials);
    Ok(Program { words, set, removed: &CLEARED, notes: access.notes.clone(), access: Some(access) })
}

/// The key itself, which its own option asks for in so many words.
fn bare(context: &Context, options: &ExecOptions, words: Vec<OsString>) -> Result<Program, Failure> {
    let name = choose_profile(&context.environment, options.session.profile.as_deref()).name;
    let route = route(context, &name)?;
    if !route.roles.is_empty() {
        let message = format!("the profile {name} is a role's, which is nothing without a session");
        return Err(Failure::new(FailureKind::Usage, message).state("nothing was started").hint("leave --no-session away"));
    }
    let pair = &route.key.pair;
    let mut set = vec![
        ("AWS_ACCESS_KEY_ID", pair.id.to_string()),
        ("AWS_SECRET_ACCESS_KEY", pair.secret.expose().to_owned()),
        (INSIDE, name.to_string()),
    ];
    let region = route.key.region.clone();
    set.extend(region.into_iter().flat_map(|region| ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|variable| (variable, region.clone()))));
    let notes = vec![format!("the program gets the long-term key {} itself", pair.id)];
    Ok(Program { words, set, removed: &CLEARED, notes, access: None })
}

/// Starts it. Returns only if that cannot be, or where a process cannot be replaced: then the program's exit code.
pub fn start(program: &Program) -> Result<u8, (u8, Failure)> {
    match process::replace(&program.words, &program.set, program.removed) {
        Replaced::Ended(code) => Ok(code),
        Replaced::NotFound(error) => Err((127, not_started(program, "was not found", &error))),
        Replaced::NotRun(error) => Err((126, not_started(program, "cannot be run", &error))),
    }
}

fn not_started(program: &Program, why: &str, error: &std::io::Error) -> Failure {
    let name = program.words.first().map(|word| PathBuf::from(word).display().to_string()).unwrap_or_default();
    let mut failure = Failure::new(FailureKind::Failed, format!("`{name}` {why}"));
    failure.causes.push(error.to_string());
    failure.state("nothing was started")
}

/// The person's shell: SHELL, else the system's.
fn shell() -> OsString {
    let usual = if cfg!(windows) { "cmd.exe" } else { "/bin/sh" };
    let variable = if cfg!(windows) { "COMSPEC" } else { "SHELL" };
    std::env::var_os(variable).filter(|shell| !shell.is_empty()).unwrap_or_else(|| usual.into())
}
