//! How failures look.

use std::io;

use chrono::{DateTime, SecondsFormat, Utc};

use super::page::{Page, RED};
use crate::commands::failure::{Failure, FailureKind};

/// Prints a failure on standard error.
pub fn failure(failure: &Failure) {
    let mut page = Page::for_stderr(6);
    page.push("keyrotate: ").head(RED, "error:", &failure.message);
    failure.causes.iter().for_each(|cause| page.line("cause:", cause));
    failure.state.iter().for_each(|state| page.line("state:", state));
    failure.hint.iter().flat_map(|hint| hint.lines()).for_each(|hint| page.line("hint:", hint));
    page.print_error();
}

/// Prints what is wrong with a command line. Help is broken to the terminal's width by clap, this is not.
pub fn usage(error: &clap::Error) {
    let mut page = Page::for_stderr(0);
    let text = error.render();
    let text = if page.is_coloured() { text.ansi().to_string() } else { text.to_string() };
    text.trim_end().lines().for_each(|line| page.push(line).end(4));
    page.print_error();
}

/// A time for programs: UTC, RFC 3339.
pub fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Signals cannot be caught, so that a key could be lost to one: nothing begins.
pub fn no_signals(error: &io::Error) -> Failure {
    let mut failure = Failure::new(FailureKind::Failed, "signals cannot be caught").state("nothing was changed");
    failure.causes.push(error.to_string());
    failure
}

/// What was made for other programs cannot be written.
pub fn not_written(error: &io::Error) -> Failure {
    let mut failure = Failure::new(FailureKind::Failed, "it cannot be written");
    failure.causes.push(error.to_string());
    failure.hint("name another directory, or check the permissions of this one")
}
