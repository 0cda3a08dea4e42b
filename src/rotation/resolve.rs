//! The way out of every stop: a person decides how a rotation goes on.

use super::files::look;
use super::record::{End, HolderEntry, Record, State};
use crate::holder::{Reach, Sight};

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Go on, without the holders that refuse.
    Forward,
    /// Back to the old pair.
    Back,
    /// Close it as it is; the pairs go to a file.
    Forget,
}

/// Why a direction is not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// There is no way back.
    OldKeyDeleted,
    /// Forward, every place would be left out; what each refuses with.
    NoPlaceLeft(Vec<String>),
    /// A write that was cut off cannot be completed, and the file must not be left so.
    Torn(String),
}

/// The record from which the rotation goes on. Looks at the holders, and changes none but what is written in part: nobody comes back to it
/// once the rotation is forgotten.
pub fn resolve(reach: Reach<'_>, record: &Record, direction: Direction) -> Result<Record, Unresolved> {
    let mut record = record.clone();
    match direction {
        Direction::Forget => complete(reach, &record)?,
        Direction::Forward | Direction::Back => give_up_sections(reach, &mut record),
    }
    if direction == Direction::Forward {
        leave_out(reach, &mut record)?;
    }
    record.state = state(direction, record.state).ok_or(Unresolved::OldKeyDeleted)?;
    Ok(record)
}

/// The state from which it goes on; `None` where the direction is not open any more.
fn state(direction: Direction, state: State) -> Option<State> {
    let why = || "a person decided so".to_owned();
    Some(match (direction, state) {
        (Direction::Forget, _) => State::Done(End::Forgotten),
        // Back leaves alone what appeared meanwhile: `Rules::decided`.
        (_, state @ (State::Intent { .. } | State::Suspect { .. } | State::Done(_))) => state,
        // Whether the new key is still there is known only after a while, and a run without the decision goes on back: `Rules::decided`.
        (Direction::Forward, state @ (State::RollingBack { .. } | State::Undoing { .. })) => state,
        // How it ends is decided when every holder was read and the new key proved: `Rules::decided`.
        (Direction::Forward, state @ (State::Created | State::Verified | State::Committed { .. } | State::Reactivating { .. })) => state,
        (Direction::Forward, state @ (State::Draining { .. } | State::OldInactive { .. } | State::Deleted)) => state,
        (Direction::Back, State::Created | State::Verified) => State::RollingBack { why: why(), lost_to: None },
        (Direction::Back, State::RollingBack { lost_to, .. }) => State::RollingBack { why: why(), lost_to },
        (Direction::Back, State::Committed { .. } | State::Draining { .. } | State::OldInactive { .. }) => State::Undoing { why: why() },
        (Direction::Back, State::Reactivating { .. } | State::Undoing { .. }) => State::Undoing { why: why() },
        (Direction::Back, State::Deleted) => return None,
    })
}

fn complete(reach: Reach<'_>, record: &Record) -> Result<(), Unresolved> {
    for entry in record.holders.iter().filter(|entry| look(reach, record, entry) == Sight::Torn) {
        let (from, to) = (record.pair(entry.staged_to.other()), record.pair(entry.staged_to));
        if let (Some(staged), Some(from), Some(to)) = (&entry.staged, from, to) {
            entry.place.open(reach, record.signed_by()).write(staged, from, to).map_err(|error| Unresolved::Torn(error.to_string()))?;
        }
    }
    Ok(())
}

/// A section that somebody gave another pair is theirs from now on, where others of the file still have ours.
fn give_up_sections(reach: Reach<'_>, record: &mut Record) {
    let sights: Vec<Sight> = record.holders.iter().map(|entry| look(reach, record, entry)).collect();
    for (entry, sight) in record.holders.iter_mut().zip(sights) {
        if let Sight::Seen { old, new, foreign, .. } = sight
            && !(old.is_empty() && new.is_empty())
        {
            entry.sections.retain(|section| foreign.iter().all(|strange| strange.section != *section));
        }
    }
}

/// Leaves out the holders that cannot be brought to the new pair as they are.
fn leave_out(reach: Reach<'_>, record: &mut Record) -> Result<(), Unresolved> {
    let counts = |entry: &HolderEntry| !entry.left_out && !entry.sections.is_empty();
    let may_refuse = |entry: &HolderEntry| !entry.left_out && entry.may_have_a_pair();
    let refusals: Vec<Option<String>> =
        record.holders.iter().map(|entry| if may_refuse(entry) { refusal(reach, record, entry) } else { None }).collect();
    let is_left = record.holders.iter().zip(&refusals).any(|(entry, refusal)| counts(entry) && refusal.is_none());
    if !is_left && refusals.iter().any(Option::is_some) {
        return Err(Unresolved::NoPlaceLeft(refusals.into_iter().flatten().collect()));
    }
    for (entry, refusal) in record.holders.iter_mut().zip(refusals) {
        entry.left_out |= refusal.is_some();
    }
    Ok(())
}

fn refusal(reach: Reach<'_>, record: &Record, entry: &HolderEntry) -> Option<String> {
    let place = &entry.place;
    match look(reach, record, entry) {
        Sight::Seen { foreign, .. } if !foreign.is_empty() => foreign.first().map(|strange| format!("{} now", strange.told(&entry.place))),
        Sight::Seen { old, .. } if !old.is_empty() => {
            entry.place.open(reach, record.signed_by()).check_writable(&record.old).err().map(|error| error.to_string())
        }
        Sight::Seen { .. } | Sight::Torn => None,
        Sight::Away => Some(format!("{place} is not there")),
        Sight::Unreadable { why, .. } => Some(format!("{place}: {why}")),
    }
}
