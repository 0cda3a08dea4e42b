//! What the operating system offers: clocks, the lock, directories, the machine's name, signals and the terminal.
//!
//! The bottom of the house: nothing here knows of AWS or of a rotation.

pub mod clock;
pub mod lock;
pub mod machine;
pub mod paths;
pub mod private_directory;
pub mod process;
pub mod signals;
pub mod terminal;
mod tty;
