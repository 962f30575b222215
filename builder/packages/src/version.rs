//! Version numbers and their order, by deb-version(7).
//!
//! Which of two packages is newer decides what gets into an image, so the order is the archive's
//! own and not a likeness of it: an epoch first, then the upstream version, then the revision, each
//! read as alternating runs of non-digits and digits, where `~` stands before the end of the text.
//!
//! Equality follows the order: `1.0`, `1.00` and `0:1.0-0` are the same version in different
//! words. Whoever wants the words compares [`Version::text`].

use std::cmp::Ordering;
use std::fmt;

#[cfg(test)]
mod tests;

/// A well-formed version number, borrowed from the text that names it.
#[derive(Clone, Copy)]
pub struct Version<'a> {
    text: &'a str,
    epoch: u32,
    upstream: &'a str,
    revision: &'a str,
}

/// Text that is no version number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionError {
    /// The text that was given, its first 80 characters.
    pub found: String,
    /// What is wrong with it.
    pub why: VersionFault,
}

/// What is wrong with a version number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionFault {
    /// There is no upstream version.
    Empty,
    /// What stands before the first colon is not a number below 2³¹.
    Epoch,
    /// This character has no place in a version.
    Letter(char),
    /// There is a hyphen, but nothing after it.
    EmptyRevision,
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a version: ", self.found)?;
        match self.why {
            VersionFault::Empty => f.write_str("the upstream version is empty"),
            VersionFault::Epoch => f.write_str("the epoch is not a number below 2147483648"),
            VersionFault::Letter(letter) => write!(f, "{letter:?} may not stand in it"),
            VersionFault::EmptyRevision => f.write_str("nothing follows the last hyphen"),
        }
    }
}

impl std::error::Error for VersionError {}

impl<'a> Version<'a> {
    /// Reads a version number.
    ///
    /// # Errors
    /// The text is not of the form `[epoch:]upstream[-revision]`.
    pub fn parse(text: &'a str) -> Result<Self, VersionError> {
        let fault = |why| VersionError { found: text.chars().take(80).collect(), why };
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (epoch_number(epoch).ok_or(fault(VersionFault::Epoch))?, rest),
            None => (0, text),
        };
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((_, "")) => return Err(fault(VersionFault::EmptyRevision)),
            Some((upstream, revision)) => (upstream, revision),
            None => (rest, ""),
        };
        if upstream.is_empty() {
            return Err(fault(VersionFault::Empty));
        }
        let common = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '~');
        let wrong = upstream.chars().find(|c| !common(c) && !matches!(c, '-' | ':'));
        match wrong.or_else(|| revision.chars().find(|c| !common(c))) {
            Some(letter) => Err(fault(VersionFault::Letter(letter))),
            None => Ok(Self { text, epoch, upstream, revision }),
        }
    }

    /// The text as it was written.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The text as it stands in file names, without the epoch.
    #[must_use]
    pub fn without_epoch(&self) -> &'a str {
        self.text.split_once(':').map_or(self.text, |(_, rest)| rest)
    }

    /// What the packaged project calls this version.
    #[must_use]
    pub const fn upstream(&self) -> &'a str {
        self.upstream
    }
}

fn epoch_number(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|epoch| plain && *epoch < 1 << 31)
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare(self.upstream, other.upstream))
            .then_with(|| compare(self.revision, other.revision))
    }
}

/// Compares two upstream versions or two revisions: runs of non-digits and digits in turn.
fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !(left.is_empty() && right.is_empty()) {
        let words = words(&mut left, &mut right);
        let order = words.then_with(|| numbers(&mut left, &mut right));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes the leading non-digits of both and compares them letter by letter.
fn words(left: &mut &[u8], right: &mut &[u8]) -> Ordering {
    loop {
        let (one, two) = (weight(left.first()), weight(right.first()));
        if one != two {
            return one.cmp(&two);
        }
        if one == 0 {
            return Ordering::Equal;
        }
        *left = left.get(1..).unwrap_or_default();
        *right = right.get(1..).unwrap_or_default();
    }
}

/// Where a letter stands: `~`, the end of the run, letters, everything else.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None | Some(b'0'..=b'9') => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => i32::from(*other) + 256,
    }
}

/// Takes the leading digits of both and compares them as numbers of any length.
fn numbers(left: &mut &[u8], right: &mut &[u8]) -> Ordering {
    let (one, two) = (number(left), number(right));
    one.len().cmp(&two.len()).then_with(|| one.cmp(two))
}

/// Takes the leading digits, and gives them without leading zeros.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    *text = rest;
    let start = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
    digits.get(start..).unwrap_or_default()
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version<'_> {}

impl fmt::Display for Version<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl fmt::Debug for Version<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", self.text)
    }
}
