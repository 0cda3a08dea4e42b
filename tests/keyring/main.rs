//! A key that lives in the OS keychain: the real binary, a real gnome-keyring under a D-Bus of its own, and the lab. Invariant: the bus and the
//! daemon of each test are its own, and end with it.
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

#[expect(dead_code, reason = "this ring uses a part of the terminal")]
#[path = "../terminal/bench.rs"]
mod terminal;

mod add;
mod asked;
mod bed;
mod by_hand;
mod crash;
mod faults;
mod import;
mod list;
mod remove;
mod rotations;
mod sessions;
mod stored_sessions;
