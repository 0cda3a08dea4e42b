//! What is known here without a question to AWS: what earlier runs saw, and what is under way.
//!
//! Invariant: it is for looking only. Nothing is locked, resumed or tightened; the memory of what was seen is the one file that is written.

mod observation;
mod observations;
mod pending;
mod removals;

pub use observation::{ManagedSeen, Observation, OtherKey, RootKeys};
pub(super) use observations::{Observations, owner};
pub use pending::{Claim, Pending, Rest};
pub(super) use pending::{Journal, under_way, unread_removal, unreadable};
pub(super) use removals::{removals_directory, waiting_removal};
