//! `keyrotate keys`: where long-term keys live.

pub mod list;
