//! The simulator: the protocol, its loop and the real file code against a model of IAM, of disks, of time and of other people. Invariant:
//! everything that happens comes from the seed.

pub mod acts;
pub mod disk;
pub mod ends;
pub mod files;
pub mod fleet;
pub mod iam;
pub mod invariants;
pub mod mutant;
pub mod people;
pub mod rng;
pub mod run;
pub mod schedule;
pub mod shrink;
pub mod universe;
pub mod world;
