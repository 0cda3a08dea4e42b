//! The account ID, which a person types before anything is done to a root user's key.
//!
//! Invariant: no option stands for it, `--yes` neither.

use super::failure::{Failure, FailureKind};
use crate::os::signals::Signals;
use crate::os::terminal::Console;

/// Asks for it. `what` is to be done; `command` does it, in a terminal.
pub(super) fn typed(console: &Console, signals: &Signals, account: &str, what: &str, command: &str) -> Result<(), Failure> {
    let stopped = |why: String, hint: &str| Err(Failure::new(FailureKind::Failed, why).state("nothing was changed").hint(hint));
    if !console.can_ask() {
        let why = format!("to {what}, the account ID has to be typed, and nobody can be asked here");
        return stopped(why, &format!("run `{command}` in a terminal; with --dry-run it tells what it would do"));
    }
    console.progress_done();
    let given = console.held(|| console.ask_line(&format!("type the account ID, {account}, to {what}: ")));
    match given.as_deref().map(str::trim) {
        Some(given) if given == account => Ok(()),
        Some(_) => stopped(format!("what was typed is not the account ID {account}"), "run this again to begin anew"),
        None => {
            let why = signals.raised().map_or_else(|| "no account ID was typed".to_owned(), |signal| format!("stopped by {signal}"));
            stopped(why, "run this again to begin anew")
        }
    }
}
