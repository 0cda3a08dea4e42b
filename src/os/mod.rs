//! The operating system: files, locks, clocks, the terminal and processes. No knowledge of AWS.

pub mod atomic_file;
pub mod clock;
pub mod disk;
