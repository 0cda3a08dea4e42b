//! `login`, `logout`, `exec`, `env` and `credential-process`, the real binary, against the lab: what is asked of AWS, and what is not. Invariant:
//! no test looks into the program; each has a HOME and a lab of its own.
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
mod cache;
mod clocks;
mod codes;
mod devices;
mod dialogs;
mod exec;
mod hurry;
mod input;
mod programs;
mod refusals;
mod roles;
mod root;
mod warm;
