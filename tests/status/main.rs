//! `keyrotate status` of the real binary against the lab. Invariant: whatever it finds, it changes nothing but its own memory, and no
//! secret is in anything it prints or writes.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test bench on loopback"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
#[path = "../lab/mod.rs"]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "../lab/home.rs"]
mod home;

mod ages;
mod answers;
mod bench;
mod input;
mod look;
mod memory;
mod rotations;
