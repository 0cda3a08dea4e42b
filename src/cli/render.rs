//! How failures look.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};

use crate::commands::failure::{Failure, FailureKind};

const RED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Prints a failure on standard error.
pub fn failure(failure: &Failure) {
    let mut text = String::new();
    let _ = writeln!(text, "keyrotate: {RED}error:{RED:#} {}", plain(&failure.message));
    let mut line = |label: &str, what: &str| {
        let _ = writeln!(text, "  {DIM}{label:<6}{DIM:#} {}", plain(what));
    };
    failure.causes.iter().for_each(|cause| line("cause:", cause));
    failure.state.iter().for_each(|state| line("state:", state));
    failure.hint.iter().for_each(|hint| line("hint:", hint));
    let mut out = anstream::stderr();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Signals cannot be caught, so that a key could be lost to one: nothing begins.
pub fn no_signals(error: &io::Error) -> Failure {
    let mut failure = Failure::new(FailureKind::Failed, "signals cannot be caught").state("nothing was changed");
    failure.causes.push(error.to_string());
    failure
}

/// The text without what could move a terminal's cursor.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
