//! What is known of an installed timer: when it runs next, how its last run ended, where its output is.
//!
//! The readers are pure: the answers of `systemctl`, `launchctl` and the files in, facts out.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Local, NaiveDateTime, NaiveTime, TimeDelta};

use super::plan::Present;
use super::{Kind, Places, cron, launchd, machine, systemd};
use crate::os::disk::{Disk, RealDisk};

/// An installed timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What runs it.
    pub kind: Kind,
    /// The program that it runs.
    pub program: Option<PathBuf>,
    /// Whether that program is there.
    pub program_is_there: bool,
    /// Whether the system knows of it and will run it; `None` where nobody can be asked.
    pub is_on: Option<bool>,
    /// When it runs next, in local time with the zone.
    pub next: Option<String>,
    /// When it ran last, likewise.
    pub last: Option<String>,
    /// The exit code of that run.
    pub last_code: Option<i32>,
    /// Where to read what its runs said.
    pub log: String,
}

impl Report {
    /// Whether a person should look: it is off, its program is gone, or its last run failed.
    pub fn needs_attention(&self) -> bool {
        self.is_on == Some(false) || !self.program_is_there || self.last_code.is_some_and(|code| !TOLD_BY_AUTO.contains(&code))
    }
}

/// Codes with which `auto` tells about keys; any other is about the run itself.
const TOLD_BY_AUTO: [i32; 5] = [0, 10, 11, 12, 20];

/// Asks the system about the timer of this kind.
pub fn report(kind: Kind, places: &Places, present: &Present, now: DateTime<Local>) -> Report {
    let text = |path: PathBuf| present.files.get(&path).cloned().unwrap_or_default();
    let asked = |words: &[&str]| machine::ask(words).ok().filter(|said| said.succeeded).map(|said| said.stdout);
    let mut report = match kind {
        Kind::Systemd => {
            let properties = "--property=ActiveState,NextElapseUSecRealtime,LastTriggerUSec";
            let timer = asked(&["systemctl", "--user", "show", systemd::TIMER, properties]);
            let service = asked(&["systemctl", "--user", "show", systemd::SERVICE, "--property=ExecMainStatus,ExecMainExitTimestamp"]);
            of_systemd(timer.as_deref(), service.as_deref(), systemd::program(&text(places.units.join(systemd::SERVICE))))
        }
        Kind::Launchd => {
            let agent = text(places.agents.join(launchd::FILE));
            let printed = machine::ask(&["launchctl", "print", &format!("gui/{}/{}", places.user, launchd::LABEL)]).ok();
            let printed = printed.map(|said| if said.succeeded { said.stdout } else { String::new() });
            of_launchd(printed.as_deref(), &agent, places, now)
        }
        Kind::Cron => {
            let line = present.crontab.text().lines().find(|line| cron::is_ours(line)).unwrap_or_default();
            let last_code = RealDisk.read(&places.cron_result).ok().and_then(|bytes| String::from_utf8_lossy(&bytes).trim().parse().ok());
            let ended = std::fs::metadata(&places.cron_result).and_then(|found| found.modified()).ok();
            let last = ended.map(|at| shown(DateTime::<Local>::from(at)));
            Report { is_on: daemon_runs(), ..of_cron(line, last_code, last, places, now) }
        }
    };
    report.program_is_there = report.program.as_ref().is_some_and(|program| program.is_file());
    report
}

/// Whether a cron daemon runs, as far as it says so: by the file with its process id, of Debian's cron and of cronie.
fn daemon_runs() -> Option<bool> {
    let ids = ["/run/crond.pid", "/run/cron.pid"].iter().filter_map(|path| RealDisk.read(Path::new(path)).ok());
    ids.filter_map(|bytes| String::from_utf8_lossy(&bytes).trim().parse::<u32>().ok())
        .any(|id| Path::new(&format!("/proc/{id}")).is_dir())
        .then_some(true)
}

fn of_systemd(timer: Option<&str>, service: Option<&str>, program: Option<PathBuf>) -> Report {
    let value = |answer: Option<&str>, name: &str| {
        let lines = answer.unwrap_or_default();
        lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned)).filter(|value| !value.is_empty())
    };
    let ended = value(service, "ExecMainExitTimestamp");
    Report {
        kind: Kind::Systemd,
        program,
        program_is_there: false,
        is_on: timer.map(|_| value(timer, "ActiveState").as_deref() == Some("active")),
        next: value(timer, "NextElapseUSecRealtime"),
        // Before a first run the status is 0, and says nothing.
        last_code: ended.as_ref().and_then(|_| value(service, "ExecMainStatus")).and_then(|status| status.parse().ok()),
        last: ended.or_else(|| value(timer, "LastTriggerUSec")),
        log: "journalctl --user -u keyrotate".to_owned(),
    }
}

/// `launchctl print` is for people, and Apple may change it: a line that is not there is not known.
fn of_launchd(printed: Option<&str>, agent: &str, places: &Places, now: DateTime<Local>) -> Report {
    let minute = agent.split_once("<key>Minute</key>").and_then(|(_, rest)| number_in(rest));
    let code = printed.unwrap_or_default().lines().find_map(|line| line.trim().strip_prefix("last exit code = ")?.parse().ok());
    Report {
        kind: Kind::Launchd,
        program: launchd::program(agent),
        program_is_there: false,
        is_on: printed.map(|printed| !printed.is_empty()),
        next: minute.and_then(|minute| next(now, 24, u32::from(launchd::HOUR), minute)),
        last: None,
        last_code: code,
        log: places.agent_log.display().to_string(),
    }
}

