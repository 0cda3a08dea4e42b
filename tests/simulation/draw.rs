//! What is drawn apart from the rest of a schedule, which stays as it was when there was none of it: keychain items, other machines, and what happens to them.

use keyrotate::rotation::Direction;

use super::rng::{Rng, hash};
use super::schedule::{self, Event, Fault, Lock, Op, Scene, Schedule, Thumb, What, When};

/// Which keychain items have the key, and whether the files have it too.
pub fn items(schedule: &mut Schedule) {
    let Scene { items, filed, .. } = &mut schedule.scene;
    (*items, *filed) = [(0, true), (0, true), (0, true), (1, true), (1, false), (1, false), (2, false)][draw(schedule.seed, 0) % 7];
    let items = *items;
    if items > 0 {
        schedule.events.extend(at_items(&mut Rng::new(hash(&[schedule.seed, 0x1E7, 1])), items));
    }
}

fn draw(seed: u64, salt: u64) -> usize {
    (hash(&[seed, 0x1E7, salt]) % 1_000_000) as usize
}

/// What happens to the items and around the calls to the keychain.
fn at_items(rng: &mut Rng, items: u8) -> Vec<Event> {
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

/// How many machines rotate the key. A key that was there before stays the matter of one.
pub fn machines(schedule: &mut Schedule) {
    let rng = &mut Rng::new(hash(&[schedule.seed, 0x3AC]));
    schedule.machines = rng.pick(&[1, 1, 1, 1, 1, 2, 2, 2, 2, 3]);
    if schedule.scene.adopted || schedule.machines == 1 {
        schedule.machines = 1;
        return;
    }
    // Who shares no secret meets at IAM only.
    if schedule.scene.secrets == 0 && rng.percent(70) {
        schedule.scene.secrets = 1;
    }
    for machine in 1..usize::from(schedule.machines) {
        let theme = rng.pick(&[2, 2, 3]);
        let mut events: Vec<Event> = (0..rng.pick(&[0, 0, 1, 1, 2, 3])).map(|_| schedule::event(rng, theme)).collect();
        if schedule.scene.secrets > 0 && rng.percent(40) {
            events.extend(schedule::at_secrets(rng, schedule.scene.secrets));
        }
        schedule.elsewhere.extend(events.into_iter().map(|event| (machine, event)));
    }
}

/// Whether the old key drains, which it does for the sake of machines that read the secret.
pub fn draining(schedule: &mut Schedule) {
    schedule.scene.drains = schedule.scene.secrets > 0 && draw(schedule.seed, 1).is_multiple_of(3);
}

/// What another machine has: the same user, and files of its own.
pub fn elsewhere(seed: u64, scene: &Scene, machine: usize) -> Scene {
    let own = schedule::scene(&mut Rng::new(hash(&[seed, 0x3AD, machine as u64])));
    Scene {
        flap: scene.flap,
        settle: scene.settle,
        slow: scene.slow,
        denied: scene.denied,
        long_ids: scene.long_ids,
        mfa: scene.mfa,
        secrets: scene.secrets,
        drains: scene.drains,
        adopted: false,
        ..own
    }
}
