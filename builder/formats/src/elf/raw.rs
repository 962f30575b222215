//! The layout of ELF files, read without trust.
//!
//! Follows the System V gABI, chapters 4 (object files) and 5 (program loading), for both classes
//! (32 and 64 bit) and both byte orders. The file header has 52 or 64 bytes, a program header 32
//! or 56, a section header 40 or 64; the offsets below are from those tables. What must stay true:
//! every offset and length is checked against the file before it is used, counts are 16-bit by
//! format, and nothing is copied here, so no input makes this allocate more than its header
//! tables.

use super::ElfError;

/// The longest string taken from a string table: longer than any path or symbol Linux accepts.
pub(crate) const MAX_STRING_BYTES: usize = 4096;

/// `PT_LOAD`.
pub(crate) const LOAD: u32 = 1;
/// `PT_DYNAMIC`.
pub(crate) const DYNAMIC: u32 = 2;
/// `PT_INTERP`.
pub(crate) const INTERPRETER: u32 = 3;
/// `PT_NOTE`.
pub(crate) const NOTE: u32 = 4;
/// `SHT_SYMTAB`.
pub(crate) const SYMBOL_TABLE: u32 = 2;
/// `SHT_NOTE`.
pub(crate) const NOTE_SECTION: u32 = 7;
/// `SHT_NOBITS`: a section without bytes in the file.
const NO_BITS: u32 = 8;

/// A file with an ELF header, and how its numbers are written.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    bytes: &'a [u8],
    /// 64-bit class.
    pub(crate) wide: bool,
    /// Most significant byte first.
    pub(crate) big_endian: bool,
}

/// One row of the program header table.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) kind: u32,
    pub(crate) address: u64,
    pub(crate) align: u64,
    pub(crate) bytes: &'a [u8],
}

/// One row of the section header table.
#[derive(Clone, Copy)]
pub(crate) struct Section<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: u32,
    pub(crate) link: u32,
    pub(crate) align: u64,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Raw<'a> {
    /// The file, where it begins with the magic number.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Option<Self>, ElfError> {
        if !bytes.starts_with(b"\x7fELF") {
            return Ok(None);
        }
        let ident = |at: usize| bytes.get(at).copied().ok_or(ElfError::Short { what: "header" });
        let wide = match ident(4)? {
            1 => false,
            2 => true,
            found => return Err(ElfError::Unknown { what: "class", found: found.into() }),
        };
        let big_endian = match ident(5)? {
            1 => false,
            2 => true,
            found => return Err(ElfError::Unknown { what: "byte order", found: found.into() }),
        };
        Ok(Some(Self { bytes, wide, big_endian }))
    }

    /// A 16-bit number of `bytes`.
    pub(crate) fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let field = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(field) } else { u16::from_le_bytes(field) })
    }

    /// A 32-bit number of `bytes`.
    pub(crate) fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let field = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) })
    }

    fn u64(&self, bytes: &[u8], at: usize) -> Option<u64> {
        let field = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u64::from_be_bytes(field) } else { u64::from_le_bytes(field) })
    }

    /// A number as wide as the class.
    pub(crate) fn word(&self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.wide { self.u64(bytes, at) } else { self.u32(bytes, at).map(u64::from) }
    }

    /// `wide` for the 64-bit class, `narrow` for the other.
    pub(crate) const fn pick(&self, wide: usize, narrow: usize) -> usize {
        if self.wide { wide } else { narrow }
    }

    fn header16(&self, wide: usize, narrow: usize) -> Result<u16, ElfError> {
        self.u16(self.bytes, self.pick(wide, narrow)).ok_or(ElfError::Short { what: "header" })
    }

    fn header_word(&self, wide: usize, narrow: usize) -> Result<u64, ElfError> {
        self.word(self.bytes, self.pick(wide, narrow)).ok_or(ElfError::Short { what: "header" })
    }

    /// `e_type`.
    pub(crate) fn file_type(&self) -> Result<u16, ElfError> {
        self.header16(16, 16)
    }

    /// `e_machine`.
    pub(crate) fn machine(&self) -> Result<u16, ElfError> {
        self.header16(18, 18)
    }

    /// The program headers, in order. A segment whose bytes leave the file is an error.
    pub(crate) fn segments(&self) -> Result<Vec<Segment<'a>>, ElfError> {
        let what = "program headers";
        let count = self.header16(56, 44)?;
        if count == u16::MAX {
            return Err(ElfError::TooMany { what, limit: usize::from(u16::MAX) - 1 });
        }
        let rows = self.table(what, self.header_word(32, 28)?, self.header16(54, 42)?, count)?;
        rows.map(|row| self.segment(row).ok_or(ElfError::Short { what })?).collect()
    }

    fn segment(&self, row: &[u8]) -> Option<Result<Segment<'a>, ElfError>> {
        let kind = self.u32(row, 0)?;
        let offset = self.word(row, self.pick(8, 4))?;
        let address = self.word(row, self.pick(16, 8))?;
        let size = self.word(row, self.pick(32, 16))?;
        let align = self.word(row, self.pick(48, 28))?;
        let bytes = slice(self.bytes, offset, size).ok_or(ElfError::Short { what: "segment" });
        Some(bytes.map(|bytes| Segment { kind, address, align, bytes }))
    }

    /// The section headers, in order; empty where the file has none.
    pub(crate) fn sections(&self) -> Result<Vec<Section<'a>>, ElfError> {
        let what = "section headers";
        let count = self.header16(60, 48)?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let rows = self.table(what, self.header_word(40, 32)?, self.header16(58, 46)?, count)?;
        let rows: Vec<(u32, Section<'a>)> = rows
            .map(|row| self.section(row).ok_or(ElfError::Short { what })?)
            .collect::<Result<_, _>>()?;
        let names = usize::from(self.header16(62, 50)?);
        let names = rows.get(names).map(|(_, section)| section.bytes).unwrap_or_default();
        rows.into_iter()
            .map(|(name, section)| Ok(Section { name: string(names, name.into())?, ..section }))
            .collect()
    }

    fn section(&self, row: &[u8]) -> Option<Result<(u32, Section<'a>), ElfError>> {
        let kind = self.u32(row, 4)?;
        let offset = self.word(row, self.pick(24, 16))?;
        let size = self.word(row, self.pick(32, 20))?;
        let link = self.u32(row, self.pick(40, 24))?;
        let align = self.word(row, self.pick(48, 32))?;
        let name = self.u32(row, 0)?;
        let bytes = match kind {
            0 | NO_BITS => Some([].as_slice()),
            _ => slice(self.bytes, offset, size),
        };
        let bytes = bytes.ok_or(ElfError::Short { what: "section" });
        Some(bytes.map(|bytes| (name, Section { name: "", kind, link, align, bytes })))
    }

    fn table(
        &self,
        what: &'static str,
        offset: u64,
        row_bytes: u16,
        count: u16,
    ) -> Result<std::slice::ChunksExact<'a, u8>, ElfError> {
        if count == 0 {
            return Ok([].chunks_exact(1));
        }
        let size = u64::from(row_bytes) * u64::from(count);
        let bytes = slice(self.bytes, offset, size).ok_or(ElfError::Short { what })?;
        if row_bytes == 0 {
            return Err(ElfError::Unknown { what, found: 0 });
        }
        Ok(bytes.chunks_exact(row_bytes.into()))
    }
}

