//! One file per verb: options in, outcome value out. Nothing here prints.

pub mod auto;
pub mod completions;
pub mod context;
pub mod failure;
pub mod history;
pub mod rotate;
pub mod status;
pub mod timer;
pub mod undo;
