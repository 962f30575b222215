//! Moments that come from the lock, written out. Nothing here asks what time it is.

/// Seconds since 1970-01-01T00:00:00Z as RFC 3339 in UTC: `2026-11-21T09:15:44Z`.
#[must_use]
pub fn rfc3339(unix_s: i64) -> String {
    let (year, month, day) = date(unix_s);
    let second = unix_s.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The day, without dashes: `20261121`.
#[must_use]
pub fn day(unix_s: i64) -> String {
    let (year, month, day) = date(unix_s);
    format!("{year:04}{month:02}{day:02}")
}

/// Year, month and day in the Gregorian calendar. Counts in eras of 400 years of 146,097 days,
/// with years that begin in March so that the leap day is a year's last.
fn date(unix_s: i64) -> (i64, i64, i64) {
    let days = unix_s.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_calendar_has_them() {
        for (unix_s, expect) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_252_544, "2026-11-21T09:15:44Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(unix_s), expect);
        }
        assert_eq!(day(1_795_252_544), "20261121");
    }
}
