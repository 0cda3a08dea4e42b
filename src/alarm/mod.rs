//! The alarm by which an owner hears that somebody changed a policy: what it consists of, what of that is missing, and what of it is ours.
//!
//! Invariants: pure. What was planned and carried out leaves nothing to plan. Nothing is changed or removed that is not ours (`own.rs`), and
//! nothing that somebody else uses is removed.

mod own;
mod place;
mod plan;
mod removal;
mod sample;
mod step;
#[cfg(test)]
mod tests;
mod topic_policy;
mod trail_script;
mod watch;

pub use own::{is_our_alarm, is_our_filter, ways};
pub use place::{Misfit, Obstacle, Place, Unfit, place, topic_arn};
pub use plan::{Foreign, Wanted, doubts, faults, plan};
pub use removal::{Removal, removal};
pub use sample::{is_hit, on_the_bus, samples};
pub use step::{Sign, Step};
pub use topic_policy::with_publisher;
pub use trail_script::{COSTS, trail_script};
pub use watch::{MARK, METRICS, NAMES, NAMESPACE, PREFIX, TARGET, TOPIC, Via, Watch};
