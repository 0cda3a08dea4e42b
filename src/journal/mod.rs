//! The durable log of rotations under way, and the history of those that ended.
//!
//! Invariants: an entry on the disk is always one whole state, the one before an update or the one after; the space for what an
//! entry will hold is taken when it begins; entries are readable by their owner only; what cannot be read is refused by name and
//! never overwritten. Nothing here knows what a rotation is.

mod entry;
mod history;
mod in_keychain;
pub mod secret;

pub use entry::{Entry, JournalError};
pub use history::{History, HistoryError, Lines};
pub use in_keychain::InKeychain;
