//! What happens to secrets in Secrets Manager, and around the calls to them.

use keyrotate::rotation::Direction;

use crate::simulation::events::{Event, Fault, Hand, Op, What, When};
use crate::simulation::rng::Rng;

/// The events of a schedule that has so many secrets.
pub fn at_secrets(rng: &mut Rng, secrets: u8) -> Vec<Event> {
    let calls = [Op::Describe, Op::Describe, Op::GetValue, Op::PutValue, Op::PutValue, Op::MoveStage, Op::MoveStage];
    let faults =
        [Fault::LostBefore, Fault::LostAfter, Fault::LostAfter, Fault::Throttled, Fault::ServerBefore, Fault::ServerAfter, Fault::Denied];
    let hands = [
        Hand::AddField,
        Hand::AddField,
        Hand::Open,
        Hand::Restore,
        Hand::ForeignPair,
        Hand::Pending,
        Hand::Pending,
        Hand::Delete,
        Hand::Kms(3),
        Hand::Kms(40),
    ];
    let count = rng.pick(&[0, 1, 1, 2, 2, 3, 4, 6]);
    let mut events = Vec::new();
    for _ in 0..count {
        let op = rng.pick(&calls);
        // The first of them are those that look before a key is made; what is put first is a probe.
        let nth = rng.below(if matches!(op, Op::Describe | Op::GetValue) { 16 } else { 6 }) as u32;
        let when = if rng.percent(80) { When::Op(op, nth) } else { When::Beat(rng.below(320) as u32) };
        let secret = rng.below(u64::from(secrets)) as u8;
        let what = match rng.below(10) {
            0..=2 => rng.pick(&[What::Crash, What::Kill]),
            3..=5 => What::Call(rng.pick(&faults)),
            _ => What::Secret(secret, rng.pick(&hands)),
        };
        events.push(Event { when, what });
        let second = match what {
            What::Crash | What::Kill if rng.percent(30) => What::Crash,
            What::Secret(_, Hand::Open) => What::Secret(secret, Hand::Save),
            What::Secret(_, Hand::Pending) => What::Secret(secret, rng.pick(&[Hand::GiveUp, Hand::TakeOver, Hand::TakeOver])),
            What::Secret(_, Hand::Delete) if rng.percent(80) => What::Secret(secret, Hand::Undelete),
            What::Secret(_, Hand::ForeignPair) if rng.percent(60) => What::Resolve(rng.pick(&[Direction::Forward, Direction::Back])),
            What::Secret(..) | What::Call(_) if rng.percent(20) => What::Crash,
            _ => continue,
        };
        let after = rng.pick(&[0, 0, 1, 3]) + rng.below(3) as u32;
        let is_late = matches!(what, What::Secret(_, Hand::Pending | Hand::Delete)) && rng.percent(50);
        let when = match when {
            _ if is_late => When::Beat(rng.below(600) as u32),
            When::Op(op, nth) => When::Op(op, nth + 1 + after),
            When::Beat(at) => When::Beat(at + 1 + 8 * after),
        };
        events.push(Event { when, what: second });
    }
    events
}
