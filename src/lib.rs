#![doc = include_str!("ARCHITECTURE.md")]

pub mod aws;
pub mod holder;
pub mod journal;
pub mod model;
pub mod os;
pub mod profile;
