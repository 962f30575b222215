//! The root of an archive: its `Release` file, which names every index by digest.
//!
//! What is read here is only text. That an archive's key signed it is shown by
//! [`Verified<Release>`](crate::openpgp::Verified), that it is not an old one by
//! [`Fresh`](crate::openpgp::Fresh).

use std::collections::BTreeMap;
use std::fmt;

use contract::digest::{Digest, DigestError};

use crate::compression::{Compression, UnpackError, unpack};
use crate::control::{ControlError, Field, Stanza, single, text};
use crate::date::Date;

#[cfg(test)]
mod tests;

/// The longest `Release` that is read; Debian's are below 1 MiB.
pub const LIMIT_BYTES: usize = 16 << 20;

/// The most that an index may unpack to. All of Debian for one architecture is 60 MB.
const INDEX_BYTES: u64 = 1 << 30;

/// What an archive says of itself and of its indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Who runs the archive: `Debian`.
    pub origin: String,
    /// Which of its archives this is: `Debian-Security`.
    pub label: String,
    /// What the suite is at the time: `stable`.
    pub suite: String,
    /// What the suite stays: `trixie`.
    pub codename: String,
    /// The version of a point release; suites between them have none.
    pub version: Option<String>,
    /// When it was made.
    pub date: Date,
    /// Until when it may be used, where the archive says so.
    pub valid_until: Option<Date>,
    /// Debian's names of the architectures.
    pub architectures: Vec<String>,
    /// `main` and its like.
    pub components: Vec<String>,
    /// Whether every index can be had under its digest too, so that it never changes under a
    /// reader's hands.
    pub by_hash: bool,
    files: BTreeMap<String, Listed>,
}

/// A file that a `Release` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many they are.
    pub len_bytes: u64,
}

/// Text that is no `Release`.
#[derive(Debug)]
pub enum ReleaseError {
    /// It is too long.
    TooLong,
    /// It is not one stanza.
    Control(ControlError),
    /// A field is missing.
    NoField(&'static str),
    /// A field is no date of the archive's form.
    Date {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: String,
    },
    /// A line of the SHA-256 table.
    Line {
        /// The line of the file.
        line: usize,
        /// What is wrong with it.
        why: LineFault,
    },
}

/// What is wrong with a line of the table of digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineFault {
    /// Not of the form `digest size path`.
    Form,
    /// No digest.
    Digest(DigestError),
    /// A path that is absolute or has an empty, `.` or `..` name in it.
    Path(String),
    /// This path was there before.
    Twice(String),
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a Release of more than {LIMIT_BYTES} bytes"),
            Self::Control(_) => f.write_str("not the text of a Release"),
            Self::NoField(name) => write!(f, "the Release has no field `{name}`"),
            Self::Date { field, found } => write!(f, "`{field}: {found}` is no date in UTC"),
            Self::Line { line, why } => write!(f, "line {line}: {why}"),
        }
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("not of the form `digest size path`"),
            Self::Digest(error) => error.fmt(f),
            Self::Path(path) => write!(f, "`{path}` is no path below the archive"),
            Self::Twice(path) => write!(f, "`{path}` is there twice"),
        }
    }
}

impl std::error::Error for ReleaseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Control(source) => Some(source),
            _ => None,
        }
    }
}

impl Release {
    /// Reads the text of a `Release`, without signature.
    ///
    /// # Errors
    /// The bytes are no `Release`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReleaseError> {
        if bytes.len() > LIMIT_BYTES {
            return Err(ReleaseError::TooLong);
        }
        let text = text(bytes).map_err(ReleaseError::Control)?;
        let stanza = single(text).map_err(ReleaseError::Control)?;
        let owned = |name: &str| stanza.get(name).unwrap_or_default().to_owned();
        let words = |name: &str| {
            let words = stanza.get(name).unwrap_or_default().split_ascii_whitespace();
            words.map(str::to_owned).collect()
        };
        let table = stanza.field("SHA256").ok_or(ReleaseError::NoField("SHA256"))?;
        Ok(Self {
            origin: owned("Origin"),
            label: owned("Label"),
            suite: owned("Suite"),
            codename: required(&stanza, "Codename")?.to_owned(),
            version: stanza.get("Version").map(str::to_owned),
            date: date(&stanza, "Date")?.ok_or(ReleaseError::NoField("Date"))?,
            valid_until: date(&stanza, "Valid-Until")?,
            architectures: words("Architectures"),
            components: words("Components"),
            by_hash: stanza.get("Acquire-By-Hash") == Some("yes"),
            files: files(table)?,
        })
    }

    /// The file of this path below the suite's directory, if it is named.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&Listed> {
        self.files.get(path)
    }

    /// Every file that is named, by path.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<String, Listed> {
        &self.files
    }

    /// Where the list of packages of a component and an architecture is, in the smallest form:
    /// `main/binary-amd64/Packages.xz`.
    #[must_use]
    pub fn packages_path(&self, component: &str, architecture: &str) -> Option<String> {
        let stem = format!("{component}/binary-{architecture}/Packages");
        let endings = [".xz", ".zst", ".gz", ""].into_iter();
        endings.map(|end| format!("{stem}{end}")).find(|path| self.files.contains_key(path))
    }

    /// Checks that these bytes are the file of this path, and unpacks them.
    ///
    /// # Errors
    /// The file is not named, or the bytes are not that file, or do not unpack to what is named.
    pub fn unpack(&self, path: &str, bytes: &[u8]) -> Result<Vec<u8>, IndexBytesError> {
        let listed = self.file(path).ok_or_else(|| IndexBytesError::NotListed(path.to_owned()))?;
        compare(path, listed, bytes)?;
        let (stem, kind) = Compression::of_name(path);
        let corrupt = |source| IndexBytesError::Unpack { path: path.to_owned(), source };
        let content = unpack(kind, bytes, INDEX_BYTES).map_err(corrupt)?;
        if let Some(listed) = self.file(stem) {
            compare(stem, listed, &content)?;
        }
        Ok(content)
    }
}

