//! The time: the one place of the builder that asks for it.
//!
//! A time never reaches an image; what an image says about time comes from its lock. The clock is
//! asked for two things: whether a signed index has expired, and how long a phase took.

use std::time::{Duration, Instant, SystemTime};

/// Seconds since 1970-01-01 00:00 UTC, not counting leap seconds; 0 on a machine whose clock says
/// that it is earlier.
#[must_use]
pub fn unix_seconds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this is the place that asks")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Measures how long something takes.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start, or since the last lap.
    pub fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let lap = now.duration_since(self.0);
        self.0 = now;
        lap
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
