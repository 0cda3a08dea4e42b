//! The simulation ring. `simulation [N [FIRST]]` runs N schedules, `simulation --minutes M [FIRST]` as many as fit; `simulation --seed N` shrinks one and prints what happens in it.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test bench: it prints what it found"
)]

#[expect(dead_code, reason = "the two rings use a part of the simulator each")]
#[path = "mod.rs"]
mod simulation;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use simulation::fleet::{Voyage, sail};
use simulation::schedule::Schedule;
use simulation::shrink::{kind, shrink, tell, violation};
use simulation::verdict;

/// How many schedules a plain `cargo test` runs.
const DEFAULT: u64 = 400;

/// Schedules that found something once: each is run first.
#[rustfmt::skip]
const ONCE_FOUND: [u64; 35] = [
    1_194, 5_027_779, 7_006_916, 7_010_048, 7_012_181, 7_012_752, 7_031_626, 7_065_856, 8_017_207, 10_049_500, 10_063_445, 10_161_327,
    10_203_548, 10_277_592, 10_297_999, 10_375_202, 10_417_387, 10_484_664, 10_534_166, 10_613_645, 10_648_241, 10_799_741, 30_184_348,
    50_000_008, 62_017_389, 62_019_900, 63_017_233, 90_101_954, 90_104_801, 90_105_761, 90_115_052, 90_119_903, 91_002_916, 91_047_892,
    101_006_516,
];

/// The same of schedules that are drawn as today's are.
const FOUND_SINCE: [u64; 1] = [717_789];

/// Lines of a trace that are shown unasked: the last ones.
const SHOWN: usize = 60;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |word: &String| word.replace('_', "").parse::<u64>().ok();
    if let Some(at) = words.iter().position(|word| word == "--seed") {
        return replay(words.get(at + 1).and_then(number).expect("a seed"), words.iter().any(|word| word == "--whole"));
    }
    let start = Instant::now();
    let mut numbers = words.iter().filter_map(number);
    let until = words.iter().any(|word| word == "--minutes").then(|| start + Duration::from_secs(60 * numbers.next().expect("minutes")));
    let count = if until.is_some() { u64::MAX / 2 } else { numbers.next().unwrap_or(DEFAULT) };
    let begin = numbers.next().unwrap_or(0);
    let known = ONCE_FOUND
        .map(|seed| (seed, Schedule::as_found(seed)))
        .into_iter()
        .chain(FOUND_SINCE.map(|seed| (seed, Schedule::from_seed(seed))));
    let again: Vec<u64> = known.filter(|(_, schedule)| violation(schedule, None).is_some()).map(|(seed, _)| seed).collect();
    for seed in &again {
        println!("found again: --seed {seed}");
    }
    let Voyage { done, found, ended } = sail(begin..begin + count, None, false, until);
    let seconds = start.elapsed().as_secs_f64();
    println!("{done} schedules from seed {begin}, {} violations, {:.0} schedules per second", found.len(), done as f64 / seconds);
    let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for failure in &found {
        kinds.entry(kind(&failure.what)).or_default().push(failure.seed);
    }
    for (kind, seeds) in &kinds {
        println!("{:>6}  {kind}; seeds {:?}", seeds.len(), &seeds[..seeds.len().min(5)]);
    }
    println!("ends: {}", ended.iter().map(|(end, times)| format!("{end} {times}")).collect::<Vec<_>>().join(", "));
    if let Some(first) = found.first() {
        println!("\n{}", tell(&shrink(Schedule::from_seed(first.seed), None), None, SHOWN));
        println!("--seed {} prints this again", first.seed);
    }
    let is_well = found.is_empty() && again.is_empty();
    println!("test no_schedule_breaks_an_invariant ... {}", if is_well { "ok" } else { "FAILED" });
    verdict(usize::from(is_well), usize::from(!is_well), start)
}

/// Prints one schedule, shrunk if it fails.
fn replay(seed: u64, whole: bool) -> ExitCode {
    let schedule = Schedule::from_seed(seed);
    match violation(&schedule, None) {
        Some(_) if !whole => {
            println!("{}", tell(&shrink(schedule, None), None, usize::MAX));
            ExitCode::FAILURE
        }
        other => {
            println!("{}", tell(&schedule, None, usize::MAX));
            if other.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}
