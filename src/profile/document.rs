//! A shared credentials file or config file as bytes with spans, read as Python's strict `RawConfigParser` reads it.
//!
//! Invariant: an edit changes the values of one key pair and not one byte more; what is not understood is refused.

mod adding;
mod moving;
mod setting;

use std::{fmt, ops::Range, path::PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::grammar::{DocumentError, Entry, Section, read, space};
use crate::model::{AccessKeyId, AccessKeyPair, ProfileName, SecretAccessKey};

pub use adding::AddedLine;
pub use moving::{TakenLine, masked_lines};

/// Which of the two AWS files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// The shared credentials file.
    Credentials,
    /// The config file.
    Config,
}

/// The pair cannot be replaced exactly; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No section has the id.
    #[error("no section has the access key ID {0}: put the key there, or leave this file out")]
    NotHeld(AccessKeyId),
    /// Another secret, or none, beside the id.
    #[error("line {0}: the section does not have the expected secret access key: put the right pair there")]
    OtherSecret(usize),
    /// A session token beside a long-term key.
    #[error("line {0}: the section has a session token beside the key: remove aws_session_token")]
    SessionToken(usize),
    /// A value continues on further lines.
    #[error("line {0}: the value continues over lines: write it on one line")]
    Continued(usize),
    /// The section that a key was taken out of is gone.
    #[error("no section [{0}] is there any more: put its header back")]
    NoSection(String),
    /// The profile gets its credentials by another command.
    #[error("line {0}: the profile has another credential_process: remove the line, or put the key into another profile")]
    OtherProcess(usize),
    /// The profile has another value there.
    #[error("line {0}: the profile has another {1}: remove the line, or leave --{1} out")]
    OtherOption(usize, String),
    /// The profile has a key already.
    #[error("line {0}: the section has something of a key already: remove it, or choose another profile")]
    OtherKey(usize),
    /// No header can name the profile.
    #[error("no section of the config file can have the name of the profile {0}: rename the profile")]
    NoHeader(ProfileName),
    /// The result does not read back as the new pair.
    #[error(
        "the edited file does not read back with exactly the new pair, so it was left as it is: write each key as `name = value` on one line"
    )]
    NotExact,
}

/// What becomes of a section, for a person to read first. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The file.
    pub path: PathBuf,
    /// Its lines that go, with `- `, and that come, with `+ `, under the header of their section.
    pub lines: Vec<String>,
}

/// One section that has a given access key ID.
#[derive(Debug)]
pub struct Holding {
    /// The section as its header shows it.
    pub section: String,
    /// The line of the access key ID.
    pub line: usize,
    /// The secret in the same section, `None` when there is none.
    pub secret: Option<SecretAccessKey>,
}

/// A parsed file. Its bytes are wiped when dropped.
pub struct Document {
    kind: FileKind,
    bytes: Zeroizing<Vec<u8>>,
    sections: Vec<Section>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({:?}, {} sections)", self.kind, self.sections.len())
    }
}

impl Document {
    /// Reads a file; refuses what Python's parser refuses.
    pub fn parse(kind: FileKind, bytes: Vec<u8>) -> Result<Self, DocumentError> {
        let bytes = Zeroizing::new(bytes);
        let sections = read(&bytes)?;
        Ok(Self { kind, bytes, sections })
    }

