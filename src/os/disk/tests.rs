//! The real file system, in a scratch directory.

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
    let entry =
        |(tag, permissions, id): (u16, u16, u32)| [tag.to_le_bytes().as_slice(), &permissions.to_le_bytes(), &id.to_le_bytes()].concat();
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
#[expect(clippy::disallowed_methods, reason = "the other end of the pipe is late")]
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
