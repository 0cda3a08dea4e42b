//! The simulator: the protocol, its loop and the real code of files and secrets against a model of IAM, of Secrets Manager, of disks, of time
//! and of other people. Invariant: everything that happens comes from the seed.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a test bench: it stops loudly"
)]

pub mod acts;
pub mod begin;
pub mod calls;
pub mod disk;
pub mod draw;
pub mod ends;
pub mod events;
pub mod files;
pub mod fleet;
pub mod iam;
pub mod invariants;
pub mod keychain;
pub mod mutant;
pub mod people;
pub mod pull;
pub mod pulled;
pub mod rng;
pub mod run;
pub mod scene;
pub mod schedule;
pub mod secrets;
pub mod shared;
pub mod shrink;
pub mod strangers;
pub mod universe;
pub mod vault;
pub mod world;

use std::process::ExitCode;
use std::time::Instant;

/// Prints the last line as libtest does, for `tests/run` counts it.
pub fn verdict(passed: usize, failed: usize, start: Instant) -> ExitCode {
    let word = if failed == 0 { "ok" } else { "FAILED" };
    let seconds = start.elapsed().as_secs_f64();
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {seconds:.2}s\n");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
