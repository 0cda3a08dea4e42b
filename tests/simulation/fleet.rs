//! Many schedules on every core. Invariant: which seeds are run does not depend on the number of threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::mutant::Mutant;
use super::schedule::Schedule;
use super::shrink::violation;

/// A seed and what did not hold with it.
pub struct Found {
    pub seed: u64,
    pub what: String,
}

/// Runs these seeds; with `first_only`, stops when one fails. Returns how many ran and the failures, by seed.
pub fn sail(seeds: std::ops::Range<u64>, mutant: Option<Mutant>, first_only: bool) -> (u64, Vec<Found>) {
    let (next, done, enough, found) = (AtomicU64::new(seeds.start), AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let failure = violation(&Schedule::from_seed(seed), mutant);
                    done.fetch_add(1, Ordering::Relaxed);
                    if let Some(what) = failure {
                        found.lock().expect("no thread panicked").push(Found { seed, what });
                        enough.fetch_or(first_only, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no thread panicked");
    found.sort_by_key(|found| found.seed);
    (done.into_inner(), found)
}
