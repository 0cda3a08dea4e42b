//! `keyrotate` as a person meets it: in a terminal, which `script` of util-linux gives. Questions, progress, colours, Ctrl-C.
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

mod bench;
mod codes;
mod devices;
mod interrupts;
mod look;
mod picker;
mod questions;
mod root_key;
mod two_keys;
