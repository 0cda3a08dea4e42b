//! The shared credentials file and the config file as holders.
//!
//! Invariants: the file that others read is always whole (a hard link or mount point apart, where one write has to do); mode,
//! owner and links stay; what another program wrote in the meantime is kept, with our change applied to it.

mod exchange;
mod in_place;
mod moving;

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Displaced, Foreign, Holder, HolderError, Sight, Staged};
use crate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
use crate::os::atomic_file::{directory, remove_if_there};
use crate::os::disk::{Disk, is_immutable};
use crate::profile::{Document, FileKind};

/// The tag of the file that is written and removed to see whether one can be.
const PROBE: &str = "probe";

pub use moving::{Moving, UnderWay};

/// What becomes of a file's bytes.
type Edit<'a> = &'a dyn Fn(&[u8]) -> Result<Zeroizing<Vec<u8>>, HolderError>;

/// One AWS file.
pub(super) struct AwsFile<'d> {
    disk: &'d dyn Disk,
    kind: FileKind,
    path: PathBuf,
}

impl<'d> AwsFile<'d> {
    pub(super) fn new(disk: &'d dyn Disk, kind: FileKind, path: PathBuf) -> Self {
        Self { disk, kind, path }
    }

    fn io<'p>(&self, act: &'static str, path: &'p Path) -> impl Fn(io::Error) -> HolderError + use<'p> {
        move |source| HolderError::Io { path: path.to_owned(), act, source }
    }

    fn changed(&self) -> HolderError {
        HolderError::Changed { place: self.path.display().to_string() }
    }

    fn busy(&self) -> HolderError {
        HolderError::Busy { place: self.path.display().to_string() }
    }

