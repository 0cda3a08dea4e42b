//! The policies that `keyrotate policy show` prints, in force: each command of the real binary under a lab that allows what they say and nothing
//! else, and with any one action taken away. Invariant: no key is lost, whatever is not allowed.
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

#[expect(dead_code, reason = "this ring uses a part of the terminal")]
#[path = "../terminal/bench.rs"]
mod terminal;

#[expect(dead_code, reason = "this ring asks the lab by hand, and never by the SDK")]
#[path = "../lab/wire.rs"]
mod wire;

#[cfg(feature = "alarm")]
mod alarms;
mod bench;
mod devices;
mod force_mfa;
mod scenes;
mod shown;
mod taken_away;
