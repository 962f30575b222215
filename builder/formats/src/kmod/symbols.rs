//! The symbols by which modules depend on one another.
//!
//! depmod orders a module's dependencies by the order in which it met their symbols, so the order
//! here is part of the format: undefined symbols as `.symtab` has them, then names that stand in
//! `__versions` alone.

use std::collections::BTreeSet;

use super::{ModuleError, Words};
use crate::elf::ElfError;
use crate::elf::raw::{self, Raw, Section};

/// The most bytes of names that are taken: the largest module has 100 KiB.
const MAX_NAME_BYTES: usize = 16 << 20;
/// A record of `__versions`, for either class.
const VERSION_BYTES: usize = 64;

/// One row of `.symtab`.
struct Symbol<'a> {
    name: &'a str,
    defined: bool,
}

/// Symbols that the module gives to others.
pub(super) fn exports(raw: &Raw<'_>, sections: &[Section<'_>]) -> Result<Words, ModuleError> {
    let mut names = Vec::new();
    for symbol in table(raw, sections) {
        names.extend(symbol?.name.strip_prefix("__crc_"));
    }
    if names.is_empty() {
        let strings = section(sections, "__ksymtab_strings");
        let strings = strings.map(|section| section.bytes).unwrap_or_default();
        for text in strings.split(|byte| *byte == 0).filter(|text| !text.is_empty()) {
            let text = std::str::from_utf8(text).map_err(|_| ElfError::NotText { what: "symbol" });
            names.push(text?);
        }
    }
    checked(names.into_iter())
}

/// Symbols that the module needs from elsewhere.
pub(super) fn imports(raw: &Raw<'_>, sections: &[Section<'_>]) -> Result<Words, ModuleError> {
    let mut names = Vec::new();
    for symbol in table(raw, sections) {
        let symbol = symbol?;
        if !symbol.defined && !symbol.name.is_empty() {
            names.push(symbol.name);
        }
    }
    let seen: BTreeSet<&str> = names.iter().copied().collect();
    let versions = section(sections, "__versions").map(|section| section.bytes);
    for record in versions.unwrap_or_default().chunks_exact(VERSION_BYTES) {
        let name = raw::string(record.get(raw.pick(8, 4)..).unwrap_or_default(), 0)?;
        if !seen.contains(name) {
            names.push(name);
        }
    }
    checked(names.into_iter())
}

/// The names as words, where they can stand in an index.
fn checked<'a>(names: impl Iterator<Item = &'a str>) -> Result<Words, ModuleError> {
    let mut words = Words::default();
    for name in names {
        if name.is_empty() || name.contains(|char: char| char.is_control() || char == ' ') {
            let text = name.chars().take(200).collect();
            return Err(ModuleError::BadText { what: "symbol", text });
        }
        if words.0.len() + name.len() >= MAX_NAME_BYTES {
            return Err(ModuleError::TooManySymbols);
        }
        words.push(name);
    }
    Ok(words)
}

fn section<'a, 'b>(sections: &'b [Section<'a>], name: &str) -> Option<&'b Section<'a>> {
    sections.iter().find(|section| section.name == name)
}

/// The rows of `.symtab` after the first, which means nothing. Names are in the section that the
/// table's header links to.
fn table<'a>(
    raw: &'a Raw<'a>,
    sections: &'a [Section<'a>],
) -> impl Iterator<Item = Result<Symbol<'a>, ElfError>> {
    let table = sections.iter().find(|section| section.kind == raw::SYMBOL_TABLE);
    let strings = table
        .and_then(|table| sections.get(usize::try_from(table.link).ok()?))
        .map(|section| section.bytes)
        .unwrap_or_default();
    let rows = table.map(|table| table.bytes).unwrap_or_default();
    rows.chunks_exact(raw.pick(24, 16)).skip(1).map(move |row| {
        let short = ElfError::Short { what: "symbol table" };
        let name = raw.u32(row, 0).ok_or_else(|| short.clone())?;
        let section = raw.u16(row, raw.pick(6, 14)).ok_or(short)?;
        Ok(Symbol { name: raw::string(strings, name.into())?, defined: section != 0 })
    })
}
