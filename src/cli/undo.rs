//! How the result of `undo` looks.

use super::page::{GREEN, Page};
use super::rotate::holders;
use crate::commands::undo::{UndoOutcome, Undone};
use crate::rotation::{End, Record, State};

/// Prints the outcome.
pub fn print(outcome: &UndoOutcome, quiet: bool) {
    let is_plan = matches!(outcome.result, Undone::Planned { .. });
    let mut page = Page::for_stdout(if is_plan { 0 } else { 8 });
    outcome.notes.iter().for_each(|note| page.note(note));
    match &outcome.result {
        Undone::Done(record) => done(&mut page, record),
        Undone::Planned { key, state, steps } => {
            page.sentence(&format!("the rotation of {key} would be undone: {state}"));
            page.plan(steps);
        }
        Undone::Declined(key) => page.sentence(&format!("the rotation of {key} was left as it is")),
    }
    if !quiet {
        page.print();
    }
}

fn done(page: &mut Page, record: &Record) {
    let (old, user) = (&record.old.id, &record.user_name);
    let is_undone = matches!(record.state, State::Done(End::Undone { .. }));
    let how = if is_undone { "is Active again, and in use everywhere" } else { "is in use as before" };
    page.head(GREEN, "undone:", &format!("{old} of {user} {how}"));
    holders(page, record, "holder:");
    let Some(new) = &record.new else { return };
    let new = &new.pair.id;
    let fate = match (record.adopted, is_undone) {
        (true, _) => format!("{new}, which was there before, stays as it is"),
        (false, true) => format!("{new} is not active any more; the next rotation deletes it"),
        (false, false) => format!("{new} is deleted"),
    };
    page.line("new key:", &fate);
}
