//! keyrotate: see the library's documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    keyrotate::cli::run()
}
