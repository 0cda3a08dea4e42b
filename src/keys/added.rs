//! A key that a person gives: no file had it, so that there is nothing to put back, and until it is somewhere the person alone has it.
//!
//! Invariant: of a key that is nowhere yet, forgetting leaves no trace; of one that is somewhere, nothing here removes it.

use std::path::PathBuf;

use super::{FILES, Given, Import, Means, MoveError, Store, parse};
use crate::holder::Moving;
use crate::journal::Entry;
use crate::model::{AccessKeyPair, ProfileName};
use crate::os::keychain::ItemName;
use crate::profile::{AwsFiles, AwsPaths, Document, EditError, FileKind};

/// What is asked for a key that a person gives.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The profile that is to have it.
    pub profile: &'a ProfileName,
    /// Where it is put.
    pub store: Store,
    /// The command for the profile's `credential_process`, where it goes into the keychain.
    pub command: &'a str,
    /// The region that the profile is to have.
    pub region: Option<&'a str>,
}

impl Import {
    /// Plans it for a profile that has no key.
    pub fn of_given(files: &AwsFiles, pair: &AccessKeyPair, item: ItemName, wish: &Wish<'_>) -> Result<Self, (FileKind, EditError)> {
        let wrong = |error: EditError| (FileKind::Config, error);
        let mut config = parse(files.config().map_or_else(Vec::new, |document| document.bytes().to_vec())).map_err(wrong)?;
        let mut lines = Vec::new();
        if let Some(region) = wish.region {
            let line = config.region_line(wish.profile, region).map_err(wrong)?;
            config = parse(config.add_line(&line).map_err(wrong)?.to_vec()).map_err(wrong)?;
            lines.push(line);
        }
        if wish.store == Store::Keychain {
            lines.push(config.process_line(wish.profile, wish.command).map_err(wrong)?);
        }
        let has_section = files.credentials().is_some_and(|document| document.has_section(wish.profile));
        let AwsPaths { credentials, config } = files.paths().clone();
        Ok(Self {
            tag: item.to_string(),
            item,
            id: pair.id.clone(),
            profiles: vec![wish.profile.clone()],
            is_back: false,
            is_moved: false,
            is_proved: false,
            given: Some(Given { store: wish.store, has_section }),
            credentials,
            config,
            taken_from_credentials: Vec::new(),
            taken_from_config: Vec::new(),
            lines,
            made_config: files.config().is_none(),
            staged: Vec::new(),
            displaced: Vec::new(),
        })
    }

    /// Whether it goes into the shared credentials file.
    pub fn is_for_file(&self) -> bool {
        self.given.is_some_and(|given| given.store == Store::File)
    }

    /// The command that goes on with it.
    pub fn again(&self) -> String {
        let name = self.profiles.first().map(ProfileName::quoted).unwrap_or_default();
        match self.given {
            Some(_) => format!("keyrotate keys add {name}"),
            None if self.is_back => format!("keyrotate keys import {name} --undo"),
            None => format!("keyrotate keys import {name}"),
        }
    }

    /// Forgets it, where nothing has the key yet.
    pub fn abandon(&self, entry: Entry<'_>, means: Means<'_>) -> Result<(), MoveError> {
        let same = |document: &Document| Ok(document.bytes().to_vec().into());
        for kind in FILES {
            Moving::new(means.disk, kind, self.path(kind).to_owned(), &same).sweep(&self.sweep_tag(), None);
        }
        if !self.is_for_file() {
            means.index.change(means.wait, |index| drop(index.remove(&self.item)))?;
        }
        Ok(entry.close(self)?)
    }

    /// Where its files are.
    pub fn paths(&self) -> [PathBuf; 2] {
        FILES.map(|kind| self.path(kind).to_owned())
    }

    /// What its temporary files are named by.
    pub(super) fn sweep_tag(&self) -> String {
        format!("import-{}", self.tag)
    }

    /// The config file first: while both have something, the AWS CLI takes the key of the credentials file. A key for that file comes first
    /// instead: what follows can be done without its secret.
    pub(super) fn files(&self) -> [FileKind; 2] {
        let [first, second] = FILES;
        if self.is_for_file() { [second, first] } else { FILES }
    }

    /// The lines of the key, for a person; nothing where it goes into the keychain.
    pub(super) fn shown_pair(&self, kind: FileKind) -> Vec<String> {
        let Some(given) = self.given.filter(|given| given.store == Store::File && kind == FileKind::Credentials) else {
            return Vec::new();
        };
        let sign = if given.has_section { "" } else { "+ " };
        let header = self.profiles.iter().map(|profile| format!("{sign}[{profile}]"));
        header.chain([format!("+ aws_access_key_id = {}", self.id), "+ aws_secret_access_key = ****".to_owned()]).collect()
    }
}
