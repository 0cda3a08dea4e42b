//! Many schedules on every core. Invariant: which seeds are run does not depend on the number of threads.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::mutant::Mutant;
use super::run::{Life, live};
use super::schedule::Schedule;

/// A seed and what did not hold with it.
pub struct Found {
    pub seed: u64,
    pub what: String,
}

/// What came of many schedules.
#[derive(Default)]
pub struct Voyage {
    /// How many ran.
    pub done: u64,
    /// The failures, by seed.
    pub found: Vec<Found>,
    /// How many rotations ended in which way.
    pub ended: BTreeMap<String, u64>,
}

/// Runs these seeds; with `first_only`, stops when one fails.
pub fn sail(seeds: std::ops::Range<u64>, mutant: Option<Mutant>, first_only: bool, until: Option<Instant>) -> Voyage {
    let (next, enough, voyage) = (AtomicU64::new(seeds.start), AtomicBool::new(false), Mutex::new(Voyage::default()));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        // Where one machine of a schedule hands over to another, a core is idle for a moment.
        for _ in 0..2 * cores {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || until.is_some_and(|until| Instant::now() >= until) {
                        return;
                    }
                    let Life { end, violation, .. } = live(&Schedule::from_seed(seed), mutant, false);
                    let mut voyage = voyage.lock().expect("no thread panicked");
                    voyage.done += 1;
                    *voyage.ended.entry(end).or_default() += 1;
                    if let Some(what) = violation {
                        voyage.found.push(Found { seed, what });
                        enough.fetch_or(first_only, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut voyage = voyage.into_inner().expect("no thread panicked");
    voyage.found.sort_by_key(|found| found.seed);
    voyage
}
