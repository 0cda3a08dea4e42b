//! Words of a POSIX shell, for the commands that messages name.

/// The text as one word.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@/+:,=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// The texts as words.
pub fn shell_words(texts: &[&str]) -> String {
    texts.iter().map(|text| shell_word(text)).collect::<Vec<_>>().join(" ")
}

/// A command of the AWS CLI, in backquotes.
pub fn aws_command(words: &[&str]) -> String {
    format!("`aws {}`", shell_words(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_split_is_quoted() {
        for (text, word) in [("work-1.eu", "work-1.eu"), ("my prof; ls", "'my prof; ls'"), ("it's", "'it'\\''s'"), ("", "''")] {
            assert_eq!(shell_word(text), word);
        }
        assert_eq!(aws_command(&["s3", "ls", "a b"]), "`aws s3 ls 'a b'`");
    }
}
