//! Where programs are looked for: PATH, and what else is a list of directories.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The directories in the value of such a variable; none where it is not set.
pub fn directories(value: Option<OsString>) -> Vec<PathBuf> {
    value.map(|value| std::env::split_paths(&value).collect()).unwrap_or_default()
}

/// The directories of this process's PATH.
pub fn own() -> Vec<PathBuf> {
    directories(std::env::var_os("PATH"))
}

/// The program of this name that would be run, if there is one.
pub fn find(name: &str) -> Option<PathBuf> {
    own().into_iter().map(|directory| directory.join(name)).find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_a_file_that_can_be_run() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!((find("no-such-program"), is_program(Path::new("/etc/passwd")), is_program(Path::new("/"))), (None, false, false));
        assert_eq!(directories(Some("/a:/b c".into())), [PathBuf::from("/a"), PathBuf::from("/b c")]);
        assert_eq!(directories(None), Vec::<PathBuf>::new());
    }
}
