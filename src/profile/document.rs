//! A shared credentials file or config file as bytes with spans, read as Python's strict `RawConfigParser` reads it.
//!
//! Invariant: an edit changes the values of one key pair and not one byte more; what is not understood is refused.

use std::{collections::HashSet, fmt, ops::Range};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};

/// Which of the two AWS files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// The shared credentials file.
    Credentials,
    /// The config file.
    Config,
}

/// Why a file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A byte order mark.
    #[error("the file begins with a byte order mark: save it as UTF-8 without one")]
    Bom,
    /// Not UTF-8.
    #[error("the file is not UTF-8: save it as UTF-8")]
    NotUtf8,
    /// An option twice in a section.
    #[error("the section has this key twice: keep one")]
    DuplicateKey,
    /// A section twice.
    #[error("the file has this section twice: merge them")]
    DuplicateSection,
    /// Neither header nor option.
    #[error("the line is neither a header nor `key = value`: correct or remove it")]
    UnparsableLine,
    /// An option before any header.
    #[error("the line stands before any section: add a header such as [default] above it")]
    NoSectionHeader,
}

impl Reason {
    /// A stable name for scripts.
    pub fn code(self) -> &'static str {
        match self {
            Self::Bom => "bom",
            Self::NotUtf8 => "not-utf8",
            Self::DuplicateKey => "duplicate-key",
            Self::DuplicateSection => "duplicate-section",
            Self::UnparsableLine => "unparsable-line",
            Self::NoSectionHeader => "no-section-header",
        }
    }
}

/// The file cannot be read as an AWS file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct DocumentError {
    /// Counted from 1.
    pub line: usize,
    /// Why.
    pub reason: Reason,
}

/// The pair cannot be replaced exactly; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No section has the id.
    #[error("no section has the access key ID {0}")]
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
    /// The result does not read back as the new pair.
    #[error("the edited file does not read back with the new pair")]
    NotExact,
}

/// An option with its value. `value` is the part on the option's own line; `end` is where the last continuation line ends.
pub(super) struct Entry {
    name: String,
    pub(super) line: usize,
    value: Range<usize>,
    end: usize,
    pub(super) colon: bool,
    pub(super) capitals: bool,
}

pub(super) struct Section {
    pub(super) name: String,
    pub(super) line: usize,
    entries: Vec<Entry>,
}

