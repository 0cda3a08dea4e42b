//! What a shell may offer for a profile, or for the key of another user.
//!
//! Invariant: a name that a shell would not take as one word, or a terminal would not show, is left out; where the AWS files cannot be read there
//! are none: a shell that completes has no use for an error.

use std::ffi::OsString;
use std::path::PathBuf;

use super::context::Context;
use crate::os::terminal::plain;

/// The names of all profiles, in their order.
pub fn profile_names(variables: &[(OsString, OsString)], home: Option<PathBuf>) -> Vec<String> {
    Context::load(variables, home).map(|context| profiles(&context)).unwrap_or_default()
}

/// The same, then those of `[key.NAME]` in the settings.
pub fn profile_and_key_names(variables: &[(OsString, OsString)], home: Option<PathBuf>) -> Vec<String> {
    let Ok(context) = Context::load(variables, home) else { return Vec::new() };
    profiles(&context).into_iter().chain(words(context.settings.keys().keys().cloned())).collect()
}

fn profiles(context: &Context) -> Vec<String> {
    words(context.files_or_empty().profiles().map(|name| name.as_str().to_owned()))
}

fn words(names: impl Iterator<Item = String>) -> Vec<String> {
    names.filter(|name| plain(name) == *name && !name.contains(char::is_whitespace)).collect()
}
