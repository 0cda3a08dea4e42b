//! The seam under every write: what a file system can do, as small calls that a simulated disk can also answer.
//!
//! Nothing here decides anything. Who writes a file goes through [`super::atomic_file`], the journal or an AWS-file holder,
//! and each of these syncs what it wrote before it tells anybody.

#[cfg(not(unix))]
#[path = "disk/elsewhere.rs"]
mod system;
#[cfg(unix)]
#[path = "disk/unix.rs"]
mod system;
#[cfg(all(test, unix))]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// What is known of a file without reading it. Symbolic links are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// The permission bits (Unix); 0o600 elsewhere.
    pub mode: u32,
    /// Whether a file that replaces it can have the same owner: it is ours, or we may give files away.
    pub is_ours: bool,
    /// How many names the file has.
    pub links: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Whether another file system is mounted on exactly this name (a bind-mounted file): no rename can replace it.
    pub is_mount_point: bool,
}

/// An open file. Its writes are on the disk for sure only after [`DiskFile::sync`].
pub trait DiskFile {
    /// Writes all bytes at the offset, in one call where the system can.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file, or extends it with zeros.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
    /// Waits until content and size are on the disk. An error is final: what was written through this file may be lost.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file system.
pub trait Disk {
    /// The path with every symbolic link followed.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;
    /// The whole content of a regular file. Whatever else has the name is an error, not waited for; but `/dev/null` is empty, and
    /// what the caller opened for us (`/dev/fd/N`, `/dev/stdin`) is read to its end.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Facts about a file.
    fn facts(&self, path: &Path) -> io::Result<FileFacts>;
    /// The paths in a directory, sorted.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;
    /// Creates a file that must not exist yet, with these permission bits (Unix).
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>>;
    /// Opens an existing file to change it in place.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Gives `to` the mode, owner, ACL and extended attributes of `from`.
    fn copy_attributes(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Moves a file over whatever has the name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Exchanges two names in one act; [`io::ErrorKind::Unsupported`] where the system cannot.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Waits until the names in a directory are on the disk.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
}

/// Whether the system refused because of what the file is (immutable, append-only: EPERM), not because of who asks (EACCES). Such a
/// file cannot be replaced by another one either.
pub fn is_immutable(error: &io::Error) -> bool {
    system::is_immutable(error)
}

/// This machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

struct RealFile(File);

impl DiskFile for RealFile {
    #[cfg(unix)]
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, bytes, offset)
    }

    #[cfg(not(unix))]
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        use std::io::{Seek, SeekFrom, Write};
        self.0.seek(SeekFrom::Start(offset))?;
        self.0.write_all(bytes)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

impl Disk for RealDisk {
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        system::read(path)
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        let metadata = fs::metadata(path)?;
        Ok(system::facts(path, &metadata))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        system::set_mode(&mut options, mode);
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(OpenOptions::new().write(true).open(path)?)))
    }

    fn copy_attributes(&self, from: &Path, to: &Path) -> io::Result<()> {
        system::copy_attributes(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        system::exchange(one, other)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        system::sync_directory(directory)
    }
}
