//! How the results of `rotate` look.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::render::{self, plain};
use crate::commands::failure::FailureKind;
use crate::commands::rotate::{RotateOutcome, Rotated};
use crate::rotation::{End, Record, State, describe};

const GREEN: Style = AnsiColor::Green.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Prints the outcome and returns the exit code: 1 and 2 first, then 20, 10, 12.
pub fn print(outcome: &RotateOutcome, quiet: bool) -> u8 {
    let mut text = String::new();
    for note in &outcome.notes {
        let _ = writeln!(text, "{DIM}note:{DIM:#} {}", plain(note));
    }
    let mut codes = vec![0];
    for key in &outcome.keys {
        if let Rotated::Failed(failure) = key {
            super::print(&std::mem::take(&mut text));
            render::failure(failure);
            codes.push(failure.kind.exit_code());
        } else {
            let _ = result(&mut text, key);
        }
    }
    if !quiet {
        super::print(&text);
    }
    worst(&codes)
}

fn worst(codes: &[u8]) -> u8 {
    let order = [
        FailureKind::Failed,
        FailureKind::Usage,
        FailureKind::Locked,
        FailureKind::MfaNeeded,
        FailureKind::Critical,
        FailureKind::Attention,
        FailureKind::Unchecked,
    ];
    order.into_iter().map(FailureKind::exit_code).find(|code| codes.contains(code)).unwrap_or(0)
}

fn result(text: &mut String, key: &Rotated) -> std::fmt::Result {
    match key {
        Rotated::Done { record, resumed } => done(text, record, *resumed),
        Rotated::Resting { message, hint } => {
            writeln!(text, "{GREEN}rotated:{GREEN:#} {}\n  {DIM}next:{DIM:#}  {}", plain(message), plain(hint))
        }
        Rotated::TakenBack { key, why } => writeln!(text, "taken back: {key} is in use as before: {}", plain(why)),
        Rotated::Forgotten { key, pairs } => {
            writeln!(text, "forgotten: the rotation of {key} is closed as it was\n  {DIM}pairs:{DIM:#} both are in {}", pairs.display())
        }
        Rotated::Planned { key, last_use, notes, steps } => {
            writeln!(text, "{key}, {}, would be rotated:", describe::last_use(last_use))?;
            for note in notes {
                writeln!(text, "  {DIM}note:{DIM:#} {}", plain(note))?;
            }
            steps.iter().enumerate().try_for_each(|(index, step)| writeln!(text, "  {}. {}", index + 1, plain(step)))?;
            writeln!(text, "nothing was changed")
        }
        Rotated::NotDue { key, days } => writeln!(text, "not due: {key} is {days} days old"),
        Rotated::Declined(key) => writeln!(text, "{key} was left as it is"),
        Rotated::Failed(_) => Ok(()),
    }
}

fn done(text: &mut String, record: &Record, resumed: bool) -> std::fmt::Result {
    let what = if resumed { "rotated, finishing an interrupted run" } else { "rotated" };
    let new = record.new.as_ref().map_or("?", |new| new.pair.id.as_str());
    writeln!(text, "{GREEN}{what}:{GREEN:#} {} of {} is now {new}", record.old.id, record.user_name)?;
    for entry in record.holders.iter().filter(|entry| !entry.sections.is_empty()) {
        let sections: Vec<String> = entry.sections.iter().map(|name| format!("[{}]", plain(name))).collect();
        let how = if entry.left_out { "left out" } else { "written" };
        writeln!(text, "  {DIM}{how}:{DIM:#} {} {}", describe::place(&entry.place), sections.join(" "))?;
    }
    match &record.state {
        State::Done(End::Rotated) => writeln!(text, "  {DIM}old key:{DIM:#} {} is deleted", record.old.id),
        State::Done(End::RotatedOldInactive) => writeln!(text, "  {DIM}old key:{DIM:#} {} was not deleted", record.old.id),
        State::Done(End::Undone { .. } | End::Aborted { .. } | End::Forgotten)
        | State::Intent { .. }
        | State::Suspect { .. }
        | State::Created
        | State::Verified
        | State::Committed { .. }
        | State::OldInactive { .. }
        | State::Reactivating { .. }
        | State::RollingBack { .. }
        | State::Undoing { .. }
        | State::Deleted => writeln!(text, "  {DIM}state:{DIM:#} closed as it was"),
    }
}
