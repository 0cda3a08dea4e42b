//! The mutants ring: each of fourteen ways to get the protocol wrong is caught. `mutants [N]` gives up on one after N schedules; `mutants NAME`
//! hunts one and prints its whole trace. Invariant: a mutant that is not caught fails, for then the simulator is blind.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a test bench: it prints what it found")]

#[expect(dead_code, reason = "the two rings use a part of the simulator each")]
#[path = "mod.rs"]
mod simulation;

use std::process::ExitCode;
use std::time::Instant;

use simulation::fleet::{Voyage, sail};
use simulation::mutant::Mutant;
use simulation::schedule::Schedule;
use simulation::shrink::{shrink, tell, violation};
use simulation::verdict;

/// After this many schedules a mutant has escaped.
const PATIENCE: u64 = 20_000;

/// Lines of a trace that are shown unasked: the last ones.
const SHOWN: usize = 8;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let patience = words.iter().find_map(|word| word.replace('_', "").parse().ok()).unwrap_or(PATIENCE);
    let named = words.iter().find(|word| word.parse::<u64>().is_err());
    let start = Instant::now();
    let (mut passed, mut failed) = (0, 0);
    for mutant in Mutant::ALL.into_iter().filter(|mutant| named.is_none_or(|named| mutant.name().contains(named.as_str()))) {
        let is_caught = hunt(mutant, patience, if named.is_some() { usize::MAX } else { SHOWN });
        println!("test {}_is_caught ... {}\n", mutant.name(), if is_caught { "ok" } else { "FAILED" });
        (passed, failed) = if is_caught { (passed + 1, failed) } else { (passed, failed + 1) };
    }
    verdict(passed, failed, start)
}

/// Runs schedules until the mutant breaks an invariant that the protocol keeps.
fn hunt(mutant: Mutant, patience: u64, lines: usize) -> bool {
    let mut begin = 0;
    while begin < patience {
        let Voyage { done, found, .. } = sail(begin..patience, Some(mutant), true, None);
        begin += done;
        // What fails without the mutant too says nothing about it.
        if let Some(failure) = found.iter().find(|failure| violation(&Schedule::from_seed(failure.seed), None).is_none()) {
            let smallest = shrink(Schedule::from_seed(failure.seed), Some(mutant));
            println!("{}: after {begin} schedules, seed {}: {}", mutant.name(), failure.seed, failure.what);
            println!("{}", tell(&smallest, Some(mutant), lines));
            return true;
        }
        if found.is_empty() {
            break;
        }
    }
    println!("{}: not caught in {begin} schedules", mutant.name());
    false
}