    /// The file's bytes, unchanged.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Which of the two files it is.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    pub(super) fn sections(&self) -> &[Section] {
        &self.sections
    }

    // With its continuation lines, comments between them included.
    pub(super) fn whole(&self, entry: &Entry) -> &str {
        self.text(&(entry.value.start..entry.end))
    }

    /// Every section that names an access key ID: header, line and the value as it stands.
    pub fn access_key_ids(&self) -> Vec<(&str, usize, String)> {
        let named = self.sections.iter().filter_map(|section| Some((section, section.entry("aws_access_key_id")?)));
        named.map(|(section, entry)| (section.name.as_str(), entry.line, self.text(&entry.value).trim().to_owned())).collect()
    }

    /// Every section whose `aws_access_key_id` is `id`, in file order.
    pub fn holds(&self, id: &AccessKeyId) -> Vec<Holding> {
        let found = self.sections.iter().filter_map(|s| Some((s, self.id_entry(s, id)?)));
        found
            .map(|(s, e)| Holding {
                section: s.name.clone(),
                line: e.line,
                secret: s
                    .entry("aws_secret_access_key")
                    .map(|e| self.text(&(e.value.start..e.end)))
                    .filter(|t| !t.is_empty())
                    .map(SecretAccessKey::new),
            })
            .collect()
    }

    /// The file with `expected` replaced by `new` in every section that has it.
    pub fn replace_pair(&self, expected: &AccessKeyPair, new: &AccessKeyPair) -> Result<Vec<u8>, EditError> {
        let mut edits = Vec::new();
        for section in &self.sections {
            let Some(id) = self.id_entry(section, &expected.id) else { continue };
            let secret = section.entry("aws_secret_access_key").ok_or(EditError::OtherSecret(id.line))?;
            self.is_editable(section, id, secret, expected)?;
            edits.push((id.value.clone(), new.id.as_str()));
            edits.push((secret.value.clone(), new.secret.expose()));
        }
        if edits.is_empty() {
            return Err(EditError::NotHeld(expected.id.clone()));
        }
        edits.sort_by_key(|(span, _)| span.start);
        self.splice(&edits, new)
    }

    /// Whether the section has exactly this pair, each half on a line of its own.
    fn is_editable(&self, section: &Section, id: &Entry, secret: &Entry, expected: &AccessKeyPair) -> Result<(), EditError> {
        if let Some(e) = [id, secret].into_iter().find(|e| e.end > e.value.end) {
            return Err(EditError::Continued(e.line));
        }
        if self.text(&secret.value) != expected.secret.expose() {
            return Err(EditError::OtherSecret(secret.line));
        }
        let tokens = ["aws_session_token", "aws_security_token"].into_iter().filter_map(|n| section.entry(n));
        match tokens.into_iter().find(|e| e.end > e.value.start) {
            Some(e) => Err(EditError::SessionToken(e.line)),
            None => Ok(()),
        }
    }

    fn splice(&self, edits: &[(Range<usize>, &str)], new: &AccessKeyPair) -> Result<Vec<u8>, EditError> {
        let grown: usize = edits.iter().map(|(_, v)| v.len()).sum();
        let mut out = Zeroizing::new(Vec::with_capacity(self.bytes.len() + grown));
        let mut at = 0;
        for (span, value) in edits {
            out.extend_from_slice(self.bytes.get(at..span.start).ok_or(EditError::NotExact)?);
            out.extend_from_slice(value.as_bytes());
            at = span.end;
        }
        out.extend_from_slice(self.bytes.get(at..).ok_or(EditError::NotExact)?);
        let again = Self::parse(self.kind, out.to_vec()).map_err(|_| EditError::NotExact)?;
        let held = again.holds(&new.id);
        let shape = |d: &Self| d.sections.iter().map(|s| s.entries.len()).collect::<Vec<_>>();
        let exact = held.len() >= edits.len() / 2 && held.iter().all(|h| h.secret.as_ref() == Some(&new.secret));
        if exact && shape(&again) == shape(self) { Ok(std::mem::take(&mut *out)) } else { Err(EditError::NotExact) }
    }

    // A continued value that names the id on any of its lines counts, so that an edit refuses instead of overlooking it.
    fn id_entry<'a>(&self, section: &'a Section, id: &AccessKeyId) -> Option<&'a Entry> {
        let found = section.entry("aws_access_key_id")?;
        self.text(&(found.value.start..found.end)).split(['\n', '\r']).any(|l| l.trim_matches(space) == id.as_str()).then_some(found)
    }

    fn text(&self, span: &Range<usize>) -> &str {
        self.bytes.get(span.clone()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(id: &str, secret: &str) -> AccessKeyPair {
        AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new(secret) }
    }

    #[test]
    fn an_edit_changes_the_values_only() {
        let text = "# x\r\n[default]\r\nAWS_ACCESS_KEY_ID : AKIAIOSFODNN7EXAMPLE \r\naws_secret_access_key=old\r\n";
        let doc = Document::parse(FileKind::Credentials, text.into()).unwrap();
        let out = doc.replace_pair(&pair("AKIAIOSFODNN7EXAMPLE", "old"), &pair("AKIAIOSFODNN7EXAMPL2", "new")).unwrap();
        let want = text.replace("EXAMPLE", "EXAMPL2").replace("=old", "=new");
        assert_eq!(String::from_utf8(out).unwrap(), want);
        assert_eq!(doc.holds(&pair("AKIAIOSFODNN7EXAMPLE", "").id)[0].line, 3);
        let other = doc.replace_pair(&pair("AKIAIOSFODNN7EXAMPLE", "else"), &pair("AKIAIOSFODNN7EXAMPL2", "new"));
        assert_eq!(other, Err(EditError::OtherSecret(4)));
    }

    #[test]
    fn what_cannot_be_replaced_exactly_names_its_line() {
        let old = pair("AKIAIOSFODNN7EXAMPLE", "old");
        for (text, want) in [
            ("[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\n", EditError::OtherSecret(2)),
            ("[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\n more\naws_secret_access_key=old\n", EditError::Continued(2)),
            ("[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=\n old\n", EditError::Continued(3)),
            ("[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=old\naws_session_token=t\n", EditError::SessionToken(4)),
            ("[a]\n# aws_access_key_id=AKIAIOSFODNN7EXAMPLE\n", EditError::NotHeld(old.id.clone())),
        ] {
            let document = Document::parse(FileKind::Credentials, text.into()).unwrap();
            assert_eq!(document.replace_pair(&old, &pair("AKIAIOSFODNN7EXAMPL2", "new")), Err(want), "{text}");
        }
    }

    // Lines around the pair in all the shapes that a file takes; each section has its own name and each option its own.
    fn noise() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            Just(String::new()),
            "[#;][ -~]{0,20}",
            "[ \t]{0,3}",
            "# AKIAIOSFODNN7EXAMPLE old",
            "region ?[=:] ?[!-~\u{e9}]{0,12}[ \t]{0,2}",
            "s3 =\n  a = AKIAIOSFODNN7EXAMPLE\n  # x\n\tb = old",
        ];
        (line, prop_oneof![Just("\n"), Just("\r\n"), Just("\r")]).prop_map(|(line, end)| line + end)
    }

    fn section(at: usize) -> impl Strategy<Value = String> {
        let spaced = || "[ \t]{0,2}[=:][ \t]{0,2}";
        (noise(), noise(), noise(), spaced(), spaced(), any::<bool>(), "[ \t]{0,2}").prop_map(
            move |(a, b, c, id, secret, flipped, tail)| {
                let id = format!("aws_access_key_id{id}AKIAIOSFODNN7EXAMPLE{tail}\n");
                let secret = format!("AWS_Secret_Access_Key{secret}o/l+d=={tail}\r\n");
                let (first, second) = if flipped { (secret, id) } else { (id, secret) };
                let unique = |text: String, name| text.replace("region", name).replace("s3 =", &format!("{name}3 ="));
                format!("[s{at}] # x\n{}{first}{}{second}{}", unique(a, "ra"), unique(b, "rb"), unique(c, "rc"))
            },
        )
    }

    proptest! {
        #[test]
        fn an_edit_changes_its_spans_and_reads_back(
            head in "(# [ -~]{0,9}\n){0,2}", sections in (section(0), section(1), section(2)), cut in any::<bool>(), secret in "[!-~&&[^=:#;]][ -~]{0,40}[!-~]",
        ) {
            let text = [head, sections.0, sections.1, sections.2].concat();
            let text = if cut { text.trim_end_matches(['\r', '\n']) } else { &text };
            let document = Document::parse(FileKind::Credentials, text.into()).unwrap();
            prop_assert_eq!(document.bytes(), text.as_bytes());
            let (old, new) = (pair("AKIAIOSFODNN7EXAMPLE", "o/l+d=="), pair("AKIAIOSFODNN7EXAMPL2", &secret));
            let edited = document.replace_pair(&old, &new).unwrap();
            let again = Document::parse(FileKind::Credentials, edited.clone()).unwrap();
            prop_assert_eq!(again.holds(&new.id).iter().filter(|h| h.secret.as_ref() == Some(&new.secret)).count(), 3);
            prop_assert!(again.holds(&old.id).is_empty());
            // Putting the old pair back gives the old bytes: nothing outside the spans was touched.
            prop_assert_eq!(again.replace_pair(&new, &old).unwrap(), text.as_bytes());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"[]=: #;\r\n\ta".to_vec())], 0..80)) {
            if let Ok(document) = Document::parse(FileKind::Config, bytes.clone()) {
                prop_assert_eq!(document.bytes(), bytes);
            }
        }
    }
}
