//! A key that leaves a file, and that comes back.
//!
//! Invariant: each edit is lossless, does nothing where it was done already, and the one undoes the other byte for byte.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::grammar::{Entry, Section};
use super::{Document, EditError};
use crate::model::{AccessKeyId, AccessKeyPair};

pub(super) const ID: &str = "aws_access_key_id";
pub(super) const SECRET: &str = "aws_secret_access_key";

/// A line that was taken out of a section: what stands around the value, which is not in here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenLine {
    /// The section, as its header shows it.
    section: String,
    /// How many lines below the header it was.
    below: usize,
    /// How many bytes from the header on stand before its place without the pair, and in the whole section. Where the section is as long as it
    /// was left, these count: lines can melt into one where a lone carriage return meets a line feed.
    offset: usize,
    left: usize,
    /// Whether its value is the access key ID, not the secret.
    is_id: bool,
    before: String,
    after: String,
}

impl TakenLine {
    /// The section that it is from, as its header shows it.
    pub fn section(&self) -> &str {
        &self.section
    }

    /// The line for a person, with the ID and without the secret.
    pub fn masked(&self, id: &AccessKeyId) -> String {
        let value = if self.is_id { id.as_str() } else { "****" };
        [self.before.as_str(), value, self.after.as_str()].concat().trim_end().to_owned()
    }
}

/// The lines for a person, each behind this sign, under the headers of their sections.
pub fn masked_lines(lines: &[TakenLine], id: &AccessKeyId, sign: &str) -> Vec<String> {
    let (mut masked, mut section) = (Vec::new(), "");
    for line in lines {
        if line.section() != section {
            section = line.section();
            masked.push(format!("[{section}]"));
        }
        masked.push(format!("{sign}{}", line.masked(id)));
    }
    masked
}

/// A text and where it is put.
pub(super) struct Insertion {
    pub(super) at: usize,
    pub(super) text: Zeroizing<String>,
}

impl Document {
    /// What [`Document::take_out`] would take, without the values.
    pub fn taken_lines(&self, pair: &AccessKeyPair) -> Result<Vec<TakenLine>, EditError> {
        let lines = lines(&self.bytes);
        let mut taken = Vec::new();
        for (section, entries) in self.pairs(pair)? {
            let whole = self.span(&section.name).ok_or(EditError::NotExact)?;
            let gone: Vec<&Range<usize>> = entries.iter().filter_map(|entry| lines.get(entry.line - 1)).collect();
            let left = whole.len() - gone.iter().map(|line| line.len()).sum::<usize>();
            for entry in entries {
                let line = lines.get(entry.line - 1).ok_or(EditError::NotExact)?;
                let before: usize = gone.iter().filter(|other| other.start < line.start).map(|other| other.len()).sum();
                taken.push(TakenLine {
                    section: section.name.clone(),
                    below: entry.line - section.line,
                    offset: line.start - whole.start - before,
                    left,
                    is_id: entry.name == ID,
                    before: self.text(&(line.start..entry.value.start)).to_owned(),
                    after: self.text(&(entry.value.end..line.end)).to_owned(),
                });
            }
        }
        Ok(taken)
    }

    /// The file without the two lines of this pair, in every section that has it; the same bytes where none has.
    pub fn take_out(&self, pair: &AccessKeyPair) -> Result<Zeroizing<Vec<u8>>, EditError> {
        let lines = lines(&self.bytes);
        let pairs = self.pairs(pair)?;
        let mut gone: Vec<&Range<usize>> = Vec::new();
        for entry in pairs.iter().flat_map(|(_, entries)| entries) {
            gone.push(lines.get(entry.line - 1).ok_or(EditError::NotExact)?);
        }
        gone.sort_by_key(|range| range.start);
        let mut out = Zeroizing::new(Vec::with_capacity(self.bytes.len()));
        let mut at = 0;
        for range in gone {
            out.extend_from_slice(self.bytes.get(at..range.start).ok_or(EditError::NotExact)?);
            at = range.end;
        }
        out.extend_from_slice(self.bytes.get(at..).ok_or(EditError::NotExact)?);
        let is_pair = |section: &Section, entry: &Entry| {
            pairs.iter().any(|(other, entries)| other.name == section.name && entries.iter().any(|gone| gone.line == entry.line))
        };
        let want = self.options(&|section, entry| !is_pair(section, entry));
        self.checked(out, &want)
    }

