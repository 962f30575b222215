//! Reading a lock strictly: the only text that is taken is the one that would be written.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use contract::arch::Arch;
use contract::digest::Digest;

use super::{FORMAT, Key, Listed, Lock, Locked, Suite, write};
use crate::control::{ControlError, Field, Stanza, stanzas, text};
use crate::date::Date;
use crate::reason::Reason;
use crate::relation::is_package_name;
use crate::release::is_below;
use crate::version::Version;

/// The longest lock that is read.
const LIMIT_BYTES: usize = 64 << 20;

/// Text that is no lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: LockFault,
}

/// What is wrong with a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockFault {
    /// It is too long.
    TooLong,
    /// It is not made of stanzas.
    Control(ControlError),
    /// Another version of the form.
    Format(String),
    /// A field where another belongs; `None` for the end of the stanza.
    Field {
        /// The field that belongs there.
        expected: &'static str,
        /// The field that is there.
        found: Option<String>,
    },
    /// A field that no stanza of this kind has.
    Unknown(String),
    /// A field's value.
    Value {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: String,
    },
    /// Something is there twice.
    Twice(String),
    /// A package of a suite that the lock does not have.
    NoSuite(String),
    /// The text ends before the line `End`, or something follows it.
    End,
    /// Right in meaning, but not the text that would be written: the order, or the spacing.
    NotAsWritten,
    /// The digest of the last line is not that of the text.
    Altered {
        /// What the last line says.
        expected: Digest,
        /// What the text has.
        found: Digest,
    },
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            LockFault::Control(error) => error.fmt(f),
            why => write!(f, "line {}: {why}", self.line),
        }
    }
}

impl fmt::Display for LockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a lock of more than {LIMIT_BYTES} bytes"),
            Self::Control(error) => error.fmt(f),
            Self::Format(found) => write!(f, "format `{found}`, only {FORMAT} is known"),
            Self::Field { expected, found: Some(found) } => {
                write!(f, "the field `{found}` where `{expected}` belongs")
            }
            Self::Field { expected, found: None } => write!(f, "the field `{expected}` is missing"),
            Self::Unknown(name) => write!(f, "the field `{name}` is not known"),
            Self::Value { field, found } => write!(f, "`{found}` is no value of `{field}`"),
            Self::Twice(name) => write!(f, "`{name}` is there twice"),
            Self::NoSuite(name) => write!(f, "the lock has no suite `{name}`"),
            Self::End => f.write_str("the lock does not end with one line `End`"),
            Self::NotAsWritten => f.write_str("not as it was written, the order or the spacing"),
            Self::Altered { expected, found } => {
                write!(f, "the text was changed: its digest is {found}, not {expected}")
            }
        }
    }
}

impl std::error::Error for LockError {}

impl FromStr for Lock {
    type Err = LockError;

    fn from_str(text: &str) -> Result<Self, LockError> {
        Self::parse(text.as_bytes())
    }
}

impl Lock {
    /// Reads a lock.
    ///
    /// # Errors
    /// The bytes are not the text of a lock, to the last one.
    pub fn parse(bytes: &[u8]) -> Result<Self, LockError> {
        if bytes.len() > LIMIT_BYTES {
            return Err(LockError { line: 1, why: LockFault::TooLong });
        }
        let text = text(bytes).map_err(control)?;
        let mut all = stanzas(text);
        let first = all.next().ok_or(LockError { line: 1, why: LockFault::End })?;
        let mut lock = header(first.map_err(control)?)?;
        let mut end = None;
        for stanza in all {
            let stanza = stanza.map_err(control)?;
            let fault = |why| LockError { line: stanza.line(), why };
            if end.is_some() {
                return Err(fault(LockFault::End));
            }
            let mut fields = Fields::of(&stanza);
            match stanza.fields().first().map(|field| field.name).unwrap_or_default() {
                "Suite" => suite(&mut lock, &mut fields)?,
                "Left-Out" => left_out(&mut lock, &mut fields)?,
                "Set" => package(&mut lock, &mut fields)?,
                "End" => end = Some((fields.digest("End")?, stanza.line())),
                other => return Err(fault(LockFault::Unknown(other.to_owned()))),
            }
            fields.done()?;
        }
        check_end(&lock, text, end)?;
        Ok(lock)
    }
}

