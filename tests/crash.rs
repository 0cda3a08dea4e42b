//! The crash ring: one rotation of the real binary, broken at every request, at every system call that changes a file and at every message to the
//! keychain, then resumed once; for every kind of place that a key can be in, and for three in one rotation. So are a pull (`crash/pull.rs`),
//! `keys add` (`crash/add.rs`), `keys import` (`crash/import.rs`), and a login (`crash/login.rs`).
//! Invariant: whatever broke, no profile is locked out, no secret is lost, no key is unaccounted for, and nothing else was touched.
//!
//! A kill keeps the page cache, so a missing fsync shows only in the trace of the fault-free run, which is inspected too. `strace`,
//! `prlimit` and a gnome-keyring are needed; without them the ring fails.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test bench: it prints its table"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "lab/home.rs"]
mod home;

#[expect(dead_code, reason = "this ring uses a part of the keychain")]
#[path = "keyring/bed.rs"]
mod bed;

#[expect(dead_code, reason = "this ring uses a part of the terminal")]
#[path = "terminal/bench.rs"]
mod terminal;

#[path = "crash/add.rs"]
mod add;
#[path = "crash/cases.rs"]
mod cases;
#[path = "crash/files.rs"]
mod files;
#[path = "crash/import.rs"]
mod import;
#[path = "crash/keychain.rs"]
mod keychain;
#[path = "crash/login.rs"]
mod login;
#[path = "crash/pull.rs"]
mod pull;
#[path = "crash/rotation.rs"]
mod rotation;
#[path = "crash/secret.rs"]
mod secret;
#[path = "crash/table.rs"]
mod table;
#[path = "crash/trace.rs"]
mod trace;

use cases::{Case, Kind, Row};
use lab::parallel::{WORKERS, map};

/// Breaks it everywhere, and wants zero in each column of damage.
fn broken_anywhere(kind: &Kind) {
    let clean = cases::record(kind);
    let (name, calls, files, messages) = (kind.name, clean.actions.join(" "), clean.files.len(), clean.messages.len());
    println!("{name}, fault-free: calls {calls}; {files} system calls below HOME; {messages} messages to the keychain");
    assert!(files > 0, "the binary changed no file: {}", clean.problems);
    assert!(clean.problems.is_empty(), "the fault-free run is not clean: {}", clean.problems);
    assert!(clean.unsynced.is_empty(), "power loss would cost something:\n{}", clean.unsynced.join("\n"));
    let rows = run_all(kind, &cases::all(kind, &clean), &clean.actions);
    for row in rows.iter().filter(|row| !row.problems.is_empty()) {
        println!("{}: {}", row.name, row.told);
    }
    println!("{}", table::draw(kind, &rows));
    let failed = rows.iter().filter(|row| !row.problems.is_empty()).count();
    assert_eq!(failed, 0, "{failed} of {} cases failed", rows.len());
    table::assert_fired(&rows);
}

fn run_all(kind: &Kind, cases: &[Case], actions: &[String]) -> Vec<Row> {
    map(WORKERS, cases, |case| cases::run(kind, case, actions))
}
