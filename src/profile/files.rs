//! The two AWS files together, indexed by profile as botocore maps sections to profiles.
//!
//! Invariant: where a profile stands in both files, the shared credentials file's options win, one by one.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    absent::Absent,
    document::{Document, FileKind},
    environment::{AwsPaths, CONFIG_VARIABLE, CREDENTIALS_VARIABLE, Environment},
    grammar::{Entry, Section},
    header::second_word,
    keychain_index::KeychainIndex,
    refusal::Place,
};
use crate::model::ProfileName;

/// A file that cannot be read as an AWS file. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}, line {line}: {message}", path.display())]
pub struct FileRefusal {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// A stable name for scripts.
    pub code: &'static str,
    /// What is wrong and the fix.
    pub message: String,
}

/// Both files, parsed. A file that does not exist is `None`.
#[derive(Debug)]
pub struct AwsFiles {
    paths: AwsPaths,
    credentials: Option<Document>,
    config: Option<Document>,
    profiles: BTreeMap<String, Spot>,
    services: BTreeMap<String, usize>,
    keychain: KeychainIndex,
}

// Positions of a profile's sections.
#[derive(Debug, Default)]
struct Spot {
    credentials: Option<usize>,
    config: Option<usize>,
    shadowed: Option<usize>,
}

/// Options that have nothing to do with credentials, and that a program on the profile's session goes by. Named one by one, so that nothing
/// secret is among them.
const PLAIN: [&str; 14] = [
    "output",
    "ca_bundle",
    "endpoint_url",
    "ignore_configured_endpoint_urls",
    "retry_mode",
    "max_attempts",
    "defaults_mode",
    "sts_regional_endpoints",
    "use_fips_endpoint",
    "use_dualstack_endpoint",
    "s3",
    "cli_pager",
    "cli_auto_prompt",
    "cli_timestamp_format",
];

/// A profile's sections in the two files.
pub(super) struct Profile<'a> {
    files: &'a AwsFiles,
    pub(super) credentials: Option<&'a Section>,
    pub(super) config: Option<&'a Section>,
    // An earlier section of the config file that is the same profile: botocore keeps the last one.
    pub(super) shadowed: Option<&'a Section>,
}

impl AwsFiles {
    /// The files that a variable names and that do not exist.
    pub fn absent(&self, environment: &Environment) -> Absent {
        let variables = [
            (CREDENTIALS_VARIABLE, self.credentials().is_none(), &self.paths().credentials),
            (CONFIG_VARIABLE, self.config().is_none(), &self.paths().config),
        ];
        let absent = variables.into_iter().filter(|(variable, is_absent, _)| *is_absent && environment.get(variable).is_some());
        Absent(absent.map(|(variable, _, path)| (variable, path.clone())).collect())
    }

    /// Reads both files' bytes. One that the AWS CLI cannot read refuses all, as it does there.
    pub fn parse(paths: AwsPaths, credentials: Option<Vec<u8>>, config: Option<Vec<u8>>) -> Result<Self, FileRefusal> {
        let credentials = read(&paths.credentials, FileKind::Credentials, credentials)?;
        let config = read(&paths.config, FileKind::Config, config)?;
        let mut files =
            Self { paths, credentials, config, profiles: BTreeMap::new(), services: BTreeMap::new(), keychain: KeychainIndex::default() };
        files.index();
        Ok(files)
    }

    /// The same, with what is known of the items of the keychain: a profile whose `credential_process` is keyrotate has its key there.
    #[must_use]
    pub fn with_keychain(self, keychain: KeychainIndex) -> Self {
        Self { keychain, ..self }
    }

    /// What is known of the items of the keychain.
    pub fn keychain(&self) -> &KeychainIndex {
        &self.keychain
    }

    /// The shared credentials file.
    pub fn credentials(&self) -> Option<&Document> {
        self.credentials.as_ref()
    }

    /// The config file.
    pub fn config(&self) -> Option<&Document> {
        self.config.as_ref()
    }

    /// Where the files are, whether they exist or not.
    pub fn paths(&self) -> &AwsPaths {
        &self.paths
    }

    /// Every profile's name, sorted.
    pub fn profiles(&self) -> impl Iterator<Item = ProfileName> {
        self.profiles.keys().map(ProfileName::new)
    }

    /// The options of the profile that concern neither its credentials nor its region, each as it is written, nested lines included.
    pub fn plain_options(&self, profile: &ProfileName) -> Vec<(&'static str, String)> {
        let profile = self.profile(profile.as_str());
        PLAIN.into_iter().filter_map(|name| Some((name, profile.as_ref()?.value(name)?.to_owned()))).collect()
    }

