//! Stanzas of fields, the form of every index and control file of the archive (deb822(5)).
//!
//! An index is 60 MB of them, so nothing is copied: a field's name and value are slices of the
//! text. Strict, because two readers that disagree about a stanza are how a wrong package gets in:
//! a field twice, a line of blanks, a continuation without a field are errors with their line. No
//! comments: those belong to source packages, which are not read here.
//!
//! Memory is bounded by the text and by [`FIELDS`] for the one stanza in hand.

use std::fmt;

#[cfg(test)]
mod tests;

/// The most fields a stanza may have; the archive's longest has about forty.
pub const FIELDS: usize = 200;

/// One field: a name, and a value that may run over several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as written; names are compared without regard to case.
    pub name: &'a str,
    /// All after the colon without surrounding blanks, with the line breaks in it as they are.
    pub value: &'a str,
    /// The line it begins on, counted from 1.
    pub line: usize,
}

/// A group of fields without blank lines between them; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza<'a> {
    fields: Vec<Field<'a>>,
}

impl<'a> Stanza<'a> {
    /// The field of this name, whatever its case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The value of the field of this name, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.field(name).map(|field| field.value)
    }

    /// Every field, in the order of the text.
    #[must_use]
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The line the stanza begins on.
    #[must_use]
    pub fn line(&self) -> usize {
        self.fields.first().map_or(0, |field| field.line)
    }
}

/// Text that is not made of stanzas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: ControlFault,
}

/// What is wrong with a line of a control file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlFault {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The line is neither a field nor the continuation of one.
    NoColon,
    /// What stands before the colon is no field name.
    Name(String),
    /// The line continues nothing.
    NothingToContinue,
    /// The line has only blanks: neither empty nor text.
    Blank,
    /// This field was there already.
    Twice(String),
    /// The stanza has more than [`FIELDS`] fields.
    TooMany,
    /// The text should be one stanza and has none, or several.
    NotOne(usize),
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.why {
            ControlFault::NotUtf8 => f.write_str("not UTF-8"),
            ControlFault::NoColon => f.write_str("no colon after a field's name"),
            ControlFault::Name(name) => write!(f, "`{name}` is no name of a field"),
            ControlFault::NothingToContinue => f.write_str("continues no field"),
            ControlFault::Blank => f.write_str("a line of blanks"),
            ControlFault::Twice(name) => write!(f, "the field `{name}` is there twice"),
            ControlFault::TooMany => write!(f, "more than {FIELDS} fields in one stanza"),
            ControlFault::NotOne(count) => write!(f, "{count} stanzas where one belongs"),
        }
    }
}

impl std::error::Error for ControlError {}

/// The text in these bytes.
///
/// # Errors
/// They are not UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, ControlError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        ControlError { line, why: ControlFault::NotUtf8 }
    })
}

/// The stanzas of a text, one after the other. After an error there are no more.
#[must_use]
pub const fn stanzas(text: &str) -> Stanzas<'_> {
    Stanzas { rest: text, line: 1 }
}

/// The only stanza of a text.
///
/// # Errors
/// The text is not one stanza.
pub fn single(text: &str) -> Result<Stanza<'_>, ControlError> {
    let mut all = stanzas(text);
    let count = |line, count| ControlError { line, why: ControlFault::NotOne(count) };
    let first = all.next().ok_or_else(|| count(1, 0))??;
    match all.next() {
        None => Ok(first),
        Some(second) => Err(count(second?.line(), 2)),
    }
}

/// The iterator of [`stanzas`].
#[derive(Debug, Clone)]
pub struct Stanzas<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Result<Stanza<'a>, ControlError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(rest) = self.rest.strip_prefix('\n') {
            self.rest = rest;
            self.line += 1;
        }
        if self.rest.is_empty() {
            return None;
        }
        let stanza = self.stanza();
        if stanza.is_err() {
            self.rest = "";
        }
        Some(stanza)
    }
}

impl<'a> Stanzas<'a> {
    fn stanza(&mut self) -> Result<Stanza<'a>, ControlError> {
        let mut fields: Vec<Field<'a>> = Vec::with_capacity(24);
        let mut seen = 0;
        while !self.rest.is_empty() && !self.rest.starts_with('\n') {
            let field = self.field()?;
            let fault = |why| ControlError { line: field.line, why };
            if fields.len() == FIELDS {
                return Err(fault(ControlFault::TooMany));
            }
            let bit = fingerprint(field.name);
            let same = |other: &Field<'_>| other.name.eq_ignore_ascii_case(field.name);
            if seen & bit != 0 && fields.iter().any(same) {
                return Err(fault(ControlFault::Twice(field.name.to_owned())));
            }
            seen |= bit;
            fields.push(field);
        }
        Ok(Stanza { fields })
    }

    fn field(&mut self) -> Result<Field<'a>, ControlError> {
        let (text, line) = (self.rest, self.line);
        let fault = |line, why| ControlError { line, why };
        if text.starts_with([' ', '\t']) {
            return Err(fault(line, ControlFault::NothingToContinue));
        }
        let mut end = self.take_line();
        let first = text.get(..end).unwrap_or_default();
        let Some((name, _)) = first.split_once(':') else {
            return Err(fault(line, ControlFault::NoColon));
        };
        check_name(name).map_err(|why| fault(line, why))?;
        while self.rest.starts_with([' ', '\t']) {
            let (start, here) = (text.len() - self.rest.len(), self.line);
            end = start + self.take_line();
            if text.get(start..end).unwrap_or_default().trim_ascii().is_empty() {
                return Err(fault(here, ControlFault::Blank));
            }
        }
        let value = text.get(name.len() + 1..end).unwrap_or_default().trim_ascii();
        Ok(Field { name, value, line })
    }

    /// Steps over one line and gives its length without the line break.
    fn take_line(&mut self) -> usize {
        let (length, rest) = match self.rest.split_once('\n') {
            Some((line, rest)) => (line.len(), rest),
            None => (self.rest.len(), ""),
        };
        self.rest = rest;
        self.line += 1;
        length
    }
}

/// Field names are printable ASCII without colon, and begin with neither `#` nor `-`.
fn check_name(name: &str) -> Result<(), ControlFault> {
    let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || name.starts_with(['#', '-']) || !printable {
        return Err(ControlFault::Name(name.chars().take(80).collect()));
    }
    Ok(())
}

/// One of 64 bits; names that differ only in case share it.
fn fingerprint(name: &str) -> u64 {
    let letter = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or(0) | 0x20);
    let bytes = name.as_bytes();
    1 << ((bytes.len() + 7 * letter(bytes.first()) + 3 * letter(bytes.last())) % 64)
}
