//! What the AWS variables say: where the files are, and which profile is meant.
//!
//! Invariant: a snapshot is taken once; nothing here reads the process environment or the disk.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use super::refusal::Refusal;
use crate::model::ProfileName;

/// The variables named `AWS_*` and `HOME`, as they were when the snapshot was taken.
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Keeps what the AWS tools read. A kept value that is not UTF-8 is refused; other variables are not looked at.
    pub fn from_vars(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Refusal> {
        let mut kept = BTreeMap::new();
        for (name, value) in vars {
            let Some(name) = name.to_str().filter(|n| n.starts_with("AWS_") || *n == "HOME") else { continue };
            let value = value.into_string().map_err(|_| Refusal::VariableNotUtf8 { name: name.to_owned() })?;
            kept.insert(name.to_owned(), value);
        }
        Ok(Self(kept))
    }

    /// The value of a variable; an empty one counts as unset, as the SDKs have it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

// SECRET: the variables may hold keys, so only their names are shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Where the two AWS files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsPaths {
    /// The shared credentials file.
    pub credentials: PathBuf,
    /// The config file.
    pub config: PathBuf,
}

impl AwsPaths {
    /// `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`, a leading `~/` expanded; else `.aws/credentials` and `.aws/config` in `home`.
    pub fn new(environment: &Environment, home: Option<&Path>) -> Result<Self, Refusal> {
        Ok(Self {
            credentials: path(environment, home, "AWS_SHARED_CREDENTIALS_FILE", "credentials")?,
            config: path(environment, home, "AWS_CONFIG_FILE", "config")?,
        })
    }
}

fn path(environment: &Environment, home: Option<&Path>, variable: &'static str, file: &str) -> Result<PathBuf, Refusal> {
    let needed = || home.ok_or(Refusal::NoHome { variable });
    let Some(value) = environment.get(variable) else { return Ok(needed()?.join(".aws").join(file)) };
    // The AWS CLI expands variables in a path, the SDKs do not: two files could be meant.
    let expands = value.split('$').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '{'));
    if expands {
        return Err(Refusal::PathNotPlain { variable, value: value.to_owned() });
    }
    match value.strip_prefix('~') {
        None => Ok(PathBuf::from(value)),
        Some("") => Ok(needed()?.to_owned()),
        Some(rest) => match rest.strip_prefix('/') {
            Some(below) => Ok(needed()?.join(below.trim_start_matches('/'))),
            None => Err(Refusal::PathNotPlain { variable, value: value.to_owned() }),
        },
    }
}

/// What named the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileSource {
    /// The command line.
    Argument,
    /// `AWS_PROFILE`.
    AwsProfile,
    /// `AWS_DEFAULT_PROFILE`.
    AwsDefaultProfile,
    /// Nothing: the profile `default`.
    Default,
}

/// The profile that is meant, and what stands against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The profile.
    pub name: ProfileName,
    /// What named it.
    pub source: ProfileSource,
    /// `AWS_PROFILE` and `AWS_DEFAULT_PROFILE` where both are set, differ, and no argument decides: tools disagree on which counts.
    pub conflict: Option<(String, String)>,
    /// Keys are exported and no argument names a profile: the AWS tools use the exported keys, not the file (`env-keys-shadow`).
    pub env_keys_shadow: bool,
}

/// The argument, then `AWS_PROFILE`, then `AWS_DEFAULT_PROFILE`, then `default`.
pub fn choose_profile(environment: &Environment, argument: Option<&str>) -> Chosen {
    let (current, legacy) = (environment.get("AWS_PROFILE"), environment.get("AWS_DEFAULT_PROFILE"));
    let (name, source) = match (argument, current, legacy) {
        (Some(name), _, _) => (name, ProfileSource::Argument),
        (None, Some(name), _) => (name, ProfileSource::AwsProfile),
        (None, None, Some(name)) => (name, ProfileSource::AwsDefaultProfile),
        (None, None, None) => ("default", ProfileSource::Default),
    };
    let both = current.zip(legacy).filter(|(a, b)| argument.is_none() && a != b);
    let exported = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].into_iter().any(|name| environment.get(name).is_some());
    Chosen {
        name: ProfileName::new(name),
        source,
        conflict: both.map(|(a, b)| (a.to_owned(), b.to_owned())),
        env_keys_shadow: argument.is_none() && exported,
    }
}
