//! A disk in memory that keeps after a crash what was synced, and any part of the rest. Invariant: content and names are separate; a
//! synced file without a synced name is lost.

use std::collections::BTreeMap;
use std::io;

use super::rng::hash;

/// A change of a file's content that is not on the disk yet.
enum Pending {
    Write(usize, Vec<u8>),
    Len(usize),
}

#[derive(Default)]
pub struct Inode {
    /// What a reader sees.
    pub data: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
    pub mode: u32,
    pub pinned: bool,
    /// Grows with every change.
    pub version: u64,
    /// The effect at which the rotation read it last, and at which somebody else wrote it last.
    pub read_at: u32,
    pub written_at: u32,
    /// What the rotation read last, and whether the file was pinned then.
    pub read: Vec<u8>,
    pub read_pinned: bool,
}

/// Names that change together.
type Renaming = Vec<(String, Option<usize>)>;

#[derive(Default)]
pub struct DiskState {
    pub inodes: Vec<Inode>,
    pub names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    renamings: Vec<Renaming>,
    /// A mutant's disk: what is synced stays unsynced.
    pub ignores_sync: bool,
    pub ignores_directory_sync: bool,
    /// Grows with every change.
    pub version: u64,
}

fn apply(data: &mut Vec<u8>, change: &Pending) {
    match change {
        Pending::Write(offset, bytes) => {
            data.resize(data.len().max(*offset), 0);
            let (over, after) = bytes.split_at(bytes.len().min(data.len() - offset));
            data[*offset..offset + over.len()].copy_from_slice(over);
            data.extend_from_slice(after);
        }
        Pending::Len(len) => data.resize(*len, 0),
    }
}

impl DiskState {
    pub fn find(&self, path: &str) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub fn content(&self, path: &str) -> Option<&[u8]> {
        self.names.get(path).map(|inode| self.inodes[*inode].data.as_slice())
    }

    fn touch(&mut self, inode: usize) {
        self.version += 1;
        self.inodes[inode].version = self.version;
    }

    fn rename_all(&mut self, renaming: Renaming) {
        self.version += 1;
        for (name, inode) in &renaming {
            match inode {
                Some(inode) => self.names.insert(name.clone(), *inode),
                None => self.names.remove(name),
            };
        }
        self.renamings.push(renaming);
    }

    pub fn create(&mut self, path: &str, mode: u32) -> io::Result<usize> {
        if self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = self.inodes.len();
        self.inodes.push(Inode { mode, ..Inode::default() });
        self.rename_all(vec![(path.to_owned(), Some(inode))]);
        self.touch(inode);
        Ok(inode)
    }

    pub fn write(&mut self, inode: usize, offset: usize, bytes: &[u8]) {
        let change = Pending::Write(offset, bytes.to_vec());
        apply(&mut self.inodes[inode].data, &change);
        self.inodes[inode].pending.push(change);
        self.touch(inode);
    }

    pub fn set_len(&mut self, inode: usize, len: usize) {
        self.inodes[inode].data.resize(len, 0);
        self.inodes[inode].pending.push(Pending::Len(len));
        self.touch(inode);
    }

    pub fn sync(&mut self, inode: usize) {
        if !self.ignores_sync {
            self.flush(inode);
        }
    }

    fn flush(&mut self, inode: usize) {
        let Inode { durable, pending, .. } = &mut self.inodes[inode];
        for change in pending.drain(..) {
            apply(durable, &change);
        }
    }

    /// A sync that fails: what was to be written is dropped, readers still see it.
    pub fn lose_pending(&mut self, inode: usize) {
        self.inodes[inode].pending.clear();
    }

    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let inode = self.find(from)?;
        self.rename_all(vec![(from.to_owned(), None), (to.to_owned(), Some(inode))]);
        Ok(())
    }

    pub fn exchange(&mut self, one: &str, other: &str) -> io::Result<()> {
        let (first, second) = (self.find(one)?, self.find(other)?);
        self.rename_all(vec![(one.to_owned(), Some(second)), (other.to_owned(), Some(first))]);
        Ok(())
    }

    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        self.find(path)?;
        self.rename_all(vec![(path.to_owned(), None)]);
        Ok(())
    }

    pub fn sync_directory(&mut self, directory: &str) {
        if !self.ignores_directory_sync {
            self.flush_names(directory);
        }
    }

    fn flush_names(&mut self, directory: &str) {
        let inside = |name: &str| name.rsplit_once('/').is_some_and(|(parent, _)| parent == directory);
        let (synced, rest) =
            std::mem::take(&mut self.renamings).into_iter().partition(|renaming| renaming.iter().any(|(name, _)| inside(name)));
        self.renamings = rest;
        let synced: Vec<Renaming> = synced;
        for renaming in &synced {
            self.keep(renaming);
        }
    }

    fn keep(&mut self, renaming: &Renaming) {
        for (name, inode) in renaming {
            match inode {
                Some(inode) => self.durable_names.insert(name.clone(), *inode),
                None => self.durable_names.remove(name),
            };
        }
    }

    /// Somebody else writes the file, and what they write is on the disk.
    pub fn put(&mut self, inode: usize, data: &[u8], beat: u32) {
        let file = &mut self.inodes[inode];
        file.pending.clear();
        (file.data, file.durable) = (data.to_vec(), data.to_vec());
        file.written_at = beat;
        self.touch(inode);
    }

    /// Somebody else makes a file of this name, over what is there, or removes it.
    pub fn put_name(&mut self, path: &str, data: Option<&[u8]>, mode: u32, beat: u32) {
        let inode = data.map(|data| {
            self.inodes.push(Inode { mode, ..Inode::default() });
            let inode = self.inodes.len() - 1;
            self.put(inode, data, beat);
            inode
        });
        self.rename_all(vec![(path.to_owned(), inode)]);
        self.flush_names(path.rsplit_once('/').map_or("", |(parent, _)| parent));
    }

    /// Power fails: of what was not synced, any part stays.
    pub fn crash(&mut self, noise: u64) {
        let how = noise % 4;
        for (number, renaming) in std::mem::take(&mut self.renamings).iter().enumerate() {
            let stays = match how {
                0 => false,
                1 => true,
                _ => hash(&[noise, 1, number as u64]) & 1 == 1,
            };
            if stays {
                self.keep(renaming);
            }
        }
        self.names = self.durable_names.clone();
        for number in 0..self.inodes.len() {
            if self.inodes[number].pending.is_empty() && self.inodes[number].data == self.inodes[number].durable {
                continue;
            }
            tear(&mut self.inodes[number], hash(&[noise, 2, number as u64]));
            self.touch(number);
        }
        self.version += 1;
    }
}

/// Of the unsynced changes, in order: none, all, or some, one of them torn.
fn tear(inode: &mut Inode, noise: u64) {
    for (number, change) in std::mem::take(&mut inode.pending).iter().enumerate() {
        let word = hash(&[noise, number as u64]);
        match (noise % 4, word % 3) {
            (0, _) | (2 | 3, 0) => {}
            (1, _) | (2, _) => apply(&mut inode.durable, change),
            (_, _) => match change {
                Pending::Write(offset, bytes) => {
                    let cut = (word >> 8) as usize % (bytes.len() + 1);
                    apply(&mut inode.durable, &Pending::Write(*offset, bytes[..cut].to_vec()));
                }
                Pending::Len(_) => apply(&mut inode.durable, change),
            },
        }
    }
    inode.data = inode.durable.clone();
}