    /// The file with the lines where they were, in each section that has no access key now; at its end where it has become shorter.
    pub fn put_back(&self, taken: &[TakenLine], pair: &AccessKeyPair) -> Result<Zeroizing<Vec<u8>>, EditError> {
        let mut bytes = Zeroizing::new(self.bytes.to_vec());
        let mut want = self.options(&|_, _| true);
        for section in &self.sections {
            if let Some(held) = section.entry(ID).or(section.entry(SECRET)) {
                let is_this = self.pairs(pair)?.iter().any(|(other, _)| other.name == section.name);
                if !is_this && taken.iter().any(|line| line.section == section.name) {
                    return Err(EditError::OtherSecret(held.line));
                }
                continue;
            }
            let mut ours: Vec<&TakenLine> = taken.iter().filter(|line| line.section == section.name).collect();
            let now = self.span(&section.name).ok_or(EditError::NotExact)?;
            let is_as_left = ours.iter().all(|line| line.left == now.len());
            ours.sort_by_key(|line| line.below);
            if is_as_left {
                ours.reverse();
            }
            for line in ours {
                let now = Self::parse(self.kind, bytes.to_vec()).map_err(|_| EditError::NotExact)?;
                let value = if line.is_id { pair.id.as_str() } else { pair.secret.expose() };
                let start = now.span(&line.section).ok_or(EditError::NotExact)?.start;
                let below = now.below(&line.section, line.below).ok_or(EditError::NotExact)?;
                let at = if is_as_left { start + line.offset } else { below };
                let text = Zeroizing::new([line.before.as_str(), value, line.after.as_str()].concat());
                bytes = insert(&bytes, &Insertion { at, text });
                let name = if line.is_id { ID } else { SECRET };
                want.push((section.name.clone(), name.to_owned(), Zeroizing::new(value.to_owned())));
            }
        }
        if taken.iter().any(|line| self.sections.iter().all(|section| section.name != line.section)) {
            return Err(EditError::NoSection(taken.first().map(|line| line.section.clone()).unwrap_or_default()));
        }
        self.checked(bytes, &want)
    }

    /// The sections that have the pair, each with its two lines.
    pub(super) fn pairs(&self, pair: &AccessKeyPair) -> Result<Vec<(&Section, [&Entry; 2])>, EditError> {
        let mut pairs = Vec::new();
        for section in &self.sections {
            let Some(id) = self.id_entry(section, &pair.id) else { continue };
            let secret = section.entry(SECRET).ok_or(EditError::OtherSecret(id.line))?;
            self.is_editable(section, id, secret, pair)?;
            pairs.push((section, [id, secret]));
        }
        Ok(pairs)
    }

    /// Every option that is asked for, with its section and whole value.
    pub(super) fn options(&self, wanted: &dyn Fn(&Section, &Entry) -> bool) -> Vec<(String, String, Zeroizing<String>)> {
        let entries = self.sections.iter().flat_map(|section| section.entries.iter().map(move |entry| (section, entry)));
        let asked = entries.filter(|(section, entry)| wanted(section, entry));
        asked.map(|(section, entry)| (section.name.clone(), entry.name.clone(), Zeroizing::new(self.whole(entry).to_owned()))).collect()
    }

    pub(super) fn checked(
        &self,
        out: Zeroizing<Vec<u8>>,
        want: &[(String, String, Zeroizing<String>)],
    ) -> Result<Zeroizing<Vec<u8>>, EditError> {
        let again = Self::parse(self.kind, out.to_vec()).map_err(|_| EditError::NotExact)?;
        let (mut found, mut want) = (again.options(&|_, _| true), want.to_vec());
        let by_text = |one: &(String, String, Zeroizing<String>), other: &(String, String, Zeroizing<String>)| {
            (&one.0, &one.1, &*one.2).cmp(&(&other.0, &other.1, &*other.2))
        };
        found.sort_by(by_text);
        want.sort_by(by_text);
        if found == want { Ok(out) } else { Err(EditError::NotExact) }
    }

    /// The bytes of a section, from its header on.
    fn span(&self, section: &str) -> Option<Range<usize>> {
        let at = self.sections.iter().position(|found| found.name == section)?;
        let lines = lines(&self.bytes);
        let start = |section: &Section| lines.get(section.line - 1).map(|line| line.start);
        let end = self.sections.get(at + 1).and_then(start).unwrap_or(self.bytes.len());
        Some(start(self.sections.get(at)?)?..end)
    }

    /// Where the line so many lines below the header begins.
    fn below(&self, section: &str, below: usize) -> Option<usize> {
        let at = self.sections.iter().position(|found| found.name == section)?;
        let lines = lines(&self.bytes);
        let header = self.sections.get(at)?.line - 1;
        let end = self.sections.get(at + 1).map_or(lines.len(), |next| next.line - 1);
        let line = (header + below).min(end);
        Some(lines.get(line).map_or(self.bytes.len(), |line| line.start))
    }
}

/// The bytes with the text in a line of its own.
pub(super) fn insert(bytes: &[u8], insertion: &Insertion) -> Zeroizing<Vec<u8>> {
    let Insertion { at, text } = insertion;
    let (before, after) = bytes.split_at_checked(*at).unwrap_or((bytes, &[]));
    let ends = |bytes: &[u8]| bytes.is_empty() || bytes.ends_with(b"\n") || bytes.ends_with(b"\r");
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len() + text.len() + 2));
    out.extend_from_slice(before);
    if !ends(before) && !text.starts_with(['\n', '\r']) {
        out.push(b'\n');
    }
    out.extend_from_slice(text.as_bytes());
    if !after.is_empty() && !ends(text.as_bytes()) {
        out.push(b'\n');
    }
    out.extend_from_slice(after);
    out
}

/// The lines with their ends, as the grammar counts them.
pub(super) fn lines(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut lines, mut start) = (Vec::new(), 0);
    for (at, byte) in bytes.iter().enumerate() {
        let is_end = *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        if is_end {
            lines.push(start..at + 1);
            start = at + 1;
        }
    }
    if start < bytes.len() {
        lines.push(start..bytes.len());
    }
    lines
}

#[cfg(test)]
mod tests;
