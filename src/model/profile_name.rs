//! The name of a profile in the AWS files.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::shell_word;

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
        shell_word(&self.0)
    }

    /// The command that removes a root user's key which the profile has, for the messages that warn of one.
    pub fn root_key_removal(&self) -> String {
        format!("keyrotate root-key remove {} --admin PROFILE", self.quoted())
    }

    /// The name as a key of TOML, for the tables of the settings that messages name.
    pub fn as_key(&self) -> String {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if !self.0.is_empty() && self.0.chars().all(is_bare) {
            return self.0.clone();
        }
        let escaped = |c: char| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        format!("\"{}\"", self.0.chars().map(escaped).collect::<String>())
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
    fn a_table_of_the_settings_is_named_as_toml_reads_it() {
        let names = ["work-1_eu", "work.eu", "my prof", "it's \"x\" \\", "", "\u{fc}", "a\u{1b}b"];
        let keys = ["work-1_eu", "\"work.eu\"", "\"my prof\"", "\"it's \\\"x\\\" \\\\\"", "\"\"", "\"\u{fc}\"", "\"a\\u001bb\""];
        for (name, key) in names.into_iter().zip(keys) {
            assert_eq!(ProfileName::new(name).as_key(), key);
            let table: toml::Table = toml::from_str(&format!("[profile.{key}]\nx = 1\n")).unwrap();
            assert!(table["profile"].as_table().unwrap().contains_key(name), "{key}");
        }
    }
}
