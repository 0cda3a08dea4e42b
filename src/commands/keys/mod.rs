//! `keyrotate keys`: where long-term keys live, and how one moves into the keychain.

pub mod import;
pub mod list;
mod proof;
pub mod remove;
