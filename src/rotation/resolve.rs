//! The way out of every stop: a person decides how a rotation goes on.

use super::record::{End, Record, State};

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

/// The state from which the rotation goes on; `refusing` are the holders (by index) that are left out on the way forward. `None`
/// where the direction is not open any more.
pub fn resolve(record: &Record, direction: Direction, refusing: &[usize]) -> Option<Record> {
    let mut record = record.clone();
    let why = || "a person decided so".to_owned();
    record.state = match (direction, record.state.clone()) {
        (Direction::Forget, _) => State::Done(End::Forgotten),
        // Back leaves alone what appeared meanwhile: `Rules::decided`.
        (_, state @ (State::Intent { .. } | State::Suspect { .. } | State::Done(_))) => state,
        (Direction::Forward, State::RollingBack { .. } | State::Undoing { .. }) => State::Verified,
        // How it ends is decided when every holder was read and the new key proved: `Rules::decided`.
        (Direction::Forward, state @ (State::Created | State::Verified | State::Committed { .. } | State::Reactivating { .. })) => state,
        (Direction::Forward, state @ (State::OldInactive { .. } | State::Deleted)) => state,
        (Direction::Back, State::Created | State::Verified | State::RollingBack { .. }) => State::RollingBack { why: why() },
        (Direction::Back, State::Committed { .. } | State::OldInactive { .. } | State::Reactivating { .. } | State::Undoing { .. }) => {
            State::Undoing { why: why() }
        }
        (Direction::Back, State::Deleted) => return None,
    };
    if direction == Direction::Forward {
        for index in refusing {
            if let Some(entry) = record.holders.get_mut(*index) {
                entry.left_out = true;
            }
        }
    }
    Some(record)
}
