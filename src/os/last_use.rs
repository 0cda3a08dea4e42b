//! When something was used last, as the time of an empty file: one call where the file is there already.

use std::path::Path;
use std::time::SystemTime;

use super::atomic_file::{PRIVATE, directory};
use super::disk::{Disk, RealDisk};
use super::private_directory::private_directory;

/// Notes a use now. Nothing depends on it: where it cannot be noted, it is not.
pub fn note(path: &Path) {
    if !touch(path) && private_directory(directory(path)).is_ok() {
        // Made now, it has the time of now.
        let _ = RealDisk.create(path, PRIVATE);
    }
}

/// The last use that was noted, by the file system's clock.
pub fn of(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|facts| facts.modified()).ok()
}

#[cfg(unix)]
fn touch(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    utimensat(CWD, path, &Timestamps { last_access: now, last_modification: now }, AtFlags::empty()).is_ok()
}

#[cfg(not(unix))]
fn touch(path: &Path) -> bool {
    let file = std::fs::OpenOptions::new().write(true).open(path);
    let now = super::clock::local_now().into();
    file.and_then(|file| file.set_modified(now)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_and_a_later_one_is_later() {
        let scratch = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| scratch.path().join("used").join(name));
        assert_eq!(of(&one), None);
        note(&one);
        super::super::clock::pause(std::time::Duration::from_millis(20), &|| false);
        note(&other);
        assert!(of(&one).unwrap() < of(&other).unwrap());
        super::super::clock::pause(std::time::Duration::from_millis(20), &|| false);
        note(&one);
        assert!(of(&one).unwrap() > of(&other).unwrap());
        assert_eq!(RealDisk.facts(&one).unwrap().mode, PRIVATE);
    }
}
