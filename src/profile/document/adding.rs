//! Lines that are put into a file: `credential_process` and `region` of a profile in the config file, a key in the shared credentials file.
//!
//! Invariant: each edit is lossless, does nothing where it was done already, and the one undoes the other byte for byte.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::files::profile_of;
use super::super::grammar::Section;
use super::super::header::second_word;
use super::moving::{ID, Insertion, SECRET, insert, lines};
use super::{Document, EditError};
use crate::model::{AccessKeyPair, ProfileName};

const PROCESS: &str = "credential_process";

/// An option of a profile that is put into a config file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedLine {
    profile: ProfileName,
    #[serde(default = "credential_process")]
    option: String,
    #[serde(alias = "command")]
    value: String,
    /// The bytes that are put in, with a section where there was none; empty where the line is there already, and stays.
    text: String,
}

fn credential_process() -> String {
    PROCESS.to_owned()
}

impl AddedLine {
    /// The profile.
    pub fn profile(&self) -> &ProfileName {
        &self.profile
    }

    /// The command, where it is a `credential_process`.
    pub fn command(&self) -> Option<&str> {
        (self.option == PROCESS).then_some(&self.value)
    }

    /// The header of the section that is there, and the lines that come, for a person. Without a header, they begin with it.
    pub fn shown(&self) -> (Option<String>, Vec<String>) {
        let new = self.text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let is_whole = self.text.is_empty() || self.text.trim_start().starts_with('[');
        (header(&self.profile).filter(|_| !is_whole).map(|header| format!("[{header}]")), new)
    }
}

impl Document {
    /// The line that is put into this config file so that the profile gets its credentials by the command.
    pub fn process_line(&self, profile: &ProfileName, command: &str) -> Result<AddedLine, EditError> {
        self.line_of(profile, PROCESS, command)
    }

    /// The line that gives the profile its region.
    pub fn region_line(&self, profile: &ProfileName, region: &str) -> Result<AddedLine, EditError> {
        self.line_of(profile, "region", region)
    }

    pub(super) fn line_of(&self, profile: &ProfileName, option: &str, value: &str) -> Result<AddedLine, EditError> {
        let end = self.line_end();
        let section = self.config_section(profile);
        let is_there = section.and_then(|section| section.entry(option)).is_some_and(|entry| self.whole(entry) == value);
        let text = match section {
            Some(_) if is_there => String::new(),
            Some(section) => self.below_header(section, &format!("{option} = {value}")),
            None => {
                let header = header(profile).ok_or_else(|| EditError::NoHeader(profile.clone()))?;
                format!("{}[{header}]{end}{option} = {value}{end}", self.end_of_last())
            }
        };
        Ok(AddedLine { profile: profile.clone(), option: option.to_owned(), value: value.to_owned(), text })
    }

    /// The config file with the line; the same bytes where the profile has it.
    pub fn add_line(&self, line: &AddedLine) -> Result<Zeroizing<Vec<u8>>, EditError> {
        let section = self.config_section(&line.profile);
        if let Some(found) = section.and_then(|section| section.entry(&line.option)) {
            let is_ours = self.whole(found) == line.value;
            return if is_ours { Ok(Zeroizing::new(self.bytes.to_vec())) } else { Err(self.other(line, found.line)) };
        }
        let at = match section {
            Some(section) => self.header_end(section)?,
            None => self.bytes.len(),
        };
        let out = insert(&self.bytes, &Insertion { at, text: Zeroizing::new(line.text.clone()) });
        let again = Self::parse(self.kind, out.to_vec()).map_err(|_| EditError::NotExact)?;
        let added = again.config_section(&line.profile).ok_or(EditError::NotExact)?;
        let entry = added.entry(&line.option).filter(|entry| again.whole(entry) == line.value).ok_or(EditError::NotExact)?;
        let others = again.options(&|section, other| section.name != added.name || other.line != entry.line);
        if others == self.options(&|_, _| true) { Ok(out) } else { Err(EditError::NotExact) }
    }

    /// The config file without it; the same bytes where the profile has another value there, or had the line before.
    pub fn remove_line(&self, line: &AddedLine) -> Result<Zeroizing<Vec<u8>>, EditError> {
        let same = || Ok(Zeroizing::new(self.bytes.to_vec()));
        let Some(section) = self.config_section(&line.profile).filter(|_| !line.text.is_empty()) else { return same() };
        let found = section.entry(&line.option).filter(|found| self.whole(found) == line.value);
        let Some(found) = found else { return same() };
        let lines = lines(&self.bytes);
        let at = lines.get(found.line - 1).ok_or(EditError::NotExact)?;
        let text = line.text.as_bytes();
        // As it was put in, around the line; else the line alone, which somebody may have moved.
        let starts = self.bytes.windows(text.len()).enumerate().filter(|(_, bytes)| *bytes == text).map(|(start, _)| start);
        let whole = starts.map(|start| start..start + text.len()).find(|range| range.contains(&at.start) || range.start == at.start);
        let is_alone = section.entries.len() == 1;
        let gone = whole.filter(|_| is_alone || !line.text.contains('[')).unwrap_or_else(|| at.clone());
        let mut out = Zeroizing::new(self.bytes.get(..gone.start).ok_or(EditError::NotExact)?.to_vec());
        out.extend_from_slice(self.bytes.get(gone.end..).ok_or(EditError::NotExact)?);
        let want = self.options(&|other, entry| other.name != section.name || entry.line != found.line);
        self.checked(out, &want)
    }

