//! States and facts in a person's words.

use chrono::{DateTime, Local, Utc};

use super::record::{End, Record, State, Which};
use crate::holder::{Place, Sight};
use crate::model::LastUsed;

/// What state a rotation is in.
pub fn state(record: &Record) -> String {
    let old = &record.old.id;
    let new = record.new.as_ref().map_or_else(|| "the new key".to_owned(), |new| format!("the new key {}", new.pair.id));
    match &record.state {
        State::Created if record.pulled => format!("{old} is in use as before; {new} is about to be taken over"),
        State::Verified if record.pulled => format!("{new}, which another machine made, is being written to the holders here"),
        State::RollingBack { .. } | State::Undoing { .. } if record.pulled => format!("holders here go back to {old}"),
        State::Intent { .. } => format!("{old} is in use as before; whether a new key was made is not known yet"),
        State::Suspect { key, .. } => format!("{old} is in use as before; {key} exists at AWS and nobody has its secret"),
        State::Created => format!("{old} is in use as before; {new} waits in the journal"),
        State::Verified => format!("{old} is still active; {new} is accepted and being written to the holders"),
        State::Committed { .. } => format!("every holder has {new}; {old} is still active"),
        State::Draining { .. } => format!("every holder here has {new}; {old} is still active, for other machines"),
        State::OldInactive { .. } => format!("every holder has {new}; {old} is inactive"),
        State::Reactivating { .. } => format!("holders have {new}; {old} is being activated again"),
        State::RollingBack { .. } => format!("holders go back to {old}; {new} will be deleted"),
        State::Undoing { .. } => format!("holders go back to {old}; {new} will be deactivated"),
        State::Deleted | State::Done(End::Rotated) => format!("every holder has {new}; {old} is deleted"),
        State::Done(End::Pulled) => format!("every holder here has {new}"),
        State::Done(End::RotatedOldInactive) => format!("every holder has {new}; {old} was not deleted"),
        State::Done(End::Undone { .. }) => format!("{old} is in use again; {new} is inactive"),
        State::Done(End::Aborted { .. }) => format!("{old} is in use as before"),
        State::Done(End::Forgotten) => format!("{old} and {new} are as the rotation left them"),
    }
}

/// The state's name, as it is written in the journal.
pub fn name(state: &State) -> &'static str {
    match state {
        State::Intent { .. } => "Intent",
        State::Suspect { .. } => "Suspect",
        State::Created => "Created",
        State::Verified => "Verified",
        State::Committed { .. } => "Committed",
        State::Draining { .. } => "Draining",
        State::OldInactive { .. } => "OldInactive",
        State::Reactivating { .. } => "Reactivating",
        State::RollingBack { .. } => "RollingBack",
        State::Undoing { .. } => "Undoing",
        State::Deleted => "Deleted",
        State::Done(_) => "Done",
    }
}

/// A time in local time, with its zone.
pub fn time(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%Y-%m-%d %H:%M %Z").to_string()
}

/// A key's last use, in local time with its zone.
pub fn last_use(last_use: &LastUsed) -> String {
    match last_use {
        LastUsed::Never => "never used".to_owned(),
        LastUsed::Used(last_use) => {
            format!("last used {} for {} in {}", time(last_use.at), last_use.service, last_use.region)
        }
        LastUsed::Unknown(_) => "last use unknown".to_owned(),
    }
}

/// Which key each holder has, as far as it can be told; one line each.
pub fn holdings(record: &Record, sights: &[Sight]) -> Vec<String> {
    let counts = record.holders.iter().zip(sights).filter(|(entry, _)| !entry.sections.is_empty());
    counts.flat_map(|(entry, sight)| holding(record, &entry.place, sight)).collect()
}

fn holding(record: &Record, place: &Place, sight: &Sight) -> Vec<String> {
    match sight {
        Sight::Seen { old, new, .. } if old.is_empty() && new.is_empty() => vec![format!("{place} has neither key")],
        Sight::Seen { old, new, .. } => {
            let held = [(Which::Old, old), (Which::New, new)].into_iter().filter(|(_, sections)| !sections.is_empty());
            let id = |which| record.pair(which).map_or("?", |pair| pair.id.as_str());
            held.map(|(which, sections)| format!("{} has {}", place.slots(sections), id(which))).collect()
        }
        Sight::Torn => vec![format!("{place} is written in part")],
        Sight::Away => vec![format!("{place} is not there")],
        Sight::Unreadable { why, .. } => vec![format!("{place}: {why}")],
    }
}