/// Bytes that are not the index they were given as.
#[derive(Debug)]
pub enum IndexBytesError {
    /// The `Release` does not name this path.
    NotListed(String),
    /// The length or the digest differs.
    Differs {
        /// The path.
        path: String,
        /// What the `Release` says.
        expected: Listed,
        /// What was given.
        found: Listed,
    },
    /// It does not unpack.
    Unpack {
        /// The path.
        path: String,
        /// Why not.
        source: UnpackError,
    },
}

impl fmt::Display for IndexBytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed(path) => write!(f, "the Release does not name `{path}`"),
            Self::Differs { path, expected, found } => write!(
                f,
                "`{path}` should be {} bytes of digest {}, and is {} bytes of {}",
                expected.len_bytes, expected.digest, found.len_bytes, found.digest
            ),
            Self::Unpack { path, .. } => write!(f, "unpacking `{path}`"),
        }
    }
}

impl std::error::Error for IndexBytesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unpack { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn compare(path: &str, expected: &Listed, bytes: &[u8]) -> Result<(), IndexBytesError> {
    let len_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let found = Listed { digest: Digest::of(bytes), len_bytes };
    if found == *expected {
        return Ok(());
    }
    Err(IndexBytesError::Differs { path: path.to_owned(), expected: *expected, found })
}

fn required<'a>(stanza: &Stanza<'a>, name: &'static str) -> Result<&'a str, ReleaseError> {
    stanza.get(name).filter(|value| !value.is_empty()).ok_or(ReleaseError::NoField(name))
}

fn date(stanza: &Stanza<'_>, field: &'static str) -> Result<Option<Date>, ReleaseError> {
    let Some(found) = stanza.get(field) else { return Ok(None) };
    let short = || found.chars().take(80).collect();
    let date = Date::parse(found).ok_or_else(|| ReleaseError::Date { field, found: short() })?;
    Ok(Some(date))
}

fn files(table: &Field<'_>) -> Result<BTreeMap<String, Listed>, ReleaseError> {
    let mut files = BTreeMap::new();
    for (number, line) in table.value.lines().enumerate() {
        // A value that begins on its field's second line has lost that line break.
        let fault = |why| ReleaseError::Line { line: table.line + 1 + number, why };
        let (path, listed) = listed(line).map_err(fault)?;
        if files.insert(path.to_owned(), listed).is_some() {
            return Err(fault(LineFault::Twice(path.to_owned())));
        }
    }
    Ok(files)
}

fn listed(line: &str) -> Result<(&str, Listed), LineFault> {
    let mut words = line.split_ascii_whitespace();
    let (Some(digest), Some(size), Some(path), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(LineFault::Form);
    };
    let digest = digest.parse().map_err(LineFault::Digest)?;
    let plain = size.bytes().all(|byte| byte.is_ascii_digit());
    let len_bytes = size.parse().ok().filter(|_| plain).ok_or(LineFault::Form)?;
    if !is_below(path) {
        return Err(LineFault::Path(path.to_owned()));
    }
    Ok((path, Listed { digest, len_bytes }))
}

/// Whether a path stays below where it is put: relative, without empty, `.` and `..` names.
pub(crate) fn is_below(path: &str) -> bool {
    path.split('/').all(|name| !matches!(name, "" | "." | ".."))
        && !path.contains(['\\', '\0', '?', '#', '%'])
}
