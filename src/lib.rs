#![doc = include_str!("ARCHITECTURE.md")]

pub mod audit;
pub mod aws;
pub mod cli;
pub mod commands;
pub mod holder;
pub mod journal;
pub mod keys;
pub mod mfa;
pub mod model;
pub mod os;
pub mod profile;
pub mod root_key;
pub mod rotation;
pub mod session;
pub mod timer;
