//! Sizes as people write them: `80 MB`, `1 GiB`.
//!
//! Decimal and binary units are both taken and are never mixed up: `MB` is a million bytes, `MiB`
//! is 1,048,576. A bare number is refused, because nobody can see what was meant.

use std::fmt;

/// Units with their bytes, as text and in errors.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SizeError {
    /// No whole number in front.
    NoNumber,
    /// No unit behind.
    NoUnit,
    /// A unit that does not exist.
    UnknownUnit {
        /// What is written.
        found: String,
    },
    /// More bytes than 64 bits count.
    TooLarge,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber => f.write_str("the size does not begin with a whole number"),
            Self::NoUnit => f.write_str("the size has no unit"),
            Self::UnknownUnit { found } => write!(f, "`{found}` is no unit of size"),
            Self::TooLarge => f.write_str("the size is too large to count"),
        }
    }
}

impl std::error::Error for SizeError {}

/// Reads a size.
///
/// # Errors
/// What is wrong with the text.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(SizeError::NoNumber);
    }
    let number: u64 = number.parse().map_err(|_too_long| SizeError::TooLarge)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    if unit.is_empty() {
        return Err(SizeError::NoUnit);
    }
    let (_, bytes) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| SizeError::UnknownUnit { found: unit.chars().take(20).collect() })?;
    number.checked_mul(*bytes).ok_or(SizeError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_units() {
        assert_eq!(parse("80 MB"), Ok(80_000_000));
        assert_eq!(parse("1 GiB"), Ok(1 << 30));
        assert_eq!(parse("4096B"), Ok(4096));
    }

    #[test]
    fn what_could_be_misread_is_refused() {
        assert_eq!(parse("80"), Err(SizeError::NoUnit));
        assert_eq!(parse("MB"), Err(SizeError::NoNumber));
        assert_eq!(parse("-1 MB"), Err(SizeError::NoNumber));
        for (text, unit) in [("80 mb", "mb"), ("1.5 GiB", ".5 GiB"), ("1  GB", " GB")] {
            assert_eq!(parse(text), Err(SizeError::UnknownUnit { found: unit.into() }));
        }
        assert_eq!(parse("99999999999 TiB"), Err(SizeError::TooLarge));
        assert_eq!(parse(&"9".repeat(100)), Err(SizeError::TooLarge));
    }
}
