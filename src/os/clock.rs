//! The only readings of this machine's clocks, and the only place that sleeps.
//!
//! Invariant: a wait is measured by a clock that counts suspend, so that a closed lid does not stretch it.

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

/// How much of a wait there is time for, where there is an end to it: a time since boot.
pub fn left(wait: Duration, until: Option<Duration>) -> Duration {
    until.map_or(wait, |until| wait.min(until.saturating_sub(boot_time())))
}

/// The longest time that a stop or a wake-up goes unnoticed.
const SLICE: Duration = Duration::from_millis(50);

/// Waits until `duration` of boot time is over or `stop` says so; returns whether `stop` did. Asks `stop` at least once.
pub fn pause(duration: Duration, stop: &dyn Fn() -> bool) -> bool {
    let until = boot_time().saturating_add(duration);
    loop {
        if stop() {
            return true;
        }
        let left = until.saturating_sub(boot_time());
        if left.is_zero() {
            return false;
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        std::thread::sleep(left.min(SLICE));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_pause_lasts_as_long_as_it_says() {
        let start = boot_time();
        assert!(!pause(Duration::from_millis(120), &|| false));
        assert!(boot_time() - start >= Duration::from_millis(120));
    }

    #[test]
    fn a_stop_ends_a_pause_within_a_slice() {
        let asked = Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) == 2;
        assert!(pause(Duration::from_secs(3_600), &stop));
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn a_stop_that_came_before_is_seen_even_without_a_wait() {
        assert!(pause(Duration::ZERO, &|| true));
        assert!(pause(Duration::MAX, &|| true));
        assert!(!pause(Duration::ZERO, &|| false));
    }
}
