//! `keyrotate audit` of the real binary against the lab. Invariant: whatever it finds, it changes nothing, here and at AWS, and a pass never
//! comes from an answer that was denied.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test bench on loopback"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
#[path = "../lab/mod.rs"]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "../lab/home.rs"]
mod home;

mod bench;
mod denied;
mod monitoring;
mod plan;
mod scenarios;
mod telling;
