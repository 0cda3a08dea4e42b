//! Which of the variables that are set now the timer's runs get, too.
//!
//! SECRET: what can be a secret is never carried: the files of a timer are read by backups and shown by `systemctl`. It is said instead.

use std::path::{Path, PathBuf};

/// What changes where keyrotate looks, or how it reaches AWS. AWS_PROFILE is not among them: `auto` takes every own key.
const CARRIED: [&str; 18] = [
    "ALL_PROXY",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HTTPS_PROXY",
    "KEYROTATE_CACHE_DIR",
    "KEYROTATE_CONFIG",
    "KEYROTATE_STATE_DIR",
    "NO_PROXY",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "all_proxy",
    "https_proxy",
    "no_proxy",
];

/// Endpoints of all services and of one.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Paths that a shell may have set from where it stood.
const PATHS: [&str; 3] = ["AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

/// Never carried, and said so. Others may be secrets too, and are not carried because they are not in [`CARRIED`].
const SECRET: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "KEYROTATE_MFA_CODE",
];

/// What is carried, and what is not though it is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// By name.
    pub variables: Vec<(String, String)>,
    /// A sentence about each that is left out. Never a value.
    pub left_out: Vec<String>,
}

/// A value that no file of a timer can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} has a control character in it, and the timer's file cannot hold it")]
pub struct Unwritable {
    /// The variable.
    pub name: String,
}

/// Sorts the variables out; an empty one counts as unset. Relative paths are made absolute by `absolute`.
pub fn carried(variables: &[(String, String)], absolute: &dyn Fn(&Path) -> PathBuf) -> Result<Carried, Unwritable> {
    let mut sorted = Carried::default();
    let mut set: Vec<_> = variables.iter().filter(|(_, value)| !value.is_empty()).collect();
    set.sort();
    for (name, value) in set {
        if SECRET.contains(&name.as_str()) {
            sorted.left_out.push(format!("{name} is set here and is not carried along: it is a secret, or goes with one"));
        } else if CARRIED.contains(&name.as_str()) || name.starts_with(ENDPOINT) {
            if value.contains(char::is_control) {
                return Err(Unwritable { name: name.clone() });
            }
            if has_password(value) {
                sorted.left_out.push(format!("{name} is not carried along: there is a password in it, which the timer's file would show"));
                continue;
            }
            let is_relative = PATHS.contains(&name.as_str()) && !value.starts_with('~') && Path::new(value).is_relative();
            let value = if is_relative { absolute(Path::new(value)).to_string_lossy().into_owned() } else { value.clone() };
            sorted.variables.push((name.clone(), value));
        }
    }
    Ok(sorted)
}

/// `http://user:password@host`; also a user alone, which may be a token.
fn has_password(value: &str) -> bool {
    let after_scheme = value.split_once("://").map_or(value, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    !value.starts_with(['/', '~', '.']) && authority.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(variables: &[(&str, &str)]) -> Result<Carried, Unwritable> {
        let variables: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        carried(&variables, &|path| Path::new("/here").join(path))
    }

    fn names(carried: &Carried) -> Vec<&str> {
        carried.variables.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn what_matters_is_carried_and_made_absolute() {
        let sorted = sort(&[
            ("no_proxy", "169.254.169.254"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_CONFIG_FILE", "aws/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "~/mine"),
            ("AWS_ENDPOINT_URL_IAM", "https://iam.example"),
            ("HTTPS_PROXY", "http://proxy:3128"),
            ("XDG_STATE_HOME", ""),
            ("AWS_PROFILE", "work"),
            ("LS_COLORS", "x"),
        ])
        .unwrap();
        assert_eq!(
            names(&sorted),
            ["AWS_CONFIG_FILE", "AWS_ENDPOINT_URL_IAM", "AWS_REGION", "AWS_SHARED_CREDENTIALS_FILE", "HTTPS_PROXY", "no_proxy"]
        );
        assert_eq!(sorted.variables[0].1, "/here/aws/config");
        assert_eq!(sorted.variables[3].1, "~/mine");
        assert_eq!(sorted.left_out, Vec::<String>::new());
    }

    #[test]
    fn a_secret_is_left_out_and_said_without_its_value() {
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "AKIAMARKER"),
            ("AWS_SECRET_ACCESS_KEY", "MARKER"),
            ("AWS_SESSION_TOKEN", "MARKER"),
            ("KEYROTATE_MFA_CODE", "MARKER"),
            ("HTTPS_PROXY", "http://me:MARKER@proxy:3128/"),
            ("https_proxy", "MARKER@proxy:3128"),
            ("AWS_ENDPOINT_URL", "https://MARKER@host/x"),
        ] {
            let sorted = sort(&[(name, value)]).unwrap();
            assert_eq!((names(&sorted).len(), sorted.left_out.len()), (0, 1), "{name}");
            assert!(sorted.left_out[0].starts_with(name) && !sorted.left_out[0].contains("MARKER"), "{}", sorted.left_out[0]);
        }
        assert_eq!(names(&sort(&[("KEYROTATE_STATE_DIR", "/srv/a@b")]).unwrap()), ["KEYROTATE_STATE_DIR"], "a path is no address");
        assert_eq!(sort(&[("NO_PROXY", "a\nb")]).unwrap_err().name, "NO_PROXY");
    }
}
