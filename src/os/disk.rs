//! The seam under every write: what a file system can do, as small calls that a simulated disk can also answer.
//!
//! Nothing here decides anything. Who writes a file goes through [`super::atomic_file`], the journal or an AWS-file holder,
//! and each of these syncs what it wrote before it tells anybody.

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

#[cfg(unix)]
mod system {
    use std::fs::{File, FileType, Metadata, OpenOptions};
    use std::io::{self, Read};
    use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
    use std::path::Path;

    use super::FileFacts;

    pub(super) fn facts(path: &Path, metadata: &Metadata) -> FileFacts {
        FileFacts {
            mode: metadata.mode() & 0o7777,
            is_ours: rustix::process::geteuid().is_root() || rustix::process::geteuid().as_raw() == metadata.uid(),
            links: metadata.nlink(),
            len: metadata.len(),
            is_mount_point: is_mount_point(path),
        }
    }

    /// O_NONBLOCK: a named pipe would be waited for at its opening already, with a lock held. It does not concern regular files.
    pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
        if ["/dev/fd", "/dev/stdin", "/proc/self/fd"].iter().any(|handed| path.starts_with(handed)) {
            return std::fs::read(path);
        }
        let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed();
        let mut file = File::options().read(true).custom_flags(flags).open(path)?;
        let found = file.metadata()?;
        if found.is_file() {
            let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
            file.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        // AWS's users name /dev/null where there shall be no file.
        if found.file_type().is_char_device() && std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == found.rdev()) {
            return Ok(Vec::new());
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {}, not a regular file", kind(found.file_type()))))
    }

