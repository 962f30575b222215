//! Text of declarations → values, with everything that is wrong with one file in one go.
//!
//! A reader never stops at the first mistake: it notes it, goes on with a stand-in value, and at
//! the end the file counts as read only when nothing was noted. Each table is checked for unknown
//! keys when it is opened, against [`crate::keys`].

pub(crate) mod image;
pub(crate) mod names;
pub(crate) mod parts;
pub(crate) mod recipe;
mod service;
mod table;

pub(crate) use table::{Reader, Table, Text};

use toml::de::DeTable;

use crate::diagnostic::{Diagnostic, Problem, Rejected};
use crate::keys::Section;
use crate::sources::{LineIndex, Sources};

/// The longest declaration that is read. The longest of our own has some thirty kilobytes.
pub const MAX_DECLARATION_BYTES: usize = 1 << 20;

/// Reads the text of one file with `read`, which sees its top table.
pub(crate) fn file<T>(
    name: &str,
    bytes: &[u8],
    section: &'static Section,
    read: impl FnOnce(&mut Reader<'_>, Table<'_>) -> T,
) -> Result<(T, Sources), Rejected> {
    let mut sources = Sources::default();
    let text = match text_of(name, bytes, &mut sources) {
        Ok(text) => text,
        Err(diagnostic) => return Err(Rejected { diagnostics: vec![*diagnostic], sources }),
    };
    sources.keep(name, text);
    let mut reader = Reader::new(LineIndex::new(name, text));
    let (top, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let message = format!("this is no TOML: {}", error.message());
        reader.report(error.span().unwrap_or(0..0), Problem::Syntax { message }, None);
    }
    let value = errors.is_empty().then(|| {
        let top = reader.open(top.get_ref(), top.span(), section);
        read(&mut reader, top)
    });
    let diagnostics = reader.into_findings();
    match value {
        Some(value) if diagnostics.is_empty() => Ok((value, sources)),
        _ => Err(Rejected { diagnostics, sources }),
    }
}

/// The text of a file, when it is text and no longer than a declaration may be.
fn text_of<'b>(
    name: &str,
    bytes: &'b [u8],
    sources: &mut Sources,
) -> Result<&'b str, Box<Diagnostic>> {
    let at = |text: &str, offset: usize, problem: Problem| {
        Diagnostic::at(LineIndex::new(name, text).place(offset..offset), problem)
    };
    if bytes.len() > MAX_DECLARATION_BYTES {
        let problem = Problem::TooLong { limit_bytes: MAX_DECLARATION_BYTES };
        let advice = "keep large content in a file beside the recipe, with `source`";
        return Err(Box::new(at("", 0, problem).advise(advice)));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let good = String::from_utf8_lossy(good);
        sources.keep(name, &String::from_utf8_lossy(bytes));
        Box::new(at(&good, good.len(), Problem::NotText).advise("save the file as UTF-8"))
    })
}
