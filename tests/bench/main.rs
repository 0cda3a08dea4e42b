//! Figures of the real release binary beside `/bin/true`: start, `status --offline` over 1 and 1,000 profiles, one whole rotation, one audit.
//!
//! Invariant: a figure stands only where the program did what is measured; what was not done is reported as such and fails the run,
//! a missed target does not. Runs are interleaved, so that a busy moment of the machine weighs on all of them; figures are medians.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench program, not the product"
)]

#[path = "../lab/mod.rs"]
#[expect(dead_code, reason = "the bench uses a part of the lab")]
mod lab;

#[path = "../lab/home.rs"]
#[expect(dead_code, reason = "the bench uses a part of the lab")]
mod home;

mod run;
mod session;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use run::{Measured, Runner};
use table::{Row, Target};

const ROUNDS: usize = 21;
const ROTATIONS: usize = 5;
const LATENCY: Duration = Duration::from_millis(100);
const SLOWEST: Duration = Duration::from_millis(400);

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let program = PathBuf::from(args.next().expect("bench PROGRAM [session] [ROUNDS]"));
    let mut args = args.peekable();
    if args.next_if(|word| word == "session").is_some() {
        return session::measure(&program, args.next().map(|text| text.parse().expect("ROUNDS is a number")));
    }
    let rounds = args.next().map_or(ROUNDS, |text| text.parse().expect("ROUNDS is a number"));
    let runner = Runner::new(&program);
    let mut rows = beside_true(&runner, rounds);
    rows.extend(rotation(&runner, rounds.min(ROTATIONS)));
    rows.extend(audit(&runner, rounds.min(ROTATIONS)));
    let size = std::fs::metadata(&program).expect("the program").len();
    rows.push(Row { what: "size of the binary".to_owned(), value: Ok(mb(size)), unit: "MB", ratio: None, target: Target::Below(12.0) });
    println!("{}", table::draw(&rows));
    if rows.iter().all(|row| row.value.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The commands that need no lab, each round one run of each.
fn beside_true(runner: &Runner, rounds: usize) -> Vec<Row> {
    let (one, many) = (run::home_with_profiles(1), run::home_with_profiles(1_000));
    let mut taken: [Vec<Result<Measured, String>>; 4] = Default::default();
    for _ in 0..rounds {
        taken[0].push(runner.run_true(one.path()));
        taken[1].push(runner.run(one.path(), &["--version"], "keyrotate "));
        taken[2].push(runner.run(one.path(), &["status", "--offline"], &run::profile(0)));
        taken[3].push(runner.run(many.path(), &["status", "--offline"], &run::profile(999)));
    }
    let walls: Vec<Result<f64, String>> = taken.into_iter().map(|runs| table::median(runs, |run| run.wall_ms)).collect();
    let base = walls[0].clone().expect("/bin/true runs");
    let names = ["/bin/true", "--version", "status --offline, 1 profile", "status --offline, 1,000 profiles"];
    let targets = [Target::None, Target::Below(base + 3.0), Target::None, Target::RatioBelow(10.0)];
    let rows = names.into_iter().zip(walls).zip(targets);
    rows.map(|((what, value), target)| {
        let ratio = value.as_ref().ok().map(|wall| wall / base);
        Row { what: what.to_owned(), value, unit: "ms", ratio, target }
    })
    .collect()
}

/// Audits of the own user, where one call is slow, as often at AWS, and where all take the same.
fn audit(runner: &Runner, rounds: usize) -> Vec<Row> {
    let runs = |slowest| (0..rounds).map(|_| runner.audit(LATENCY, slowest)).collect::<Vec<_>>();
    let (slow, alike) = (runs(SLOWEST), runs(LATENCY));
    let row = |what: &str, unit, runs: &[Result<(Measured, usize), String>], target, figure: &dyn Fn(&(Measured, usize)) -> f64| Row {
        what: what.to_owned(),
        value: table::median(runs.to_vec(), figure),
        unit,
        ratio: None,
        target,
    };
    let to = |slowest: Duration| move |(run, _): &(Measured, usize)| run.wall_ms / (slowest.as_secs_f64() * 1_000.0);
    vec![
        row("audit: calls to AWS", "", &slow, Target::None, &|(_, calls)| *calls as f64),
        row("audit: time / its slowest call", "x", &slow, Target::AtMost(2.0), &to(SLOWEST)),
        row("audit: the same, all calls alike", "x", &alike, Target::None, &to(LATENCY)),
    ]
}

/// Whole rotations, each in a HOME and with a lab of its own, which answers at once.
fn rotation(runner: &Runner, rounds: usize) -> Vec<Row> {
    let runs: Vec<Result<(Measured, usize), String>> = (0..rounds).map(|_| runner.rotation()).collect();
    let row = |what: &str, unit, limit, figure: &dyn Fn(&(Measured, usize)) -> f64| Row {
        what: what.to_owned(),
        value: table::median(runs.clone(), figure),
        unit,
        ratio: None,
        target: limit,
    };
    vec![
        row("rotation: calls to AWS", "", Target::AtMost(16.0), &|(_, calls)| *calls as f64),
        row("rotation: time, waits at a tenth", "ms", Target::None, &|(run, _)| run.wall_ms),
        row("rotation: CPU", "ms", Target::Below(100.0), &|(run, _)| run.cpu_ms),
        row("rotation: peak memory", "MB", Target::Below(40.0), &|(run, _)| run.peak_mb),
    ]
}
