//! What is drawn apart from the rest of a schedule, which stays as it was when there was none of it: keychain items, other machines, those of
//! them that pull, and what happens to them.

pub mod events;
pub mod items;
pub mod pulling;
pub mod secrets;

use super::events::Event;
use super::rng::{Rng, hash};
use super::scene::{self, Scene};
use super::schedule::{Role, Schedule};

fn draw(seed: u64, salt: u64) -> usize {
    (hash(&[seed, 0x1E7, salt]) % 1_000_000) as usize
}

/// How many machines have the key. A key that was there before stays the matter of one.
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
        let mut events: Vec<Event> = (0..rng.pick(&[0, 0, 1, 1, 2, 3])).map(|_| events::event(rng, theme)).collect();
        if schedule.scene.secrets > 0 && rng.percent(40) {
            events.extend(secrets::at_secrets(rng, schedule.scene.secrets));
        }
        schedule.elsewhere.extend(events.into_iter().map(|event| (machine, event)));
    }
}

/// Whether the old key drains, which it does for the sake of machines that read the secret.
pub fn draining(schedule: &mut Schedule) {
    schedule.scene.drains = schedule.scene.secrets > 0 && draw(schedule.seed, 1).is_multiple_of(3);
}

/// What another machine has: the same user, and files of its own.
pub fn elsewhere(seed: u64, scene: &Scene, machine: usize, role: Role) -> Scene {
    let own = scene::scene(&mut Rng::new(hash(&[seed, 0x3AD, machine as u64])));
    // Whoever rotates it by mistake has it in files.
    let (items, filed) = if role.pulls() { items::among(draw(seed, 0x100 + machine as u64)) } else { (own.items, own.filed) };
    Scene {
        items,
        filed,
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
