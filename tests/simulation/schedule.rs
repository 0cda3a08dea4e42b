//! What happens in one simulated life of a rotation: the scene and the events, all drawn from the seed. Invariant: a schedule is plain
//! data; taking an event out of it leaves the rest as it was, so that it can be shrunk.

use super::draw;
use super::events::{Event, What, When};
use super::rng::{Rng, hash};
use super::scene::{Mfa, Scene, scene};

/// Seeds below were found when there were no sessions, and no file got a second name.
const BEFORE_SESSIONS: u64 = 40_000_000;
/// Seeds below were found when there were no secrets.
const BEFORE_SECRETS: u64 = 60_000_000;
/// Seeds below were found when there were no keychain items.
const BEFORE_ITEMS: u64 = 80_000_000;
/// Seeds below were found when no machine pulled.
const BEFORE_PULLING: u64 = 100_000_000;

/// What a machine does with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It rotates the key: the first does.
    Rotates,
    /// It does so, too, by mistake.
    Mistaken,
    /// It takes over what the first secret has.
    Pulls {
        /// It is off for so long first, in seconds.
        off: u64,
        /// The settings name a profile that may read the secret, which does not hang on the key.
        operated: bool,
    },
}

impl Role {
    pub fn pulls(self) -> bool {
        matches!(self, Role::Pulls { .. })
    }
}

#[derive(Clone, Debug)]
pub struct Schedule {
    pub seed: u64,
    pub scene: Scene,
    pub events: Vec<Event>,
    /// How many machines have the key.
    pub machines: u8,
    pub roles: [Role; 3],
    /// What happens on the others, by machine.
    pub elsewhere: Vec<(usize, Event)>,
}

impl Schedule {
    pub fn from_seed(seed: u64) -> Self {
        let mut schedule = Self::without_pulling(seed);
        draw::pulling::pulling(&mut schedule);
        schedule
    }

    /// As one machine has it.
    pub fn of(&self, machine: usize) -> Self {
        let mut schedule = self.clone();
        if machine > 0 {
            schedule.scene = draw::elsewhere(self.seed, &self.scene, machine, self.roles[machine]);
            schedule.events = self.elsewhere.iter().filter(|(number, _)| *number == machine).map(|(_, event)| *event).collect();
        }
        schedule
    }

    /// As a seed was that found something once, when there was less to draw.
    pub fn as_found(seed: u64) -> Self {
        match seed {
            BEFORE_PULLING.. => Self::from_seed(seed),
            BEFORE_ITEMS.. => Self::without_pulling(seed),
            BEFORE_SECRETS.. => Self::without_items(seed),
            BEFORE_SESSIONS.. => Self::without_secrets(seed),
            _ => {
                let mut schedule = Self::without_secrets(seed);
                schedule.scene.mfa = None;
                schedule.events.retain(|event| event.what != What::Link);
                schedule
            }
        }
    }

    /// The schedule as it was when every machine rotated the key.
    fn without_pulling(seed: u64) -> Self {
        let mut schedule = Self::without_items(seed);
        draw::items::items(&mut schedule);
        draw::machines(&mut schedule);
        draw::draining(&mut schedule);
        schedule
    }

    /// The schedule as it was before there were keychain items.
    fn without_items(seed: u64) -> Self {
        let mut schedule = Self::without_secrets(seed);
        // Apart, so that the rest of a schedule stays as it was before there were secrets.
        schedule.scene.secrets = [0, 0, 1, 1, 1, 2][hash(&[seed, 0x5EC]) as usize % 6];
        if schedule.scene.secrets > 0 {
            schedule.events.extend(draw::secrets::at_secrets(&mut Rng::new(hash(&[seed, 0x5EC, 1])), schedule.scene.secrets));
        }
        schedule
    }

    /// The schedule as it was before there were secrets.
    fn without_secrets(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        // Apart, so that the rest of a schedule stays as it was before there were sessions.
        let mfa = [Mfa::Open, Mfa::Stale, Mfa::Person, Mfa::Person].get(hash(&[seed, 0x3FA]) as usize % 12).copied();
        let scene = Scene { mfa, ..scene(&mut rng) };
        let theme = rng.below(4);
        let count = rng.pick(&[0, 1, 1, 2, 2, 3, 3, 4, 5, 7]);
        let mut events: Vec<Event> = (0..count).map(|_| draw::events::event(&mut rng, theme)).collect();
        let mut number = 0;
        while number < events.len().min(12) {
            let first = events[number].what;
            if let Some(second) = draw::events::sequel(&mut rng, first) {
                // Both by number, so that one follows the other.
                let at = if theme == 0 { 50 + rng.below(50) as u32 } else { rng.below(300) as u32 };
                events[number].when = When::Beat(at);
                events.push(Event { when: When::Beat(at + 1 + rng.pick(&[0, 3, 10, 40]) + rng.below(12) as u32), what: second });
            }
            number += 1;
        }
        // Apart, likewise.
        let link = hash(&[seed, 0x11]);
        if link.is_multiple_of(12) {
            events.push(Event { when: When::Beat(40 + (link >> 8) as u32 % 80), what: What::Link });
        }
        Self { seed, scene, events, machines: 1, roles: [Role::Rotates, Role::Mistaken, Role::Mistaken], elsewhere: Vec::new() }
    }
}