fn control(error: ControlError) -> LockError {
    LockError { line: error.line, why: LockFault::Control(error) }
}

/// The text must be the one that would be written, and its last line must name it.
fn check_end(lock: &Lock, text: &str, end: Option<(Digest, usize)>) -> Result<(), LockError> {
    let lines = text.lines().count();
    let (expected, line) = end.ok_or(LockError { line: lines, why: LockFault::End })?;
    let mut written = write::body(lock);
    let found = Digest::of(written.as_bytes());
    write::end(&mut written);
    let differs = written.lines().zip(text.lines()).position(|(one, two)| one != two);
    match differs {
        Some(place) if place + 1 == line => {
            Err(LockError { line, why: LockFault::Altered { expected, found } })
        }
        Some(place) => Err(LockError { line: place + 1, why: LockFault::NotAsWritten }),
        None if written != text => Err(LockError { line: lines, why: LockFault::NotAsWritten }),
        None => Ok(()),
    }
}

/// The fields of a stanza, taken in their order.
struct Fields<'s, 'a> {
    rest: std::slice::Iter<'s, Field<'a>>,
    line: usize,
}

impl<'s, 'a> Fields<'s, 'a> {
    fn of(stanza: &'s Stanza<'a>) -> Self {
        Self { rest: stanza.fields().iter(), line: stanza.line() }
    }

    fn take(&mut self, expected: &'static str) -> Result<Field<'a>, LockError> {
        let Some(field) = self.rest.next() else {
            return Err(self.fault(LockFault::Field { expected, found: None }));
        };
        self.line = field.line;
        if field.name == expected {
            return Ok(*field);
        }
        Err(self.fault(LockFault::Field { expected, found: Some(field.name.to_owned()) }))
    }

    fn fault(&self, why: LockFault) -> LockError {
        LockError { line: self.line, why }
    }

    /// The value of the next field, which must be this one, read by `read`.
    fn value<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, LockError> {
        let value = self.take(name)?.value;
        read(value).ok_or_else(|| self.fault(wrong(name, value)))
    }

    fn digest(&mut self, name: &'static str) -> Result<Digest, LockError> {
        self.value(name, |value| value.parse().ok())
    }

    /// The items of a list, which is not there when it is empty.
    fn list<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&'a str) -> Option<T>,
    ) -> Result<Vec<T>, LockError> {
        if self.rest.as_slice().first().is_none_or(|field| field.name != name) {
            return Ok(Vec::new());
        }
        let field = self.take(name)?;
        let item = |(number, line): (usize, &'a str)| {
            let line_number = field.line + 1 + number;
            let found = line.trim_ascii();
            read(found).ok_or_else(|| LockError { line: line_number, why: wrong(name, found) })
        };
        field.value.lines().enumerate().map(item).collect()
    }

    fn done(mut self) -> Result<(), LockError> {
        match self.rest.next() {
            None => Ok(()),
            Some(field) => {
                self.line = field.line;
                Err(self.fault(LockFault::Unknown(field.name.to_owned())))
            }
        }
    }
}

fn wrong(field: &'static str, found: &str) -> LockFault {
    LockFault::Value { field, found: found.chars().take(80).collect() }
}

fn once<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    value: V,
    name: &str,
    line: usize,
) -> Result<(), LockError> {
    match map.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(LockError { line, why: LockFault::Twice(name.to_owned()) }),
    }
}

fn header(stanza: Stanza<'_>) -> Result<Lock, LockError> {
    let mut fields = Fields::of(&stanza);
    let format = fields.take("Ashlar-Lock")?.value;
    if format != FORMAT.to_string() {
        return Err(fields.fault(LockFault::Format(format.chars().take(40).collect())));
    }
    let arch = fields.value("Architecture", |value| value.parse::<Arch>().ok())?;
    let line = fields.line;
    let mut codecs = BTreeMap::new();
    for (name, version) in fields.list("Codecs", two_words)? {
        once(&mut codecs, name.clone(), version, &name, line)?;
    }
    fields.done()?;
    let (suites, left_out, packages) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    Ok(Lock { arch, codecs, suites, left_out, packages })
}

