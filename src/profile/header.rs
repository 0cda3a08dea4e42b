//! What a section header means: botocore splits it into words as a shell would.
//!
//! Invariant: a header that Python's `shlex.split` refuses names nothing.

/// The name in a header of two words, such as `profile "a b"`; `None` for any other number of words.
pub(super) fn second_word(header: &str) -> Option<String> {
    let mut words = words(header)?;
    let name = words.pop()?;
    (words.len() == 1).then_some(name)
}

fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some('"'), '\\') => {
                let next = letters.next()?;
                let word = word.get_or_insert_default();
                // Inside double quotes a backslash stays, except before a quote or another backslash.
                if !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, '\\') => word.get_or_insert_default().push(letters.next()?),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_split_as_a_shell_splits_them() {
        for (header, name) in [
            ("profile work", Some("work")),
            ("profile \"Sam's Mac\"", Some("Sam's Mac")),
            ("profile 'a b'", Some("a b")),
            ("profile a\\ b", Some("a b")),
            ("profile \"a\\\"b\\c\"", Some("a\"b\\c")),
            ("profile a\"b\"c", Some("abc")),
            ("profile ''", Some("")),
            ("\tprofile\twork ", Some("work")),
            ("profile a b", None),
            ("profile Sam's", None),
            ("profile a\\", None),
            ("profile", None),
        ] {
            assert_eq!(second_word(header).as_deref(), name, "{header}");
        }
    }
}
