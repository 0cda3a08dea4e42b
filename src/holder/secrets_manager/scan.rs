//! Every member of a JSON document with the place of its value.
//!
//! Invariant: a document is read whole or refused, and a member is where it says it is: bytes outside of it need not be understood to be kept.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::ops::Range;
use std::slice::Iter;

use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::shape::{DEEPEST, ShapeError};

/// A member of an object, however deep.
pub(super) struct Member {
    /// The names that lead to it from the top; of an array's element, its number.
    pub(super) path: Vec<String>,
    /// Where its value is.
    pub(super) span: Range<usize>,
    /// The value, if it is a string.
    pub(super) text: Option<Zeroizing<String>>,
}

impl Member {
    /// Its path as it is written in the settings.
    pub(super) fn name(&self) -> String {
        self.path.join(".")
    }

    /// The path of the object that it is in.
    pub(super) fn parent(&self) -> &[String] {
        self.path.split_last().map_or(&[], |(_, parent)| parent)
    }
}

/// The members in the order in which they are written.
pub(super) fn members(bytes: &[u8]) -> Result<Vec<Member>, ShapeError> {
    let not_json = |line, column| ShapeError::NotJson { line, column };
    // What follows relies on the grammar.
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| not_json(error.line(), error.column()))?;
    let mut scanner = Scanner { bytes, rest: bytes.iter().peekable(), at: 0, found: Vec::new() };
    scanner.blank();
    let is_object = scanner.peek() == Some(b'{');
    scanner.value(&mut Vec::new())?;
    if is_object { Ok(scanner.found) } else { Err(ShapeError::NotAnObject) }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    rest: Peekable<Iter<'a, u8>>,
    at: usize,
    found: Vec<Member>,
}

impl Scanner<'_> {
    fn peek(&mut self) -> Option<u8> {
        self.rest.peek().map(|byte| **byte)
    }

    fn next(&mut self) -> Option<u8> {
        self.at += 1;
        self.rest.next().copied()
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.next();
        }
    }

    /// Reads a value and the blanks around it; the span is without them.
    fn value(&mut self, path: &mut Vec<String>) -> Result<Range<usize>, ShapeError> {
        if path.len() > DEEPEST {
            return Err(ShapeError::TooDeep);
        }
        self.blank();
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.object(path)?,
            Some(b'[') => self.array(path)?,
            Some(b'"') => self.string(),
            Some(_) | None => {
                while self.peek().is_some_and(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b',' | b'}' | b']')) {
                    self.next();
                }
            }
        }
        let span = start..self.at;
        self.blank();
        Ok(span)
    }

    fn object(&mut self, path: &mut Vec<String>) -> Result<(), ShapeError> {
        let mut names = BTreeSet::new();
        self.next();
        self.blank();
        while self.peek() == Some(b'"') {
            let start = self.at;
            self.string();
            path.push(self.text(start..self.at).map(|name| name.to_string()).ok_or(ShapeError::NotText)?);
            let name = path.join(".");
            if !names.insert(name.clone()) {
                return Err(ShapeError::Twice { field: name });
            }
            self.blank();
            self.next();
            // In the order in which they are written: a member comes before those inside of it.
            let at = self.found.len();
            let span = self.value(path)?;
            let text = self.text(span.clone());
            self.found.insert(at, Member { path: path.clone(), span, text });
            path.pop();
            self.comma();
        }
        self.next();
        Ok(())
    }

    fn array(&mut self, path: &mut Vec<String>) -> Result<(), ShapeError> {
        self.next();
        self.blank();
        let mut number = 0_usize;
        while self.peek().is_some_and(|byte| byte != b']') {
            path.push(number.to_string());
            let at = self.found.len();
            let span = self.value(path)?;
            let text = self.text(span.clone());
            self.found.insert(at, Member { path: path.clone(), span, text });
            path.pop();
            number += 1;
            self.comma();
        }
        self.next();
        Ok(())
    }

    fn comma(&mut self) {
        if self.peek() == Some(b',') {
            self.next();
            self.blank();
        }
    }

    fn string(&mut self) {
        self.next();
        while let Some(byte) = self.next() {
            match byte {
                b'"' => return,
                b'\\' => drop(self.next()),
                _ => {}
            }
        }
    }

    fn text(&self, span: Range<usize>) -> Option<Zeroizing<String>> {
        let bytes = self.bytes.get(span)?;
        if bytes.first() == Some(&b'"') { serde_json::from_slice(bytes).ok().map(Zeroizing::new) } else { None }
    }
}
