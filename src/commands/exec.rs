//! `keyrotate exec`: a program on session credentials, in the place of this process.
//!
//! Invariant: the program gets the session and nothing of the long-term key; on Unix its exit code, signals and terminal are its own.

use std::ffi::OsString;
use std::path::PathBuf;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::refreshable::{self, Beside};
use super::session::{Access, Attend, Choice, SessionOptions, access, choice, region_of, route};
use crate::os::process::{self, Replaced};
use crate::session::environment::{CLEARED, INSIDE, exports, regions};

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
    /// A profile by which the program asks for its sessions itself, instead of the values of one.
    pub refreshable: Option<Beside>,
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
        let message = format!("this shell or program is on a session of the profile {profile} already");
        let hint = "leave it with `exit` or `kr --unset` first, or say --nested";
        return Err(Failure::new(FailureKind::Usage, message).state("nothing was started").hint(hint));
    }
    if options.no_session {
        return bare(context, attend, options, words);
    }
    // Also where the program asks itself: a person is here now, and may not be later.
    let access = access(context, attend, &options.session, "keyrotate exec")?;
    let set = match &options.refreshable {
        Some(beside) => refreshable::variables(context, &access.profile, access.region.as_ref(), &options.session, beside)?,
        None => exports(&access.profile, access.region.as_ref(), &access.session.credentials),
    };
    Ok(Program { words, set, removed: &CLEARED, notes: access.notes.clone(), access: Some(access) })
}

/// The key itself, which its own option asks for in so many words.
fn bare(context: &Context, attend: Attend<'_>, options: &ExecOptions, words: Vec<OsString>) -> Result<Program, Failure> {
    let Choice { profile: name, notes: mut said, .. } = choice(context, attend, &options.session)?;
    let route = route(context, &name)?;
    if !route.roles.is_empty() {
        let message = format!("the profile {name} is a role's, which is nothing without a session");
        return Err(Failure::new(FailureKind::Usage, message).state("nothing was started").hint("leave --no-session away"));
    }
    let pair = context
        .pair(&route.key.pair)
        .map_err(|error| Failure::from_error(FailureKind::Failed, &error).state("nothing was started").hint("then run this again"))?;
    let mut set = vec![
        ("AWS_ACCESS_KEY_ID", pair.id.to_string()),
        ("AWS_SECRET_ACCESS_KEY", pair.secret.expose().to_owned()),
        (INSIDE, name.to_string()),
    ];
    set.extend(regions(region_of(context, &route).as_ref()));
    said.push(format!("the program gets the long-term key {} itself, without MFA", pair.id));
    if context.settings.for_profile(&name).require_mfa {
        said.push("require_mfa is on: without --no-session no program gets this key".to_owned());
    }
    Ok(Program { words, set, removed: &CLEARED, notes: said, access: None })
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
