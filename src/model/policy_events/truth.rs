//! Yes, no, or not known; and words with stars in them.

/// Whether something holds. In this order "and" is the smallest and "or" the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not.
    No,
    /// That is not known.
    Unknown,
    /// It does.
    Yes,
}

impl Truth {
    /// The contrary.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Truth::No => Truth::Yes,
            Truth::Unknown => Truth::Unknown,
            Truth::Yes => Truth::No,
        }
    }

    /// Whether all hold; of none, yes.
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().min().unwrap_or(Truth::Yes)
    }

    /// Whether one holds; of none, no.
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().max().unwrap_or(Truth::No)
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Truth::Yes } else { Truth::No }
    }
}

/// Whether a text is like a pattern in which `*` stands for any characters.
pub fn like(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    // The first place of each part leaves the most for those behind it.
    let behind = parts.into_iter().try_fold(text, |text, part| text.find(part).and_then(|at| text.get(at + part.len()..)));
    behind.is_some_and(|text| text.ends_with(end))
}
