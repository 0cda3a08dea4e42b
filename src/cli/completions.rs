//! Completions for shells: a shell asks keyrotate itself what may follow, so that profiles are among it.
//!
//! Invariant: whatever is wrong with the AWS files or the settings, a shell that completes gets no error and no secret, only fewer names.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use super::args::{Args, Shell};
use super::page::Page;
use crate::commands::completions::profile_names;

/// The variable by which a shell asks, and Homebrew too.
const VARIABLE: &str = "COMPLETE";
/// By name, not by the path it was started with: that may be of one version only.
const PROGRAM: &str = "keyrotate";

/// Answers where a shell asked; `None` in any other run. A value that names no shell is somebody else's variable.
pub fn answer() -> Option<ExitCode> {
    let asked = std::env::var_os(VARIABLE)?;
    let shell = Path::new(&asked).file_stem().and_then(OsStr::to_str)?;
    Shells::builtins().completer(shell)?;
    let here = std::env::current_dir().ok();
    let completed = CompleteEnv::with_factory(Args::command).completer(PROGRAM).try_complete(std::env::args_os(), here.as_deref());
    Some(if completed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what a shell has to read to ask.
pub fn print(shell: Shell) -> io::Result<()> {
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
        Shell::Elvish => "elvish",
    };
    let mut text = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(name).ok_or(io::ErrorKind::Unsupported)?;
    completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut text)?;
    Page::for_stdout(0).push(&String::from_utf8_lossy(&text)).print();
    Ok(())
}

/// The profiles that can be named.
pub fn profiles() -> Vec<CompletionCandidate> {
    let variables: Vec<_> = std::env::vars_os().collect();
    profile_names(&variables, std::env::home_dir()).into_iter().map(CompletionCandidate::new).collect()
}
