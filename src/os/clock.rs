//! The only readings of this machine's clocks.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Time since boot, suspend included where the system can tell. Compares within one boot only.
#[cfg(unix)]
pub fn boot_time() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(CLOCK);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// Time since the first reading in this process.
#[cfg(not(unix))]
pub fn boot_time() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let now = std::time::Instant::now();
    now.duration_since(*START.get_or_init(|| now))
}

/// What this machine believes the time is, in UTC.
pub fn local_now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    Utc::now()
}
