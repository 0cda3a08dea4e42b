//! The operating system: files, locks, clocks, the terminal and processes. No knowledge of AWS.

pub mod atomic_file;
pub mod clock;
pub mod dialog;
pub mod disk;
pub mod keychain;
pub mod last_use;
pub mod lock;
pub mod machine;
pub mod notify;
pub mod paths;
pub mod private_directory;
pub mod process;
pub mod search_path;
pub mod signals;
pub mod terminal;
mod tty;
pub mod wrap;
