//! PE images: what UEFI firmware loads, and the unified kernel images made from them.
//!
//! A UKI is the one file that Secure Boot measures and checks, so it is put together with nothing
//! left to a linker's habits: no time stamp, no gap that a signature would not cover, no section
//! over another. [`uki`] assembles one, [`authenticode`] names it as firmware does. This module
//! reads headers. It believes nothing: every offset is checked against the file before it is used,
//! and an image whose sections lie over each other is refused, because two readers could then see
//! two different files.
//!
//! # Format
//!
//! Microsoft's "PE Format", as UEFI 2.10 section 2.1.1 takes it: little-endian, offsets and sizes
//! in bytes, only the 64-bit kind (`PE32+`).
//!
//! | where | what is used |
//! |---|---|
//! | 0 | `MZ`; at 0x3c the offset of the `PE` signature |
//! | signature + 4 | COFF header of 20 bytes: machine (0), sections (2), time stamp (4), symbols (8, 12), length of the optional header (16), flags (18) |
//! | signature + 24 | optional header: magic 0x20b (0), initialised data (8), section (32) and file (36) alignment, image size (56), header size (60), checksum (64), subsystem (68), DLL flags (70), number of directories (108), directories of 8 bytes (112) |
//! | after that | section table, 40 bytes each: name (0), size (8) and address (12) in memory, size (16) and offset (20) in the file, flags (36) |

use std::fmt;

use contract::arch::Arch;

use crate::layout::{array_at, len, u16_at, u32_at};

pub mod authenticode;
pub mod sbat;
pub mod uki;

const COFF_BYTES: usize = 20;
const SECTION_BYTES: usize = 40;
const DIRECTORIES_AT: usize = 112;
const MAGIC_64: u16 = 0x20b;
const CERTIFICATES: usize = 4;
const DEBUG: usize = 6;
/// More than any UKI has; the loader of Windows stops here too.
const MAX_SECTIONS: usize = 96;

/// Offsets within the optional header.
mod optional {
    pub(super) const INITIALISED_DATA_BYTES: usize = 8;
    pub(super) const SECTION_ALIGNMENT: usize = 32;
    pub(super) const FILE_ALIGNMENT: usize = 36;
    pub(super) const IMAGE_BYTES: usize = 56;
    pub(super) const HEADERS_BYTES: usize = 60;
    pub(super) const CHECKSUM: usize = 64;
    pub(super) const DLL_FLAGS: usize = 70;
    pub(super) const DIRECTORIES: usize = 108;
}

/// Bytes that are no PE image, or not one that is safe to work with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeError {
    /// No `MZ` or no `PE` signature.
    NotPe,
    /// The headers are cut short.
    Truncated,
    /// The optional header is not of the 64-bit kind.
    Not64Bit {
        /// Its magic number.
        magic: u16,
    },
    /// Alignments that are no powers of two, or a file alignment above that of memory.
    Alignment {
        /// In memory.
        section: u32,
        /// In the file.
        file: u32,
    },
    /// More sections than there is any use for.
    TooManySections {
        /// How many it says.
        found: usize,
    },
    /// The content of a section lies outside the file, or over the headers or another section.
    Section {
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: SectionFault,
    },
    /// The certificate table is not at the end of the file.
    Certificates,
}

/// What is wrong with a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionFault {
    /// Its content ends after the file does.
    OutsideFile,
    /// Its content shares bytes of the file with the headers or the section before.
    OverlapsInFile,
    /// It shares memory with the headers or the section before, or lies before that.
    OverlapsInMemory,
    /// It does not start on a page.
    Unaligned,
}

impl fmt::Display for PeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPe => f.write_str("this is no PE image"),
            Self::Truncated => f.write_str("the headers of the PE image are cut short"),
            Self::Not64Bit { magic } => {
                write!(f, "the PE image is not of the 64-bit kind (magic {magic:#x})")
            }
            Self::Alignment { section, file } => {
                write!(f, "a PE image cannot be aligned to {section} in memory and {file} on disk")
            }
            Self::TooManySections { found } => {
                write!(f, "the PE image has {found} sections, at most {MAX_SECTIONS} are taken")
            }
            Self::Section { name, fault } => {
                let fault = match fault {
                    SectionFault::OutsideFile => "lies outside the file",
                    SectionFault::OverlapsInFile => "lies over others in the file",
                    SectionFault::OverlapsInMemory => "lies over others in memory",
                    SectionFault::Unaligned => "does not start on a page",
                };
                write!(f, "section `{name}` of the PE image {fault}")
            }
            Self::Certificates => {
                f.write_str("the certificates of the PE image are not at the end of the file")
            }
        }
    }
}

impl std::error::Error for PeError {}

/// The machine number of an architecture.
#[must_use]
pub const fn machine(arch: Arch) -> u16 {
    match arch {
        Arch::X86_64 => 0x8664,
        Arch::Aarch64 => 0xaa64,
    }
}

