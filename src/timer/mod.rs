//! What runs `keyrotate auto` once in a while: a systemd user timer, a launchd agent or a line in the crontab.
//!
//! [`plan`] is pure: facts of the machine in, acts out. [`apply`] performs acts, [`machine`] finds out facts. Invariants: no secret gets
//! into a file here; every act can be done twice; what `install` made, `remove` takes away.

pub mod apply;
pub mod cron;
pub mod diff;
pub mod environment;
pub mod launchd;
pub mod machine;
pub mod plan;
pub mod program;
pub mod report;
pub mod systemd;

use std::path::PathBuf;

/// What runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A timer of the systemd user manager.
    Systemd,
    /// A launchd agent in the user's graphical session.
    Launchd,
    /// A line in the user's crontab.
    Cron,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Systemd, Kind::Launchd, Kind::Cron];

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Systemd => "systemd user timer",
            Kind::Launchd => "launchd agent",
            Kind::Cron => "crontab line",
        }
    }
}

/// What the timer is to run, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The program, by a name that survives upgrades.
    pub program: PathBuf,
    /// Variables that it needs, by name.
    pub environment: Vec<(String, String)>,
    /// The minute of the hour where the system has no random delay of its own: another on each machine, the same at each installation.
    pub minute: u8,
    /// Where the output goes where the system keeps none.
    pub log: Option<PathBuf>,
}

/// Where things are on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The systemd user units.
    pub units: PathBuf,
    /// The launchd agents.
    pub agents: PathBuf,
    /// The agent's output.
    pub agent_log: PathBuf,
    /// The output of cron's runs.
    pub cron_log: PathBuf,
    /// The exit code of cron's last run; its time is that of the file.
    pub cron_result: PathBuf,
    /// The user's id, of which launchd's domains are named.
    pub user: u32,
}
