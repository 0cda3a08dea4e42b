//! A virtual MFA device that a person gets: its name, its QR code, what is written down of it, and the line of the config file that names it.
//!
//! Invariants: a device is named on the disk before AWS makes it, and until it is in use or gone; what is written down of it has no seed.

mod enrolment;
mod name;
mod picture;
mod seed_address;

pub use enrolment::{Enrolment, Left, WriteError, shown, unfinished};
pub use name::{MOST, free_name, serial};
pub use picture::Picture;
pub use seed_address::{address, in_groups};
