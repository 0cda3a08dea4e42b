//! Rotation where a policy denies everything without MFA: the real binary against a lab that has one. Invariant: after every test no token code
//! was sent twice.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test bench on loopback"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
#[path = "../lab/mod.rs"]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "../lab/home.rs"]
mod home;

mod auto;
mod bench;
mod codes;
mod interruptions;
mod on_login;
