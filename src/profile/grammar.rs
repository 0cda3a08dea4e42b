//! The grammar of an AWS file: Python's strict `RawConfigParser`, as botocore sets it up.
//!
//! Invariant: a span is read exactly where Python reads the value, or the file is refused with the line.

use std::{borrow::Cow, collections::HashMap, ops::Range};

/// Why a file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A byte order mark.
    #[error("the file begins with a byte order mark: save it as UTF-8 without one")]
    Bom,
    /// Not UTF-8.
    #[error("the file is not UTF-8: save it as UTF-8")]
    NotUtf8,
    /// An option twice in a section, whatever the case of its letters; with the line of the first.
    #[error("line {0} has the same key (capitals or not): keep one of the two lines")]
    DuplicateKey(usize),
    /// A section twice, with the line of the first.
    #[error("line {0} begins a section of the same name: merge the two")]
    DuplicateSection(usize),
    /// A header that does not end.
    #[error("the header has no closing ]: write it as [name]")]
    UnclosedHeader,
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
            Self::DuplicateKey(_) => "duplicate-key",
            Self::DuplicateSection(_) => "duplicate-section",
            Self::UnclosedHeader => "unclosed-header",
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

/// An option with its value. `value` is the part on the option's own line; `end` is where the last continuation line ends.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) value: Range<usize>,
    pub(super) end: usize,
    pub(super) colon: bool,
    pub(super) capitals: bool,
}

pub(super) struct Section {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) entries: Vec<Entry>,
}

impl Section {
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.name == name)
    }

    pub(super) fn colon(&self) -> Option<&Entry> {
        self.entries.iter().find(|e| e.colon)
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<Section>, DocumentError> {
    let text = text(bytes)?;
    let (mut sections, mut names, mut keys) = (Vec::<Section>::new(), HashMap::new(), HashMap::new());
    let (mut indent, mut start, mut line) = (0, 0, 1);
    // A lone CR ends a line too; the empty piece inside CRLF is not counted.
    for raw in text.split_inclusive('\n').flat_map(|line| line.split_inclusive('\r')) {
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
            if let Some(first) = names.insert(name, here) {
                return Err(wrong(Reason::DuplicateSection(first)));
            }
            keys.clear();
            sections.push(Section { name: name.to_owned(), line: here, entries: Vec::new() });
            continue;
        }
        let unless_header = |reason| if body.starts_with('[') && !body.contains(']') { Reason::UnclosedHeader } else { reason };
        let section = sections.last_mut().ok_or(wrong(unless_header(Reason::NoSectionHeader)))?;
        let (name, found) = option(body, at, here).ok_or(wrong(unless_header(Reason::UnparsableLine)))?;
        if let Some(first) = keys.insert(name, here) {
            return Err(wrong(Reason::DuplicateKey(first)));
        }
        section.entries.push(found);
    }
    Ok(sections)
}

fn text(bytes: &[u8]) -> Result<&str, DocumentError> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(DocumentError { line: 1, reason: Reason::Bom });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let ends = valid.iter().zip(valid.iter().skip(1).chain([&0])).filter(|(byte, next)| match byte {
            b'\n' => true,
            b'\r' => **next != b'\n',
            _ => false,
        });
        DocumentError { line: 1 + ends.count(), reason: Reason::NotUtf8 }
    })
}

// Python also strips the four ASCII separators, which Rust does not call white space.
pub(super) fn space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn header(body: &str) -> Option<&str> {
    body.strip_prefix('[')?.rsplit_once(']').map(|(name, _)| name).filter(|name| !name.is_empty())
}

// Python lowers the names of options.
fn lower(written: &str) -> Cow<'_, str> {
    let is_lower = written.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower { written.into() } else { written.to_lowercase().into() }
}

fn option(body: &str, at: usize, line: usize) -> Option<(Cow<'_, str>, Entry)> {
    // By bytes: a search for two characters costs most of what reading a file of many profiles takes.
    let (written, value) = body.split_at_checked(body.bytes().position(|byte| byte == b'=' || byte == b':')?)?;
    let colon = value.starts_with(':');
    let value = value.get(1..)?;
    let (written, value) = (written.trim_matches(space), value.trim_matches(space));
    let (name, end) = (lower(written), at + body.len());
    let entry = Entry { name: name.to_string(), line, value: end - value.len()..end, end, colon, capitals: name != written };
    (!name.is_empty()).then_some((name, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_refuses_is_refused_with_its_line() {
        for (bytes, code, line) in [
            (&b"\xef\xbb\xbf[a]\n"[..], "bom", 1),
            (b"[a]\r\n# x\r#\n\xe9\n", "not-utf8", 4),
            (b"# x\na=1\n", "no-section-header", 2),
            (b"[a]\r\nb=1\rc=2\nB=2\n", "duplicate-key", 4),
            (b"[a]\n[b]\n[a]\n", "duplicate-section", 3),
            (b"[a]\nb\n", "unparsable-line", 2),
            (b"[a]\n = b\n", "unparsable-line", 2),
            (b"[a\n", "unclosed-header", 1),
            (b"[a]\nb=1\n\n[c\nd=1\n", "unclosed-header", 4),
            (b"[a]\n\x0c\n\n[]\n", "unparsable-line", 4),
        ] {
            let error = read(bytes).err().unwrap();
            assert_eq!((error.reason.code(), error.line), (code, line), "{bytes:?}");
        }
    }

    #[test]
    fn both_lines_of_a_duplicate_are_named() {
        let error = read(b"[a]\nb=1\nc=2\nB=2\n").err().unwrap();
        assert_eq!(error.to_string(), "line 4: line 2 has the same key (capitals or not): keep one of the two lines");
    }

    #[test]
    fn continuations_and_headers_are_read_as_python_reads_them() {
        let text = "[a]] # b ] c\nx = 1\n # not a comment's end\n\n  2\ny : =3\n  [z]\n z=4\n";
        let sections = read(text.as_bytes()).unwrap();
        let options =
            |s: &Section| s.entries.iter().map(|e| (e.name.clone(), e.line, text.get(e.value.start..e.end).unwrap().to_owned())).collect();
        let shown: Vec<(_, _, Vec<_>)> = sections.iter().map(|s| (s.name.as_str(), s.line, options(s))).collect();
        let want = [("x", 2, "1\n # not a comment's end\n\n  2"), ("y", 6, "=3\n  [z]\n z=4")];
        let want = want.map(|(name, line, value)| (name.to_owned(), line, value.to_owned())).to_vec();
        assert_eq!(shown, [("a]] # b ", 1, want)]);
    }
}
