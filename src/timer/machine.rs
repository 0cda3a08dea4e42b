//! Facts of this machine: what it has to run a timer, and what of ours is there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::plan::{Crontab, Present};
use super::{Kind, Places, launchd, systemd};
use crate::os::disk::{Disk, RealDisk};
use crate::os::machine;
use crate::os::process::{Captured, capture};

/// The variables that say where things are.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Where things are; `state_dir` is keyrotate's own.
pub fn places(variable: Lookup<'_>, home: &Path, state_dir: &Path) -> Places {
    let config = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    Places {
        units: config.unwrap_or_else(|| home.join(".config")).join("systemd/user"),
        agents: home.join("Library/LaunchAgents"),
        agent_log: home.join("Library/Logs/keyrotate.log"),
        cron_log: state_dir.join("timer.log"),
        cron_result: state_dir.join("timer.result"),
        user: user(),
    }
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::getuid().as_raw()
}

#[cfg(not(unix))]
fn user() -> u32 {
    0
}

/// What this machine runs timers with, the best first. Windows has none of the three.
pub fn kinds() -> Vec<Kind> {
    let is_mac = cfg!(target_os = "macos");
    let can = |kind: &Kind| match kind {
        Kind::Launchd => is_mac,
        // A machine may have systemd but no manager for this user: a container, or a session that was opened by `su`.
        Kind::Systemd => {
            cfg!(unix) && !is_mac && ask(&["systemctl", "--user", "show", "--property=Version"]).is_ok_and(|said| said.succeeded)
        }
        Kind::Cron => cfg!(unix) && matches!(crontab(), Crontab::Text(_)),
    };
    Kind::ALL.into_iter().filter(can).collect()
}

/// Whether the user's systemd manager runs while they are logged out; `None` where logind does not say.
pub fn lingers() -> Option<bool> {
    let said = ask(&["loginctl", "show-user", "--property=Linger", "--value", &user().to_string()]).ok()?;
    match said.stdout.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// What of ours is there.
pub fn present(places: &Places) -> io::Result<Present> {
    let paths = [places.units.join(systemd::SERVICE), places.units.join(systemd::TIMER), places.agents.join(launchd::FILE)];
    let mut files = BTreeMap::new();
    for path in paths {
        match RealDisk.read(&path) {
            Ok(bytes) => drop(files.insert(path, String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        }
    }
    Ok(Present { files, crontab: crontab() })
}

fn crontab() -> Crontab {
    match ask(&["crontab", "-l"]) {
        Ok(said) if said.succeeded => Crontab::Text(said.stdout),
        // Vixie's, Debian's and cronie's word for an empty one; busybox cannot open its file.
        Ok(said) if said.stderr.contains("no crontab for") || said.stderr.contains("can't open") => Crontab::default(),
        Ok(said) => Crontab::Unusable(format!("`crontab -l` says: {}", said.stderr.trim())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Crontab::Unusable("there is no program `crontab`".to_owned()),
        Err(error) => Crontab::Unusable(error.to_string()),
    }
}

/// Runs a program that only answers.
pub fn ask(words: &[&str]) -> io::Result<Captured> {
    tell(words, None)
}

/// Runs a program of the system's that gets this as its input.
pub fn tell(words: &[&str], input: Option<&[u8]>) -> io::Result<Captured> {
    capture(words, input, &variables(std::env::var_os("XDG_RUNTIME_DIR"), user()))
}

/// What the system's programs are run with: their answers are read, and `systemctl --user` finds its manager by this directory, which
/// `su` and `sudo` do not set.
fn variables(runtime: Option<OsString>, user: u32) -> Vec<(&'static str, OsString)> {
    let mut set = vec![("LC_ALL", OsString::from("C"))];
    let usual = PathBuf::from(format!("/run/user/{user}"));
    if cfg!(target_os = "linux") && runtime.is_none() && usual.is_dir() {
        set.push(("XDG_RUNTIME_DIR", usual.into()));
    }
    set
}

/// A minute that is this machine's and this user's, so that a fleet does not ask at once and a second installation changes nothing.
pub fn minute() -> u8 {
    let id = machine::machine_id().unwrap_or_default();
    let sum = id.bytes().fold(u64::from(user()), |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    u8::try_from(sum % 60).unwrap_or_default()
}

/// The names of the running program that lead to it, the best first.
pub fn program_names(own: &Path, search_path: &[PathBuf]) -> Vec<PathBuf> {
    let real = RealDisk.resolve(own).ok();
    let mut names = super::program::candidates(real.as_deref().unwrap_or(own), search_path);
    names.insert(names.len().saturating_sub(1), own.to_owned());
    names.retain(|name| real.is_some() && RealDisk.resolve(name).ok() == real);
    names
}
