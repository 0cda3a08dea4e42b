//! The simulated disk as the code under test sees it. Invariant: every operation that changes something is an effect of its own, before
//! which the others act and power may fail.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use keyrotate::holder::Staged;
use keyrotate::os::disk::{Disk, DiskFile, FileFacts};
use sha2::{Digest, Sha256};

use super::disk::DiskState;
use super::events::Trouble;
use super::people::{self, Doomed};
use super::universe::Universe;

#[derive(Clone)]
pub struct SimDisk(pub Rc<Universe>);

struct SimFile {
    universe: Rc<Universe>,
    path: String,
    inode: usize,
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths here are UTF-8")
}

/// Where the credentials file is if its name is a symbolic link.
pub const LINKED: &str = "/home/dots/credentials";
pub const CREDENTIALS: &str = "/home/me/credentials";
pub const CONFIG: &str = "/home/me/config";

impl SimDisk {
    /// The path with the one link followed.
    fn follow<'p>(&self, path: &'p str) -> &'p str {
        if self.0.schedule.scene.symlink && path == CREDENTIALS { LINKED } else { path }
    }

    /// Before a change of this path.
    fn change(&self, what: &str, path: &str) -> io::Result<()> {
        self.0.beat();
        self.0.say(|| format!("      {what} {path}"));
        self.0.pass(1);
        refused(&self.0, path)
    }
}

