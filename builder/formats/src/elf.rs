//! What the builder asks of an ELF file: for which machine, which loader, which libraries.
//!
//! An image keeps what its programs load, so the builder reads what the loader would read: program
//! headers and the dynamic section, never section headers for that (they may be stripped).
//! Follows the System V gABI (chapters 4 and 5) and, for the notes, the UAPI group's "ELF dlopen
//! metadata". [`ElfFacts`] is small and serialisable: it is computed once for each content and kept
//! by digest, so that a rebuild opens no file.
//!
//! It refuses nothing that is not an ELF file (that is `None`), and answers broken ones with an
//! error. It does not relocate, disassemble or judge symbols.

mod dlopen;
pub(crate) mod raw;

pub use dlopen::{Dlopen, Priority, parse_dlopen};

use std::fmt;

use contract::arch::Arch;
use serde::{Deserialize, Serialize};

use raw::{Raw, Segment};

/// The most entries of one list that are taken from a file.
pub const MAX_ENTRIES: usize = 4096;

/// Why the bytes of an ELF file make no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElfError {
    /// A table or string leaves the file.
    Short {
        /// What leaves it.
        what: &'static str,
    },
    /// A field has a value that the format does not know.
    Unknown {
        /// The field.
        what: &'static str,
        /// Its value.
        found: u64,
    },
    /// There is more of something than any real file has.
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most that is taken.
        limit: usize,
    },
    /// Text is not UTF-8.
    NotText {
        /// Which text.
        what: &'static str,
    },
    /// A dlopen note is not what its specification says.
    BadDlopen {
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { what } => write!(f, "the {what} of the ELF file is cut short"),
            Self::Unknown { what, found } => write!(f, "the ELF {what} {found:#x} is not known"),
            Self::TooMany { what, limit } => write!(f, "more than {limit} {what} in the ELF file"),
            Self::NotText { what } => write!(f, "a {what} of the ELF file is not UTF-8"),
            Self::BadDlopen { reason } => write!(f, "the dlopen note is malformed: {reason}"),
        }
    }
}

impl std::error::Error for ElfError {}

/// The machine a file is for: `e_machine` with class and byte order, which the loader compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Machine {
    /// `e_machine`.
    pub number: u16,
    /// 64-bit class.
    pub wide: bool,
    /// Most significant byte first.
    pub big_endian: bool,
}

impl Machine {
    /// The machine of an architecture of ours (`EM_X86_64`, `EM_AARCH64`).
    #[must_use]
    pub const fn of(arch: Arch) -> Self {
        let number = match arch {
            Arch::X86_64 => 62,
            Arch::Aarch64 => 183,
        };
        Self { number, wide: true, big_endian: false }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(arch) = Arch::ALL.into_iter().find(|arch| *self == Self::of(*arch)) {
            return write!(f, "{arch}");
        }
        let class = if self.wide { 64 } else { 32 };
        let order = if self.big_endian { "big" } else { "little" };
        match self.number {
            3 => f.write_str("i386"),
            40 => write!(f, "ARM, {class}-bit {order}-endian"),
            number => write!(f, "machine {number}, {class}-bit {order}-endian"),
        }
    }
}

/// What kind of object a file is (`e_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectType {
    /// Input of a linker: object files and kernel modules.
    Relocatable,
    /// A program at a fixed address.
    Executable,
    /// A library, or a program that can be anywhere.
    Shared,
    /// Anything else: core dumps, and the numbers of operating systems and processors.
    Other,
}

/// How a file gets ready to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Linkage {
    /// No dynamic section: nothing is loaded beside it.
    Static,
    /// A program with a dynamic section and no loader: it relocates itself.
    StaticPie,
    /// The loader does it.
    Dynamic,
}

/// What the builder knows of one ELF file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfFacts {
    /// The machine.
    pub machine: Machine,
    /// The kind of object.
    pub object: ObjectType,
    /// How it gets ready to run.
    pub linkage: Linkage,
    /// `PT_INTERP`: the loader that the kernel starts for this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// `DT_NEEDED`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// `DT_SONAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soname: Option<String>,
    /// `DT_RPATH`, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpath: Option<String>,
    /// `DT_RUNPATH`, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runpath: Option<String>,
    /// `DF_1_NODEFLIB`: the loader searches no default directory for this object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_default_directories: bool,
    /// Declared run-time loading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dlopen: Vec<Dlopen>,
    /// The GNU build ID, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
}

impl ElfFacts {
    /// Reads the facts of a file; `None` when it is no ELF file.
    ///
    /// # Errors
    /// It begins like an ELF file and does not go on like one.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, ElfError> {
        let Some(raw) = Raw::open(bytes)? else { return Ok(None) };
        let segments = raw.segments()?;
        let dynamic = Dynamic::read(&raw, &segments)?;
        let interpreter = interpreter(&segments)?;
        let (dlopen, build_id) = notes(&raw, &segments)?;
        let object = match raw.file_type()? {
            1 => ObjectType::Relocatable,
            2 => ObjectType::Executable,
            3 => ObjectType::Shared,
            _ => ObjectType::Other,
        };
        let linkage = match (&dynamic, &interpreter) {
            (None, _) => Linkage::Static,
            (Some(dynamic), None) if dynamic.is_program() => Linkage::StaticPie,
            _ => Linkage::Dynamic,
        };
        let dynamic = dynamic.unwrap_or_default();
        Ok(Some(Self {
            machine: Machine { number: raw.machine()?, wide: raw.wide, big_endian: raw.big_endian },
            object,
            linkage,
            interpreter,
            no_default_directories: dynamic.flags & NO_DEFAULT_LIBRARIES != 0,
            needed: dynamic.needed,
            soname: dynamic.soname,
            rpath: dynamic.rpath,
            runpath: dynamic.runpath,
            dlopen,
            build_id,
        }))
    }

    /// Whether the kernel hands this file to a loader.
    #[must_use]
    pub const fn is_dynamic_program(&self) -> bool {
        self.interpreter.is_some()
    }
}

