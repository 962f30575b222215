//! Points in time as archives write them: seconds since 1970, UTC, without leap seconds.
//!
//! `Release` files write `Sat, 21 Nov 2026 09:15:44 UTC` (Debian Policy, section 5.6.17: the form
//! of RFC 5322, section 3.3). The archive writes UTC only; another zone is refused rather than
//! converted. Nothing here asks a clock.

use std::fmt;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A second, counted from the beginning of 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub u64);

impl Date {
    /// Reads `Sat, 21 Nov 2026 09:15:44 UTC`. The day of the week must be the right one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (weekday, day, month) =
            (words.next()?.strip_suffix(',')?, words.next()?, words.next()?);
        let (year, clock, zone) = (words.next()?, words.next()?, words.next()?);
        let month = u64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
        let (day, year) = (number(day, 1, 31)?, number(year, 1970, 9999)?);
        if day > month_length(year, month) {
            return None;
        }
        let mut clock = clock.split(':');
        let (hours, minutes) = (number(clock.next()?, 0, 23)?, number(clock.next()?, 0, 59)?);
        let seconds = number(clock.next()?, 0, 59)?;
        let days = days_before(year, month) + day - 1;
        let name = usize::try_from(days % 7).ok().and_then(|day| DAYS.get(day))?;
        let zone = matches!(zone, "UTC" | "GMT" | "+0000");
        let sound = zone && *name == weekday && clock.next().is_none() && words.next().is_none();
        sound.then_some(Self(((days * 24 + hours) * 60 + minutes) * 60 + seconds))
    }

    /// So many seconds later.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

fn number(digits: &str, least: u64, most: u64) -> Option<u64> {
    let plain = digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && (least..=most).contains(number))
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn month_length(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the beginning of 1970 to the first of that month.
fn days_before(year: u64, month: u64) -> u64 {
    let years = year - 1;
    let leaps = |years: u64| years / 4 - years / 100 + years / 400;
    let whole = (year - 1970) * 365 + leaps(years) - leaps(1969);
    whole + (1..month).map(|month| month_length(year, month)).sum::<u64>()
}

impl Date {
    /// `Sat, 21 Nov 2026 09:15:44 UTC`, as [`Date::parse`] reads it.
    #[must_use]
    pub fn in_archive_form(self) -> String {
        let ((year, month, day), clock) = (self.civil(), self.clock());
        let index = |number: u64| usize::try_from(number).unwrap_or(0);
        let weekday = DAYS.get(index(self.0 / 86_400 % 7)).unwrap_or(&"");
        let month = MONTHS.get(index(month - 1)).unwrap_or(&"");
        format!("{weekday}, {day:02} {month} {year} {clock} UTC")
    }

    fn clock(self) -> String {
        let seconds = self.0 % 86_400;
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// Year, month and day, each counted as people do.
    fn civil(self) -> (u64, u64, u64) {
        let days = self.0 / 86_400;
        // No year is longer than 366 days, so this is never past the right one.
        let mut year = 1970 + days / 366;
        while days_before(year + 1, 1) <= days {
            year += 1;
        }
        let mut month = 1;
        while month < 12 && days_before(year, month + 1) <= days {
            month += 1;
        }
        (year, month, days - days_before(year, month) + 1)
    }
}

impl fmt::Display for Date {
    /// `2026-11-21 09:15:44 UTC`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year}-{month:02}-{day:02} {} UTC", self.clock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(text: &str) -> Option<u64> {
        Date::parse(text).map(|date| date.0)
    }

    #[test]
    fn dates_are_read_as_the_archive_writes_them() {
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 UTC"), Some(0));
        assert_eq!(seconds("Sat, 21 Nov 2026 09:15:44 UTC"), Some(1_795_252_544));
        assert_eq!(seconds("Tue, 29 Feb 2000 23:59:59 +0000"), Some(951_868_799));
        assert_eq!(seconds("Sat, 1 Mar 2025 00:00:00 GMT"), Some(1_740_787_200));
    }

    #[test]
    fn other_text_is_no_date() {
        for text in [
            "",
            "Sun, 21 Nov 2026 09:15:44 UTC",
            "Sat, 21 Nov 2026 09:15:44",
            "Sat, 21 Nov 2026 09:15:44 CET",
            "Sat, 21 Nov 2026 09:15:44 UTC x",
            "Sat, 21 Nov 2026 24:15:44 UTC",
            "Sat, 21 Nov 2026 09:15:44:01 UTC",
            "Sat, 21 nov 2026 09:15:44 UTC",
            "Sat, +1 Nov 2026 09:15:44 UTC",
            "Sat, 29 Feb 2025 00:00:00 UTC",
            "Mon, 30 Feb 2026 00:00:00 UTC",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_shown() {
        assert_eq!(Date(0).to_string(), "1970-01-01 00:00:00 UTC");
        assert_eq!(Date(951_868_799).to_string(), "2000-02-29 23:59:59 UTC");
        assert_eq!(Date(1_795_252_544).to_string(), "2026-11-21 09:15:44 UTC");
        assert_eq!(Date(1_735_689_599).to_string(), "2024-12-31 23:59:59 UTC");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_what_was_read(seconds in 0_u64..253_402_300_799) {
            let text = Date(seconds).in_archive_form();
            prop_assert_eq!(Date::parse(&text), Some(Date(seconds)));
        }

        #[test]
        fn any_text_is_a_date_or_none(text in "\\PC{0,40}", seconds: u64) {
            prop_assert!(Date::parse(&text).is_none() || text.contains(":"));
            drop(Date(seconds % (1 << 50)).to_string());
        }
    }
}
