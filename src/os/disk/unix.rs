//! What a Unix file system can do beside the portable calls: attributes, exchanged names, mount points.

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
        // Through `take`: a File would ask for its length once more.
        file.by_ref().take(u64::MAX).read_to_end(&mut bytes)?;
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
        if fgetxattr(target, name.as_slice(), present.as_mut_slice()).is_ok_and(|length| present.get(..length) == Some(value.as_slice())) {
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
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    // Since Linux 5.8 the file itself says so, in one call.
    if let Ok(facts) = statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        && facts.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT)
    {
        return facts.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
    }
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
