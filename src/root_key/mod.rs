//! A root user's key that is to go: what is written down of it, what comes next, and what becomes of the files.
//!
//! Invariant: nothing here calls AWS, and what is written down has no secret.

mod next;
mod removal;

pub use next::{By, Seen, Step, next};
pub use removal::{LONGEST_WAIT, Removal, State, Unread, WriteError, shown, unfinished};
