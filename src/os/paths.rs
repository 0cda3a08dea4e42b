//! Where keyrotate keeps its own files.
//!
//! Invariant: the answer depends on the given variables and home alone, so that a test, cron and a shell can be told apart.

use std::ffi::OsString;
use std::path::PathBuf;

/// Where keyrotate's own files are. Nothing is created here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The settings, which need not exist.
    pub config_file: PathBuf,
    /// Journal, history, observations and the lock.
    pub state_dir: PathBuf,
    /// Sessions.
    pub cache_dir: PathBuf,
}

/// A place cannot be named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathsError {
    /// There is no home directory to put it in: cron and service managers start programs so.
    #[error("HOME is not set to an absolute path, so there is no place for {what}; set HOME, or set {variable} to an absolute path")]
    NoHome {
        /// What would be there.
        what: &'static str,
        /// The variable that names the place.
        variable: &'static str,
    },
    /// A relative path would mean another place at every start.
    #[error("{variable}={path} is not an absolute path; write it whole, from the root", path = path.display())]
    Relative {
        /// The variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
    },
}

/// The directories of the platform, as the `directories` crate lays them out.
struct Layout {
    config: PathBuf,
    state: PathBuf,
    cache: PathBuf,
}

impl Paths {
    /// The places by KEYROTATE_CONFIG, KEYROTATE_STATE_DIR and KEYROTATE_CACHE_DIR (empty counts as unset), else in the
    /// platform's directories: on Linux XDG_CONFIG_HOME, XDG_STATE_HOME and XDG_CACHE_HOME, else `~/.config`, `~/.local/state`
    /// and `~/.cache`, each with `keyrotate` below. A home that is no absolute path counts as none.
    pub fn new(var: &dyn Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Result<Self, PathsError> {
        let layout = layout(var, home.filter(|home| home.is_absolute()));
        let place = |variable, what, usual: Option<PathBuf>| match set(var, variable) {
            Some(path) if path.is_absolute() => Ok(path),
            Some(path) => Err(PathsError::Relative { variable, path }),
            None => usual.ok_or(PathsError::NoHome { what, variable }),
        };
        Ok(Self {
            config_file: place("KEYROTATE_CONFIG", "the settings", layout.as_ref().map(|l| l.config.join("config.toml")))?,
            state_dir: place("KEYROTATE_STATE_DIR", "the journal", layout.as_ref().map(|l| l.state.clone()))?,
            cache_dir: place("KEYROTATE_CACHE_DIR", "cached sessions", layout.map(|l| l.cache))?,
        })
    }
}

fn set(var: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    var(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Written out rather than asked of the crate, which reads the process's own environment; a test holds the two against each other.
#[cfg(all(unix, not(target_os = "macos")))]
fn layout(var: &dyn Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<Layout> {
    // The XDG specification: a relative path counts as unset.
    let base = |name, below: &str| {
        let chosen = set(var, name).filter(|path| path.is_absolute());
        chosen.or_else(|| home.as_ref().map(|home| home.join(below))).map(|path| path.join("keyrotate"))
    };
    Some(Layout {
        config: base("XDG_CONFIG_HOME", ".config")?,
        state: base("XDG_STATE_HOME", ".local/state")?,
        cache: base("XDG_CACHE_HOME", ".cache")?,
    })
}

#[cfg(target_os = "macos")]
fn layout(_: &dyn Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<Layout> {
    let library = home?.join("Library");
    let support = library.join("Application Support/keyrotate");
    Some(Layout { config: support.clone(), state: support, cache: library.join("Caches/keyrotate") })
}

/// Windows keeps known folders, not variables: the crate asks for them.
#[cfg(not(unix))]
fn layout(_: &dyn Fn(&str) -> Option<OsString>, _: Option<PathBuf>) -> Option<Layout> {
    let dirs = directories::ProjectDirs::from("", "", "keyrotate")?;
    let [config, state, cache] = [dirs.config_dir(), dirs.data_local_dir(), dirs.cache_dir()].map(std::path::Path::to_owned);
    Some(Layout { config, state, cache })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn paths(vars: &[(&str, &str)], home: Option<&str>) -> Result<Paths, PathsError> {
        let vars: Vec<(String, OsString)> = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        Paths::new(&|name| vars.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()), home.map(PathBuf::from))
    }

    #[test]
    fn the_platforms_own_crate_agrees() {
        let theirs = directories::ProjectDirs::from("", "", "keyrotate").unwrap();
        let home = directories::BaseDirs::new().unwrap().home_dir().to_owned();
        let ours = Paths::new(&|name| std::env::var_os(name).filter(|_| name.starts_with("XDG_")), Some(home)).unwrap();
        assert_eq!(ours.config_file, theirs.config_dir().join("config.toml"));
        assert_eq!(ours.state_dir, theirs.state_dir().unwrap_or(theirs.data_local_dir()));
        assert_eq!(ours.cache_dir, theirs.cache_dir());
    }

    #[cfg(not(target_os = "macos"))]
    #[test]
    fn variables_go_before_xdg_and_xdg_before_home() {
        let cases = [
            (vec![], "/h/.local/state/keyrotate"),
            (vec![("XDG_STATE_HOME", "/x")], "/x/keyrotate"),
            (vec![("XDG_STATE_HOME", "x")], "/h/.local/state/keyrotate"),
            (vec![("XDG_STATE_HOME", "")], "/h/.local/state/keyrotate"),
            (vec![("XDG_STATE_HOME", "/x"), ("KEYROTATE_STATE_DIR", "/s")], "/s"),
            (vec![("KEYROTATE_STATE_DIR", "")], "/h/.local/state/keyrotate"),
        ];
        for (vars, state) in cases {
            assert_eq!(paths(&vars, Some("/h")).unwrap().state_dir, PathBuf::from(state), "{vars:?}");
        }
        let all = paths(&[], Some("/h")).unwrap();
        assert_eq!(all.config_file, PathBuf::from("/h/.config/keyrotate/config.toml"));
        assert_eq!(all.cache_dir, PathBuf::from("/h/.cache/keyrotate"));
    }

    #[test]
    fn without_a_home_the_missing_variable_is_named() {
        let config = ("KEYROTATE_CONFIG", "/c/config.toml");
        let state = ("KEYROTATE_STATE_DIR", "/s");
        let cache = ("KEYROTATE_CACHE_DIR", "/k");
        for (vars, missing) in
            [(vec![], "KEYROTATE_CONFIG"), (vec![config], "KEYROTATE_STATE_DIR"), (vec![config, state], "KEYROTATE_CACHE_DIR")]
        {
            for home in [None, Some(""), Some("rel")] {
                assert!(matches!(paths(&vars, home), Err(PathsError::NoHome { variable, .. }) if variable == missing), "{vars:?}");
            }
        }
        assert_eq!(paths(&[config, state, cache], None).unwrap().cache_dir, PathBuf::from("/k"));
    }

    #[test]
    fn a_relative_override_is_refused_with_its_value() {
        let error = paths(&[("KEYROTATE_STATE_DIR", "state")], Some("/h")).unwrap_err();
        assert_eq!(error.to_string(), "KEYROTATE_STATE_DIR=state is not an absolute path; write it whole, from the root");
    }
}
