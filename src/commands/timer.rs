//! `timer`: what runs `keyrotate auto` once in a while is shown, installed, looked at and removed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chrono::Local;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use crate::os::clock;
use crate::os::search_path;
use crate::timer::environment::{Carried, carried};
use crate::timer::plan::{Act, Crontab, Present, found, install, remove};
use crate::timer::report::{Report, report};
use crate::timer::{Job, Kind, Places, apply, diff, machine, program};

/// What may be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstallOptions {
    /// What is to run it; without, what this machine has.
    pub kind: Option<Kind>,
    /// The program to run; without, the one that runs now.
    pub program: Option<PathBuf>,
    /// A program in a place that does not last will do.
    pub force: bool,
}

/// What would be done, for a person to look at first.
pub struct Prepared {
    /// What is to be there afterwards; none for a removal.
    pub kind: Option<Kind>,
    /// What becomes of files and of the crontab; empty where nothing changes.
    pub changes: Vec<Change>,
    /// Programs that are run.
    pub commands: Vec<String>,
    /// What a person should know before.
    pub notes: Vec<String>,
    acts: Vec<Act>,
    places: Places,
}

/// What becomes of one file.
pub struct Change {
    /// What it is.
    pub what: String,
    /// Its lines that go, with `- `, and that come, with `+ `.
    pub lines: Vec<String>,
}

/// What `timer status` tells.
pub struct TimerStatus {
    /// One for each kind that is there; more than one is one too many.
    pub reports: Vec<Report>,
}

impl TimerStatus {
    /// 0 where exactly one is there and is as it should be.
    pub fn exit_code(&self) -> u8 {
        match self.reports.as_slice() {
            [one] if !one.needs_attention() => 0,
            _ => FailureKind::Attention.exit_code(),
        }
    }
}

/// Plans an installation. Changes nothing.
pub fn prepare_install(context: &Context, variables: &[(OsString, OsString)], options: &InstallOptions) -> Result<Prepared, Failure> {
    let variable = |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let places = places(context, &variable)?;
    let kind = match options.kind {
        Some(kind) => kind,
        None => machine::kinds().first().copied().ok_or_else(none_of_them)?,
    };
    let Carried { variables: environment, left_out: mut notes } = carry(variables)?;
    let program = program(options.program.as_ref(), options.force, &variable)?;
    let job = Job { program, environment, minute: machine::minute(), log: None };
    let present = present(&places)?;
    let acts = install(kind, &job, &places, &present).map_err(|error| {
        Failure::from_error(FailureKind::Failed, &error)
            .state("nothing was changed")
            .hint("choose another with --kind systemd or --kind launchd")
    })?;
    let old = found(&present, &places).into_iter().filter(|old| *old != kind);
    notes.extend(old.map(|old| format!("the {} that is there is removed: one is enough", old.name())));
    if kind == Kind::Systemd && machine::lingers() == Some(false) {
        notes.push("it runs while you are logged in; `loginctl enable-linger` lets it run at other times, too".to_owned());
    }
    Ok(Prepared { notes, ..prepared(Some(kind), acts, places, &present) })
}

/// Plans a removal of every kind that is there. Changes nothing.
pub fn prepare_removal(context: &Context, variables: &[(OsString, OsString)]) -> Result<Prepared, Failure> {
    let places = places(context, &|name| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))?;
    let present = present(&places)?;
    let acts = Kind::ALL.into_iter().flat_map(|kind| remove(kind, &places, &present)).collect();
    Ok(prepared(None, acts, places, &present))
}

/// Does what was planned, and looks at what came of it.
pub fn carry_out(prepared: &Prepared) -> Result<TimerStatus, Failure> {
    for act in &prepared.acts {
        apply::perform(act).map_err(|error| {
            let again = if prepared.kind.is_some() { "keyrotate timer install" } else { "keyrotate timer remove" };
            let failure = Failure::from_error(FailureKind::Failed, &error).state("what came before it was done");
            failure.hint(format!("run `{again}` again once this is put right; `keyrotate timer status` shows what is there"))
        })?;
    }
    let status = look(&prepared.places)?;
    match prepared.kind {
        Some(kind) if status.reports.iter().any(|report| report.kind == kind && report.is_on == Some(false)) => {
            let message = format!("the {} is written, and the system does not run it", kind.name());
            Err(Failure::new(FailureKind::Failed, message)
                .state("its files are there")
                .hint("run `keyrotate timer install` again, or choose another with --kind"))
        }
        Some(_) | None => Ok(status),
    }
}

