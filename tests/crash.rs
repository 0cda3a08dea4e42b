//! The crash ring: one rotation of the real binary, broken at every request and at every system call that changes a file, then resumed once; and
//! one login (`crash/login.rs`).
//! Invariant: whatever broke, no profile is locked out, no secret is lost, no key is unaccounted for, and nothing else was touched.
//!
//! A kill keeps the page cache, so a missing fsync shows only in the trace of the fault-free run, which is inspected too. `strace` and
//! `prlimit` are needed; without them the ring fails.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test bench: it prints its table")]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "lab/home.rs"]
mod home;

#[path = "crash/cases.rs"]
mod cases;
#[path = "crash/login.rs"]
mod login;
#[path = "crash/table.rs"]
mod table;
#[path = "crash/trace.rs"]
mod trace;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::{Case, Row};

/// Most of the time is waiting, so that more workers than cores pay.
const WORKERS: usize = 4;

#[test]
fn a_rotation_broken_anywhere_is_resumed_without_loss() {
    let clean = cases::record();
    println!("fault-free: calls {}; {} system calls below HOME", clean.actions.join(" "), clean.files.len());
    assert!(!clean.actions.is_empty(), "the binary made no call to the lab: {}", clean.problems);
    assert!(clean.problems.is_empty(), "the fault-free run is not clean: {}", clean.problems);
    assert!(clean.unsynced.is_empty(), "power loss would cost something:\n{}", clean.unsynced.join("\n"));
    let rows = run_all(&cases::all(&clean), &clean.actions);
    for row in rows.iter().filter(|row| !row.problems.is_empty()) {
        println!("{}: {}", row.name, row.told);
    }
    println!("{}", table::draw(&rows));
    let failed = rows.iter().filter(|row| !row.problems.is_empty()).count();
    assert_eq!(failed, 0, "{failed} of {} cases failed", rows.len());
    assert!(rows.iter().any(|row| row.fired), "no fault fired: nothing was tested");
}

fn run_all(cases: &[Case], actions: &[String]) -> Vec<Row> {
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let row = cases::run(case, actions);
                    rows.lock().expect("no worker panicked").push(row);
                }
            });
        }
    });
    rows.into_inner().expect("no worker panicked")
}