    fn read(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, HolderError> {
        self.disk.read(path).map(Zeroizing::new).map_err(self.io("read", path))
    }

    /// The bytes with the pair replaced.
    fn edit(&self, bytes: &[u8], from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Zeroizing<Vec<u8>>, HolderError> {
        let path = || self.path.clone();
        let document = Document::parse(self.kind, bytes.to_vec()).map_err(|source| HolderError::Malformed { path: path(), source })?;
        document.replace_pair(from, to).map(Zeroizing::new).map_err(|source| HolderError::NotEditable { path: path(), source })
    }

    /// Writes a file beside the target that looks like it in all but content and name.
    fn write_beside(&self, target: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
        remove_if_there(self.disk, temporary)?;
        let written = (|| {
            let mut file = self.disk.create(temporary, 0o600)?;
            file.write_at(0, bytes)?;
            self.disk.copy_attributes(target, temporary)?;
            file.sync()?;
            self.disk.sync_directory(directory(temporary))
        })();
        if written.is_err() {
            let _ = remove_if_there(self.disk, temporary);
        }
        written
    }

    /// Whether the name cannot be replaced by a file that is the same but for its content.
    fn is_pinned(&self, target: &Path) -> Result<bool, HolderError> {
        let facts = self.disk.facts(target).map_err(self.io("read", target))?;
        Ok(facts.links > 1 || facts.is_mount_point || !facts.is_ours)
    }
}

impl Holder for AwsFile<'_> {
    fn look(&self, old: &AccessKeyPair, new: Option<&AccessKeyPair>, sections: &[String], staged: Option<&Staged>) -> Sight {
        let bytes = match self.disk.read(&self.path).map(Zeroizing::new) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && sections.is_empty() => {
                return Sight::Seen { old: Vec::new(), new: Vec::new(), foreign: Vec::new(), others: Vec::new() };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Sight::Away,
            Err(error) => return Sight::Unreadable { why: error.to_string(), error: None },
        };
        if staged.is_some_and(|staged| in_place::is_torn(staged, &bytes)) {
            return Sight::Torn;
        }
        match Document::parse(self.kind, bytes.to_vec()) {
            Ok(document) => sight(&document, old, new, sections),
            Err(error) => Sight::Unreadable { why: error.to_string(), error: None },
        }
    }

    fn check_writable(&self, pair: &AccessKeyPair) -> Result<(), HolderError> {
        let target = self.disk.resolve(&self.path).map_err(self.io("read", &self.path))?;
        let bytes = self.read(&target)?;
        self.edit(&bytes, pair, &placeholder(pair))?;
        let opened = self.disk.open(&target).map(drop);
        if self.is_pinned(&target)? || opened.as_ref().is_err_and(is_immutable) {
            return opened.map_err(told_apart).map_err(self.io("written", &target));
        }
        let probe = beside(&target, PROBE);
        // SECRET: a kill leaves the probe behind, so that it is only as long as the file.
        self.write_beside(&target, &probe, &vec![b'#'; bytes.len()]).map_err(self.io("written", &target))?;
        remove_if_there(self.disk, &probe).and_then(|()| self.disk.sync_directory(directory(&probe))).map_err(self.io("removed", &probe))
    }

    fn prepare(&self, tag: &str, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Staged, HolderError> {
        let target = self.disk.resolve(&self.path).map_err(self.io("read", &self.path))?;
        let bytes = self.read(&target)?;
        let edited = self.edit(&bytes, from, to)?;
        if !self.is_pinned(&target)? {
            let temporary = beside(&target, tag);
            self.write_beside(&target, &temporary, &edited).map_err(self.io("written", &target))?;
            return Ok(Staged::Beside { target, temporary, base: digest(&bytes), edited: digest(&edited) });
        }
        Ok(in_place::stage(target, &bytes, &edited))
    }

    fn write(&self, staged: &Staged, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Option<Displaced>, HolderError> {
        match staged {
            Staged::Beside { target, temporary, base, edited } => {
                exchange::Exchange { file: self, target, temporary, edited, edit: &|bytes| self.edit(bytes, from, to) }.write(base)
            }
            Staged::InPlace { target, .. } => in_place::write(self, target, staged).map(|()| None),
            Staged::Version { .. } | Staged::Item { .. } => Err(self.changed()),
        }
    }

    fn abandon(&self, staged: &Staged, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Option<Displaced>, HolderError> {
        let Staged::Beside { target, temporary, base, edited } = staged else { return Ok(None) };
        match self.disk.read(temporary).map(Zeroizing::new) {
            // It was made already, and what it displaced may be somebody's newer work: it is finished first.
            Ok(bytes) if digest(&bytes) != *edited => {
                exchange::Exchange { file: self, target, temporary, edited, edit: &|bytes| self.edit(bytes, from, to) }.write(base)
            }
            Ok(_) | Err(_) => remove_if_there(self.disk, temporary)
                .and_then(|()| self.disk.sync_directory(directory(temporary)))
                .map_err(self.io("removed", temporary))
                .map(|()| None),
        }
    }

    fn release(&self, displaced: &Displaced, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<(), HolderError> {
        let Displaced { target, path, content, edited } = displaced;
        exchange::Exchange { file: self, target, temporary: path, edited, edit: &|bytes| self.edit(bytes, from, to) }.release(content)
    }

    fn sweep(&self, tag: &str, staged: Option<&Staged>, displaced: &[Displaced]) -> Vec<PathBuf> {
        // The file may be away while what we left beside it is not.
        let target = self.disk.resolve(&self.path).unwrap_or_else(|_| self.path.clone());
        let _ = remove_if_there(self.disk, &beside(&target, PROBE));
        let prefix = beside(&target, tag);
        let is_left = |path: &PathBuf| path.as_os_str().as_encoded_bytes().starts_with(prefix.as_os_str().as_encoded_bytes());
        // What an exchange may have put there, each with the contents that nobody else wrote.
        let mut exchanged: Vec<(&Path, [&str; 2])> = displaced.iter().map(|it| (&*it.path, [&*it.content, &*it.edited])).collect();
        if let Some(Staged::Beside { temporary, base, edited, .. }) = staged {
            exchanged.push((temporary, [base, edited]));
        }
        let mut left: Vec<PathBuf> = self.disk.list(directory(&target)).unwrap_or_default().into_iter().filter(is_left).collect();
        // Where a link leads nowhere now, only the record knows what is left at its end.
        left.extend(exchanged.iter().flat_map(|(path, _)| [path.to_path_buf()].into_iter().chain(exchange::copies(path))));
        left.sort();
        left.dedup();
        left.iter().filter_map(|path| self.tidy(path, &exchanged)).collect()
    }
}

impl AwsFile<'_> {
    /// Removes a file that we left, or keeps what somebody wrote there. Returns where.
    fn tidy(&self, path: &Path, exchanged: &[(&Path, [&str; 2])]) -> Option<PathBuf> {
        let found = self.disk.read(path).map(Zeroizing::new).ok()?;
        let is_of = |temporary: &Path| temporary == path || exchange::copies(temporary).first().is_some_and(|second| second == path);
        let known = exchanged.iter().find(|(temporary, _)| is_of(temporary));
        if known.is_some_and(|(_, contents)| !contents.contains(&digest(&found).as_str())) {
            return self.keep(path).ok();
        }
        let _ = remove_if_there(self.disk, path).and_then(|()| self.disk.sync_directory(directory(path)));
        None
    }

    /// Gives a file that is beside the target a name that no change of ours uses, and that people see: `credentials.keyrotate-kept-TAG`.
    fn keep(&self, aside: &Path) -> Result<PathBuf, HolderError> {
        let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.strip_prefix('.').unwrap_or(&name).replacen(".keyrotate-", ".keyrotate-kept-", 1);
        let kept = directory(aside).join(name);
        if self.disk.facts(&kept).is_ok() {
            return Err(self.io("kept", &kept)(io::ErrorKind::AlreadyExists.into()));
        }
        let moved = self.disk.rename(aside, &kept).and_then(|()| self.disk.sync_directory(directory(&kept)));
        moved.map_err(self.io("kept", aside))?;
        Ok(kept)
    }
}

/// What `lsattr` would show is said; a rename over such a file would fail only when the new key is made already.
fn told_apart(error: io::Error) -> io::Error {
    if is_immutable(&error) { io::Error::new(error.kind(), "it is immutable or append-only, which `chattr -ia` undoes") } else { error }
}

fn beside(target: &Path, tag: &str) -> PathBuf {
    crate::os::atomic_file::beside(target, &format!("keyrotate-{tag}"))
}

/// A pair of the same lengths, for trying an edit out.
fn placeholder(pair: &AccessKeyPair) -> AccessKeyPair {
    let id = format!("AKIA{}", "0".repeat(pair.id.as_str().len().saturating_sub(4)));
    AccessKeyPair {
        id: AccessKeyId::parse(&id).unwrap_or_else(|_| pair.id.clone()),
        secret: SecretAccessKey::new("x".repeat(pair.secret.expose().len())),
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sight(document: &Document, old: &AccessKeyPair, new: Option<&AccessKeyPair>, sections: &[String]) -> Sight {
    let mut foreign = Vec::new();
    let mut holding = |pair: &AccessKeyPair| {
        let mut names = Vec::new();
        for held in document.holds(&pair.id) {
            match held.secret {
                Some(secret) if secret == pair.secret => names.push(held.section),
                Some(_) => {
                    foreign.push(Foreign { section: held.section, line: Some(held.line), what: format!("{} with another secret", pair.id) })
                }
                None => {
                    foreign.push(Foreign { section: held.section, line: Some(held.line), what: format!("{} without a secret", pair.id) })
                }
            }
        }
        names
    };
    let (old_in, new_in) = (holding(old), new.map(&mut holding).unwrap_or_default());
    let mut others = Vec::new();
    for (section, line, id) in document.access_key_ids() {
        if [Some(old), new].into_iter().flatten().any(|pair| pair.id.as_str() == id) {
            continue;
        }
        let id = AccessKeyId::parse(&id).ok();
        if sections.iter().any(|name| name == section) {
            // What is not an id may be anything, a secret in the wrong line too.
            let what = id.as_ref().map_or_else(|| "something that is not an access key ID".to_owned(), ToString::to_string);
            foreign.push(Foreign { section: section.to_owned(), line: Some(line), what });
        }
        others.extend(id);
    }
    Sight::Seen { old: old_in, new: new_in, foreign, others }
}

#[cfg(test)]
mod tests;
