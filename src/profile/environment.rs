//! What the AWS variables say: where the files are, and which profile is meant.
//!
//! Invariant: a snapshot is taken once; nothing here reads the process environment or the disk. Of the process only the current
//! directory is asked for, and paths are absolute from here on.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use super::refusal::Refusal;
use crate::model::ProfileName;

/// The variables named `AWS_*`, `HOME` and `KEYROTATE_PROFILE`, as they were when the snapshot was taken.
#[derive(Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Keeps what the AWS tools read. A kept value that is not UTF-8 is refused; other variables are not looked at.
    pub fn from_vars(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Refusal> {
        let mut kept = BTreeMap::new();
        for (name, value) in vars {
            let Some(name) = name.to_str().filter(|n| n.starts_with("AWS_") || ["HOME", INSIDE].contains(n)) else { continue };
            let value = value.into_string().map_err(|_| Refusal::VariableNotUtf8 { name: name.to_owned() })?;
            kept.insert(name.to_owned(), value);
        }
        Ok(Self(kept))
    }

    /// The value of a variable; an empty one counts as unset, as the SDKs have it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a variable is set whose name begins so.
    pub(super) fn any(&self, start: &str) -> bool {
        self.0.iter().any(|(name, value)| name.starts_with(start) && !value.is_empty())
    }
}

// SECRET: the variables may hold keys, so only their names are shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The profile on whose session a program of `exec`, or a shell with what `env` prints, runs.
pub const INSIDE: &str = "KEYROTATE_PROFILE";

pub(super) const CREDENTIALS_VARIABLE: &str = "AWS_SHARED_CREDENTIALS_FILE";
pub(super) const CONFIG_VARIABLE: &str = "AWS_CONFIG_FILE";

/// Where the two AWS files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsPaths {
    /// The shared credentials file.
    pub credentials: PathBuf,
    /// The config file.
    pub config: PathBuf,
}

impl AwsPaths {
    /// Absolute. `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`, a leading `~/` expanded; else `.aws/credentials` and `.aws/config` in `home`.
    pub fn new(environment: &Environment, home: Option<&Path>) -> Result<Self, Refusal> {
        Ok(Self {
            credentials: path(environment, home, CREDENTIALS_VARIABLE, "credentials")?,
            config: path(environment, home, CONFIG_VARIABLE, "config")?,
        })
    }
}

/// A relative path is meant from the directory that keyrotate was started in; a rotation is gone on with from another.
fn path(environment: &Environment, home: Option<&Path>, variable: &'static str, file: &str) -> Result<PathBuf, Refusal> {
    let path = written_path(environment, home, variable, file)?;
    Ok(std::path::absolute(&path).unwrap_or(path))
}

fn written_path(environment: &Environment, home: Option<&Path>, variable: &'static str, file: &str) -> Result<PathBuf, Refusal> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment::from_vars(vars.iter().map(|(name, value)| ((*name).into(), (*value).into()))).unwrap()
    }

    #[test]
    fn paths_are_expanded_or_refused() {
        let get = |value: &str, home: Option<&str>| {
            let vars = [("AWS_SHARED_CREDENTIALS_FILE", value), ("AWS_CONFIG_FILE", "/c")];
            AwsPaths::new(&environment(&vars), home.map(Path::new)).map(|paths| paths.credentials).map_err(|refusal| refusal.code())
        };
        assert_eq!(get("", Some("/h")), Ok("/h/.aws/credentials".into()));
        assert_eq!(get("~/x", Some("/h")), Ok("/h/x".into()));
        assert_eq!(get("/a$/x", None), Ok("/a$/x".into()));
        assert_eq!(get("$HOME/x", Some("/h")), Err("path-not-plain"));
        assert_eq!(get("~bob/x", Some("/h")), Err("path-not-plain"));
        assert_eq!(get("~/x", None), Err("no-home"));
        assert_eq!(get("", None), Err("no-home"));
    }

    #[test]
    fn a_relative_path_is_meant_from_here_whatever_the_directory_is_later() {
        let vars = [("AWS_SHARED_CREDENTIALS_FILE", "rel/x"), ("AWS_CONFIG_FILE", "./c")];
        let paths = AwsPaths::new(&environment(&vars), None).unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!((paths.credentials, paths.config), (here.join("rel/x"), here.join("c")));
    }

    #[test]
    fn the_profile_is_the_argument_then_the_variables() {
        let both = environment(&[("AWS_PROFILE", "a"), ("AWS_DEFAULT_PROFILE", "b"), ("AWS_ACCESS_KEY_ID", "x")]);
        let chosen = choose_profile(&both, None);
        assert_eq!((chosen.name.as_str(), chosen.source), ("a", ProfileSource::AwsProfile));
        assert_eq!((chosen.conflict, chosen.env_keys_shadow), (Some(("a".into(), "b".into())), true));
        let named = choose_profile(&both, Some("c"));
        assert_eq!((named.name.as_str(), named.conflict, named.env_keys_shadow), ("c", None, false));
        let legacy = choose_profile(&environment(&[("AWS_PROFILE", ""), ("AWS_DEFAULT_PROFILE", "b")]), None);
        assert_eq!((legacy.name.as_str(), legacy.source, legacy.conflict), ("b", ProfileSource::AwsDefaultProfile, None));
        assert_eq!(choose_profile(&environment(&[]), None).source, ProfileSource::Default);
    }

    #[test]
    #[cfg(unix)]
    fn only_variables_that_are_read_must_be_utf8_and_no_value_is_shown() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = || OsString::from_vec(vec![0xff]);
        assert_eq!(Environment::from_vars([("AWS_PROFILE".into(), odd())]).unwrap_err().code(), "variable-not-utf8");
        let shown = Environment::from_vars([("LS_COLORS".into(), odd()), ("AWS_SECRET_ACCESS_KEY".into(), "marker".into())]).unwrap();
        assert_eq!(format!("{shown:?}"), "{\"AWS_SECRET_ACCESS_KEY\"}");
    }
}