    /// The shared credentials file with the pair in the section of the profile, which is made where there is none; the same bytes where it has
    /// the pair.
    pub fn add_pair(&self, profile: &ProfileName, pair: &AccessKeyPair) -> Result<Zeroizing<Vec<u8>>, EditError> {
        let (name, end) = (profile.as_str(), self.line_end());
        let section = self.sections.iter().find(|section| section.name == name);
        if let Some(held) = section.and_then(|section| section.entry(ID).or(section.entry(SECRET))) {
            let is_this = self.pairs(pair)?.iter().any(|(other, _)| other.name == name);
            return if is_this { Ok(Zeroizing::new(self.bytes.to_vec())) } else { Err(EditError::OtherKey(held.line)) };
        }
        // SECRET: it goes where it is at home.
        let two = Zeroizing::new(format!("{ID} = {}{end}{SECRET} = {}", pair.id, pair.secret.expose()));
        let insertion = match section {
            Some(section) => Insertion { at: self.header_end(section)?, text: Zeroizing::new(self.below_header(section, &two)) },
            None => {
                let text = Zeroizing::new(format!("{}[{name}]{end}{}{end}", self.end_of_last(), *two));
                Insertion { at: self.bytes.len(), text }
            }
        };
        let mut want = self.options(&|_, _| true);
        for (option, value) in [(ID, pair.id.as_str()), (SECRET, pair.secret.expose())] {
            want.push((name.to_owned(), option.to_owned(), Zeroizing::new(value.to_owned())));
        }
        self.checked(insert(&self.bytes, &insertion), &want)
    }

    /// Whether the shared credentials file has a section of the profile.
    pub fn has_section(&self, profile: &ProfileName) -> bool {
        self.sections.iter().any(|section| section.name == profile.as_str())
    }

    fn other(&self, line: &AddedLine, at: usize) -> EditError {
        match line.command() {
            Some(_) => EditError::OtherProcess(at),
            None => EditError::OtherOption(at, line.option.clone()),
        }
    }

    fn line_end(&self) -> &'static str {
        if self.bytes.windows(2).any(|two| two == b"\r\n") { "\r\n" } else { "\n" }
    }

    /// What ends the last line, where nothing does.
    fn end_of_last(&self) -> &'static str {
        let has_none = !self.bytes.is_empty() && !self.bytes.ends_with(b"\n") && !self.bytes.ends_with(b"\r");
        if has_none { self.line_end() } else { "" }
    }

    fn header_end(&self, section: &Section) -> Result<usize, EditError> {
        Ok(lines(&self.bytes).get(section.line - 1).ok_or(EditError::NotExact)?.end)
    }

    /// The text as it stands below the header: indented as what is there.
    fn below_header(&self, section: &Section, text: &str) -> String {
        let (lines, end) = (lines(&self.bytes), self.line_end());
        let header_ends = lines.get(section.line - 1).is_some_and(|line| self.text(line).ends_with(['\n', '\r']));
        let first = section.entries.first().and_then(|entry| lines.get(entry.line - 1)).map(|line| self.text(line));
        let indent: String = first.map(|line| line.chars().take_while(|c| " \t".contains(*c)).collect()).unwrap_or_default();
        let text = text.split(end).map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join(end);
        if header_ends { format!("{text}{end}") } else { format!("{end}{text}") }
    }

    pub(super) fn config_section(&self, profile: &ProfileName) -> Option<&Section> {
        self.sections.iter().rfind(|section| profile_of(&section.name).as_deref() == Some(profile.as_str()))
    }
}

/// What stands between the brackets of a profile's header in the config file.
fn header(profile: &ProfileName) -> Option<String> {
    let name = profile.as_str();
    if name == "default" {
        return Some(name.to_owned());
    }
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-@/+:,=".contains(c));
    let quoted = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let header = format!("profile {}", if is_plain { name } else { &quoted });
    (second_word(&header).as_deref() == Some(name) && !name.contains(['\n', '\r'])).then_some(header)
}

#[cfg(test)]
mod tests;
