//! Words of a POSIX shell, for the commands that messages name.

/// The text as one word.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@/+:,=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_split_is_quoted() {
        for (text, word) in [("work-1.eu", "work-1.eu"), ("my prof; ls", "'my prof; ls'"), ("it's", "'it'\\''s'"), ("", "''")] {
            assert_eq!(shell_word(text), word);
        }
    }
}
