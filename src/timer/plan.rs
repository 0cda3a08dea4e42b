//! What has to be done to the machine, in order.
//!
//! Invariants: acts can be done again from the first after a crash; a plan for what is already there changes no file; a timer of another
//! kind is removed by the plan that installs one, so that no key is looked at twice.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Job, Kind, Places, cron, launchd, systemd};

/// What is there now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// The files of ours with their text.
    pub files: BTreeMap<PathBuf, String>,
    /// The user's whole crontab, empty where there is none.
    pub crontab: Crontab,
}

/// A crontab that could not be read must not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crontab {
    /// It was read.
    Text(String),
    /// There is no cron here, or the user may not use it: why.
    Unusable(String),
}

impl Crontab {
    /// Its text, as far as there is one.
    pub fn text(&self) -> &str {
        match self {
            Crontab::Text(text) => text,
            Crontab::Unusable(_) => "",
        }
    }
}

impl Default for Crontab {
    fn default() -> Self {
        Crontab::Text(String::new())
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// The line is too long.
    #[error(transparent)]
    TooLong(#[from] cron::TooLong),
    /// The crontab cannot be read.
    #[error("the crontab cannot be used: {0}")]
    NoCrontab(String),
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Writes a file, and makes the directories above it.
    Write {
        /// The file.
        path: PathBuf,
        /// Its whole text.
        text: String,
    },
    /// Removes a file; one that is not there is fine.
    Remove(PathBuf),
    /// Makes a directory that only its owner can look into.
    Private(PathBuf),
    /// Removes a directory if nothing is left in it.
    RemoveEmpty(PathBuf),
    /// Gives the user this crontab; an empty one is none.
    Crontab(String),
    /// Runs a program.
    Run {
        /// Its name and arguments.
        words: Vec<String>,
        /// What it means if it fails.
        on_failure: OnFailure,
    },
}

/// What a failed command means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing more is done.
    Stop,
    /// It is tried again for some seconds: launchd takes an agent out in its own time, and until then takes none in.
    Retry,
    /// Nothing: what it takes away is not there.
    GoOn,
}

fn run(words: &[&str], on_failure: OnFailure) -> Act {
    Act::Run { words: words.iter().map(|word| (*word).to_owned()).collect(), on_failure }
}

/// The files of a kind with the text that they shall have; cron has none.
pub fn files(kind: Kind, job: &Job, places: &Places) -> Vec<(PathBuf, String)> {
    match kind {
        Kind::Systemd => {
            vec![
                (places.units.join(systemd::SERVICE), systemd::service(job)),
                (places.units.join(systemd::TIMER), systemd::TIMER_TEXT.into()),
            ]
        }
        Kind::Launchd => {
            let job = Job { log: Some(places.agent_log.clone()), ..job.clone() };
            vec![(places.agents.join(launchd::FILE), launchd::agent(&job))]
        }
        Kind::Cron => Vec::new(),
    }
}

/// The kinds of which there is something.
pub fn found(present: &Present, places: &Places) -> Vec<Kind> {
    let has = |directory: &PathBuf, names: &[&str]| names.iter().any(|name| present.files.contains_key(&directory.join(name)));
    let is_there = |kind: &Kind| match kind {
        Kind::Systemd => has(&places.units, &[systemd::SERVICE, systemd::TIMER]),
        Kind::Launchd => has(&places.agents, &[launchd::FILE]),
        Kind::Cron => present.crontab.text().lines().any(cron::is_ours),
    };
    Kind::ALL.into_iter().filter(is_there).collect()
}

/// Installs a timer of this kind and removes those of others. The same for what is there already, without a change of a file.
pub fn install(kind: Kind, job: &Job, places: &Places, present: &Present) -> Result<Vec<Act>, NoPlan> {
    let mut acts: Vec<Act> =
        found(present, places).into_iter().filter(|other| *other != kind).flat_map(|other| remove(other, places, present)).collect();
    let written: Vec<Act> = files(kind, job, places)
        .into_iter()
        .filter(|(path, text)| present.files.get(path) != Some(text))
        .map(|(path, text)| Act::Write { path, text })
        .collect();
    match kind {
        Kind::Systemd => {
            acts.extend(written);
            acts.push(run(&["systemctl", "--user", "daemon-reload"], OnFailure::Stop));
            acts.push(run(&["systemctl", "--user", "enable", "--now", systemd::TIMER], OnFailure::Stop));
        }
        Kind::Launchd => {
            let (domain, service, file) = names(places);
            // An agent that runs on with the old text would be the one that `bootstrap` finds.
            if !written.is_empty() {
                acts.push(run(&["launchctl", "bootout", &service], OnFailure::GoOn));
            }
            let loaded_already = if written.is_empty() { OnFailure::GoOn } else { OnFailure::Retry };
            acts.extend(written);
            acts.push(run(&["launchctl", "enable", &service], OnFailure::Stop));
            acts.push(run(&["launchctl", "bootstrap", &domain, &file], loaded_already));
        }
        Kind::Cron => {
            let before = match &present.crontab {
                Crontab::Text(text) => text,
                Crontab::Unusable(why) => return Err(NoPlan::NoCrontab(why.clone())),
            };
            let after = cron::with(before, &cron::line(job, places)?);
            acts.extend(places.cron_log.parent().map(|directory| Act::Private(directory.to_owned())));
            if after != *before {
                acts.push(Act::Crontab(after));
            }
        }
    }
    Ok(acts)
}

/// Removes a timer of this kind, with what the system made for it. Nothing where there is none.
pub fn remove(kind: Kind, places: &Places, present: &Present) -> Vec<Act> {
    if !found(present, places).contains(&kind) {
        return Vec::new();
    }
    match kind {
        Kind::Systemd => {
            let wants = places.units.join("timers.target.wants");
            vec![
                run(&["systemctl", "--user", "disable", "--now", systemd::TIMER], OnFailure::GoOn),
                // The stamp by which it knows what it missed.
                run(&["systemctl", "--user", "clean", "--what=state", systemd::TIMER], OnFailure::GoOn),
                // Where the manager could not be asked, its link would be left.
                Act::Remove(wants.join(systemd::TIMER)),
                Act::Remove(places.units.join(systemd::TIMER)),
                Act::Remove(places.units.join(systemd::SERVICE)),
                Act::RemoveEmpty(wants),
                Act::RemoveEmpty(places.units.clone()),
                Act::RemoveEmpty(places.units.parent().unwrap_or(&places.units).to_owned()),
                run(&["systemctl", "--user", "daemon-reload"], OnFailure::GoOn),
                run(&["systemctl", "--user", "reset-failed", systemd::SERVICE], OnFailure::GoOn),
            ]
        }
        Kind::Launchd => {
            let (_, service, _) = names(places);
            vec![
                run(&["launchctl", "bootout", &service], OnFailure::GoOn),
                Act::Remove(places.agents.join(launchd::FILE)),
                Act::Remove(places.agent_log.clone()),
            ]
        }
        Kind::Cron => vec![
            Act::Crontab(cron::without(present.crontab.text())),
            Act::Remove(places.cron_log.clone()),
            Act::Remove(places.cron_result.clone()),
            Act::RemoveEmpty(places.cron_log.parent().unwrap_or(&places.cron_log).to_owned()),
        ],
    }
}

/// launchd's names of the user's domain, of the service, and the agent's path.
fn names(places: &Places) -> (String, String, String) {
    let domain = format!("gui/{}", places.user);
    let service = format!("{domain}/{}", launchd::LABEL);
    (domain, service, places.agents.join(launchd::FILE).to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
