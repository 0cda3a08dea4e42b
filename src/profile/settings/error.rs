//! What can be wrong with the settings, each with its place and the way out.
//!
//! Invariant: values are shown only where they are durations or words to choose from; a secret put into the file by mistake is not.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1, where TOML itself is broken.
    pub column: Option<usize>,
    /// What is wrong there.
    pub problem: Box<SettingsProblem>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsProblem {
    /// Not TOML.
    #[error("not TOML: {0}; correct the line, or remove it")]
    Syntax(String),
    /// A key or table that keyrotate does not know.
    #[error("unknown key `{key}` in {table}; {fix}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The table it is in.
        table: String,
        /// The nearest right name, or all.
        fix: String,
    },
    /// A value of the wrong type or out of range.
    #[error("`{key}` in {table} is {found}; write {wanted}")]
    WrongValue {
        /// The key.
        key: String,
        /// The table it is in.
        table: String,
        /// What is there.
        found: String,
        /// What should be there.
        wanted: &'static str,
    },
    /// A key that must be there.
    #[error("{table} has no `{key}`; add it")]
    Missing {
        /// The key.
        key: &'static str,
        /// The table it should be in.
        table: String,
    },
    /// The warning would come after the end.
    #[error("`warn_age` in {table} is {warn_age}, more than `max_age`, which is {max_age} there; make it {max_age} or less")]
    WarnsTooLate {
        /// The table.
        table: String,
        /// The one.
        warn_age: String,
        /// The other.
        max_age: String,
    },
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.path.display(), self.line)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// The file that errors speak of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// The problem, at the line where `span` begins; without a span at the first.
    pub(super) fn error(self, span: Option<Range<usize>>, problem: SettingsProblem) -> SettingsError {
        let (line, column) = self.position(span.map_or(0, |span| span.start));
        let column = matches!(problem, SettingsProblem::Syntax(_)).then_some(column);
        SettingsError { path: self.path.to_owned(), line, column, problem: Box::new(problem) }
    }

    fn position(self, offset: usize) -> (usize, usize) {
        let before = String::from_utf8_lossy(self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes()));
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before.get(line_start..).unwrap_or_default().chars().count() + 1)
    }
}