/// What is installed.
pub fn status(context: &Context, variables: &[(OsString, OsString)]) -> Result<TimerStatus, Failure> {
    look(&places(context, &|name| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))?)
}

fn look(places: &Places) -> Result<TimerStatus, Failure> {
    let present = present(places)?;
    let now = clock::local_now().with_timezone(&Local);
    Ok(TimerStatus { reports: found(&present, places).into_iter().map(|kind| report(kind, places, &present, now)).collect() })
}

fn places(context: &Context, variable: machine::Lookup<'_>) -> Result<Places, Failure> {
    let home = context.home.as_deref().filter(|home| home.is_absolute());
    let home = home.ok_or_else(|| {
        Failure::new(FailureKind::Usage, "HOME is not set, so there is no place for a timer").state("nothing was changed")
    })?;
    Ok(machine::places(variable, home, &context.paths.state_dir))
}

fn present(places: &Places) -> Result<Present, Failure> {
    machine::present(places).map_err(|error| {
        let mut failure = Failure::new(FailureKind::Failed, "the files of a timer cannot be read").state("nothing was changed");
        failure.causes.push(error.to_string());
        failure
    })
}

fn none_of_them() -> Failure {
    let message = "this machine has neither a systemd user manager, nor launchd, nor cron";
    let hint = if cfg!(windows) {
        r#"run `schtasks /Create /TN keyrotate /SC DAILY /ST 10:00 /TR "keyrotate auto"`"#
    } else {
        "install cron, or have whatever starts programs here run `keyrotate auto` once a day"
    };
    Failure::new(FailureKind::Failed, message).state("nothing was changed").hint(hint)
}

fn carry(variables: &[(OsString, OsString)]) -> Result<Carried, Failure> {
    let lossy = |text: &OsString| text.to_string_lossy().into_owned();
    let texts: Vec<_> = variables.iter().map(|(name, value)| (lossy(name), lossy(value))).collect();
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    carried(&texts, &absolute).map_err(|error| Failure::from_error(FailureKind::Usage, &error).state("nothing was changed"))
}

/// The program by a name that stays.
pub(super) fn program(named: Option<&PathBuf>, force: bool, variable: machine::Lookup<'_>) -> Result<PathBuf, Failure> {
    let paths = |name: &str| search_path::directories(variable(name));
    let names = match named {
        Some(named) if named.is_file() => vec![std::path::absolute(named).unwrap_or_else(|_| named.clone())],
        Some(named) => {
            let message = format!("{} is no program", named.display());
            return Err(Failure::new(FailureKind::Usage, message).state("nothing was changed"));
        }
        None => {
            let own = std::env::current_exe().map_err(|error| {
                Failure::from_error(FailureKind::Failed, &error).state("nothing was changed").hint("name the program with --program")
            })?;
            machine::program_names(&own, &paths("PATH"))
        }
    };
    program::stable(&names, &paths("TMPDIR"), force).map_err(|fragile| {
        let failure = Failure::from_error(FailureKind::Usage, &fragile).state("nothing was changed");
        failure.hint(fragile.hint())
    })
}

fn prepared(kind: Option<Kind>, acts: Vec<Act>, places: Places, present: &Present) -> Prepared {
    let change = |act: &Act| match act {
        Act::Write { path, text } => {
            let before = present.files.get(path).map(String::as_str).unwrap_or_default();
            Some(Change { what: path.display().to_string(), lines: diff::diff(before, text) })
        }
        Act::Remove(path) => {
            let before = present.files.get(path)?;
            Some(Change { what: path.display().to_string(), lines: diff::diff(before, "") })
        }
        Act::Crontab(text) => Some(Change { what: "the crontab".to_owned(), lines: diff::diff(present.crontab.text(), text) }),
        Act::Private(_) | Act::RemoveEmpty(_) | Act::Run { .. } => None,
    };
    let changes = acts.iter().filter_map(change).collect();
    let command = |act: &Act| match act {
        Act::Run { words, .. } => Some(words.join(" ")),
        Act::Write { .. } | Act::Remove(_) | Act::Private(_) | Act::RemoveEmpty(_) | Act::Crontab(_) => None,
    };
    let commands = acts.iter().filter_map(command).collect();
    let unusable = match &present.crontab {
        Crontab::Unusable(why) if kind.is_none() && !why.starts_with("there is no program") => Some(why),
        Crontab::Unusable(_) | Crontab::Text(_) => None,
    };
    let notes = unusable.map(|why| format!("whether the crontab has a line of keyrotate is not known: {why}")).into_iter().collect();
    Prepared { kind, changes, commands, notes, acts, places }
}
