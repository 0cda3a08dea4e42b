//! `keyrotate exec`: a program on session credentials, in the place of this process.
//!
//! Invariant: the program gets the session and nothing of the long-term key; on Unix its exit code, signals and terminal are its own.

use std::ffi::OsString;
use std::path::PathBuf;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::refreshable::{self, Beside};
use super::session::{Access, Attend, Choice, SessionOptions, access, choice, is_known_root, region_of, root_warning, route};
use crate::model::ProfileName;
use crate::os::process::{self, Replaced};
use crate::session::environment::{Before, INSIDE, Variable, exports, reach};

/// What `exec` was asked for.
#[derive(Clone, Debug, Default)]
pub struct ExecOptions {
    /// The session.
    pub session: SessionOptions,
    /// The program with its arguments; none is the person's shell.
    pub command: Vec<OsString>,
    /// No `--` was typed before it.
    pub without_dashes: bool,
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
    pub set: Vec<Variable>,
    /// Variables that it must not have.
    pub removed: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// The session that it runs on.
    pub access: Option<Access>,
}

/// The program, ready to be started.
pub fn prepare(context: &Context, attend: Attend<'_>, options: &ExecOptions, before: &Before) -> Result<Program, Failure> {
    let words = if options.command.is_empty() { vec![shell()] } else { options.command.clone() };
    if let Some(profile) = before.profile.as_ref().filter(|_| !options.nested) {
        let message = format!("this shell or program is on a session of the profile {profile} already");
        let hint = "leave it with `exit` or `kr --unset` first, or say --nested";
        return Err(Failure::new(FailureKind::Usage, message).state("nothing was started").hint(hint));
    }
    if options.no_session {
        return bare(context, attend, options, words, before);
    }
    // Also where the program asks itself: a person is here now, and may not be later.
    let access =
        access(context, attend, &options.session, "keyrotate exec").map_err(|failure| perhaps_a_program(context, options, failure))?;
    let way = context.files()?.way_of_calls(&access.profile, &context.environment);
    let set = match &options.refreshable {
        Some(beside) => refreshable::variables(context, &access.profile, access.region.as_ref(), &way, &options.session, beside)?,
        None => {
            let own = exports(&access.profile, access.region.as_ref(), &way, &access.session.credentials);
            own.into_iter().chain(before.files.iter().cloned()).collect()
        }
    };
    Ok(Program { words, set, removed: removed(before), notes: access.notes.clone(), access: Some(access) })
}

/// The first word may have been meant for the program. Its arguments are not repeated: one may be a secret.
fn perhaps_a_program(context: &Context, options: &ExecOptions, failure: Failure) -> Failure {
    let is_profile = |word: &String| context.files_or_empty().profiles().any(|profile| profile.as_str() == word);
    let word = options.session.profile.as_ref().filter(|word| !is_profile(word));
    let more = if options.command.is_empty() { "" } else { " …" };
    match (word, &failure.hint) {
        (Some(word), None) if options.without_dashes || options.command.is_empty() => {
            failure.hint(format!("if it is the program: `keyrotate exec -- {}{more}`", ProfileName::new(word).quoted()))
        }
        (_, _) => failure,
    }
}

/// The key itself, which its own option asks for in so many words.
fn bare(context: &Context, attend: Attend<'_>, options: &ExecOptions, words: Vec<OsString>, before: &Before) -> Result<Program, Failure> {
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
        ("AWS_ACCESS_KEY_ID".into(), pair.id.to_string()),
        ("AWS_SECRET_ACCESS_KEY".into(), pair.secret.expose().to_owned()),
        (INSIDE.into(), name.to_string()),
    ];
    let way = context.files()?.way_of_calls(&name, &context.environment);
    set.extend(reach(region_of(context, &route).as_ref(), &way));
    set.extend(before.files.iter().cloned());
    said.push(format!("the program gets the long-term key {} itself, without MFA", pair.id));
    if is_known_root(context, &pair.id) {
        said.push(root_warning(&pair.id, &route.key.key_profile));
    }
    if context.settings.for_profile(&name).require_mfa {
        said.push("require_mfa is on: without --no-session no program gets this key".to_owned());
    }
    Ok(Program { words, set, removed: removed(before), notes: said, access: None })
}

fn removed(before: &Before) -> Vec<String> {
    before.cleared().into_iter().map(str::to_owned).collect()
}

/// Starts it. Returns only if that cannot be, or where a process cannot be replaced: then the program's exit code.
pub fn start(program: &Program) -> Result<u8, (u8, Failure)> {
    match process::replace(&program.words, &program.set, &program.removed) {
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
