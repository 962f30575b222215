//! Kernel modules: what one says about itself, and the index files made from many.
//!
//! The running system finds modules by `modules.dep`, `modules.alias` and their siblings, which
//! the `depmod` of kmod writes when a kernel is installed. No maintainer script runs here, and the
//! image keeps only some modules, so the builder writes them for exactly those it keeps, byte for
//! byte as kmod 34 writes the text forms. Left out are the binary forms (`*.bin`), which only
//! libkmod reads and no image has, and `modules.symbols`, whose order is that of kmod's hash table
//! and which serves `symbol_request` of a few television drivers.
//!
//! A module is a relocatable ELF file. Its `.modinfo` section holds `KEY=value` strings, each
//! ended by a zero byte (Linux, `include/linux/moduleinfo.h` and `module.h`); what it gives to
//! other modules stands in `.symtab` as `__crc_NAME` (kernels with `CONFIG_MODVERSIONS`) or in
//! `__ksymtab_strings`; what it needs is undefined in `.symtab` or named in `__versions` (records
//! of 64 bytes: a CRC as wide as a pointer, and the name).

mod alias;
mod index;
mod modinfo;
mod symbols;

pub use alias::{AliasIndex, alias_matches};
pub use index::{BuiltIn, IndexError, ModuleSet, parse_order};
pub use modinfo::{MAX_MODINFO_BYTES, parse_modinfo};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::elf::raw::Raw;
use crate::elf::{ElfError, Machine};

/// Why the bytes of a module make no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleError {
    /// The ELF file around it.
    Elf(ElfError),
    /// A string of `.modinfo` has no `=`.
    NoKey {
        /// The string.
        text: String,
    },
    /// `.modinfo` is larger than that of any module.
    ModinfoTooLong {
        /// Its size.
        found_bytes: usize,
    },
    /// A symbol or a value has a character that would break a line of an index.
    BadText {
        /// What it is.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// The symbols are more than any module has.
    TooManySymbols,
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elf(_) => f.write_str("the module is no sound ELF file"),
            Self::NoKey { text } => write!(f, "`{text}` in .modinfo is not KEY=value"),
            Self::ModinfoTooLong { found_bytes } => write!(
                f,
                ".modinfo has {found_bytes} bytes, more than the {MAX_MODINFO_BYTES} that are read"
            ),
            Self::BadText { what, text } => write!(f, "the {what} `{text}` is not plain text"),
            Self::TooManySymbols => f.write_str("more symbols than any module has"),
        }
    }
}

impl std::error::Error for ModuleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Elf(source) => Some(source),
            _ => None,
        }
    }
}

impl From<ElfError> for ModuleError {
    fn from(source: ElfError) -> Self {
        Self::Elf(source)
    }
}

/// Words kept in one string: a module has hundreds of symbols, and there are thousands of modules.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Words(String);

impl Words {
    /// The words, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|word| !word.is_empty())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a word, which holds no space.
    fn push(&mut self, word: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(word);
    }
}

impl<'a> FromIterator<&'a str> for Words {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        let mut all = Self::default();
        words.into_iter().for_each(|word| all.push(word));
        all
    }
}

/// What the builder knows of one kernel module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleFacts {
    /// The machine it is for.
    pub machine: Machine,
    /// `name`: what the kernel calls it; empty where `.modinfo` does not say.
    pub name: String,
    /// `license`.
    pub license: String,
    /// `vermagic`: the kernel it is for.
    pub vermagic: String,
    /// `alias`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// `depends`: modules whose symbols it uses, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<String>,
    /// `softdep`, as written: `pre: a b post: c`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub softdeps: Vec<String>,
    /// `weakdep`, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weakdeps: Vec<String>,
    /// `firmware`: files below the firmware directories, some with `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firmware: Vec<String>,
    /// Symbols it gives to other modules, in file order.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub exports: Words,
    /// Symbols it needs from the kernel or other modules, in the order depmod takes them.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub imports: Words,
}

impl ModuleFacts {
    /// Reads the facts of an uncompressed module; `None` when the bytes are no ELF file with a
    /// `.modinfo` section.
    ///
    /// # Errors
    /// It begins like a module and does not go on like one.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, ModuleError> {
        let Some(raw) = Raw::open(bytes)? else { return Ok(None) };
        if raw.file_type()? != 1 {
            return Ok(None);
        }
        let sections = raw.sections()?;
        let Some(modinfo) = sections.iter().find(|section| section.name == ".modinfo") else {
            return Ok(None);
        };
        let machine =
            Machine { number: raw.machine()?, wide: raw.wide, big_endian: raw.big_endian };
        let mut facts = Self {
            machine,
            name: String::new(),
            license: String::new(),
            vermagic: String::new(),
            aliases: Vec::new(),
            depends: Vec::new(),
            softdeps: Vec::new(),
            weakdeps: Vec::new(),
            firmware: Vec::new(),
            exports: symbols::exports(&raw, &sections)?,
            imports: symbols::imports(&raw, &sections)?,
        };
        for (key, value) in parse_modinfo(modinfo.bytes)? {
            facts.take(key, value);
        }
        Ok(Some(facts))
    }

    fn take(&mut self, key: &str, value: &str) {
        let list = match key {
            "name" => return value.clone_into(&mut self.name),
            "license" => return value.clone_into(&mut self.license),
            "vermagic" => return value.clone_into(&mut self.vermagic),
            "depends" => {
                let names = value.split(',').filter(|name| !name.is_empty());
                return self.depends.extend(names.map(module_name));
            }
            "alias" => &mut self.aliases,
            "softdep" => &mut self.softdeps,
            "weakdep" => &mut self.weakdeps,
            "firmware" => &mut self.firmware,
            _ => return,
        };
        list.push(value.to_owned());
    }

    /// The modules (or aliases) that `softdep` asks for, `pre` and `post` alike.
    pub fn soft_names(&self) -> impl Iterator<Item = &str> {
        let words = self.softdeps.iter().flat_map(|text| text.split_ascii_whitespace());
        words.filter(|word| !matches!(*word, "pre:" | "post:"))
    }

    /// The modules (or aliases) that `weakdep` mentions.
    pub fn weak_names(&self) -> impl Iterator<Item = &str> {
        self.weakdeps.iter().flat_map(|text| text.split_ascii_whitespace())
    }
}

/// A module's name as the kernel has it: `-` is `_`.
#[must_use]
pub fn module_name(text: &str) -> String {
    text.replace('-', "_")
}

/// Endings of module files, with what they are compressed by.
const ENDINGS: [&str; 4] = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"];

/// The path without its compression ending, when it is that of a module.
#[must_use]
pub fn uncompressed_path(path: &str) -> Option<&str> {
    let ending = ENDINGS.iter().find(|ending| path.ends_with(*ending))?;
    let stem = path.strip_suffix(ending)?;
    path.get(..stem.len() + ".ko".len())
}

/// The name of the module in a file: the file's name up to `.ko`, with `_` for `-`.
#[must_use]
pub fn name_of_file(path: &str) -> Option<String> {
    let path = uncompressed_path(path)?;
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    file.strip_suffix(".ko").filter(|stem| !stem.is_empty()).map(module_name)
}

#[cfg(test)]
mod tests;