const NEEDED: u64 = 1;
const STRING_TABLE: u64 = 5;
const STRING_TABLE_SIZE: u64 = 10;
const SONAME: u64 = 14;
const RPATH: u64 = 15;
const RUNPATH: u64 = 29;
const FLAGS_1: u64 = 0x6fff_fffb;
const NO_DEFAULT_LIBRARIES: u64 = 0x800;
const POSITION_INDEPENDENT_PROGRAM: u64 = 0x0800_0000;

/// What the dynamic section says (gABI, chapter 5, "Dynamic Section"): pairs of a tag and a value
/// up to the tag 0. Strings are offsets into a table that is named by its address in memory.
#[derive(Default)]
struct Dynamic {
    needed: Vec<String>,
    soname: Option<String>,
    rpath: Option<String>,
    runpath: Option<String>,
    flags: u64,
}

impl Dynamic {
    fn read(raw: &Raw<'_>, segments: &[Segment<'_>]) -> Result<Option<Self>, ElfError> {
        let Some(dynamic) = segments.iter().find(|segment| segment.kind == raw::DYNAMIC) else {
            return Ok(None);
        };
        let pair = |row: &[u8]| raw.word(row, 0).zip(raw.word(row, raw.pick(8, 4)));
        let pairs = || dynamic.bytes.chunks_exact(raw.pick(16, 8)).filter_map(pair);
        let pairs = || pairs().take_while(|(tag, _)| *tag != 0);
        let value = |wanted| pairs().find(|(tag, _)| *tag == wanted).map(|(_, value)| value);
        let strings = match (value(STRING_TABLE), value(STRING_TABLE_SIZE)) {
            (Some(address), Some(size)) => memory(segments, address, size)?,
            _ => &[],
        };
        let mut found = Self { flags: value(FLAGS_1).unwrap_or(0), ..Self::default() };
        for (tag, value) in pairs() {
            let text = || raw::string(strings, value).map(str::to_owned);
            match tag {
                NEEDED if found.needed.len() == MAX_ENTRIES => {
                    return Err(ElfError::TooMany { what: "needed libraries", limit: MAX_ENTRIES });
                }
                NEEDED => found.needed.push(text()?),
                SONAME => found.soname = Some(text()?),
                RPATH => found.rpath = Some(text()?),
                RUNPATH => found.runpath = Some(text()?),
                _ => {}
            }
        }
        Ok(Some(found))
    }

    const fn is_program(&self) -> bool {
        self.flags & POSITION_INDEPENDENT_PROGRAM != 0
    }
}

/// The bytes that are at `address` once the file is loaded.
fn memory<'a>(segments: &[Segment<'a>], address: u64, size: u64) -> Result<&'a [u8], ElfError> {
    let within = |segment: &&Segment<'a>| {
        segment.kind == raw::LOAD
            && address
                .checked_sub(segment.address)
                .is_some_and(|offset| raw::slice(segment.bytes, offset, size).is_some())
    };
    segments
        .iter()
        .find(within)
        .and_then(|segment| raw::slice(segment.bytes, address - segment.address, size))
        .ok_or(ElfError::Short { what: "dynamic string table" })
}

fn interpreter(segments: &[Segment<'_>]) -> Result<Option<String>, ElfError> {
    let segment = segments.iter().find(|segment| segment.kind == raw::INTERPRETER);
    segment.map(|segment| raw::string(segment.bytes, 0).map(str::to_owned)).transpose()
}

const BUILD_ID: u32 = 3;

/// The dlopen notes and the build ID. Where no segment has a dlopen note, note sections are asked
/// as well: a linker script may have left the section out of the segments.
fn notes(
    raw: &Raw<'_>,
    segments: &[Segment<'_>],
) -> Result<(Vec<Dlopen>, Option<String>), ElfError> {
    let mut dlopen = Vec::new();
    let mut build_id = None;
    for segment in segments.iter().filter(|segment| segment.kind == raw::NOTE) {
        take_notes(raw, segment.bytes, segment.align, &mut dlopen, &mut build_id)?;
    }
    if dlopen.is_empty() {
        for section in raw.sections().unwrap_or_default() {
            if section.kind == raw::NOTE_SECTION && section.name == ".note.dlopen" {
                take_notes(raw, section.bytes, section.align, &mut dlopen, &mut build_id)?;
            }
        }
    }
    Ok((dlopen, build_id))
}

fn take_notes<'a>(
    raw: &Raw<'a>,
    bytes: &'a [u8],
    align: u64,
    dlopen: &mut Vec<Dlopen>,
    build_id: &mut Option<String>,
) -> Result<(), ElfError> {
    for (owner, kind, description) in raw::notes(raw, bytes, align) {
        match (owner, kind) {
            (dlopen::OWNER, dlopen::TYPE) => dlopen.extend(parse_dlopen(description)?),
            (b"GNU\0", BUILD_ID) if description.len() <= 64 => {
                *build_id = Some(description.iter().map(|byte| format!("{byte:02x}")).collect());
            }
            _ => {}
        }
        if dlopen.len() > MAX_ENTRIES {
            return Err(ElfError::TooMany { what: "dlopen notes", limit: MAX_ENTRIES });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
