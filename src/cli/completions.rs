//! Completions for shells: a shell asks keyrotate itself what may follow, so that profiles are among it.
//!
//! Invariant: whatever is wrong with the AWS files or the settings, a shell that completes gets no error and no secret, only fewer names.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, ValueEnum};
use clap_complete::env::{CompleteEnv, Shells};

use super::args::{Args, Shell};
use super::candidates::VARIABLE;
use super::page::Page;

/// By name, not by the path it was started with: that may be of one version only.
const PROGRAM: &str = "keyrotate";

/// Answers where a shell asked; `None` in any other run. A value that names no shell is somebody else's variable.
pub fn answer() -> Option<ExitCode> {
    let asked = std::env::var_os(VARIABLE)?;
    let shell = Path::new(&asked).file_stem().and_then(OsStr::to_str)?;
    Shells::builtins().completer(shell)?;
    // Without a line to complete it asks for what it has to read.
    let done = match (std::env::args_os().any(|word| word == "--"), shell_named(shell)) {
        (false, Some(shell)) => print(shell).is_ok(),
        (false, None) | (true, _) => {
            let here = std::env::current_dir().ok();
            CompleteEnv::with_factory(Args::command).try_complete(std::env::args_os(), here.as_deref()).is_ok()
        }
    };
    Some(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shell_named(name: &str) -> Option<Shell> {
    Shell::value_variants().iter().find(|shell| self::name(**shell) == name).copied()
}

fn name(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
        Shell::Elvish => "elvish",
    }
}

/// Prints what a shell has to read to ask.
pub fn print(shell: Shell) -> io::Result<()> {
    let mut text = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(name(shell)).ok_or(io::ErrorKind::Unsupported)?;
    completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    Page::for_stdout(0).push(&if matches!(shell, Shell::Zsh) { from_fpath_too(&text) } else { text.into_owned() }).print();
    Ok(())
}

/// QUIRK(zsh): a file in `$fpath` is not sourced but run as the completer, the first time that the tab key is pressed: clap's would only
/// register itself then, and complete nothing.
fn from_fpath_too(text: &str) -> String {
    let register = "\ncompdef _clap_dynamic_completer_keyrotate keyrotate\n";
    let either = "\nif [[ $funcstack[1] == _keyrotate ]]; then\n    _clap_dynamic_completer_keyrotate \"$@\"\nelse\n    \
                  compdef _clap_dynamic_completer_keyrotate keyrotate\nfi\n";
    text.replace(register, either)
}
