//! What AWS's clock says: the `Date` header of the latest answer, beside readings of this machine's two clocks.
//!
//! Invariant: instants that matter are AWS's; the local clock serves only to say how wrong it is.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_types::date_time::Format;
use chrono::{DateTime, TimeDelta, Utc};

use crate::os::clock;

/// AWS's time at a moment of this machine's boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerTime {
    /// The `Date` header, in UTC, whole seconds.
    pub date: DateTime<Utc>,
    /// The boot clock ([`clock::boot_time`]) when the answer's head arrived.
    pub read_at: Duration,
}

impl ServerTime {
    /// AWS's time when the boot clock shows `boot`, suspend included; `date` itself when `boot` is before `read_at`.
    pub fn at(&self, boot: Duration) -> DateTime<Utc> {
        let since = TimeDelta::from_std(boot.saturating_sub(self.read_at)).unwrap_or_default();
        self.date.checked_add_signed(since).unwrap_or(self.date)
    }
}

/// One answer's time and how far this machine's clock was from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) time: ServerTime,
    /// Server minus local: positive when this machine's clock is behind.
    pub(super) skew: TimeDelta,
}

/// The latest [`Reading`] of all clients of one [`super::Aws`].
#[derive(Debug, Default)]
pub(super) struct ServerClock(Mutex<Option<Reading>>);

impl ServerClock {
    /// Takes a reading in. The same date again tells nothing new: from an honest clock it is less than a second later, and one that
    /// stands still would hold the time, and with it every wait. So the first reading of a date counts, and runs on.
    pub(super) fn set(&self, reading: Reading) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.is_none_or(|latest| latest.time.date != reading.time.date) {
            *latest = Some(reading);
        }
    }

    pub(super) fn latest(&self) -> Option<Reading> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a `Date` header now; `None` when it is not an HTTP date.
pub(super) fn read(date: &str) -> Option<Reading> {
    let date = parse(date)?;
    Some(Reading { time: ServerTime { date, read_at: clock::boot_time() }, skew: date - clock::local_now() })
}

fn parse(date: &str) -> Option<DateTime<Utc>> {
    from_sdk(&aws_smithy_types::DateTime::from_str(date, Format::HttpDate).ok()?)
}

/// The SDK's date as ours, in whole seconds; `None` outside the years that chrono knows.
pub(super) fn from_sdk(date: &aws_smithy_types::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(date.secs(), 0)
}

/// Says how far this machine's clock is off, in whole minutes, or seconds below one minute.
pub fn describe_skew(skew: TimeDelta) -> String {
    let seconds = skew.num_seconds().unsigned_abs();
    let amount = match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    };
    let direction = if skew < TimeDelta::zero() { "ahead of" } else { "behind" };
    format!("this machine's clock is {amount} {direction} AWS's")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_dates_are_dates() {
        assert_eq!(parse("Wed, 21 Oct 2015 07:28:00 GMT").map(|date| date.timestamp()), Some(1_445_412_480));
        for bad in ["", "yesterday", "2015-10-21T07:28:00Z"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn server_time_runs_with_the_boot_clock() {
        let time = ServerTime { date: DateTime::UNIX_EPOCH, read_at: Duration::from_secs(100) };
        assert_eq!(time.at(Duration::from_secs(190)).timestamp(), 90);
        assert_eq!(time.at(Duration::from_secs(1)).timestamp(), 0);
    }

    #[test]
    fn a_date_that_stands_still_does_not_hold_the_time() {
        let reading = |date: i64, read_at: u64| Reading {
            time: ServerTime { date: DateTime::from_timestamp(date, 0).unwrap(), read_at: Duration::from_secs(read_at) },
            skew: TimeDelta::zero(),
        };
        let clock = ServerClock::default();
        for (date, read_at, now) in [(1_000, 10, 1_000), (1_000, 40, 1_030), (1_000, 70, 1_060), (1_065, 75, 1_065), (1_000, 80, 1_000)] {
            clock.set(reading(date, read_at));
            let told = clock.latest().unwrap().time.at(Duration::from_secs(read_at));
            assert_eq!(told.timestamp(), now, "after a date of {date} at {read_at}");
        }
    }

    #[test]
    fn skew_is_said_in_whole_units_and_with_its_direction() {
        for (seconds, said) in [
            (11_400, "this machine's clock is 3 h 10 min behind AWS's"),
            (-330, "this machine's clock is 5 min ahead of AWS's"),
            (59, "this machine's clock is 59 s behind AWS's"),
        ] {
            assert_eq!(describe_skew(TimeDelta::seconds(seconds)), said);
        }
    }
}
