//! A key that moves from the AWS files into the keychain, and back; or that a person gives, for the one or the other.
//!
//! Invariants: at every moment a place that the next run knows has the pair; each step does nothing where it was done already, so that a run
//! that was cut off is finished by the next; what is written down of it has no secret.

mod added;
pub mod given;
mod unfinished;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::holder::keychain::{IndexError, IndexFile, NoPair, probe, read_pair, write_pair};
use crate::holder::{Displaced, HolderError, Moving, Staged};
use crate::journal::{Entry, JournalError};
use crate::model::{AccessKeyId, AccessKeyPair, ProfileName};
use crate::os::disk::Disk;
use crate::os::keychain::{ItemName, Keychain, KeychainError};
use crate::profile::{AddedLine, AwsFiles, AwsPaths, Document, EditError, FileKind, IndexedItem, TakenLine};

pub use added::Wish;

pub use unfinished::unfinished;

/// How often another program may be faster before we give up for now.
const ROUNDS: usize = 5;
/// The config file first: while both have something, the AWS CLI takes the key of the credentials file.
const FILES: [FileKind; 2] = [FileKind::Config, FileKind::Credentials];

/// What moves, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The keychain item.
    pub item: ItemName,
    /// The key, as it was when it was moved.
    pub id: AccessKeyId,
    /// The profiles whose key it is.
    pub profiles: Vec<ProfileName>,
    /// It goes back into the files.
    pub is_back: bool,
    /// The files are as they are to be.
    pub is_moved: bool,
    /// A session was opened by what the config file says now.
    pub is_proved: bool,
    /// A person gave the key; no file had it.
    #[serde(default)]
    pub given: Option<Given>,
    credentials: PathBuf,
    config: PathBuf,
    taken_from_credentials: Vec<TakenLine>,
    taken_from_config: Vec<TakenLine>,
    lines: Vec<AddedLine>,
    made_config: bool,
    tag: String,
    staged: Vec<(FileKind, Staged)>,
    displaced: Vec<(FileKind, Displaced)>,
}

/// How a key that a person gives is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Where.
    pub store: Store,
    /// The shared credentials file had a section of the profile.
    has_section: bool,
}

/// Where a long-term key can be put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Store {
    /// The OS keychain.
    #[default]
    Keychain,
    /// The shared credentials file, in plain text.
    File,
}

/// What a move works with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The file system.
    pub disk: &'a dyn Disk,
    /// The keychain.
    pub keychain: &'a dyn Keychain,
    /// Which items there are.
    pub index: &'a IndexFile<'a>,
    /// How long another process may change the index.
    pub wait: Duration,
}

/// What becomes of a section, for a person to read first. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The file.
    pub path: PathBuf,
    /// Its lines that go, with `- `, and that come, with `+ `, under the header of their section.
    pub lines: Vec<String>,
}

