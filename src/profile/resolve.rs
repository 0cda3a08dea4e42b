//! From a profile's name to its long-term key pair, the way botocore goes.
//!
//! Invariant: a pair is returned only where the AWS CLI resolves it and no SDK resolves another one.

use std::path::PathBuf;

use super::{
    document::{Entry, FileKind, Section},
    environment::Environment,
    files::{AwsFiles, Profile},
    refusal::{Elsewhere, Refusal, Warning},
};
use crate::model::{AccessKeyId, AccessKeyPair, KeyKind, ProfileName, SecretAccessKey};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKENS: [&str; 2] = ["aws_session_token", "aws_security_token"];

/// A profile with the long-term key pair that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedProfile {
    /// The profile that was asked for.
    pub name: ProfileName,
    /// The profile that has the pair: the same one, or the end of its `source_profile` chain.
    pub key_profile: ProfileName,
    /// The pair.
    pub pair: AccessKeyPair,
    /// The file that has it.
    pub file: FileKind,
    /// The section that has it, as its header shows it.
    pub section: String,
    /// The line of the access key ID, counted from 1.
    pub line: usize,
    /// `AWS_REGION` (the SDKs), then `AWS_DEFAULT_REGION` (botocore), then the profile's region, then the key profile's.
    pub region: Option<String>,
    /// The MFA device serial of the user who owns the key: the key profile's, else the nearest on the way to it.
    pub mfa_serial: Option<String>,
    /// `AWS_CA_BUNDLE`, then the profile's `ca_bundle`, then the key profile's; a relative path as it is written.
    pub ca_bundle: Option<PathBuf>,
    /// What other SDKs make of the same bytes, and what is not used.
    pub warnings: Vec<Warning>,
}

