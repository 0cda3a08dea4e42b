//! Which machines take the key over instead of rotating it, and what happens to them.

use std::time::Duration;

use keyrotate::model::Grace;

use super::{elsewhere, events, items};
use crate::simulation::events::{Event, Fault, Op, What, When};
use crate::simulation::rng::{Rng, hash};
use crate::simulation::schedule::{Role, Schedule};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Of the machines that share a secret most pull. Where one does, the settings name who rotates the key, so that it drains.
pub fn pulling(schedule: &mut Schedule) {
    if schedule.scene.secrets == 0 {
        return;
    }
    for machine in 1..usize::from(schedule.machines) {
        let rng = &mut Rng::new(hash(&[schedule.seed, 0x3AE, machine as u64]));
        if rng.percent(25) {
            continue;
        }
        let off = rng.pick(&[0, 0, 30, 10 * MINUTE, 2 * HOUR, 12 * HOUR, 120 * HOUR]);
        schedule.roles[machine] = Role::Pulls { off, operated: rng.percent(40) };
        schedule.scene.drains = true;
        if rng.percent(30) {
            schedule.scene.grace = Grace::After(Duration::from_secs(rng.pick(&[HOUR, 6 * HOUR])));
        }
        let has = elsewhere(schedule.seed, &schedule.scene, machine, schedule.roles[machine]);
        let mut more = around(rng);
        if has.filed {
            more.extend((0..rng.pick(&[0, 0, 1, 2])).map(|_| events::event(rng, 0)));
        }
        if has.items > 0 && rng.percent(60) {
            more.extend(items::at_items(rng, has.items));
        }
        schedule.elsewhere.extend(more.into_iter().map(|event| (machine, event)));
    }
}

/// What happens at the few calls that such a machine makes, and while it writes.
fn around(rng: &mut Rng) -> Vec<Event> {
    let calls = [Op::Identity, Op::Identity, Op::Describe, Op::GetValue];
    let acts = [Op::Persist, Op::Read, Op::Prepare, Op::Write, Op::Write, Op::Release, Op::Wait, Op::Close];
    let faults = [Fault::LostBefore, Fault::LostAfter, Fault::Throttled, Fault::ServerBefore, Fault::Denied];
    let one = |rng: &mut Rng| {
        let nth = rng.below(6) as u32;
        match rng.below(3) {
            0 => Event { when: When::Op(rng.pick(&calls), nth), what: What::Call(rng.pick(&faults)) },
            1 => Event { when: When::Op(rng.pick(&acts), nth), what: rng.pick(&[What::Crash, What::Kill, What::Signal]) },
            _ => Event { when: When::Op(rng.pick(&acts), nth), what: What::Sleep(rng.pick(&[MINUTE, HOUR, 48 * HOUR])) },
        }
    };
    (0..rng.pick(&[0, 1, 1, 2, 3])).map(|_| one(rng)).collect()
}
