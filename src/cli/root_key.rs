//! How `root-key` looks.

use super::keys;
use super::page::{GREEN, Page};
use crate::commands::root_key::{RemoveResult, RootKeyRemoved, Told};

/// Prints what was seen and what is done, before a person is asked.
pub fn tell(told: &Told) {
    let mut page = Page::for_stdout(10);
    told.facts.iter().for_each(|(label, fact)| page.line(label, fact));
    told.steps.iter().enumerate().for_each(|(index, step)| page.line(&format!("{}.", index + 1), step));
    page.print();
    keys::tell(&told.files, false);
}

/// Prints what came of it.
pub fn print_remove(outcome: &RootKeyRemoved, quiet: bool) {
    let mut page = Page::for_stdout(0);
    let RootKeyRemoved { result, id, account, notes } = outcome;
    match result {
        RemoveResult::Done => {
            page.head(GREEN, "removed:", &format!("AWS has no key {id} of the root user of account {account}, nor have the files"))
        }
        RemoveResult::DoneOnWord => {
            let word = format!(
                "of the root user of account {account}; AWS does not accept it, and that the root user does not have it is your word"
            );
            page.head(GREEN, "removed:", &format!("the files have no key {id} {word}"))
        }
        RemoveResult::Activated => page.head(GREEN, "activated:", &format!("{id} is as it was, and no file was changed")),
        RemoveResult::Planned => page.sentence("nothing was changed"),
    }
    notes.iter().for_each(|note| page.note(note));
    if !quiet || *result == RemoveResult::Planned {
        page.print();
    }
}
