//! What a shell may offer for a profile.

use std::ffi::OsString;
use std::path::PathBuf;

use super::context::Context;

/// The names of all profiles, in their order; those that a shell would not take as one word, or a terminal would not show, are left out.
/// Empty where the AWS files cannot be read: a shell that completes has no use for an error.
pub fn profile_names(variables: &[(OsString, OsString)], home: Option<PathBuf>) -> Vec<String> {
    let Ok(context) = Context::load(variables, home) else { return Vec::new() };
    let names = context.files_or_empty().profiles().map(|name| name.as_str().to_owned());
    names.filter(|name| !name.contains(|c: char| c.is_control() || c.is_whitespace())).collect()
}
