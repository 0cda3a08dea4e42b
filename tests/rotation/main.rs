//! `keyrotate rotate`, the real binary, against the lab: what it does, and after every failure what it did not do. Invariant: no test looks
//! into the program; each has a HOME and a lab of its own.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test bench: it stops loudly"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
#[path = "../lab/mod.rs"]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "../lab/home.rs"]
mod home;

mod bench;
mod claims;
mod coverage;
mod denied;
mod disk;
mod due;
mod editor;
mod full_disk;
mod grace;
mod history;
mod hostile;
mod input;
mod journal;
mod network;
mod other_people;
mod resolve;
mod secrets;
mod signals;
mod suspension;
mod two_keys;
mod undo;
mod veto;
