//! How `timer` looks: what would be written first, then what is there.

use super::args::{TimerArgs, TimerCommand};
use super::page::{DIM, GREEN, Page, RED, YELLOW};
use crate::commands::context::Context;
use crate::commands::failure::Failure;
use crate::commands::timer::{self, Change, Prepared, TimerStatus};
use crate::os::terminal::{Answer, Console, Question};
use crate::timer::report::Report;
use std::ffi::OsString;

/// Runs it and returns the exit code.
pub fn run(context: &Context, variables: &[(OsString, OsString)], console: &Console, args: &TimerArgs, quiet: bool) -> Result<u8, Failure> {
    match &args.command {
        TimerCommand::Status => {
            let status = timer::status(context, variables)?;
            show(&status, quiet);
            Ok(status.exit_code())
        }
        TimerCommand::Install(install) => {
            let prepared = timer::prepare_install(context, variables, &install.options())?;
            tell(&prepared, install.dry_run, quiet);
            if install.dry_run {
                return Ok(0);
            }
            if !install.yes && !agreed(console, &prepared) {
                let mut page = Page::for_stdout(0);
                page.note("nothing was changed");
                page.print();
                return Ok(0);
            }
            show(&timer::carry_out(&prepared)?, quiet);
            Ok(0)
        }
        TimerCommand::Remove(remove) => {
            let prepared = timer::prepare_removal(context, variables)?;
            tell(&prepared, remove.dry_run, quiet);
            if !remove.dry_run {
                timer::carry_out(&prepared)?;
            }
            Ok(0)
        }
    }
}

/// A person is asked before something new is written; where nobody can be, it was meant.
fn agreed(console: &Console, prepared: &Prepared) -> bool {
    if prepared.changes.is_empty() || !console.can_ask() {
        return true;
    }
    let choices = vec![('y', "write it and turn it on".to_owned()), ('n', "no, leave it alone".to_owned())];
    console.ask(&Question { text: "install this timer?".to_owned(), choices, default: Some('y') }) == Answer::Choice('y')
}

fn tell(prepared: &Prepared, is_dry_run: bool, quiet: bool) {
    let mut page = Page::for_stdout(0);
    prepared.changes.iter().for_each(|change| file(&mut page, change));
    if is_dry_run {
        prepared.commands.iter().for_each(|command| page.head(DIM, "run:", command));
    }
    prepared.notes.iter().for_each(|note| page.note(note));
    match (&prepared.kind, prepared.changes.is_empty(), is_dry_run) {
        (None, true, _) => page.sentence("no timer is installed"),
        (Some(kind), true, _) => page.sentence(&format!("the {} is there already, and as it should be", kind.name())),
        (_, false, true) => page.note("nothing was changed"),
        (None, false, false) => page.head(GREEN, "removed:", "nothing runs `keyrotate auto` any more"),
        (Some(_), false, false) => {}
    }
    if !quiet || is_dry_run {
        page.print();
    }
}

/// Line by line, as it is: what is broken to the terminal's width could not be copied.
fn file(page: &mut Page, change: &Change) {
    page.paint(DIM, &super::page::plain(&change.what)).push("\n");
    for line in &change.lines {
        let style = if line.starts_with('-') { RED } else { GREEN };
        page.paint(style, &super::page::plain(line)).push("\n");
    }
}

fn show(status: &TimerStatus, quiet: bool) {
    let mut page = Page::for_stdout(9);
    if status.reports.is_empty() {
        page.sentence("no timer is installed; `keyrotate timer install` installs one");
    }
    status.reports.iter().for_each(|report| one(&mut page, report));
    if status.reports.len() > 1 {
        page.head(YELLOW, "warning:", "one timer is enough; `keyrotate timer install` leaves one");
    }
    if !quiet {
        page.print();
    }
}

fn one(page: &mut Page, report: &Report) {
    let (style, word) = match report.is_on {
        Some(true) => (GREEN, "on:"),
        Some(false) => (RED, "off:"),
        None => (DIM, "there:"),
    };
    page.head(style, word, report.kind.name());
    let program = report.program.as_ref().map_or_else(|| "unknown".to_owned(), |program| format!("{} auto", program.display()));
    let gone = if report.program_is_there { "" } else { ", which is not there: run `keyrotate timer install`" };
    page.line("program:", &format!("{program}{gone}"));
    page.line("next run:", report.next.as_deref().unwrap_or("unknown"));
    let last = match (&report.last, report.last_code) {
        (None, None) => "none yet".to_owned(),
        (Some(at), None) => at.clone(),
        (None, Some(code)) => format!("exit code {code}"),
        (Some(at), Some(code)) => format!("{at}, exit code {code}"),
    };
    page.line("last run:", &last);
    page.line("log:", &report.log);
}
