//! Whether a signed `Release` is new enough.

use std::fmt;
use std::ops::Deref;

use super::{CLOCKS_SECONDS, Verified};
use crate::date::Date;
use crate::release::Release;

/// A signed `Release` that is new enough to be used.
///
/// Holding one proves that it is not past the date the archive set, not from the future, and not
/// older than the one the lock was made from. It does not prove that there is no newer one: an
/// archive that sets no date (Debian's stable suites between point releases) can be held back until
/// the lock has seen something newer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh<T>(Verified<T>);

impl<T> Deref for Fresh<T> {
    type Target = Verified<T>;

    fn deref(&self) -> &Verified<T> {
        &self.0
    }
}

/// Why a signed `Release` is not to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaleError {
    /// The archive said that it may be used until then.
    Expired {
        /// Of which suite.
        suite: String,
        /// Until when.
        until: Date,
    },
    /// It is from the future.
    Future {
        /// Of which suite.
        suite: String,
        /// When it says it was made.
        date: Date,
    },
    /// It is older than what was seen before.
    Older {
        /// Of which suite.
        suite: String,
        /// When it was made.
        date: Date,
        /// What was seen before.
        seen: Date,
    },
}

impl fmt::Display for StaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { suite, until } => {
                write!(f, "the Release of {suite} expired at {until}; take another mirror")
            }
            Self::Future { suite, date } => {
                write!(f, "the Release of {suite} is from the future, {date}; check the clock")
            }
            Self::Older { suite, date, seen } => write!(
                f,
                "the Release of {suite} is of {date}, the lock has seen {seen}; take another mirror"
            ),
        }
    }
}

impl std::error::Error for StaleError {}

impl Verified<Release> {
    /// Checks the dates. `seen` is the date of the newest `Release` of this suite that was used.
    ///
    /// # Errors
    /// It expired, is from the future, or is older than what was seen.
    pub fn fresh(self, now: Date, seen: Option<Date>) -> Result<Fresh<Release>, StaleError> {
        let release = self.value();
        let (suite, date) = (release.codename.clone(), release.date);
        if let Some(until) = release.valid_until.filter(|until| *until < now) {
            return Err(StaleError::Expired { suite, until });
        }
        if date > now.plus(CLOCKS_SECONDS) {
            return Err(StaleError::Future { suite, date });
        }
        match seen.filter(|seen| date < *seen) {
            Some(seen) => Err(StaleError::Older { suite, date, seen }),
            None => Ok(Fresh(self)),
        }
    }
}