/// `size` bytes from `offset` on, where the file has them.
pub(crate) fn slice(bytes: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    bytes.get(start..end)
}

/// The string that begins at `offset` of a string table.
pub(crate) fn string(table: &[u8], offset: u64) -> Result<&str, ElfError> {
    if table.is_empty() && offset == 0 {
        return Ok("");
    }
    let rest = usize::try_from(offset).ok().and_then(|start| table.get(start..));
    let rest = rest.ok_or(ElfError::Short { what: "string table" })?;
    let window = rest.get(..=MAX_STRING_BYTES).unwrap_or(rest);
    let bytes = window.split(|byte| *byte == 0).next().unwrap_or_default();
    if bytes.len() > MAX_STRING_BYTES {
        return Err(ElfError::TooMany { what: "bytes in a string", limit: MAX_STRING_BYTES });
    }
    if bytes.len() == window.len() {
        return Err(ElfError::Short { what: "string" });
    }
    std::str::from_utf8(bytes).map_err(|_| ElfError::NotText { what: "string" })
}

/// The notes of a segment or section: owner, type, description (gABI, chapter 5, "Note Section";
/// segments aligned to 8 pad each note to 8). Stops at the first that does not fit.
pub(crate) fn notes<'a>(
    raw: &Raw<'a>,
    mut rest: &'a [u8],
    align: u64,
) -> impl Iterator<Item = (&'a [u8], u32, &'a [u8])> {
    let pad = if align == 8 { 8 } else { 4 };
    let raw = *raw;
    std::iter::from_fn(move || {
        let name_bytes = usize::try_from(raw.u32(rest, 0)?).ok()?;
        let description_bytes = usize::try_from(raw.u32(rest, 4)?).ok()?;
        let kind = raw.u32(rest, 8)?;
        let name_end = name_bytes.checked_add(12)?;
        let start = name_end.checked_next_multiple_of(pad)?;
        let end = start.checked_add(description_bytes)?;
        let owner = rest.get(12..name_end)?;
        let description = rest.get(start..end)?;
        rest = rest.get(end.checked_next_multiple_of(pad)?..).unwrap_or_default();
        Some((owner, kind, description))
    })
}
