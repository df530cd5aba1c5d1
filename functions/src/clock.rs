//! Reads the wall clock; no other file does.

use aws_smithy_types::date_time::{DateTime, Format};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock. Tests set their own time.
pub struct Clock(Box<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// Returns the system's clock.
    pub fn system() -> Self {
        Self(Box::new(SystemTime::now))
    }

    /// Returns a clock that shows the time of `now`.
    pub fn of(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Box::new(now))
    }

    /// Returns the time.
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Formats `time` as RFC 3339, in UTC.
pub fn written(time: SystemTime) -> String {
    DateTime::from(time).fmt(Format::DateTime).unwrap_or_default()
}

/// Returns `time` in milliseconds since the Unix epoch.
pub fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the time that lies `ms` milliseconds after the Unix epoch.
pub fn at_millis(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

/// Returns the date of `time` in UTC: `2026-11-30`.
pub fn date(time: SystemTime) -> String {
    let mut text = written(time);
    text.truncate(10);
    text
}

/// Returns the time until the next day begins in UTC.
pub fn until_midnight(time: SystemTime) -> Duration {
    const DAY_MS: u64 = 86_400_000;
    Duration::from_millis(DAY_MS - millis(time) % DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        let time = at_millis(1_732_289_999_000);
        assert_eq!(written(time), "2024-11-22T15:39:59Z");
        assert_eq!(date(time), "2024-11-22");
        assert_eq!(date(time + until_midnight(time)), "2024-11-23");
        assert_eq!(millis(time), 1_732_289_999_000);
    }
}
