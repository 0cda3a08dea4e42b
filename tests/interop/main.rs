//! What we did not write, beside what we wrote: moto behind the real binary, AWS's own programs reading the files that a rotation leaves,
//! and one table of cases that the lab and moto both answer. Invariant: a peer that is missing fails its tests and says how to get it;
//! nothing here leaves loopback. `tests/interop/set_up` puts the peers into `target/interop`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test bench: it stops loudly"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
#[path = "../lab/mod.rs"]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "../lab/home.rs"]
mod home;

#[cfg(feature = "alarm")]
mod alarm;
mod audit;
mod client;
mod contract;
mod files;
mod moto;
mod peers;
mod secrets;
mod sessions;

use peers::{PEERS, versions};

/// First the table of who was asked: a result without its versions is hard to repeat.
#[test]
fn every_peer_is_there() {
    let packages = versions();
    println!("{:<22} version", "peer");
    for package in ["moto", "boto3", "botocore"] {
        println!("{package:<22} {}", packages[package].as_str().expect("a version"));
    }
    for peer in PEERS.iter().filter(|peer| **peer != peers::Peer::Boto3) {
        println!("{:<22} {}", format!("{peer:?}"), peer.version());
    }
}
