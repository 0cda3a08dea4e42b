//! The same calls where there is no Unix: what the system cannot do is left out or refused.

use std::fs::{Metadata, OpenOptions};
use std::io;
use std::path::Path;

use super::FileFacts;

pub(super) fn facts(_path: &Path, metadata: &Metadata) -> FileFacts {
    FileFacts { mode: 0o600, is_ours: true, links: 1, len: metadata.len(), is_mount_point: false }
}

pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

pub(super) fn set_mode(_options: &mut OpenOptions, _mode: u32) {}

pub(super) fn is_immutable(_error: &io::Error) -> bool {
    false
}

/// Windows offers no fsync of a directory; NTFS journals names itself.
pub(super) fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// A new file inherits its directory's access list, as the original did.
pub(super) fn copy_attributes(_from: &Path, _to: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