/// A move stopped.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The keychain refuses.
    #[error("the keychain cannot take the key")]
    Keychain(#[from] KeychainError),
    /// The item has something else.
    #[error("keychain item {0} is there already and has something else: remove or rename it there")]
    Taken(ItemName),
    /// The item cannot be read.
    #[error(transparent)]
    Item(#[from] NoPair),
    /// The index refuses.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A file refuses.
    #[error(transparent)]
    File(#[from] HolderError),
    /// What was done cannot be written down.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Import {
    /// Plans it: every section with the pair loses it, and each of `commands` becomes its profile's `credential_process`.
    pub fn plan(
        files: &AwsFiles,
        pair: &AccessKeyPair,
        item: ItemName,
        commands: &BTreeMap<ProfileName, String>,
    ) -> Result<Self, (FileKind, EditError)> {
        let of = |kind: FileKind| move |error: EditError| (kind, error);
        let taken = |document: Option<&Document>| document.map_or_else(|| Ok(Vec::new()), |document| document.taken_lines(pair));
        let taken_from_credentials = taken(files.credentials()).map_err(of(FileKind::Credentials))?;
        let taken_from_config = taken(files.config()).map_err(of(FileKind::Config))?;
        let wrong = of(FileKind::Config);
        let bytes = files.config().map_or_else(Vec::new, |document| document.bytes().to_vec());
        let mut config = parse(bytes).map_err(wrong)?;
        config = parse(config.take_out(pair).map_err(wrong)?.to_vec()).map_err(wrong)?;
        let mut lines = Vec::new();
        for (profile, command) in commands {
            let line = config.process_line(profile, command).map_err(wrong)?;
            config = parse(config.add_line(&line).map_err(wrong)?.to_vec()).map_err(wrong)?;
            lines.push(line);
        }
        let AwsPaths { credentials, config } = files.paths().clone();
        Ok(Self {
            tag: item.to_string(),
            item,
            id: pair.id.clone(),
            profiles: commands.keys().cloned().collect(),
            is_back: false,
            is_moved: false,
            is_proved: false,
            given: None,
            credentials,
            config,
            taken_from_credentials,
            taken_from_config,
            lines,
            made_config: files.config().is_none(),
            staged: Vec::new(),
            displaced: Vec::new(),
        })
    }

    /// The AWS files as they are to be, where both are as they are now.
    pub fn files_after(&self, files: &AwsFiles, pair: &AccessKeyPair) -> Result<[Option<Vec<u8>>; 2], (FileKind, EditError)> {
        let edited = |kind: FileKind, document: Option<&Document>| {
            let empty = || Document::parse(kind, Vec::new()).map_err(|_| (kind, EditError::NotExact));
            let after = match document {
                Some(document) => self.edit(kind, document, pair),
                None if kind == FileKind::Config || self.is_for_file() => self.edit(kind, &empty()?, pair),
                None => return Ok(None),
            };
            after.map(|bytes| Some(bytes.to_vec())).map_err(|error| (kind, error))
        };
        Ok([edited(FileKind::Credentials, files.credentials())?, edited(FileKind::Config, files.config())?])
    }

    /// What becomes of the files.
    pub fn shown(&self) -> Vec<Shown> {
        let (minus, plus) = if self.is_back { ("+ ", "- ") } else { ("- ", "+ ") };
        let show = |kind: FileKind| {
            let mut lines = Vec::new();
            let mut section = "";
            for line in self.taken(kind) {
                if line.section() != section {
                    section = line.section();
                    lines.push(format!("[{section}]"));
                }
                lines.push(format!("{minus}{}", line.masked(&self.id)));
            }
            lines.extend(self.shown_pair(kind));
            for (header, added) in self.lines.iter().filter(|_| kind == FileKind::Config).map(AddedLine::shown) {
                let is_under_it = |header: &String| lines.iter().any(|line| line.trim_start_matches(plus) == header);
                lines.extend(header.filter(|header| !is_under_it(header)));
                lines.extend(added.into_iter().map(|line| format!("{plus}{line}")));
            }
            Shown { path: self.path(kind).to_owned(), lines }
        };
        FILES.into_iter().map(show).filter(|shown| !shown.lines.is_empty()).collect()
    }

    /// The command that the profile's line has.
    pub fn command(&self, profile: &ProfileName) -> Option<&str> {
        self.lines.iter().filter(|line| line.profile() == profile).find_map(AddedLine::command)
    }

    /// Proves, leaving nothing behind, that every place can be written.
    pub fn check(&self, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        for kind in self.files() {
            let edit = |document: &Document| self.edit(kind, document, pair);
            let is_there = means.disk.facts(self.path(kind)).is_ok();
            if is_there {
                Moving::new(means.disk, kind, self.path(kind).to_owned(), &edit).check_writable()?;
            }
        }
        if self.is_for_file() {
            return Ok(());
        }
        probe(means.keychain)?;
        match read_pair(means.keychain, &self.item) {
            Ok(found) if found == *pair => Ok(()),
            Err(NoPair::Gone(_)) => Ok(()),
            Ok(_) | Err(NoPair::NotAPair(_)) => Err(MoveError::Taken(self.item.clone())),
            Err(error @ NoPair::Keychain(..)) => Err(error.into()),
        }
    }

    /// Moves the key into the keychain.
    pub fn forward(&mut self, entry: &mut Entry<'_>, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        if !self.is_for_file() {
            self.make_item(means, pair)?;
        }
        for kind in self.files() {
            self.edit_file(kind, entry, means, pair)?;
        }
        self.is_moved = true;
        Ok(entry.update(self)?)
    }

    /// Moves it back into the sections that it came from.
    pub fn back(&mut self, mut entry: Entry<'_>, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        (self.is_back, self.is_moved) = (true, false);
        entry.update(self)?;
        for kind in self.files().into_iter().rev() {
            self.edit_file(kind, &mut entry, means, pair)?;
        }
        if self.made_config && means.disk.read(&self.config).is_ok_and(|bytes| bytes.is_empty()) {
            let act = means.disk.remove(&self.config);
            act.map_err(|source| HolderError::Io { path: self.config.clone(), act: "removed", source })?;
        }
        means.keychain.delete(&self.item)?;
        means.index.change(means.wait, |index| drop(index.remove(&self.item)))?;
        Ok(entry.close(self)?)
    }

    fn make_item(&self, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        let known = |is_made| IndexedItem { access_key_id: pair.id.clone(), profiles: self.profiles.clone(), is_made };
        let is_made = means.index.load()?.get(&self.item).is_some_and(|known| known.is_made);
        if !is_made {
            means.index.change(means.wait, |index| index.put(self.item.clone(), known(false)))?;
        }
        match read_pair(means.keychain, &self.item) {
            Ok(found) if found == *pair => {}
            Err(NoPair::Gone(_)) => write_pair(means.keychain, &self.item, pair)?,
            Ok(_) | Err(NoPair::NotAPair(_)) => return Err(MoveError::Taken(self.item.clone())),
            Err(error @ NoPair::Keychain(..)) => return Err(error.into()),
        }
        Ok(means.index.change(means.wait, |index| index.put(self.item.clone(), known(true)))?)
    }

    fn edit_file(&mut self, kind: FileKind, entry: &mut Entry<'_>, means: Means<'_>, pair: &AccessKeyPair) -> Result<(), MoveError> {
        let path = self.path(kind).to_owned();
        let fixed = self.clone();
        let edit = |document: &Document| fixed.edit(kind, document, pair);
        let moving = Moving::new(means.disk, kind, path.clone(), &edit);
        let tag = self.sweep_tag();
        for _ in 0..ROUNDS {
            if let Some(staged) = take(&mut self.staged, kind) {
                match moving.write(&staged) {
                    Ok(displaced) => self.displaced.extend(displaced.map(|displaced| (kind, displaced))),
                    Err(error) if error.is_passing() => {}
                    Err(error) => return Err(error.into()),
                }
                entry.update(self)?;
            }
            if let Some(displaced) = take(&mut self.displaced, kind) {
                moving.release(&displaced)?;
                entry.update(self)?;
            }
            let is_away = means.disk.facts(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
            let may_be_made = !self.is_back && (kind == FileKind::Config || self.is_for_file());
            if is_away && !may_be_made {
                return if self.taken(kind).is_empty() { Ok(()) } else { Err(gone(path).into()) };
            }
            match moving.prepare(&tag)? {
                None => {
                    moving.sweep(&tag, None);
                    return Ok(());
                }
                Some(staged) => self.staged.push((kind, staged)),
            }
            entry.update(self)?;
        }
        Err(HolderError::Busy { place: path.display().to_string() }.into())
    }

    fn edit(&self, kind: FileKind, document: &Document, pair: &AccessKeyPair) -> Result<Zeroizing<Vec<u8>>, EditError> {
        let lines: &[AddedLine] = if kind == FileKind::Config { &self.lines } else { &[] };
        let again = |bytes: Zeroizing<Vec<u8>>| Document::parse(kind, bytes.to_vec()).map_err(|_| EditError::NotExact);
        if self.is_back {
            let mut now = again(Zeroizing::new(document.bytes().to_vec()))?;
            for line in lines.iter().rev() {
                now = again(now.remove_line(line)?)?;
            }
            return now.put_back(self.taken(kind), pair);
        }
        if let (true, FileKind::Credentials, [profile]) = (self.is_for_file(), kind, self.profiles.as_slice()) {
            return document.add_pair(profile, pair);
        }
        let mut now = again(document.take_out(pair)?)?;
        for line in lines {
            now = again(now.add_line(line)?)?;
        }
        Ok(Zeroizing::new(now.bytes().to_vec()))
    }

    fn taken(&self, kind: FileKind) -> &[TakenLine] {
        match kind {
            FileKind::Credentials => &self.taken_from_credentials,
            FileKind::Config => &self.taken_from_config,
        }
    }

    fn path(&self, kind: FileKind) -> &Path {
        match kind {
            FileKind::Credentials => &self.credentials,
            FileKind::Config => &self.config,
        }
    }
}

fn take<T>(list: &mut Vec<(FileKind, T)>, kind: FileKind) -> Option<T> {
    let at = list.iter().position(|(of, _)| *of == kind)?;
    Some(list.remove(at).1)
}

fn gone(path: PathBuf) -> HolderError {
    HolderError::Io { path, act: "read", source: io::ErrorKind::NotFound.into() }
}

fn parse(bytes: Vec<u8>) -> Result<Document, EditError> {
    Document::parse(FileKind::Config, bytes).map_err(|_| EditError::NotExact)
}
