//! How the results of `rotate` look.

use super::page::{GREEN, Page};
use super::render;
use crate::commands::failure::worst;
use crate::commands::rotate::{Finish, RotateOutcome, Rotated};
use crate::rotation::{End, Record, State, describe};

/// Prints the outcome and returns the exit code: 1 and 2 first, then 20, 10, 12.
pub fn print(outcome: &RotateOutcome, quiet: bool) -> u8 {
    let new_page = || Page::for_stdout(0);
    let mut page = new_page();
    outcome.notes.iter().for_each(|note| page.note(note));
    let mut codes = vec![0];
    for key in &outcome.keys {
        if let Rotated::Failed(failure) = key {
            std::mem::replace(&mut page, new_page()).print();
            render::failure(failure);
            codes.push(failure.kind.exit_code());
        } else {
            result(&mut page, key);
        }
    }
    if !quiet {
        page.print();
    }
    worst(codes)
}

/// Tells of a rotation that another command made beside; standard output is that one's own.
pub fn print_aside(outcome: &RotateOutcome, quiet: bool) {
    let mut page = Page::for_stderr(0);
    outcome.notes.iter().for_each(|note| page.note(note));
    outcome.keys.iter().for_each(|key| result(&mut page, key));
    if !quiet {
        page.print_error();
    }
    outcome.keys.iter().filter_map(Rotated::failure).for_each(render::failure);
}

fn result(page: &mut Page, key: &Rotated) {
    match key {
        Rotated::Done { record, finish } => done(page, record, *finish),
        Rotated::Resting { message, hint, finish } => {
            page.head(GREEN, if *finish == Finish::AfterGrace { "resting:" } else { "rotated:" }, message);
            page.line("next:", hint);
        }
        Rotated::TakenBack { key, why } => page.sentence(&format!("taken back: {key} is in use as before: {why}")),
        Rotated::Forgotten { key, pairs, item, holders } => {
            page.sentence(&format!("forgotten: the rotation of {key} is closed as it was"));
            holders.iter().for_each(|holder| page.line("left:", holder));
            let pairs = pairs.display();
            let pairs = item.as_ref().map_or_else(
                || format!("both are in {pairs}"),
                |item| format!("both are in keychain item {item}, and what was known in {pairs}"),
            );
            page.line("pairs:", &pairs);
        }
        Rotated::Planned { key, last_use, notes, steps } => {
            page.sentence(&format!("{key}, {}, would be rotated:", describe::last_use(last_use)));
            notes.iter().for_each(|note| page.line("note:", note));
            page.plan(steps);
        }
        Rotated::WouldGoOn { key, state, steps } => {
            page.sentence(&format!("a rotation of {key} is under way, and would go on: {state}"));
            page.plan(steps);
        }
        Rotated::WouldPull { key, new, secret, steps } => {
            page.sentence(&format!("{new}, which secret {secret} has, would take the place of {key} here:"));
            page.plan(steps);
        }
        Rotated::Elsewhere { key, rotator } => page.sentence(&format!("left to {rotator}: {key}")),
        Rotated::NotDue { key, days } => page.sentence(&format!("not due: {key} is {days} days old")),
        Rotated::Declined(key) => page.sentence(&format!("{key} was left as it is")),
        Rotated::Failed(_) => {}
    }
}

/// The places that had the key when the rotation began, and what became of them.
pub(super) fn holders(page: &mut Page, record: &Record, how: &str) {
    for entry in record.holders.iter().filter(|entry| !entry.sections.is_empty()) {
        let how = if entry.left_out { "left out:" } else { how };
        page.line(how, &entry.place.slots(&entry.sections));
    }
}

fn done(page: &mut Page, record: &Record, finish: Finish) {
    let new = record.new.as_ref().map_or("?", |new| new.pair.id.as_str());
    match finish {
        Finish::Fresh | Finish::Resumed if record.pulled => {
            page.head(GREEN, "taken over:", &format!("{} of {} is now {new}, which another machine made", record.old.id, record.user_name));
            return holders(page, record, "written:");
        }
        Finish::Fresh => page.head(GREEN, "rotated:", &format!("{} of {} is now {new}", record.old.id, record.user_name)),
        Finish::Resumed => {
            page.head(GREEN, "rotated, finishing an interrupted run:", &format!("{} of {} is now {new}", record.old.id, record.user_name));
        }
        Finish::AfterGrace => {
            let fate = if record.state == State::Done(End::Rotated) { "is deleted" } else { "was not deleted" };
            let what = format!("the grace of {} of {}, which {new} replaced: it {fate}", record.old.id, record.user_name);
            return page.head(GREEN, "over:", &what);
        }
    }
    holders(page, record, "written:");
    match &record.state {
        State::Done(End::Rotated) => page.line("old key:", &format!("{} is deleted", record.old.id)),
        State::Done(End::RotatedOldInactive) => page.line("old key:", &format!("{} was not deleted", record.old.id)),
        State::Done(End::Undone { .. } | End::Aborted { .. } | End::Forgotten | End::Pulled)
        | State::Intent { .. }
        | State::Suspect { .. }
        | State::Created
        | State::Verified
        | State::Committed { .. }
        | State::Draining { .. }
        | State::OldInactive { .. }
        | State::Reactivating { .. }
        | State::RollingBack { .. }
        | State::Undoing { .. }
        | State::Deleted => page.line("state:", "closed as it was"),
    }
}
