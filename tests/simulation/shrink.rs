//! Makes a failing schedule small: the fewest events and the plainest scene with which it still fails the same way. Invariant: what is
//! printed was run.

use super::mutant::Mutant;
use super::run::live;
use super::scene::{Flap, Scene};
use super::schedule::{Role, Schedule};

/// Runs a schedule. Returns what did not hold.
pub fn violation(schedule: &Schedule, mutant: Option<Mutant>) -> Option<String> {
    live(schedule, mutant, false).violation
}

/// What did not hold, without the keys and files that it was about.
pub fn kind(what: &str) -> String {
    let words = what.split_whitespace().filter(|word| !word.contains("AKIA") && !word.contains("keyrotate-") && !word.contains('/'));
    words.take(9).collect::<Vec<_>>().join(" ")
}

/// The smallest schedule that still fails.
pub fn shrink(schedule: Schedule, mutant: Option<Mutant>) -> Schedule {
    let kind = violation(&schedule, mutant).map(|what| kind(&what));
    let fails = |schedule: &Schedule| violation(schedule, mutant).map(|what| self::kind(&what)) == kind;
    let mut smallest = schedule;
    loop {
        let before = smallest.events.len();
        for number in (0..smallest.events.len()).rev() {
            let mut smaller = smallest.clone();
            smaller.events.remove(number);
            if fails(&smaller) {
                smallest = smaller;
            }
        }
        for number in (0..smallest.elsewhere.len()).rev() {
            let mut smaller = smallest.clone();
            smaller.elsewhere.remove(number);
            if fails(&smaller) {
                smallest = smaller;
            }
        }
        let fewer = Schedule { machines: smallest.machines - 1, ..smallest.clone() };
        if fewer.machines > 0 && fails(&fewer) {
            smallest = fewer;
        }
        for number in 1..usize::from(smallest.machines) {
            if let Role::Pulls { operated, .. } = smallest.roles[number] {
                let mut smaller = smallest.clone();
                smaller.roles[number] = Role::Pulls { off: 0, operated };
                if fails(&smaller) {
                    smallest = smaller;
                }
            }
        }
        for plainer in plainer(&smallest.scene) {
            let smaller = Schedule { scene: plainer, ..smallest.clone() };
            if fails(&smaller) {
                smallest = smaller;
            }
        }
        if smallest.events.len() == before {
            return smallest;
        }
    }
}

/// The scene with one thing less, each.
fn plainer(scene: &Scene) -> Vec<Scene> {
    let with = |change: fn(&mut Scene)| {
        let mut plainer = scene.clone();
        change(&mut plainer);
        plainer
    };
    vec![
        with(|scene| (scene.flap, scene.settle) = (Flap::None, 0)),
        with(|scene| scene.flap = Flap::None),
        with(|scene| scene.slow = 0),
        with(|scene| scene.denied = None),
        with(|scene| scene.mfa = None),
        with(|scene| scene.secrets = 0),
        with(|scene| scene.secrets = scene.secrets.min(1)),
        with(|scene| scene.items = u8::from(!scene.filed)),
        with(|scene| scene.filed = true),
        with(|scene| scene.two_files = false),
        with(|scene| scene.symlink = false),
        with(|scene| scene.pinned = false),
        with(|scene| scene.exchange = [true, true]),
        with(|scene| scene.grace = keyrotate::model::Grace::default()),
        with(|scene| scene.drains = false),
        with(|scene| scene.attended = false),
        with(|scene| scene.long_ids = false),
        with(|scene| scene.adopted = false),
    ]
}

/// The schedule and the last `lines` of what happened in it, as text.
pub fn tell(schedule: &Schedule, mutant: Option<Mutant>, lines: usize) -> String {
    let trace = live(schedule, mutant, true).trace;
    let mut text = format!(
        "seed {}\n{:?}\n{:?}\n{:?}\n{:?}\n",
        schedule.seed,
        schedule.scene,
        schedule.events,
        &schedule.roles[..usize::from(schedule.machines)],
        schedule.elsewhere
    );
    text += &trace[trace.len().saturating_sub(lines)..].join("\n");
    text.push('\n');
    text
}
