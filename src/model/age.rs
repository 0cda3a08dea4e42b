//! Ages of keys, the limits they are held against, and how durations are written (`90d`, `12h`, `15m`).

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How old a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(Duration);

impl Age {
    /// The age at `now` of a key created at `created_at`; zero when the clock says it is from the future.
    pub fn at(now: DateTime<Utc>, created_at: DateTime<Utc>) -> Self {
        Self((now - created_at).to_std().unwrap_or_default())
    }

    /// Whole days, rounded down.
    pub fn days(self) -> u64 {
        self.0.as_secs() / 86_400
    }

    /// The age as a duration.
    pub fn as_duration(self) -> Duration {
        self.0
    }
}

/// From which age on a key is due, and past which it is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Due from this age on.
    pub warn_age: Duration,
    /// Overdue past this age.
    pub max_age: Duration,
}

/// Where an age stands against its [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgeLevel {
    /// Younger than `warn_age`.
    Fresh,
    /// At least `warn_age`, not past `max_age`.
    Due,
    /// Past `max_age`.
    Overdue,
}

impl Default for Limits {
    fn default() -> Self {
        Self { warn_age: Duration::from_secs(75 * 86_400), max_age: Duration::from_secs(90 * 86_400) }
    }
}

impl Limits {
    /// Limits with only `max_age` given: the warning comes at 5/6 of it.
    pub fn from_max_age(max_age: Duration) -> Self {
        Self { warn_age: max_age / 6 * 5, max_age }
    }

    /// Where `age` stands.
    pub fn level(&self, age: Age) -> AgeLevel {
        if age.0 > self.max_age {
            AgeLevel::Overdue
        } else if age.0 >= self.warn_age {
            AgeLevel::Due
        } else {
            AgeLevel::Fresh
        }
    }
}

/// The text is not a duration such as `90d`, `12h`, `15m` or `0s`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write a whole number and a unit, such as 90d, 12h, 15m or 0s")]
pub struct NotADuration(pub String);

/// Reads `90d`, `12h`, `15m`, `30s` or `2w`.
pub fn parse_duration(text: &str) -> Result<Duration, NotADuration> {
    let wrong = || NotADuration(text.to_owned());
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).filter(|seconds| *seconds <= 100 * 366 * 86_400).map(Duration::from_secs).ok_or_else(wrong)
}

/// Writes a duration in its largest whole unit, as [`parse_duration`] reads it.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        s if s > 0 && s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s > 0 && s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_alike() {
        for text in ["0s", "30s", "15m", "12h", "90d"] {
            assert_eq!(parse_duration(text).map(format_duration), Ok(text.to_owned()));
        }
        for text in ["", "90", "d", "-1d", "1.5h", "90 d", "90days", "99999999999999999999d", "999999d"] {
            assert_eq!(parse_duration(text), Err(NotADuration(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_key_is_due_from_warn_age_and_overdue_past_max_age() {
        let limits = Limits::default();
        let day = Duration::from_secs(86_400);
        assert_eq!(limits.level(Age(74 * day)), AgeLevel::Fresh);
        assert_eq!(limits.level(Age(75 * day)), AgeLevel::Due);
        assert_eq!(limits.level(Age(90 * day)), AgeLevel::Due);
        assert_eq!(limits.level(Age(90 * day + Duration::from_secs(1))), AgeLevel::Overdue);
    }

    #[test]
    fn max_age_alone_warns_at_five_sixths() {
        let day = Duration::from_secs(86_400);
        assert_eq!(Limits::from_max_age(30 * day).warn_age, 25 * day);
    }
}
