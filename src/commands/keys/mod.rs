//! `keyrotate keys`: where long-term keys live, and how one comes into the keychain.

pub mod add;
mod checks;
mod course;
pub mod import;
pub mod list;
mod mover;
mod proof;
pub mod remove;