    pub(super) fn profile(&self, name: &str) -> Option<Profile<'_>> {
        let spot = self.profiles.get(name)?;
        let config = self.config.as_ref();
        Some(Profile {
            files: self,
            credentials: self.credentials.as_ref().zip(spot.credentials).and_then(|(d, at)| d.sections().get(at)),
            config: config.zip(spot.config).and_then(|(d, at)| d.sections().get(at)),
            shadowed: config.zip(spot.shadowed).and_then(|(d, at)| d.sections().get(at)),
        })
    }

    /// The services section of this name, in the config file.
    pub(super) fn services(&self, name: &str) -> Option<(&Document, &Section)> {
        let config = self.config.as_ref()?;
        Some((config, config.sections().get(*self.services.get(name)?)?))
    }

    pub(super) fn place(&self, file: FileKind, line: usize) -> Place {
        Place { path: self.path(file).to_owned(), line }
    }

    /// Where one of them is.
    pub fn path(&self, file: FileKind) -> &Path {
        match file {
            FileKind::Credentials => &self.paths.credentials,
            FileKind::Config => &self.paths.config,
        }
    }

    pub(super) fn document(&self, file: FileKind) -> Option<&Document> {
        match file {
            FileKind::Credentials => self.credentials.as_ref(),
            FileKind::Config => self.config.as_ref(),
        }
    }

    fn index(&mut self) {
        for (at, section) in self.config.iter().flat_map(Document::sections).enumerate() {
            if section.name.starts_with("services") {
                self.services.extend(second_word(&section.name).map(|name| (name, at)));
            }
            if let Some(name) = profile_of(&section.name) {
                let spot = self.profiles.entry(name).or_default();
                spot.shadowed = spot.config.replace(at).or(spot.shadowed);
            }
        }
        for (at, section) in self.credentials.iter().flat_map(Document::sections).enumerate() {
            self.profiles.entry(section.name.clone()).or_default().credentials = Some(at);
        }
    }
}

impl<'a> Profile<'a> {
    /// The option as botocore merges it: the shared credentials file's, else the config file's.
    pub(super) fn option(&self, name: &str) -> Option<(FileKind, &'a Entry)> {
        let own = self.credentials.and_then(|s| s.entry(name)).map(|e| (FileKind::Credentials, e));
        own.or_else(|| self.config.and_then(|s| s.entry(name)).map(|e| (FileKind::Config, e)))
    }

    /// The option's value; an empty one counts as unset.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        let (file, entry) = self.option(name)?;
        Some(self.files.document(file)?.whole(entry)).filter(|value| !value.is_empty())
    }

    pub(super) fn section(&self, file: FileKind) -> Option<&'a Section> {
        match file {
            FileKind::Credentials => self.credentials,
            FileKind::Config => self.config,
        }
    }

    /// The header to point at when an option is missing.
    pub(super) fn header(&self) -> Place {
        let credentials = self.credentials.map(|s| self.files.place(FileKind::Credentials, s.line));
        let config = self.config.map(|s| self.files.place(FileKind::Config, s.line));
        credentials.or(config).unwrap_or_else(|| self.files.place(FileKind::Credentials, 1))
    }
}

/// The profile that a section of the config file is. botocore's build_profile_map: the prefix decides, even where it is no word of its own.
pub(super) fn profile_of(header: &str) -> Option<String> {
    if header.starts_with("profile") { second_word(header) } else { (header == "default").then(|| header.to_owned()) }
}

fn read(path: &Path, kind: FileKind, bytes: Option<Vec<u8>>) -> Result<Option<Document>, FileRefusal> {
    let parsed = bytes.map(|bytes| Document::parse(kind, bytes)).transpose();
    parsed.map_err(|error| FileRefusal {
        path: path.to_owned(),
        line: error.line,
        code: error.reason.code(),
        message: error.reason.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_file_is_named_with_its_line() {
        let paths = AwsPaths { credentials: "creds".into(), config: "conf".into() };
        let found = AwsFiles::parse(paths, None, Some(b"[a]\r\nb=1\r\nword\r\n".into())).unwrap_err();
        let want = "conf, line 3: the line is neither a header nor `key = value`: correct or remove it";
        assert_eq!((found.code, found.to_string().as_str()), ("unparsable-line", want));
    }
}