/// One section of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    name: [u8; 8],
    /// Where it is in memory, from the image's base.
    pub address: u32,
    /// How long it is in memory. For the sections of a UKI this is the length of the content.
    pub memory_bytes: u32,
    /// Where its content is in the file.
    pub offset_bytes: u32,
    /// How long its content is in the file, padding included.
    pub file_bytes: u32,
    /// `IMAGE_SCN_…`.
    pub flags: u32,
}

impl Section {
    /// The name as text; anything unprintable shows as `?`.
    #[must_use]
    pub fn name(&self) -> String {
        let printable = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
        self.name.iter().take_while(|byte| **byte != 0).map(printable).collect()
    }

    fn parse(table: &[u8], index: usize) -> Option<Self> {
        let at = index.checked_mul(SECTION_BYTES)?;
        Some(Self {
            name: array_at(table, at)?,
            memory_bytes: u32_at(table, at + 8)?,
            address: u32_at(table, at + 12)?,
            file_bytes: u32_at(table, at + 16)?,
            offset_bytes: u32_at(table, at + 20)?,
            flags: u32_at(table, at + 36)?,
        })
    }

    fn to_bytes(&self) -> [u8; SECTION_BYTES] {
        let mut bytes = [0; SECTION_BYTES];
        let numbers =
            [self.memory_bytes, self.address, self.file_bytes, self.offset_bytes, 0, 0, 0];
        let numbers = numbers.iter().chain([&self.flags]).flat_map(|number| number.to_le_bytes());
        let all = self.name.into_iter().chain(numbers);
        for (byte, value) in bytes.iter_mut().zip(all) {
            *byte = value;
        }
        bytes
    }

    fn file_end(&self) -> u64 {
        u64::from(self.offset_bytes) + u64::from(self.file_bytes)
    }

    fn memory_end(&self) -> u64 {
        u64::from(self.address) + u64::from(self.memory_bytes)
    }
}

/// An image whose headers were read. Holding one proves that the content of every section lies
/// inside the file and beside the others, not that it is what somebody signed.
#[derive(Debug, Clone)]
pub struct Image<'a> {
    bytes: &'a [u8],
    optional_at: usize,
    table_at: usize,
    /// The machine it runs on.
    pub machine: u16,
    /// When it was linked, or what stands there.
    pub time_stamp: u32,
    /// Sections in the order of the table, which is that of memory.
    pub sections: Vec<Section>,
    /// Alignment of sections in memory.
    pub section_alignment: u32,
    /// Alignment of their content in the file.
    pub file_alignment: u32,
    /// What it takes in memory.
    pub image_bytes: u32,
    /// The length of all headers, padding included.
    pub headers_bytes: u32,
    /// The checksum that stands in the header.
    pub checksum: u32,
    /// `IMAGE_DLLCHARACTERISTICS_…`.
    pub dll_flags: u16,
}

