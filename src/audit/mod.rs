//! The practices that keep an account's keys safe, checked honestly.
//!
//! Facts are gathered once, each a value or the reason why it is not known ([`Facts`]); the checks are pure functions from facts to findings
//! ([`audit`]). Invariant: a pass comes from something that was seen, never from a call that was denied or not made.

mod check;
mod checks;
mod denied;
mod document;
mod exemption;
mod facts;
mod finding;
mod inline_plan;
mod policies;
mod report;

pub use check::{Reference, Tier};
pub use checks::{DELETE_ROOT_KEYS, audit, root_keys, wants_boundary};
pub use denied::when_denied;
pub use document::{NotAPolicy, Power, power};
pub use exemption::{exempted, idle};
pub use facts::{Facts, Here, Replacing, Watched, is_own_use};
pub use finding::{Exempt, Finding, Level};
pub use inline_plan::{InlineUser, NoPlan, Step, inline_plan};
pub use policies::{
    CHARACTERS, Choices, NoPolicy, NotInAnArn, PARTITIONS, Policy, PolicyName, RoleNamed, Scope, SecretNamed, UNNEEDED, Whose, policy,
};