impl AwsFiles {
    /// Follows `source_profile` to a static pair. Refuses whatever is not one long-term key for the AWS CLI and the SDKs alike.
    pub fn resolve(&self, name: &ProfileName, environment: &Environment) -> Result<ResolvedProfile, Refusal> {
        let chain = self.chain(name)?;
        let (key_name, profile) = chain.last().ok_or_else(|| self.no_such(name))?;
        let key = self.static_key(key_name, profile)?;
        let of = |option| chain.first().and_then(|(_, p)| p.value(option)).or_else(|| profile.value(option)).map(str::to_owned);
        let variable = |name| environment.get(name).map(str::to_owned);
        Ok(ResolvedProfile {
            name: name.clone(),
            key_profile: ProfileName::new(*key_name),
            region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).or_else(|| of("region")),
            mfa_serial: chain.iter().rev().find_map(|(_, p)| p.value("mfa_serial")).map(str::to_owned),
            ca_bundle: variable("AWS_CA_BUNDLE").or_else(|| of("ca_bundle")).map(PathBuf::from),
            warnings: self.warnings(&chain, profile, &key),
            pair: key.pair,
            file: key.file,
            section: key.section.name.clone(),
            line: key.id.line,
        })
    }

    // The profiles from the one asked for to the one whose own credentials count.
    fn chain<'a>(&'a self, name: &'a ProfileName) -> Result<Vec<(&'a str, Profile<'a>)>, Refusal> {
        let mut chain: Vec<(&str, Profile<'_>)> = Vec::new();
        let mut at = name.as_str();
        let mut next = self.profile(at).ok_or_else(|| self.no_such(name));
        loop {
            let profile = next?;
            let source = self.source(at, &profile)?;
            chain.push((at, profile));
            let Some((source, from)) = source else { return Ok(chain) };
            if source == at {
                return Ok(chain);
            }
            let (name, place) = (ProfileName::new(at), self.place(from.0, from.1.line));
            if chain.iter().any(|(passed, _)| *passed == source) {
                return Err(Refusal::SourceLoop { name, place, back: source.to_owned() });
            }
            next = self.profile(source).ok_or(Refusal::NoSource { name, place, missing: source.to_owned() });
            at = source;
        }
    }

    // The source of a role's credentials; `None` for a profile that is no role.
    fn source<'a>(&self, at: &str, profile: &Profile<'a>) -> Result<Option<(&'a str, Found<'a>)>, Refusal> {
        let Some((role_file, role)) = profile.option("role_arn") else { return Ok(None) };
        let name = ProfileName::new(at);
        let ambiguous = |(file, entry): (FileKind, &Entry), other| {
            let (name, place) = (name.clone(), self.place(file, entry.line));
            Refusal::Ambiguous { name, place, one: "role_arn", other }
        };
        let keys = profile.option(ID).or_else(|| profile.option(SECRET));
        if let Some(found) = profile.option("credential_process") {
            return Err(ambiguous(found, "credential_process"));
        }
        let elsewhere = |(file, entry): (FileKind, &Entry), by| match keys {
            Some(keys) => ambiguous(keys, "an access key"),
            None => Refusal::Elsewhere { name: name.clone(), place: self.place(file, entry.line), by },
        };
        if let Some(found) = profile.option("web_identity_token_file") {
            return Err(elsewhere(found, Elsewhere::WebIdentity));
        }
        let role_source = |found| Refusal::RoleSource { name: name.clone(), place: self.place(role_file, role.line), found };
        let source = match (profile.option("source_profile"), profile.option("credential_source")) {
            (Some(_), Some(_)) => return Err(role_source("both")),
            (None, None) => return Err(role_source("neither")),
            (None, Some(found)) => return Err(elsewhere(found, Elsewhere::CredentialSource)),
            (Some(found), None) => found,
        };
        let to = profile.value("source_profile").unwrap_or_default();
        match keys {
            // A role whose source is the profile itself takes the static pair beside it: botocore and the SDKs agree.
            None if to == at => Err(Refusal::SourceLoop { name, place: self.place(source.0, source.1.line), back: to.to_owned() }),
            Some(keys) if to != at => Err(ambiguous(keys, "an access key")),
            Some(_) | None => Ok(Some((to, source))),
        }
    }

    fn no_such(&self, name: &ProfileName) -> Refusal {
        let paths = self.paths();
        if self.credentials().is_none() && self.config().is_none() {
            return Refusal::NoFiles { credentials: paths.credentials.clone(), config: paths.config.clone() };
        }
        let alike = |other: &ProfileName| strsim::jaro_winkler(name.as_str(), other.as_str());
        let near = self.profiles().map(|other| (alike(&other), other)).filter(|(alike, _)| *alike > 0.7);
        let nearest = near.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, other)| other.to_string());
        Refusal::NoSuchProfile { name: name.clone(), nearest, path: paths.credentials.clone() }
    }

    fn static_key<'a>(&'a self, at: &str, profile: &Profile<'a>) -> Result<StaticKey<'a>, Refusal> {
        let name = ProfileName::new(at);
        let file = match profile.credentials.filter(|s| s.entry(ID).or(s.entry(SECRET)).is_some()) {
            Some(_) => FileKind::Credentials,
            None => FileKind::Config,
        };
        let halves = profile.section(file).map(|s| (s, s.entry(ID), s.entry(SECRET)));
        self.other_sources(&name, profile, file, halves.and_then(|(_, id, secret)| id.or(secret)))?;
        let value = |entry: &Entry| self.document(file).map(|d| d.whole(entry)).filter(|v| !v.is_empty());
        let partial = |half: &Entry, missing| Refusal::Partial { name: name.clone(), place: self.place(file, half.line), missing };
        let (section, id, secret) = match halves {
            Some((section, Some(id), Some(secret))) => (section, id, secret),
            Some((_, Some(id), None)) => return Err(partial(id, SECRET)),
            Some((_, None, Some(secret))) => return Err(partial(secret, ID)),
            Some((_, None, None)) | None => return Err(Refusal::NoKey { name, place: profile.header() }),
        };
        let place = self.place(file, id.line);
        let id_text = value(id).ok_or_else(|| partial(secret, ID))?;
        let secret_text = value(secret).ok_or_else(|| partial(id, SECRET))?;
        let parsed = AccessKeyId::parse(id_text).map_err(|_| Refusal::NotAKeyId { name: name.clone(), place: place.clone() })?;
        match parsed.kind() {
            KeyKind::LongTerm => {}
            KeyKind::Session => return Err(Refusal::SessionKey { name, place }),
            KeyKind::Other => return Err(Refusal::NotAKeyId { name, place }),
        }
        // The SDKs merge the files' options, so a token in either file goes with the pair.
        let token = TOKENS.into_iter().find(|t| profile.value(t).is_some()).and_then(|t| profile.option(t));
        if let Some((file, entry)) = token {
            return Err(Refusal::SessionToken { name, place: self.place(file, entry.line) });
        }
        Ok(StaticKey { pair: AccessKeyPair { id: parsed, secret: SecretAccessKey::new(secret_text) }, file, section, id, secret })
    }

    // What botocore asks before a static pair; with a pair beside it, the SDKs go different ways.
    fn other_sources(&self, name: &ProfileName, profile: &Profile<'_>, keys: FileKind, key: Option<&Entry>) -> Result<(), Refusal> {
        let sso = profile.option("sso_account_id").or_else(|| profile.option("sso_role_name"));
        let asked = [
            (sso, Elsewhere::Sso),
            (profile.option("login_session"), Elsewhere::LoginSession),
            (profile.option("credential_process"), Elsewhere::CredentialProcess),
        ];
        for (found, by) in asked {
            let Some((file, entry)) = found else { continue };
            let (name, place) = (name.clone(), self.place(file, entry.line));
            match (key, keys, by) {
                (None, _, _) => return Err(Refusal::Elsewhere { name, place, by }),
                // The AWS CLI takes the pair of the credentials file first; it is warned about.
                (Some(_), FileKind::Credentials, Elsewhere::CredentialProcess | Elsewhere::LoginSession) => {}
                (Some(_), FileKind::Credentials | FileKind::Config, _) => {
                    return Err(Refusal::Ambiguous { name, place, one: "an access key", other: by.option() });
                }
            }
        }
        self.same_name_twice(name, profile, keys)
    }

    // [default] before [profile default] is read alike by all; any other repetition is not.
    fn same_name_twice(&self, name: &ProfileName, profile: &Profile<'_>, keys: FileKind) -> Result<(), Refusal> {
        let Some(earlier) = profile.shadowed.filter(|_| keys == FileKind::Config) else { return Ok(()) };
        let default_first = earlier.name == "default" && name.as_str() == "default";
        match earlier.entry(ID).or(earlier.entry(SECRET)) {
            Some(key) if !default_first => Err(Refusal::Ambiguous {
                name: name.clone(),
                place: self.place(FileKind::Config, key.line),
                one: "a later section of the same name",
                other: "an access key here",
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn warnings(&self, chain: &[(&str, Profile<'_>)], profile: &Profile<'_>, key: &StaticKey<'_>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let mut warn = |code, file, line, message: &str| {
            warnings.push(Warning { code, message: format!("{}: {message}", self.place(file, line)) });
        };
        if let Some(colon) = key.section.colon() {
            warn(
                "colon",
                key.file,
                colon.line,
                "`:` stands where only the AWS CLI and the Go SDK accept it: the Rust SDK reads nothing of the file",
            );
        }
        if let Some(upper) = [key.id, key.secret].into_iter().find(|e| e.capitals) {
            warn("uppercase-keys", key.file, upper.line, "the option is in capitals: several SDKs do not see the key");
        }
        if chain.iter().any(|(name, _)| name.contains(char::is_whitespace)) {
            warn(
                "spaced-profile-name",
                key.file,
                key.section.line,
                "the profile's name has a space: the Rust SDK does not find it, the Go SDK not its region",
            );
        }
        if let Some(earlier) = profile.shadowed {
            warn("shadowed-default", FileKind::Config, earlier.line, "this section is not used: a later one is the same profile");
        }
        if key.file == FileKind::Credentials {
            if let Some(unused) = profile.config.and_then(|s| s.entry(ID)) {
                warn(
                    "shadowed-config-keys",
                    FileKind::Config,
                    unused.line,
                    "this key is not used: the credentials file has one for the profile",
                );
            }
            for option in ["credential_process", "login_session"] {
                if let Some((file, unused)) = profile.option(option) {
                    warn(
                        "shadowed-credential-process",
                        file,
                        unused.line,
                        "not used by the AWS CLI, which takes the access key; some SDKs do use it",
                    );
                }
            }
        }
        warnings
    }
}

type Found<'a> = (FileKind, &'a Entry);

struct StaticKey<'a> {
    pair: AccessKeyPair,
    file: FileKind,
    section: &'a Section,
    id: &'a Entry,
    secret: &'a Entry,
}