impl<'a> Image<'a> {
    /// Reads the headers of an image.
    ///
    /// # Errors
    /// It is no 64-bit PE image, or one whose parts lie outside the file or over each other.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PeError> {
        let signature_at = match (bytes.first_chunk(), u32_at(bytes, 0x3c)) {
            (Some(b"MZ"), Some(at)) => usize::try_from(at).map_err(|_| PeError::NotPe)?,
            _ => return Err(PeError::NotPe),
        };
        let coff_at = signature_at.checked_add(4).ok_or(PeError::NotPe)?;
        if array_at(bytes, signature_at) != Some(*b"PE\0\0") {
            return Err(PeError::NotPe);
        }
        let image = Self::headers(bytes, coff_at).ok_or(PeError::Truncated)?;
        image.check()?;
        Ok(image)
    }

    fn headers(bytes: &'a [u8], coff_at: usize) -> Option<Self> {
        let optional_at = coff_at.checked_add(COFF_BYTES)?;
        let table_at = optional_at.checked_add(usize::from(u16_at(bytes, coff_at + 16)?))?;
        let table = bytes.get(table_at..)?;
        let sections = usize::from(u16_at(bytes, coff_at + 2)?);
        Some(Self {
            bytes,
            optional_at,
            table_at,
            machine: u16_at(bytes, coff_at)?,
            time_stamp: u32_at(bytes, coff_at + 4)?,
            sections: (0..sections).map(|at| Section::parse(table, at)).collect::<Option<_>>()?,
            section_alignment: u32_at(bytes, optional_at + optional::SECTION_ALIGNMENT)?,
            file_alignment: u32_at(bytes, optional_at + optional::FILE_ALIGNMENT)?,
            image_bytes: u32_at(bytes, optional_at + optional::IMAGE_BYTES)?,
            headers_bytes: u32_at(bytes, optional_at + optional::HEADERS_BYTES)?,
            checksum: u32_at(bytes, optional_at + optional::CHECKSUM)?,
            dll_flags: u16_at(bytes, optional_at + optional::DLL_FLAGS)?,
        })
    }

    fn check(&self) -> Result<(), PeError> {
        let magic = u16_at(self.bytes, self.optional_at).ok_or(PeError::Truncated)?;
        if magic != MAGIC_64 {
            return Err(PeError::Not64Bit { magic });
        }
        if self.optional_at + DIRECTORIES_AT > self.table_at {
            return Err(PeError::Truncated);
        }
        let (section, file) = (self.section_alignment, self.file_alignment);
        if !section.is_power_of_two() || !file.is_power_of_two() || file > section {
            return Err(PeError::Alignment { section, file });
        }
        if self.sections.len() > MAX_SECTIONS {
            return Err(PeError::TooManySections { found: self.sections.len() });
        }
        let headers_end = usize::try_from(self.headers_bytes).map_err(|_| PeError::Truncated)?;
        if headers_end > self.bytes.len() || self.table_end() > headers_end {
            return Err(PeError::Truncated);
        }
        self.check_file()?;
        self.check_memory()?;
        self.certificates().map(|_| ())
    }

    fn check_file(&self) -> Result<(), PeError> {
        let mut by_offset: Vec<&Section> =
            self.sections.iter().filter(|section| section.file_bytes > 0).collect();
        by_offset.sort_by_key(|section| section.offset_bytes);
        let mut end = u64::from(self.headers_bytes);
        for section in by_offset {
            if u64::from(section.offset_bytes) < end {
                return Err(fault(section, SectionFault::OverlapsInFile));
            }
            end = section.file_end();
            if end > len(self.bytes) {
                return Err(fault(section, SectionFault::OutsideFile));
            }
        }
        Ok(())
    }

    fn check_memory(&self) -> Result<(), PeError> {
        let mut end = u64::from(self.headers_bytes);
        for section in &self.sections {
            if !section.address.is_multiple_of(self.section_alignment) {
                return Err(fault(section, SectionFault::Unaligned));
            }
            if u64::from(section.address) < end {
                return Err(fault(section, SectionFault::OverlapsInMemory));
            }
            end = section.memory_end();
        }
        Ok(())
    }

    fn table_end(&self) -> usize {
        self.table_at + self.sections.len() * SECTION_BYTES
    }

    /// Where a data directory stands, and what it says: offset or address, and length.
    fn directory(&self, index: usize) -> Option<(usize, u32, u32)> {
        let count = u32_at(self.bytes, self.optional_at + optional::DIRECTORIES)?;
        let at = self.optional_at + DIRECTORIES_AT + index * 8;
        if index >= usize::try_from(count).ok()? || at + 8 > self.table_at {
            return None;
        }
        Some((at, u32_at(self.bytes, at)?, u32_at(self.bytes, at + 4)?))
    }

    /// How long the certificate table at the end of the file is.
    fn certificates(&self) -> Result<usize, PeError> {
        let table = self.directory(CERTIFICATES).filter(|(_, _, size)| *size > 0);
        let Some((_, at, size)) = table else { return Ok(0) };
        let content_end = self.sections.iter().map(Section::file_end).max().unwrap_or(0);
        let ends_the_file = u64::from(at) + u64::from(size) == len(self.bytes);
        if !ends_the_file || u64::from(at) < content_end.max(u64::from(self.headers_bytes)) {
            return Err(PeError::Certificates);
        }
        usize::try_from(size).map_err(|_| PeError::Certificates)
    }

    /// Whether somebody has signed the image.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.directory(CERTIFICATES).is_some_and(|(_, _, len)| len > 0)
    }

    /// The first section of this name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name() == name)
    }

    /// The content of a section of this image, without the padding in the file. Shorter than the
    /// section is in memory where the rest of that is zero.
    #[must_use]
    pub fn content(&self, section: &Section) -> &'a [u8] {
        let len = section.file_bytes.min(section.memory_bytes);
        self.range(section.offset_bytes, len)
    }

    fn range(&self, at: u32, len: u32) -> &'a [u8] {
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
        self.bytes.get(start..end).unwrap_or_default()
    }
}

fn fault(section: &Section, fault: SectionFault) -> PeError {
    PeError::Section { name: section.name(), fault }
}

/// The checksum of an image: the sum of its 16-bit words with the carries added back, the field at
/// `field_at` taken as zero, plus its length. No firmware looks at it; some signing tools do.
fn checksum(bytes: &[u8], field_at: usize) -> u32 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [low, high] => u32::from(u16::from_le_bytes([*low, *high])),
        [low] => u32::from(*low),
        _ => 0,
    });
    let field = field_at / 2..field_at / 2 + 2;
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let sum = words
        .enumerate()
        .filter(|(index, _)| !field.contains(index))
        .fold(0_u32, |sum, (_, word)| fold(sum + word));
    sum.wrapping_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
