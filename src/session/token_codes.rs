//! Which token codes were sent: one is good once, and AWS does not tell a wrong one from a used one.
//!
//! Invariant: a code is written down before it is sent, so that no process sends it again, whatever became of the first. Two keys of one
//! user share a device and not a lock on sessions, so that the memory has a lock of its own.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{MfaSerial, TokenCode};
use crate::os::atomic_file::replace;
use crate::os::disk::Disk;
use crate::os::lock::{Lock, LockError};

/// How long a code is shown (RFC 6238).
pub const STEP_SECONDS: i64 = 30;
/// After this long a code cannot come again but by chance: AWS takes those of the steps beside the present one too.
const MEMORY_SECONDS: i64 = 4 * STEP_SECONDS;
/// The lock is held for two writes of a small file.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// The memory of used codes, one file for this user's devices.
pub struct TokenCodes<'d> {
    disk: &'d dyn Disk,
    path: PathBuf,
    wait: Duration,
}

/// The memory cannot be used, so that no code can be sent.
#[derive(Debug, thiserror::Error)]
pub enum NoMemory {
    /// Its lock.
    #[error("the memory of used MFA codes cannot be locked")]
    Lock(#[from] LockError),
    /// Its file.
    #[error("the memory of used MFA codes cannot be written")]
    Io(#[from] io::Error),
}

/// A code that was sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// When the next code is shown at the latest, in UTC, by this machine's clock.
    pub next_at: DateTime<Utc>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Sent(BTreeMap<MfaSerial, Vec<Code>>);

#[derive(Serialize, Deserialize)]
struct Code {
    at: DateTime<Utc>,
    /// With the device and the time, so that equal codes do not show.
    digest: String,
}

impl<'d> TokenCodes<'d> {
    /// The memory in this directory, which has to exist.
    pub fn new(disk: &'d dyn Disk, directory: &Path) -> Self {
        Self { disk, path: directory.join("token-codes"), wait: LOCK_WAIT }
    }

    /// The same with no longer wait for its lock than this.
    #[must_use]
    pub fn within(self, longest: Duration) -> Self {
        Self { wait: self.wait.min(longest), ..self }
    }

    /// Notes that the code is about to be sent; refuses one that was.
    ///
    /// The latest code of a device is never forgotten: a clock that was set must not bring it back.
    pub fn take(&self, serial: &MfaSerial, code: &TokenCode, now: DateTime<Utc>) -> Result<Result<(), Used>, NoMemory> {
        let _lock = Lock::acquire(&self.path.with_extension("lock"), self.wait, "keyrotate", &|| false, &mut |_| {})?;
        // What cannot be read forgets codes, which AWS then refuses itself.
        let mut sent: Sent = self.disk.read(&self.path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let is_recent = |code: &Code| (now - code.at).abs() <= TimeDelta::seconds(MEMORY_SECONDS);
        for codes in sent.0.values_mut() {
            let latest = codes.pop();
            codes.retain(is_recent);
            codes.extend(latest);
        }
        let codes = sent.0.entry(serial.clone()).or_default();
        if codes.iter().any(|used| used.digest == digest(serial, code, used.at)) {
            return Ok(Err(Used { next_at: next_step(now) }));
        }
        codes.push(Code { at: now, digest: digest(serial, code, now) });
        let text = serde_json::to_vec(&sent).map_err(io::Error::from)?;
        replace(self.disk, &self.path, &text)?;
        Ok(Ok(()))
    }
}

/// The beginning of the next half minute.
fn next_step(now: DateTime<Utc>) -> DateTime<Utc> {
    let left = STEP_SECONDS - now.timestamp().rem_euclid(STEP_SECONDS);
    now + TimeDelta::seconds(left)
}

fn digest(serial: &MfaSerial, code: &TokenCode, at: DateTime<Utc>) -> String {
    let text = format!("{serial} {} {}", at.timestamp(), code.expose());
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::disk::RealDisk;

    #[test]
    fn a_code_is_taken_once_for_each_device_until_it_may_come_again() {
        let scratch = tempfile::tempdir().unwrap();
        let codes = TokenCodes::new(&RealDisk, scratch.path());
        let (one, other) = (MfaSerial::parse("GAHT12345678").unwrap(), MfaSerial::parse("GAHT87654321").unwrap());
        let code = TokenCode::parse("012345").unwrap();
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        assert_eq!(codes.take(&one, &code, at(5)).unwrap(), Ok(()));
        assert_eq!(codes.take(&one, &code, at(20)).unwrap(), Err(Used { next_at: at(30) }));
        assert_eq!(codes.take(&other, &code, at(20)).unwrap(), Ok(()));
        assert_eq!(codes.take(&one, &TokenCode::parse("543210").unwrap(), at(40)).unwrap(), Ok(()));
        assert_eq!(codes.take(&one, &code, at(100)).unwrap(), Err(Used { next_at: at(120) }));
        assert_eq!(codes.take(&one, &code, at(126)).unwrap(), Ok(()));
        for clock_set in [7_200, -7_200] {
            assert!(codes.take(&one, &code, at(126 + clock_set)).unwrap().is_err(), "the latest code came back with the clock");
        }
        let text = String::from_utf8(RealDisk.read(&scratch.path().join("token-codes")).unwrap()).unwrap();
        assert!(!text.contains("012345") && !text.contains("543210"), "{text}");
    }

    #[test]
    fn of_many_that_send_one_code_at_once_one_does() {
        let scratch = tempfile::tempdir().unwrap();
        let (serial, code) = (MfaSerial::parse("GAHT12345678").unwrap(), TokenCode::parse("012345").unwrap());
        let take = || TokenCodes::new(&RealDisk, scratch.path()).take(&serial, &code, DateTime::UNIX_EPOCH).unwrap();
        let taken = std::thread::scope(|scope| {
            let all: Vec<_> = (0..16).map(|_| scope.spawn(take)).collect();
            all.into_iter().filter_map(|one| one.join().unwrap().ok()).count()
        });
        assert_eq!(taken, 1);
    }

    #[test]
    fn a_damaged_memory_is_begun_anew() {
        let scratch = tempfile::tempdir().unwrap();
        let codes = TokenCodes::new(&RealDisk, scratch.path());
        replace(&RealDisk, &scratch.path().join("token-codes"), b"{").unwrap();
        let (serial, code) = (MfaSerial::parse("GAHT12345678").unwrap(), TokenCode::parse("012345").unwrap());
        assert_eq!(codes.take(&serial, &code, DateTime::UNIX_EPOCH).unwrap(), Ok(()));
        assert!(codes.take(&serial, &code, DateTime::UNIX_EPOCH).unwrap().is_err());
    }
}
