//! Which keychain items have the key, and what happens to them.

use keyrotate::rotation::Direction;

use super::draw;
use crate::simulation::events::{Event, Fault, Lock, Op, Thumb, What, When};
use crate::simulation::rng::{Rng, hash};
use crate::simulation::scene::Scene;
use crate::simulation::schedule::Schedule;

/// Which keychain items have the key, and whether the files have it too.
pub fn items(schedule: &mut Schedule) {
    let Scene { items, filed, .. } = &mut schedule.scene;
    (*items, *filed) = among(draw(schedule.seed, 0));
    let items = *items;
    if items > 0 {
        schedule.events.extend(at_items(&mut Rng::new(hash(&[schedule.seed, 0x1E7, 1])), items));
    }
}

/// How many items have the key, and whether the files do.
pub fn among(draw: usize) -> (u8, bool) {
    [(0, true), (0, true), (0, true), (1, true), (1, false), (1, false), (2, false)][draw % 7]
}

/// What happens to the items and around the calls to the keychain.
pub fn at_items(rng: &mut Rng, items: u8) -> Vec<Event> {
    let calls = [Op::KeychainGet, Op::KeychainSet, Op::KeychainSet, Op::KeychainSet, Op::KeychainDelete, Op::KeychainDelete];
    let faults =
        [Fault::LostBefore, Fault::LostAfter, Fault::LostAfter, Fault::Throttled, Fault::ServerBefore, Fault::ServerAfter, Fault::Denied];
    let thumbs = [Thumb::Restore, Thumb::Restore, Thumb::ForeignPair, Thumb::Garble, Thumb::Remove, Thumb::Remove];
    let count = rng.pick(&[0, 1, 1, 2, 2, 3, 4]);
    let mut events = Vec::new();
    for _ in 0..count {
        let op = rng.pick(&calls);
        // The first of them look before a key is made.
        let nth = rng.below(match op {
            Op::KeychainGet => 30,
            Op::KeychainSet => 6,
            _ => 4,
        }) as u32;
        let when = if rng.percent(75) { When::Op(op, nth) } else { When::Beat(rng.below(320) as u32) };
        let item = rng.below(u64::from(items)) as u8;
        let what = match rng.below(10) {
            0..=2 => rng.pick(&[What::Crash, What::Kill]),
            3..=5 if matches!(when, When::Op(..)) => What::Call(rng.pick(&faults)),
            3..=7 => What::Keychain(rng.pick(&[Lock::Locked, Lock::Locked, Lock::Absent]), rng.pick(&[1, 4, 40, 200])),
            _ => What::Item(item, rng.pick(&thumbs)),
        };
        events.push(Event { when, what });
        let second = match what {
            What::Crash | What::Kill if rng.percent(30) => What::Crash,
            What::Item(_, Thumb::Remove) if rng.percent(70) => What::Item(item, Thumb::PutBack),
            What::Item(_, Thumb::ForeignPair | Thumb::Garble) if rng.percent(60) => {
                What::Resolve(rng.pick(&[Direction::Forward, Direction::Back]))
            }
            What::Item(..) | What::Call(_) | What::Keychain(..) if rng.percent(20) => What::Crash,
            _ => continue,
        };
        let after = rng.pick(&[0, 0, 1, 3]) + rng.below(3) as u32;
        let when = match when {
            When::Op(op, nth) => When::Op(op, nth + 1 + after),
            When::Beat(at) => When::Beat(at + 1 + 8 * after),
        };
        events.push(Event { when, what: second });
    }
    events
}