fn refused(universe: &Universe, path: &str) -> io::Result<()> {
    if universe.has_trouble(path, Trouble::ReadOnly) { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
}

impl SimFile {
    fn change(&self, what: &str) -> io::Result<()> {
        self.universe.beat();
        self.universe.say(|| format!("      {what} {}", self.path));
        self.universe.pass(1);
        refused(&self.universe, &self.path)
    }

    /// A write in place meets what somebody wrote there since it was read: nothing can join the two. A file that was read as it was before
    /// the change is written so only while it has another name.
    fn meet(&self, disk: &DiskState) {
        let inode = &disk.inodes[self.inode];
        if inode.written_at > inode.read_at && (inode.read_pinned || !is_base(&self.universe, &inode.read)) {
            self.universe.people.borrow_mut().excuse(&self.path);
        }
    }
}

/// Whether a change was prepared for exactly this content.
fn is_base(universe: &Universe, read: &[u8]) -> bool {
    let digest: String = Sha256::digest(read).iter().map(|byte| format!("{byte:02x}")).collect();
    let seen = universe.seen.borrow();
    let mut staged = seen.record.iter().flat_map(|record| &record.holders).filter_map(|entry| entry.staged.as_ref());
    staged.any(|staged| match staged {
        Staged::InPlace { base, .. } | Staged::Beside { base, .. } => *base == digest,
        Staged::Version { .. } | Staged::Item { .. } => false,
    })
}

impl DiskFile for SimFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change("write")?;
        let offset = offset as usize;
        let mut disk = self.universe.disk.borrow_mut();
        let grows = disk.inodes[self.inode].data.len() < offset + bytes.len();
        self.meet(&disk);
        if grows && self.universe.has_trouble(&self.path, Trouble::Full) {
            disk.write(self.inode, offset, &bytes[..bytes.len() / 2]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.write(self.inode, offset, bytes);
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.change("set_len")?;
        let mut disk = self.universe.disk.borrow_mut();
        self.meet(&disk);
        disk.set_len(self.inode, len as usize);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.change("sync")?;
        if self.universe.has_trouble(&self.path, Trouble::SyncFails) {
            self.universe.disk.borrow_mut().lose_pending(self.inode);
            return Err(io::Error::other("the disk is failing"));
        }
        self.universe.disk.borrow_mut().sync(self.inode);
        Ok(())
    }
}

impl Disk for SimDisk {
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let path = self.follow(text(path));
        self.0.disk.borrow().find(path)?;
        Ok(path.into())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.beat();
        let path = self.follow(text(path));
        let mut disk = self.0.disk.borrow_mut();
        let inode = disk.find(path)?;
        let file = &mut disk.inodes[inode];
        (file.read_at, file.read, file.read_pinned) = (self.0.beats.get(), file.data.clone(), file.pinned);
        Ok(file.data.clone())
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        let disk = self.0.disk.borrow();
        let inode = &disk.inodes[disk.find(self.follow(text(path)))?];
        Ok(FileFacts {
            mode: inode.mode,
            is_ours: true,
            links: 1 + u64::from(inode.pinned),
            len: inode.data.len() as u64,
            is_mount_point: false,
        })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let prefix = format!("{}/", text(directory));
        let disk = self.0.disk.borrow();
        Ok(disk.names.keys().filter(|name| name.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/'))).map(PathBuf::from).collect())
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>> {
        let path = self.follow(text(path));
        self.change("create", path)?;
        let inode = self.0.disk.borrow_mut().create(path, mode)?;
        Ok(Box::new(SimFile { universe: self.0.clone(), path: path.to_owned(), inode }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let path = self.follow(text(path));
        refused(&self.0, path)?;
        let inode = self.0.disk.borrow().find(path)?;
        Ok(Box::new(SimFile { universe: self.0.clone(), path: path.to_owned(), inode }))
    }

    fn copy_attributes(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change("copy_attributes", text(to))?;
        let mut disk = self.0.disk.borrow_mut();
        let (from, to) = (disk.find(self.follow(text(from)))?, disk.find(text(to))?);
        disk.inodes[to].mode = disk.inodes[from].mode;
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (text(from), text(to));
        self.change("rename", to)?;
        self.split(to);
        let doomed = self.displace(to);
        self.0.disk.borrow_mut().rename(from, to)?;
        doomed.iter().for_each(|doomed| people::gone(&self.0, doomed));
        Ok(())
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        let (one, other) = (text(one), text(other));
        let [home, state] = self.0.schedule.scene.exchange;
        if !(if other.starts_with("/state") { state } else { home }) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.change("exchange", other)?;
        self.split(other);
        self.0.disk.borrow_mut().exchange(one, other)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let path = text(path);
        self.0.disk.borrow().find(path)?;
        let removing = self.change("remove", path);
        // What the disk does not let go stays: nobody can do better.
        self.0.stuck.set(self.0.stuck.get() || removing.is_err());
        removing?;
        let doomed = self.displace(path);
        self.0.disk.borrow_mut().remove(path)?;
        doomed.iter().for_each(|doomed| people::gone(&self.0, doomed));
        Ok(())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let directory = text(directory);
        self.change("sync_directory", directory)?;
        if self.0.has_trouble(directory, Trouble::DirectorySyncFails) {
            return Err(io::Error::other("the disk is failing"));
        }
        self.0.disk.borrow_mut().sync_directory(directory);
        Ok(())
    }
}

impl SimDisk {
    /// A name goes to another file. One that was seen to have a second name is written where it is, or that name keeps what it had.
    fn split(&self, path: &str) {
        let disk = self.0.disk.borrow();
        let inode = disk.names.get(path).map(|inode| &disk.inodes[*inode]);
        if inode.is_some_and(|inode| inode.read_pinned && is_base(&self.0, &inode.read)) {
            drop(disk);
            self.0.violated(format!("{path} has a second name, which does not get the pair"));
        }
    }

    /// A file goes away. What somebody wrote there since it was read last could not be known.
    fn displace(&self, path: &str) -> Option<Doomed> {
        {
            let disk = self.0.disk.borrow();
            let unread = |inode: &usize| disk.inodes[*inode].written_at > disk.inodes[*inode].read_at;
            if disk.names.get(path).is_none_or(unread) {
                self.0.people.borrow_mut().excuse(path);
            }
        }
        people::doomed(&self.0, path)
    }
}