impl Section {
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        entry(self, name)
    }

    pub(super) fn colon(&self) -> Option<&Entry> {
        self.entries.iter().find(|e| e.colon)
    }
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
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(DocumentError { line: 1, reason: Reason::Bom });
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| DocumentError { line: 1, reason: Reason::NotUtf8 })?;
        let sections = read(text)?;
        Ok(Self { kind, bytes, sections })
    }

    /// The file's bytes, unchanged.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Every section that names an access key ID: header, line and the value as it stands.
    pub fn access_key_ids(&self) -> Vec<(&str, usize, String)> {
        let named = self.sections.iter().filter_map(|section| Some((section, entry(section, "aws_access_key_id")?)));
        named.map(|(section, entry)| (section.name.as_str(), entry.line, self.text(&entry.value).trim().to_owned())).collect()
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

    /// Every section whose `aws_access_key_id` is `id`, in file order.
    pub fn holds(&self, id: &AccessKeyId) -> Vec<Holding> {
        let found = self.sections.iter().filter_map(|s| Some((s, self.id_entry(s, id)?)));
        found
            .map(|(s, e)| Holding {
                section: s.name.clone(),
                line: e.line,
                secret: entry(s, "aws_secret_access_key")
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
            let secret = entry(section, "aws_secret_access_key").ok_or(EditError::OtherSecret(id.line))?;
            if let Some(e) = [id, secret].into_iter().find(|e| e.end > e.value.end) {
                return Err(EditError::Continued(e.line));
            }
            if self.text(&secret.value) != expected.secret.expose() {
                return Err(EditError::OtherSecret(secret.line));
            }
            let tokens = ["aws_session_token", "aws_security_token"].into_iter().filter_map(|n| entry(section, n));
            if let Some(e) = tokens.into_iter().find(|e| e.end > e.value.start) {
                return Err(EditError::SessionToken(e.line));
            }
            edits.push((id.value.clone(), new.id.as_str()));
            edits.push((secret.value.clone(), new.secret.expose()));
        }
        if edits.is_empty() {
            return Err(EditError::NotHeld(expected.id.clone()));
        }
        edits.sort_by_key(|(span, _)| span.start);
        self.splice(&edits, new)
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
        let found = entry(section, "aws_access_key_id")?;
        self.text(&(found.value.start..found.end)).split(['\n', '\r']).any(|l| l.trim_matches(space) == id.as_str()).then_some(found)
    }

    fn text(&self, span: &Range<usize>) -> &str {
        self.bytes.get(span.clone()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

fn entry<'a>(section: &'a Section, name: &str) -> Option<&'a Entry> {
    section.entries.iter().find(|e| e.name == name)
}

// Python also strips the four ASCII separators, which Rust does not call white space.
fn space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn read(text: &str) -> Result<Vec<Section>, DocumentError> {
    let (mut sections, mut names, mut keys) = (Vec::<Section>::new(), HashSet::new(), HashSet::new());
    let (mut indent, mut start, mut line) = (0, 0, 1);
    // A lone CR ends a line too; the empty piece inside CRLF is not counted.
    for raw in text.split_inclusive(['\n', '\r']) {
        let body = raw.trim_matches(space);
        let lead = raw.len() - raw.trim_start_matches(space).len();
        let (at, here) = (start + lead, line);
        start += raw.len();
        line += usize::from(!(raw.ends_with('\r') && text.as_bytes().get(start) == Some(&b'\n')));
        if body.is_empty() || body.starts_with(['#', ';']) {
            continue;
        }
        let width = raw.chars().take_while(|c| space(*c)).count();
        if let Some(last) = sections.last_mut().and_then(|s| s.entries.last_mut()).filter(|_| width > indent) {
            last.end = at + body.len();
            continue;
        }
        indent = width;
        let wrong = |reason| DocumentError { line: here, reason };
        if let Some(name) = header(body) {
            if !names.insert(name.to_owned()) {
                return Err(wrong(Reason::DuplicateSection));
            }
            keys.clear();
            sections.push(Section { name: name.to_owned(), line: here, entries: Vec::new() });
            continue;
        }
        let section = sections.last_mut().ok_or(wrong(Reason::NoSectionHeader))?;
        let found = option(body, at, here).ok_or(wrong(Reason::UnparsableLine))?;
        if !keys.insert(found.name.clone()) {
            return Err(wrong(Reason::DuplicateKey));
        }
        section.entries.push(found);
    }
    Ok(sections)
}

fn header(body: &str) -> Option<&str> {
    body.strip_prefix('[')?.rsplit_once(']').map(|(name, _)| name).filter(|name| !name.is_empty())
}

fn option(body: &str, at: usize, line: usize) -> Option<Entry> {
    let (written, value) = body.split_once(['=', ':'])?;
    let colon = body.as_bytes().get(written.len()) == Some(&b':');
    let (written, value) = (written.trim_matches(space), value.trim_matches(space));
    let (name, end) = (written.to_lowercase(), at + body.len());
    let capitals = name != written;
    (!name.is_empty()).then_some(Entry { name, line, value: end - value.len()..end, end, colon, capitals })
}

#[cfg(test)]
mod tests {
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
    fn what_python_refuses_is_refused() {
        for (text, code) in [
            ("a=1\n", "no-section-header"),
            ("[a]\nb=1\nB=2\n", "duplicate-key"),
            ("[a]\n[a]\n", "duplicate-section"),
            ("[a]\nb\n", "unparsable-line"),
        ] {
            assert_eq!(Document::parse(FileKind::Config, text.into()).unwrap_err().reason.code(), code, "{text}");
        }
    }
}
