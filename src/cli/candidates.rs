//! The names that a shell may complete.
//!
//! Invariant: whatever is wrong with the AWS files or the settings, there is no error and no secret, only fewer names.

use std::ffi::OsString;
use std::path::PathBuf;

use clap_complete::engine::CompletionCandidate;

use crate::commands::completions::{profile_and_key_names, profile_names};
use crate::commands::refreshable::own_files;

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
    names(&variables, std::env::home_dir()).into_iter().map(CompletionCandidate::new).collect()
}
