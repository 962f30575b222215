//! SBAT: the generation numbers by which a boot component can be revoked.
//!
//! A UKI is revoked when any of its parts is, so its `.sbat` has the entries of all of them: the
//! stub's, the kernel's where it has some, and ours. The shim project's `SBAT.md` specifies the
//! text: lines of comma-separated values, first `sbat,1,…` for the format itself, then one line
//! for each component: name, generation (a positive number), vendor, package, version, address.

use std::fmt;

/// A text that is no SBAT table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SbatError {
    /// It does not begin with the line `sbat,1,…`.
    NoHeader,
    /// It holds something that is no printable ASCII.
    NotText,
    /// A line is not name, generation and four more values.
    Line {
        /// The line.
        line: String,
    },
    /// Two tables have different lines for one component.
    Conflict {
        /// The component.
        component: String,
    },
}

impl fmt::Display for SbatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader => f.write_str("an SBAT table begins with a line `sbat,1,…`"),
            Self::NotText => f.write_str("an SBAT table is printable ASCII"),
            Self::Line { line } => write!(
                f,
                "the SBAT line `{line}` is not name, generation, vendor, package, version, address"
            ),
            Self::Conflict { component } => {
                write!(f, "there are two different SBAT lines for `{component}`")
            }
        }
    }
}

impl std::error::Error for SbatError {}

/// One table of several: the first one's line for the format, then every component in the order
/// it is first met. Zero bytes at the end of a table, which some tools write, are not part of it.
///
/// # Errors
/// A table is none, or two disagree about a component.
pub fn merge(tables: &[&[u8]]) -> Result<String, SbatError> {
    let mut lines: Vec<&str> = Vec::new();
    for table in tables {
        let end = table.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let table = table.get(..end).unwrap_or_default();
        let printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r');
        if !table.iter().all(printable) {
            return Err(SbatError::NotText);
        }
        let text = str::from_utf8(table).map_err(|_| SbatError::NotText)?;
        let mut entries = text.lines().filter(|line| !line.is_empty());
        let header = entries.next().filter(|line| line.starts_with("sbat,1,"));
        for line in
            header.ok_or(SbatError::NoHeader).map(|line| [line].into_iter().chain(entries))?
        {
            add(&mut lines, line)?;
        }
    }
    Ok(lines.iter().flat_map(|line| [*line, "\n"]).collect())
}

fn add<'a>(lines: &mut Vec<&'a str>, line: &'a str) -> Result<(), SbatError> {
    let component = component(line).ok_or_else(|| SbatError::Line { line: line.to_owned() })?;
    let known = lines.iter().find(|known| known.split(',').next() == Some(component));
    match known {
        Some(known) if *known == line || component == "sbat" => {}
        Some(_) => return Err(SbatError::Conflict { component: component.to_owned() }),
        None => lines.push(line),
    }
    Ok(())
}

fn component(line: &str) -> Option<&str> {
    let mut values = line.split(',');
    let name = values.next().filter(|name| !name.is_empty())?;
    let generation = values.next()?.parse::<u16>().ok()?;
    (generation > 0 && values.count() == 4).then_some(name)
}
