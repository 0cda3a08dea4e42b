//! One file per verb: options in, outcome value out. Nothing here prints.

mod account_id;
pub mod after_login;
#[cfg(feature = "alarm")]
pub mod alarm;
pub mod audit;
pub mod auto;
pub mod completions;
pub mod context;
pub mod exec;
pub mod failure;
pub mod history;
pub mod keys;
mod known;
pub mod logout;
pub mod mfa;
pub mod pick;
pub mod policy;
pub mod refreshable;
pub mod root_key;
pub mod rotate;
pub mod session;
pub mod status;
pub mod timer;
pub mod undo;
