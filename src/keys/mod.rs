//! A key that moves from the AWS files into the keychain, and back; or that a person gives, for the one or the other.
//!
//! Here is what a move is, and what it makes of the files. Invariant: what is written down of it has no secret.

mod acts;
mod added;
pub mod given;
mod unfinished;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::holder::{Displaced, Staged};
use crate::model::{AccessKeyId, AccessKeyPair, ProfileName};
use crate::os::keychain::ItemName;
use crate::profile::{AddedLine, AwsFiles, AwsPaths, Document, EditError, FileKind, Shown, TakenLine, masked_lines};

pub use acts::{Means, MoveError};
pub use added::Wish;
pub use unfinished::unfinished;

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
            let mut lines = masked_lines(self.taken(kind), &self.id, minus);
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

fn parse(bytes: Vec<u8>) -> Result<Document, EditError> {
    Document::parse(FileKind::Config, bytes).map_err(|_| EditError::NotExact)
}
