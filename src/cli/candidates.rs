//! The names that a shell may complete.
//!
//! Invariant: whatever is wrong with the AWS files or the settings, there is no error and no secret, only fewer names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap_complete::engine::CompletionCandidate;

use crate::commands::completions::{profile_and_key_names, profile_names};
use crate::commands::refreshable::own_files;
use crate::model::shell_word;

/// The variable by which a shell asks, with its name, and Homebrew too.
pub const VARIABLE: &str = "COMPLETE";

/// The profiles that can be named.
pub fn profiles() -> Vec<CompletionCandidate> {
    candidates(profile_names)
}

/// The same, and the keys of other users.
pub fn profiles_and_keys() -> Vec<CompletionCandidate> {
    candidates(profile_and_key_names)
}

type Names = fn(&[(OsString, OsString)], Option<PathBuf>) -> Vec<String>;

fn candidates(names: Names) -> Vec<CompletionCandidate> {
    let mut variables: Vec<_> = std::env::vars_os().collect();
    own_files(&mut variables, std::env::home_dir());
    let shell = std::env::var_os(VARIABLE).unwrap_or_default();
    let names = names(&variables, std::env::home_dir()).into_iter().filter(|name| is_offered(name, Path::new(&shell)));
    names.map(CompletionCandidate::new).collect()
}

/// QUIRK(bash): it puts a name into the line as it is, which it then reads: `$(…)` in one would be run. Of the others only two are known to quote.
fn is_offered(name: &str, shell: &Path) -> bool {
    let quotes = shell.file_stem().is_some_and(|shell| shell == "zsh" || shell == "fish");
    quotes || shell_word(name) == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_that_does_not_quote_is_offered_plain_words_only() {
        for shell in ["bash", "/usr/bin/bash", "elvish", "powershell", ""] {
            let offered = |name| is_offered(name, Path::new(shell));
            assert!(offered("work-1.eu") && !offered("q$(touch${IFS}x)") && !offered("it's") && !offered("glob*"), "{shell}");
        }
        for shell in ["zsh", "/usr/bin/fish"] {
            assert!(is_offered("it's", Path::new(shell)), "{shell}");
        }
    }
}