    fn kind(of: FileType) -> &'static str {
        match (of.is_dir(), of.is_fifo(), of.is_socket()) {
            (true, ..) => "a directory",
            (_, true, _) => "a named pipe",
            (.., true) => "a socket",
            (false, false, false) => "a device",
        }
    }

    pub(super) fn set_mode(options: &mut OpenOptions, mode: u32) {
        options.mode(mode);
    }

    pub(super) fn is_immutable(error: &io::Error) -> bool {
        error.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error())
    }

    pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }

    /// Owner first: a change of owner clears set-id bits, and the mode must be right at the end.
    pub(super) fn copy_attributes(from: &Path, to: &Path) -> io::Result<()> {
        let wanted = std::fs::metadata(from)?;
        let target = File::options().write(true).open(to)?;
        let has = target.metadata()?;
        if (wanted.uid(), wanted.gid()) != (has.uid(), has.gid()) {
            fchown(&target, Some(wanted.uid()), Some(wanted.gid()))?;
        }
        // Before the mode: with an inherited ACL the group's bits are its mask, so that a mode of 0640 would let its users read.
        copy_extended_attributes(from, &target)?;
        if wanted.mode() & 0o7777 != target.metadata()?.mode() & 0o7777 {
            target.set_permissions(std::fs::Permissions::from_mode(wanted.mode() & 0o7777))?;
        }
        Ok(())
    }

    /// POSIX ACLs are extended attributes too (`system.posix_acl_access`); a new file may inherit one from its directory.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn copy_extended_attributes(from: &Path, target: &File) -> io::Result<()> {
        use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, getxattr, listxattr};
        use rustix::io::Errno;
        let Some(wanted) = attribute_names(|names| listxattr(from, names))? else { return Ok(()) };
        for name in attribute_names(|names| flistxattr(target, names))?.unwrap_or_default() {
            if wanted.contains(&name) {
                continue;
            }
            match fremovexattr(target, name.as_slice()) {
                Ok(()) => {}
                // QUIRK(linux, macos): labels that the system gives every new file cannot be taken off, and grant nothing.
                Err(Errno::PERM | Errno::ACCESS | Errno::NOTSUP) if !name.starts_with(b"system.") => {}
                Err(error) => return Err(error.into()),
            }
        }
        for name in wanted {
            let mut value = vec![0_u8; 64 * 1024];
            let length = match getxattr(from, name.as_slice(), value.as_mut_slice()) {
                Ok(length) => length,
                Err(Errno::NOTSUP) => continue,
                Err(error) => return Err(error.into()),
            };
            value.truncate(length);
            let mut present = vec![0_u8; 64 * 1024];
            if fgetxattr(target, name.as_slice(), present.as_mut_slice())
                .is_ok_and(|length| present.get(..length) == Some(value.as_slice()))
            {
                continue;
            }
            match fsetxattr(target, name.as_slice(), &value, XattrFlags::empty()) {
                Ok(()) => {}
                // QUIRK(linux): labels that the kernel sets itself (security.*) are refused to ordinary users and need no copy.
                Err(Errno::PERM | Errno::NOTSUP) if name.starts_with(b"security.") || name.starts_with(b"trusted.") => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The names that `list` gives; `None` where the file system has no extended attributes.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn attribute_names(list: impl FnOnce(&mut [u8]) -> rustix::io::Result<usize>) -> io::Result<Option<Vec<Vec<u8>>>> {
        let mut names = vec![0_u8; 64 * 1024];
        let length = match list(names.as_mut_slice()) {
            Ok(length) => length,
            Err(rustix::io::Errno::NOTSUP) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        names.truncate(length);
        Ok(Some(names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()))
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn copy_extended_attributes(_from: &Path, _target: &File) -> io::Result<()> {
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn is_mount_point(path: &Path) -> bool {
        use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
        let mount = |path: &Path| statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok().map(|facts| facts.stx_mnt_id);
        let Ok(path) = path.canonicalize() else { return false };
        let parent = path.parent().and_then(mount);
        parent.is_some() && parent != mount(&path)
    }

    #[cfg(not(target_os = "linux"))]
    fn is_mount_point(_path: &Path) -> bool {
        false
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub(super) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(()),
            // Old kernels and some file systems (NFS, FUSE) do not know the flag.
            Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => Err(io::ErrorKind::Unsupported.into()),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub(super) fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(not(unix))]
mod system {
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
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn attributes_are_copied_and_names_exchanged() {
        let scratch = tempfile::tempdir().unwrap();
        let (one, other) = (scratch.path().join("one"), scratch.path().join("other"));
        for (path, text) in [(&one, "1"), (&other, "2")] {
            let mut file = RealDisk.create(path, 0o600).unwrap();
            file.write_at(0, text.as_bytes()).unwrap();
            file.sync().unwrap();
        }
        fs::set_permissions(&one, fs::Permissions::from_mode(0o640)).unwrap();
        RealDisk.copy_attributes(&one, &other).unwrap();
        assert_eq!(fs::metadata(&other).unwrap().mode() & 0o777, 0o640);
        RealDisk.exchange(&one, &other).unwrap();
        assert_eq!((RealDisk.read(&one).unwrap(), RealDisk.read(&other).unwrap()), (b"2".to_vec(), b"1".to_vec()));
        assert!(RealDisk.create(&one, 0o600).is_err(), "an existing file is never taken over");
    }

    /// An ACL as the kernel keeps it: version 2, then tag, permissions and id of each entry. Somebody (user id 12345) may read.
    #[cfg(target_os = "linux")]
    fn readable_by_somebody() -> Vec<u8> {
        const NOBODY: u32 = u32::MAX;
        let entries: [(u16, u16, u32); 5] = [(0x01, 7, NOBODY), (0x02, 4, 12_345), (0x04, 5, NOBODY), (0x10, 7, NOBODY), (0x20, 0, NOBODY)];
        let entry = |(tag, permissions, id): (u16, u16, u32)| {
            [tag.to_le_bytes().as_slice(), &permissions.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        2_u32.to_le_bytes().into_iter().chain(entries.into_iter().flat_map(entry)).collect()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_new_file_inherits_and_the_original_has_not_is_taken_off() {
        use rustix::fs::{XattrFlags, getxattr, setxattr};
        let scratch = tempfile::tempdir().unwrap();
        let (one, other) = (scratch.path().join("one"), scratch.path().join("other"));
        RealDisk.create(&one, 0o600).unwrap();
        fs::set_permissions(&one, fs::Permissions::from_mode(0o640)).unwrap();
        setxattr(scratch.path(), "system.posix_acl_default", &readable_by_somebody(), XattrFlags::empty())
            .expect("a file system with ACLs below the directory for temporary files; set TMPDIR to one");
        RealDisk.create(&other, 0o600).unwrap();
        setxattr(&other, "user.mine", b"1", XattrFlags::empty()).unwrap();
        let has = |name: &str| getxattr(&other, name, [0_u8; 256].as_mut_slice()).is_ok();
        assert!(has("system.posix_acl_access"), "it inherits");
        RealDisk.copy_attributes(&one, &other).unwrap();
        assert!(!has("system.posix_acl_access") && !has("user.mine"), "another user may read the secret");
        assert_eq!(fs::metadata(&other).unwrap().mode() & 0o777, 0o640);
        // One that the original has is kept.
        setxattr(&one, "system.posix_acl_access", &readable_by_somebody(), XattrFlags::empty()).unwrap();
        RealDisk.copy_attributes(&one, &other).unwrap();
        assert!(has("system.posix_acl_access"));
    }

    /// `None` when the read does not end.
    #[cfg(target_os = "linux")]
    fn read_soon(path: &Path) -> Option<io::Result<Vec<u8>>> {
        let (send, receive) = std::sync::mpsc::channel();
        let path = path.to_owned();
        std::thread::spawn(move || send.send(RealDisk.read(&path)));
        receive.recv_timeout(std::time::Duration::from_secs(10)).ok()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_no_regular_file_is_refused_and_said_and_never_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let scratch = tempfile::tempdir().unwrap();
        let pipe = scratch.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [pipe.as_path(), link.as_path(), Path::new("/dev/zero"), scratch.path()] {
            let error = read_soon(path).unwrap_or_else(|| panic!("{} is waited for", path.display())).unwrap_err();
            assert!(error.to_string().contains("not a regular file"), "{}: {error}", path.display());
        }
        assert_eq!(read_soon(Path::new("/dev/null")).unwrap().unwrap(), b"", "what is there to mean that there is no file");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_pipe_that_the_caller_opened_for_us_is_read_to_its_end() {
        use std::os::fd::AsRawFd;
        let (reader, mut writer) = io::pipe().unwrap();
        let number = reader.as_raw_fd();
        let writing = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(100));
            io::Write::write_all(&mut writer, b"late")
        });
        assert_eq!(read_soon(Path::new(&format!("/dev/fd/{number}"))).unwrap().unwrap(), b"late");
        writing.join().unwrap().unwrap();
    }

    #[test]
    fn facts_count_the_names_of_a_file() {
        let scratch = tempfile::tempdir().unwrap();
        let one = scratch.path().join("one");
        RealDisk.create(&one, 0o600).unwrap();
        assert_eq!(RealDisk.facts(&one).map(|facts| (facts.links, facts.mode, facts.is_mount_point)).ok(), Some((1, 0o600, false)));
        fs::hard_link(&one, scratch.path().join("two")).unwrap();
        assert_eq!(RealDisk.facts(&one).map(|facts| facts.links).ok(), Some(2));
    }
}
