//! A session as it is handed out, and what is known of it without its secrets. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::file::Secrets;
use crate::model::{AccessKeyId, MfaSerial, TemporaryCredentials};
use crate::os::keychain::ItemName;
use crate::session::request::Request;

/// A clock is set back by less than this by those who keep it right.
const LARGEST_SET_BACK: TimeDelta = TimeDelta::minutes(5);

/// The longest session that AWS gives to the root user, in seconds.
const ROOTS_LONGEST: u64 = 3_600;
/// AWS takes no request of a machine whose clock is further off, in seconds.
const CLOCKS_APART: u64 = 900;

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// What it was asked for.
    pub request: Request,
    /// Its credentials.
    pub credentials: TemporaryCredentials,
    /// When it was opened, by this machine's clock, in UTC.
    pub opened_at: DateTime<Utc>,
    /// The profile that it was opened for, the first of those that share it; an older version did not write it down.
    pub opened_for: Option<String>,
}

/// The same without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it was asked for.
    pub request: Request,
    /// Its access key ID.
    pub id: AccessKeyId,
    /// When AWS ends it, in UTC.
    pub expires_at: DateTime<Utc>,
    /// When it was opened, by this machine's clock, in UTC.
    pub opened_at: DateTime<Utc>,
    /// The profile that it was opened for, the first of those that share it; an older version did not write it down.
    pub opened_for: Option<String>,
}

impl Cached {
    /// It without its secrets.
    pub fn known(&self) -> Known {
        let Self { request, credentials, opened_at, opened_for } = self.clone();
        Known { request, id: credentials.id, expires_at: credentials.expires_at, opened_at, opened_for }
    }

    /// How much of it is left; see [`Known::time_left`].
    pub fn time_left(&self, now: DateTime<Utc>) -> Duration {
        self.known().time_left(now)
    }

    pub(super) fn parts(&self) -> (Known, Secrets) {
        let TemporaryCredentials { secret, session_token, .. } = self.credentials.clone();
        (self.known(), Secrets { secret, session_token })
    }
}

impl Known {
    /// How much of it is left; zero where it is over.
    ///
    /// By AWS's end of it and by what has passed here since, whichever is less: a clock that is behind would lengthen it. Of one that was
    /// opened in what is the future now nothing is known.
    pub fn time_left(&self, now: DateTime<Utc>) -> Duration {
        if self.opened_at > now + LARGEST_SET_BACK {
            return Duration::ZERO;
        }
        let by_aws = self.expires_at - now;
        let by_us = TimeDelta::from_std(self.request.duration()).ok().and_then(|whole| whole.checked_sub(&(now - self.opened_at)));
        by_us.unwrap_or_default().min(by_aws).to_std().unwrap_or_default().min(self.request.duration())
    }

    /// Whether it is the root user's, as far as can be told without asking: by its device, or because AWS cut it to an hour.
    ///
    /// QUIRK(sts): root gets an hour at most, whatever it asks for, and anybody else what they ask for (STS API reference, GetSessionToken).
    pub fn is_of_root(&self) -> bool {
        let Request { roles, session_seconds, mfa_serial, .. } = &self.request;
        let is_cut = session_seconds.is_some_and(|asked| asked > ROOTS_LONGEST + CLOCKS_APART)
            && (self.expires_at - self.opened_at).num_seconds() <= (ROOTS_LONGEST + CLOCKS_APART).cast_signed();
        roles.is_empty() && (is_cut || mfa_serial.as_ref().is_some_and(MfaSerial::is_of_root))
    }

    /// Whether it is over by AWS's end of it and by what has passed here: a clock that is wrong ends none before its time.
    pub(super) fn has_ended(&self, now: DateTime<Utc>) -> bool {
        let by_us = TimeDelta::from_std(self.request.duration()).ok().and_then(|whole| self.opened_at.checked_add_signed(whole));
        self.expires_at <= now && by_us.is_some_and(|end| end <= now)
    }

    /// The keychain item that has its secrets, where a keychain has them.
    pub(super) fn item(&self) -> ItemName {
        ItemName::session(self.id.as_str())
    }

    pub(super) fn with(self, Secrets { secret, session_token }: Secrets) -> Cached {
        let Self { request, id, expires_at, opened_at, opened_for } = self;
        Cached { request, credentials: TemporaryCredentials { id, secret, session_token, expires_at }, opened_at, opened_for }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_users_session_is_told_by_its_device_and_by_its_hour() {
        let opened_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let known = |asked: u64, lasts: i64, serial: &str| Known {
            request: Request {
                key: AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap(),
                partition: "aws".to_owned(),
                endpoint: None,
                mfa_serial: Some(MfaSerial::parse(serial).unwrap()),
                session_seconds: Some(asked),
                roles: Vec::new(),
            },
            id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").unwrap(),
            expires_at: opened_at + TimeDelta::seconds(lasts),
            opened_at,
            opened_for: None,
        };
        let (own, phone) = ("arn:aws:iam::111122223333:mfa/root-account-mfa-device", "arn:aws:iam::111122223333:mfa/phone");
        for (asked, lasts, serial, is_root) in [
            (43_200, 3_600, phone, true),
            (43_200, 3_600 + 899, phone, true),
            (43_200, 3_600 - 899, phone, true),
            (43_200, 43_200 - 899, phone, false),
            (4_500, 4_500, phone, false),
            (3_600, 3_600, phone, false),
            (900, 900, own, true),
            (43_200, 43_200, "arn:aws:iam::111122223333:mfa/root", false),
        ] {
            assert_eq!(known(asked, lasts, serial).is_of_root(), is_root, "{asked} {lasts} {serial}");
        }
    }

    #[test]
    fn a_clock_that_is_behind_does_not_lengthen_a_session() {
        let opened_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let request = Request {
            key: AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap(),
            partition: "aws".to_owned(),
            endpoint: None,
            mfa_serial: None,
            session_seconds: Some(43_200),
            roles: Vec::new(),
        };
        let left = |skew: i64, passed: i64| {
            let (request, id) = (request.clone(), AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").unwrap());
            let known = Known { request, id, expires_at: opened_at + TimeDelta::seconds(43_200 + skew), opened_at, opened_for: None };
            known.time_left(opened_at + TimeDelta::seconds(passed)).as_secs()
        };
        assert_eq!((left(0, 0), left(0, 43_000), left(0, 43_201)), (43_200, 200, 0));
        assert_eq!(left(600, 43_000), 200, "AWS's end is ten minutes later by this clock");
        assert_eq!(left(-600, 42_000), 600);
        assert_eq!((left(0, -200), left(0, -90_000)), (43_200, 0), "opened in what is the future now");
    }
}
