//! The name of a profile in the AWS files.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A profile name, as the AWS CLI takes it with `--profile`. Case matters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProfileName(String);

impl ProfileName {
    /// Takes the name as it is.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as one word of a POSIX shell, for the commands that messages name.
    pub fn quoted(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@/+:,=".contains(c);
        if !self.0.is_empty() && self.0.chars().all(is_plain) { self.0.clone() } else { format!("'{}'", self.0.replace('\'', "'\\''")) }
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_split_is_quoted() {
        for (name, word) in [("work-1.eu", "work-1.eu"), ("my prof; ls", "'my prof; ls'"), ("it's", "'it'\\''s'"), ("", "''")] {
            assert_eq!(ProfileName::new(name).quoted(), word);
        }
    }
}
