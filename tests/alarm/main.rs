//! `keyrotate alarm` of the real binary against the lab: planned, set up, tried out, removed; cut off at every call, denied at every call, each part
//! of it broken by somebody else. Invariant: what is not ours is as it was, whatever happens.
#![cfg(feature = "alarm")]
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

#[expect(dead_code, reason = "this ring uses a part of the terminal")]
#[path = "../terminal/bench.rs"]
mod terminal;

mod bench;
mod broken;
mod cut_off;
mod obstacles;
mod set_up;
mod waiting;
