//! How long the old key of a rotation stays restorable, as it is written in settings and on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::age::{format_duration, parse_duration};

/// When the old key, already inactive, is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Grace {
    /// This long after it was deactivated; zero is in the same run.
    After(Duration),
    /// When the next rotation needs its place.
    Next,
}

/// The text is not a grace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a grace: write a duration such as 0s, 24h or 7d, or `next`")]
pub struct NotAGrace(pub String);

impl Default for Grace {
    fn default() -> Self {
        Self::After(Duration::ZERO)
    }
}

impl FromStr for Grace {
    type Err = NotAGrace;

    /// Reads `next` or what [`parse_duration`] reads.
    fn from_str(text: &str) -> Result<Self, NotAGrace> {
        match text {
            "next" => Ok(Self::Next),
            duration => parse_duration(duration).map(Self::After).map_err(|_| NotAGrace(text.to_owned())),
        }
    }
}

impl fmt::Display for Grace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(duration) => f.write_str(&format_duration(*duration)),
            Self::Next => f.write_str("next"),
        }
    }
}

impl TryFrom<String> for Grace {
    type Error = NotAGrace;

    fn try_from(text: String) -> Result<Self, NotAGrace> {
        text.parse()
    }
}

impl From<Grace> for String {
    fn from(grace: Grace) -> Self {
        grace.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_reads_and_prints_alike_also_in_json() {
        for (text, grace) in [
            ("0s", Grace::default()),
            ("1d", Grace::After(Duration::from_secs(86_400))),
            ("15m", Grace::After(Duration::from_secs(900))),
            ("next", Grace::Next),
        ] {
            assert_eq!(text.parse(), Ok(grace));
            assert_eq!(grace.to_string(), text);
            let json = serde_json::to_string(&grace).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Grace>(&json).unwrap(), grace);
        }
        assert_eq!("24h".parse(), Ok(Grace::After(Duration::from_secs(86_400))));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "0", "Next", "never", "-1d", "7 d"] {
            assert_eq!(text.parse::<Grace>(), Err(NotAGrace(text.to_owned())));
        }
        assert!(serde_json::from_str::<Grace>("\"soon\"").is_err());
        assert!(serde_json::from_str::<Grace>("0").is_err());
    }
}
