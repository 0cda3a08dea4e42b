//! The static pair of one profile: whether all AWS tools take it, and what to say beside it.
//!
//! Invariant: half a pair, a session's key and a pair that another source competes with are never returned.

use super::{
    absent::Absent,
    document::FileKind,
    files::{AwsFiles, Profile},
    grammar::{Entry, Section},
    keychain_index::is_own_process,
    own_pair::{OwnPair, SecretAt},
    refusal::{Elsewhere, Refusal, Warning},
};
use crate::model::{AccessKeyId, AccessKeyPair, KeyKind, ProfileName, SecretAccessKey};

pub(super) const ID: &str = "aws_access_key_id";
pub(super) const SECRET: &str = "aws_secret_access_key";
const TOKENS: [&str; 2] = ["aws_session_token", "aws_security_token"];

/// A long-term key and where it stands.
pub(super) struct StaticKey<'a> {
    pub(super) pair: OwnPair,
    pub(super) file: FileKind,
    pub(super) section: &'a Section,
    /// The access key ID's line; of a key in the keychain, that of `credential_process`.
    id: &'a Entry,
    secret: Option<&'a Entry>,
}

impl StaticKey<'_> {
    /// The line that it is known by.
    pub(super) fn line(&self) -> usize {
        self.id.line
    }
}

impl AwsFiles {
    /// The pair in the profile's own sections, whatever its role.
    pub(super) fn static_key<'a>(&'a self, at: &str, profile: &Profile<'a>) -> Result<StaticKey<'a>, Refusal> {
        let name = ProfileName::new(at);
        let file = match profile.credentials.filter(|s| s.entry(ID).or(s.entry(SECRET)).is_some()) {
            Some(_) => FileKind::Credentials,
            None => FileKind::Config,
        };
        let halves = profile.section(file).map(|s| (s, s.entry(ID), s.entry(SECRET)));
        let key = halves.and_then(|(_, id, secret)| id.or(secret));
        if key.is_none()
            && let Some(found) = self.keychain_key(&name, profile)
        {
            return Ok(found);
        }
        self.other_sources(&name, profile, file, key)?;
        let value = |entry: &Entry| self.document(file).map(|d| d.whole(entry)).filter(|v| !v.is_empty());
        let partial = |half: &Entry, missing| Refusal::Partial { name: name.clone(), place: self.place(file, half.line), missing };
        let (section, id, secret) = match halves {
            Some((section, Some(id), Some(secret))) => (section, id, secret),
            Some((_, Some(id), None)) => return Err(partial(id, SECRET)),
            Some((_, None, Some(secret))) => return Err(partial(secret, ID)),
            Some((_, None, None)) | None => return Err(self.keyless(name, profile)),
        };
        let place = || self.place(file, id.line);
        let id_text = value(id).ok_or_else(|| partial(secret, ID))?;
        let secret_text = value(secret).ok_or_else(|| partial(id, SECRET))?;
        let not_an_id = |name| {
            let has_endpoint = ["endpoint_url", "services"].into_iter().any(|option| profile.value(option).is_some());
            Refusal::NotAKeyId { name, place: place(), has_endpoint }
        };
        let parsed = AccessKeyId::parse(id_text).map_err(|_| not_an_id(name.clone()))?;
        // The SDKs merge the files' options, so a token in either file goes with the pair.
        let token = TOKENS.into_iter().find(|t| profile.value(t).is_some()).and_then(|t| profile.option(t));
        match (parsed.kind(), token) {
            (KeyKind::LongTerm, None) => {}
            (KeyKind::LongTerm, Some((file, entry))) => return Err(Refusal::SessionToken { name, place: self.place(file, entry.line) }),
            (KeyKind::Session, Some(_)) => return Err(Refusal::SessionKey { name, place: place() }),
            (KeyKind::Session, None) => return Err(Refusal::SessionKeyAlone { name, place: place() }),
            (KeyKind::Other, _) => return Err(not_an_id(name)),
        }
        let pair = AccessKeyPair { id: parsed, secret: SecretAccessKey::new(secret_text) };
        Ok(StaticKey { pair: pair.into(), file, section, id, secret: Some(secret) })
    }

    /// The key of a profile that gets its sessions from keyrotate, which has the key in the keychain.
    fn keychain_key<'a>(&'a self, name: &ProfileName, profile: &Profile<'a>) -> Option<StaticKey<'a>> {
        // What botocore asks before credential_process.
        if ["sso_account_id", "sso_role_name", "login_session"].into_iter().any(|option| profile.option(option).is_some()) {
            return None;
        }
        let (file, id) = profile
            .option("credential_process")
            .filter(|_| profile.value("credential_process").is_some_and(|command| is_own_process(command, name)))?;
        let (item, known) = self.keychain().of_profile(name)?;
        let pair = OwnPair { id: known.access_key_id.clone(), secret: SecretAt::Keychain(item.clone()) };
        Some(StaticKey { pair, file, section: profile.section(file)?, id, secret: None })
    }

    /// Of a profile without a key: where a part of a sign-in is left, a key is not what is missing.
    fn keyless(&self, name: ProfileName, profile: &Profile<'_>) -> Refusal {
        match profile.option("sso_session").or_else(|| profile.option("sso_start_url")) {
            Some((file, entry)) => Refusal::Elsewhere { name, place: self.place(file, entry.line), by: Elsewhere::Sso },
            None => Refusal::NoKey { name, place: profile.header(), absent: Absent::default() },
        }
    }

    // What botocore asks before a static pair; with a pair beside it, the SDKs go different ways.
    fn other_sources(&self, name: &ProfileName, profile: &Profile<'_>, keys: FileKind, key: Option<&Entry>) -> Result<(), Refusal> {
        let sso = profile.option("sso_account_id").or_else(|| profile.option("sso_role_name"));
        let is_own = profile.value("credential_process").is_some_and(|command| is_own_process(command, name));
        let process = if is_own { Elsewhere::OwnProcess } else { Elsewhere::CredentialProcess };
        let asked = [
            (sso, Elsewhere::Sso),
            (profile.option("login_session"), Elsewhere::LoginSession),
            (profile.option("credential_process"), process),
        ];
        for (found, by) in asked {
            let Some((file, entry)) = found else { continue };
            let (name, place) = (name.clone(), self.place(file, entry.line));
            match (key, keys, by) {
                (None, _, _) => return Err(Refusal::Elsewhere { name, place, by }),
                // The AWS CLI takes the pair of the credentials file first; it is warned about.
                (Some(_), FileKind::Credentials, Elsewhere::CredentialProcess | Elsewhere::OwnProcess | Elsewhere::LoginSession) => {}
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

    /// What other SDKs make of the same bytes, and what is not used.
    pub(super) fn warnings(&self, chain: &[(&str, Profile<'_>)], profile: &Profile<'_>, key: &StaticKey<'_>) -> Vec<Warning> {
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
        if let Some(upper) = [Some(key.id), key.secret].into_iter().flatten().find(|e| e.capitals) {
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
        if key.file == FileKind::Credentials && key.secret.is_some() {
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