fn number_in(text: &str) -> Option<u32> {
    text.split_once("<integer>")?.1.split_once("</integer>")?.0.parse().ok()
}

fn of_cron(line: &str, last_code: Option<i32>, last: Option<String>, places: &Places, now: DateTime<Local>) -> Report {
    Report {
        kind: Kind::Cron,
        program: cron::program(line),
        program_is_there: false,
        is_on: None,
        next: cron::minute(line).and_then(|minute| next(now, cron::HOURS, 0, minute)),
        last,
        last_code,
        log: places.cron_log.display().to_string(),
    }
}

/// The next time at `minute` of the hour `first`, and of each that comes `every` hours later on the same day. A time that the clock leaps
/// over in spring is left out.
fn next(now: DateTime<Local>, every: u32, first: u32, minute: u32) -> Option<String> {
    let times = (0..2).flat_map(|day| {
        (first..24).step_by(usize::try_from(every).unwrap_or(24)).filter_map(move |hour| {
            let date = now.date_naive().checked_add_signed(TimeDelta::days(day))?;
            NaiveDateTime::new(date, NaiveTime::from_hms_opt(hour, minute, 0)?).and_local_timezone(Local).earliest()
        })
    });
    times.into_iter().find(|at| *at > now).map(shown)
}

/// As systemd writes it.
fn shown(at: DateTime<Local>) -> String {
    at.format("%a %Y-%m-%d %H:%M:%S %Z").to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    fn places() -> Places {
        let path = PathBuf::from;
        let (cron_log, cron_result) = (path("/s/timer.log"), path("/s/timer.result"));
        Places { units: path("/u"), agents: path("/a"), agent_log: path("/l"), cron_log, cron_result, user: 1 }
    }

    fn at(hour: u32, minute: u32) -> DateTime<Local> {
        Local.with_ymd_and_hms(2026, 11, 26, hour, minute, 0).unwrap()
    }

    #[test]
    fn the_next_run_is_the_first_after_now() {
        for (now, every, first, day, hour) in [
            (at(3, 0), 4, 0, 26, 4),
            (at(4, 7), 4, 0, 26, 8),
            (at(23, 0), 4, 0, 27, 0),
            (at(9, 0), 24, 10, 26, 10),
            (at(11, 0), 24, 10, 27, 10),
        ] {
            let text = next(now, every, first, 7).unwrap();
            assert!(text.contains(&format!("2026-11-{day} {hour:02}:07:00")), "{text}");
        }
    }

    #[test]
    fn systemds_answers_are_read() {
        let timer = "NextElapseUSecRealtime=Fri 2026-11-27 00:42:13 UTC\nLastTriggerUSec=\nActiveState=active\n";
        let fresh = of_systemd(Some(timer), Some("ExecMainExitTimestamp=\nExecMainStatus=0\n"), None);
        assert_eq!((fresh.is_on, fresh.last_code, fresh.last), (Some(true), None, None));
        assert_eq!(fresh.next.as_deref(), Some("Fri 2026-11-27 00:42:13 UTC"));
        let ran = of_systemd(Some(timer), Some("ExecMainExitTimestamp=Thu 2026-11-26 00:42:20 UTC\nExecMainStatus=10\n"), None);
        assert_eq!((ran.last_code, ran.last.as_deref()), (Some(10), Some("Thu 2026-11-26 00:42:20 UTC")));
        assert_eq!(of_systemd(Some("ActiveState=inactive\n"), None, None).is_on, Some(false));
        assert_eq!(of_systemd(None, None, None).is_on, None);
    }

    #[test]
    fn launchds_answer_is_read() {
        let agent = launchd::agent(&super::super::Job { program: "/p".into(), environment: Vec::new(), minute: 7, log: None });
        let report = of_launchd(Some("\tstate = not running\n\truns = 3\n\tlast exit code = 1\n"), &agent, &places(), at(9, 0));
        assert_eq!((report.is_on, report.last_code, report.program), (Some(true), Some(1), Some("/p".into())));
        assert!(report.next.unwrap().contains("2026-11-26 10:07:00"));
        let never = of_launchd(Some("\tlast exit code = (never exited)\n"), &agent, &places(), at(9, 0));
        assert_eq!((never.is_on, never.last_code), (Some(true), None));
        assert_eq!(of_launchd(Some(""), &agent, &places(), at(9, 0)).is_on, Some(false));
    }

    #[test]
    fn only_what_is_wrong_with_the_run_needs_a_look() {
        let fine = Report { program_is_there: true, ..of_cron("7 */4 * * * umask 077; /p auto >>/l", Some(10), None, &places(), at(1, 0)) };
        assert!(!fine.needs_attention(), "a due key is told by auto");
        assert!(Report { last_code: Some(127), ..fine.clone() }.needs_attention());
        assert!(Report { program_is_there: false, ..fine.clone() }.needs_attention());
        assert!(Report { is_on: Some(false), ..fine }.needs_attention());
    }
}
