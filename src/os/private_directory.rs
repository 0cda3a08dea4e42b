//! Directories that hold secrets: made, checked and tightened before the first file goes in.
//!
//! Invariant: when this returns, the directory is ours, 0700, and would still be there after a power cut.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why a directory cannot hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum PrivateDirectoryError {
    /// Something else has its name.
    #[error("{path} is not a directory; move it away and run the command again", path = .0.display())]
    NotADirectory(PathBuf),
    /// Its owner could read or replace what is in it.
    #[error("{path} belongs to user id {owner}, not to you; run `sudo chown {user} {path}` if it should be yours, or name another directory", path = path.display())]
    ForeignOwner {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who runs keyrotate.
        user: u32,
    },
    /// Others may have put files into it.
    #[error("{path} can be written by others (mode {mode:03o}), so its content cannot be trusted; look through it, then run `chmod 700 {path}`", path = path.display())]
    WritableByOthers {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system refuses.
    #[error("the directory {path} cannot be made or read; check the permissions of the directory above it", path = path.display())]
    Io {
        /// The directory in question.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes `path` and what is missing above it with mode 0700, each made durable. An existing directory of ours that others can
/// only read is tightened to 0700; one that others can write, or that is not ours, is refused.
pub fn private_directory(path: &Path) -> Result<(), PrivateDirectoryError> {
    match fs::metadata(path) {
        Ok(found) => check(path, &found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(path)?;
            // Looked at again: somebody else may have been quicker.
            check(path, &fs::metadata(path).map_err(wrong(path))?)
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(PrivateDirectoryError::NotADirectory(plain_ancestor(path))),
        Err(source) => Err(wrong(path)(source)),
    }
}

fn wrong(path: &Path) -> impl Fn(io::Error) -> PrivateDirectoryError + '_ {
    |source| PrivateDirectoryError::Io { path: path.to_owned(), source }
}

/// The file among the directories of `path`.
fn plain_ancestor(path: &Path) -> PathBuf {
    path.ancestors().find(|above| above.is_file()).unwrap_or(path).to_owned()
}

fn create(path: &Path) -> Result<(), PrivateDirectoryError> {
    let missing: Vec<&Path> = path.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    for directory in missing.into_iter().rev() {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(wrong(directory))?,
        }
        // CRASH: the directory is durable only once the entry in its parent is.
        for durable in [Some(directory), directory.parent()].into_iter().flatten() {
            sync(durable).map_err(wrong(durable))?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn check(path: &Path, found: &fs::Metadata) -> Result<(), PrivateDirectoryError> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    if !found.is_dir() {
        return Err(PrivateDirectoryError::NotADirectory(path.to_owned()));
    }
    let user = rustix::process::geteuid().as_raw();
    if found.uid() != user {
        return Err(PrivateDirectoryError::ForeignOwner { path: path.to_owned(), owner: found.uid(), user });
    }
    let mode = found.mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(PrivateDirectoryError::WritableByOthers { path: path.to_owned(), mode });
    }
    if mode != 0o700 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).and_then(|()| sync(path)).map_err(wrong(path))?;
    }
    Ok(())
}

/// Windows: a directory below the user's own inherits access for the user, the system and administrators only.
#[cfg(not(unix))]
fn check(path: &Path, found: &fs::Metadata) -> Result<(), PrivateDirectoryError> {
    if found.is_dir() { Ok(()) } else { Err(PrivateDirectoryError::NotADirectory(path.to_owned())) }
}

#[cfg(unix)]
fn sync(directory: &Path) -> io::Result<()> {
    match fs::File::open(directory).and_then(|handle| handle.sync_all()) {
        // A parent that may be entered but not read (a home of mode 0711, owned by root) cannot be opened, hence not synced.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        // QUIRK: some file systems (9p, some FUSE) have no fsync for directories.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

/// Windows: directories cannot be synced, NTFS journals their entries.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_missing_is_made_private_and_what_exists_above_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        chmod(root.path(), 0o755);
        let path = root.path().join("a/b");
        private_directory(&path).unwrap();
        private_directory(&path).unwrap();
        assert_eq!((mode(&path), mode(&root.path().join("a")), mode(root.path())), (0o700, 0o700, 0o755));
    }

    #[test]
    fn readable_is_tightened_and_writable_is_refused() {
        let root = tempfile::tempdir().unwrap();
        for bits in [0o755, 0o750, 0o500, 0o701] {
            chmod(root.path(), bits);
            private_directory(root.path()).unwrap();
            assert_eq!(mode(root.path()), 0o700, "{bits:o}");
        }
        for bits in [0o777, 0o770, 0o702] {
            chmod(root.path(), bits);
            let error = private_directory(root.path()).unwrap_err();
            assert_eq!(mode(root.path()), bits, "left as it was found");
            assert!(error.to_string().ends_with(&format!("run `chmod 700 {}`", root.path().display())), "{error}");
        }
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::OpenOptions::new().create_new(true).write(true).open(&file).unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = private_directory(&path).unwrap_err();
            assert!(matches!(&error, PrivateDirectoryError::NotADirectory(named) if *named == file), "{error:?}");
        }
    }

    #[test]
    fn somebody_elses_directory_is_refused() {
        let root = tempfile::tempdir().unwrap();
        // Only root can give a directory away; anybody else finds root's at `/`.
        let (path, owner) = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(root.path(), Some(12_345), None).unwrap();
            (root.path(), 12_345)
        } else {
            (Path::new("/"), 0)
        };
        let error = private_directory(path).unwrap_err();
        assert!(matches!(error, PrivateDirectoryError::ForeignOwner { owner: found, .. } if found == owner), "{error:?}");
    }
}
