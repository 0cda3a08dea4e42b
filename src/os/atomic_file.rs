//! The only place that makes or replaces whole files of keyrotate's own.
//!
//! Invariant: a reader sees the old bytes or the new ones, never a part; when a function returns `Ok`, power may fail.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;

/// Permission bits of everything keyrotate writes for itself.
pub const PRIVATE: u32 = 0o600;

/// Replaces the file's content, or creates it, readable by its owner only. A temporary left by a crash is overwritten.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = beside(path, "tmp");
    write_new(disk, &temporary, bytes)?;
    disk.rename(&temporary, path)?;
    disk.sync_directory(directory(path))
}

/// Writes a file that nobody reads yet, content and name on the disk when this returns. An older file of that name is removed.
/// On an error nothing is left behind, as far as the disk lets it.
pub fn write_new(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    remove_if_there(disk, path)?;
    let written = (|| {
        let mut file = disk.create(path, PRIVATE)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        disk.sync_directory(directory(path))
    })();
    if written.is_err() {
        // The first error is the one to tell; a leftover is removed by the next run.
        let _ = remove_if_there(disk, path);
    }
    written
}

/// Removes a file; one that is not there is fine.
pub fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The directory that holds the path's name.
pub fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// `.NAME.SUFFIX` in the same directory.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    directory(path).join(format!(".{name}.{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::super::disk::RealDisk;
    use super::*;

    #[test]
    fn a_replaced_file_is_whole_private_and_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("state.json");
        replace(&RealDisk, &path, b"one").unwrap();
        write_new(&RealDisk, &beside(&path, "tmp"), b"left by a crash").unwrap();
        replace(&RealDisk, &path, b"two").unwrap();
        assert_eq!(RealDisk.read(&path).unwrap(), b"two");
        assert_eq!(RealDisk.list(scratch.path()).unwrap(), std::slice::from_ref(&path));
        assert_eq!(RealDisk.facts(&path).unwrap().mode, PRIVATE);
    }
}
