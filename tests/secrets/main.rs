//! A key that is in a file and in a secret, rotated by the real binary against the lab: both change together, or neither. Invariant: each
//! test has a HOME and a lab of its own, and at every call the harness looks whether each has a pair that AWS accepts.
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
mod broken;
mod create;
mod machines;
mod managed;
mod operators;
mod refused;
mod rotated;