fn suite(lock: &mut Lock, fields: &mut Fields<'_, '_>) -> Result<(), LockError> {
    let line = fields.line;
    let name = fields.value("Suite", word)?;
    let archive = fields.value("Archive", word)?;
    let date = fields.value("Date", Date::parse)?;
    let inrelease = fields.digest("InRelease")?;
    let signed_by = fields.list("Signed-By", fingerprint)?;
    let mut indices = BTreeMap::new();
    for (path, listed) in fields.list("Indices", listed)? {
        once(&mut indices, path.clone(), listed, &path, fields.line)?;
    }
    let suite = Suite { archive, date, inrelease, signed_by, indices };
    once(&mut lock.suites, name.clone(), suite, &name, line)
}

fn left_out(lock: &mut Lock, fields: &mut Fields<'_, '_>) -> Result<(), LockError> {
    let line = fields.line;
    let name = fields.value("Left-Out", package_name)?;
    let reason = fields.value("Reason", |value| {
        (!value.is_empty() && !value.contains('\n')).then(|| value.to_owned())
    })?;
    once(&mut lock.left_out, name.clone(), reason, &name, line)
}

fn package(lock: &mut Lock, fields: &mut Fields<'_, '_>) -> Result<(), LockError> {
    let line = fields.line;
    let set = fields.value("Set", word)?;
    let name = fields.value("Package", package_name)?;
    let version = fields.value("Version", version)?;
    let architecture = fields.value("Architecture", word)?;
    let suite = fields.value("Suite", word)?;
    if !lock.suites.contains_key(&suite) {
        return Err(fields.fault(LockFault::NoSuite(suite)));
    }
    let sound =
        |path: &str| is_below(path) && path.ends_with(".deb") && !path.contains(['\n', ' ']);
    let path = fields.value("Path", |path| sound(path).then(|| path.to_owned()))?;
    let len_bytes = fields.value("Size", number)?;
    let digest = fields.digest("SHA256")?;
    let (source, source_version) = fields.value("Source", |value| {
        two_words(value).filter(|(name, own)| is_package_name(name) && version_is(own))
    })?;
    let why = fields.list("Why", |line| line.parse::<Reason>().ok())?;
    if why.is_empty() {
        return Err(fields.fault(LockFault::Field { expected: "Why", found: None }));
    }
    if !why.is_sorted() {
        return Err(fields.fault(LockFault::NotAsWritten));
    }
    let locked =
        Locked { architecture, suite, path, len_bytes, digest, source, source_version, why };
    once(&mut lock.packages, Key { set, name: name.clone(), version }, locked, &name, line)
}

/// Names of sets, suites, archives and architectures.
fn word(value: &str) -> Option<String> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    (is_below(value) && value.bytes().all(plain)).then(|| value.to_owned())
}

fn package_name(value: &str) -> Option<String> {
    is_package_name(value).then(|| value.to_owned())
}

fn version_is(value: &str) -> bool {
    Version::parse(value).is_ok()
}

fn version(value: &str) -> Option<String> {
    version_is(value).then(|| value.to_owned())
}

fn number(value: &str) -> Option<u64> {
    value.parse().ok().filter(|number: &u64| number.to_string() == value)
}

fn two_words(value: &str) -> Option<(String, String)> {
    let (one, two) = value.split_once(' ')?;
    let plain = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
    (plain(one) && plain(two)).then(|| (one.to_owned(), two.to_owned()))
}

fn fingerprint(value: &str) -> Option<String> {
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    (matches!(value.len(), 40 | 64) && value.bytes().all(hex)).then(|| value.to_owned())
}

fn listed(value: &str) -> Option<(String, Listed)> {
    let (digest, rest) = value.split_once(' ')?;
    let (size, path) = rest.split_once(' ')?;
    let (digest, len_bytes) = (digest.parse().ok()?, number(size)?);
    let sound = is_below(path) && !path.contains(' ');
    sound.then(|| (path.to_owned(), Listed { digest, len_bytes }))
}
