//! Unified kernel images: stub, kernel, initrd, command line and what describes them, in one file
//! that is signed and measured as one.
//!
//! The new sections stand behind the stub's own in the order of UAPI.5 ("Unified Kernel Image",
//! section "UKI Components"), which is the order they are measured in: `.linux`, `.osrel`,
//! `.cmdline`, `.initrd`, `.ucode`, `.dtb`, `.uname`. `.sbat` is the stub's own section with our
//! entries added, in its old place if it still ends before the next page with a section.
//!
//! What the stub relies on, and is therefore kept:
//! * A section's size in memory is the length of its content to the byte: systemd-stub takes it as
//!   the length of the command line, and of the kernel, whose signature covers no padding.
//! * Sections start on a page, ascend and do not overlap, in memory and in the file; the size of
//!   the image covers the last of them.
//! * The kernel is a PE image for the stub's machine. systemd-stub starts it as one, so a kernel
//!   compressed as a whole (`Image.gz`) is refused; a kernel with its own EFI decompressor is a PE
//!   image and taken.
//! * The flag "no executable data" stays only where the kernel has it too: firmware that enforces
//!   it would not start the kernel otherwise.
//!
//! Nothing else of the file may differ between two builds: the time stamp is 0, the COFF symbols
//! and whatever else follows the stub's last section are cut (signing tools call it a gap), a
//! signature of the stub is dropped with its directory entry, the checksum is computed. Where the
//! section table has no room for the new entries, the headers grow and all content moves back by
//! whole file alignments; only where the first section's page leaves no room is there an error.

use std::fmt;

use contract::digest::Digest;

use super::sbat::{self, SbatError};
use super::{
    CERTIFICATES, COFF_BYTES, DEBUG, Image, PeError, SECTION_BYTES, Section, checksum, optional,
};
use crate::layout::{len, put, u16_at};

const SCN_INITIALISED_DATA: u32 = 0x40;
const SCN_READ: u32 = 0x4000_0000;
const FILE_SYMBOLS_STRIPPED: u16 = 0x8;
const DLL_NO_EXECUTE: u16 = 0x100;
/// The headers of an image that was parsed hold every field; this is for what cannot happen.
const TRUNCATED: UkiError = UkiError::Stub(PeError::Truncated);
/// `MZ`, two bytes, `zimg`: a kernel that carries its own EFI decompressor.
const ZIMG_AT: usize = 4;

/// What a UKI is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// systemd-stub for the machine.
    pub stub: &'a [u8],
    /// The kernel, a PE image.
    pub linux: &'a [u8],
    /// `os-release` of the image.
    pub os_release: &'a str,
    /// The kernel's command line.
    pub command_line: &'a str,
    /// The initrd.
    pub initrd: &'a [u8],
    /// Microcode for the processor, as an uncompressed initrd.
    pub microcode: Option<&'a [u8]>,
    /// A device tree that replaces the firmware's.
    pub device_tree: Option<&'a [u8]>,
    /// The kernel's release, as `uname -r` prints it.
    pub kernel_release: &'a str,
    /// Our SBAT entries, with the line for the format.
    pub sbat: &'a str,
}

/// Parts that make no UKI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UkiError {
    /// The stub is no usable image.
    Stub(PeError),
    /// The kernel is no PE image.
    Kernel(PeError),
    /// The kernel is compressed as a whole; the stub cannot start it.
    CompressedKernel {
        /// How it is compressed.
        with: &'static str,
    },
    /// The kernel is for another machine than the stub.
    Machine {
        /// The stub's.
        stub: u16,
        /// The kernel's.
        kernel: u16,
    },
    /// The stub has a section of this name already: it is no bare stub.
    SectionExists {
        /// The name.
        name: String,
    },
    /// A part that must not be empty is, or a text has a zero byte or a line break where it may
    /// not.
    Content {
        /// The section.
        name: &'static str,
    },
    /// The section table cannot grow: the first section starts too early in memory.
    NoHeaderRoom {
        /// What the headers need.
        needed_bytes: u64,
        /// Where the first section starts.
        room_bytes: u32,
    },
    /// The stub has debugging data that says where it is in the file, and it would move.
    Debug,
    /// The image would be 4 GiB or more.
    TooLarge,
    /// An SBAT table is none.
    Sbat(SbatError),
}

impl fmt::Display for UkiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stub(_) => f.write_str("the UEFI stub cannot be used"),
            Self::Kernel(_) => f.write_str("the kernel cannot be started by the UEFI stub"),
            Self::CompressedKernel { with } => {
                write!(f, "the kernel is compressed with {with}, the UEFI stub cannot start it")
            }
            Self::Machine { stub, kernel } => {
                write!(f, "the UEFI stub is for machine {stub:#x}, the kernel for {kernel:#x}")
            }
            Self::SectionExists { name } => {
                write!(f, "the UEFI stub has a section `{name}` already")
            }
            Self::Content { name } => write!(f, "the content of section `{name}` cannot be used"),
            Self::NoHeaderRoom { needed_bytes, room_bytes } => write!(
                f,
                "the headers need {needed_bytes} bytes, the first section starts at {room_bytes}"
            ),
            Self::Debug => f.write_str("the UEFI stub has debugging data that cannot be moved"),
            Self::TooLarge => f.write_str("the unified kernel image would be 4 GiB or more"),
            Self::Sbat(_) => f.write_str("the SBAT entries cannot be put together"),
        }
    }
}

impl std::error::Error for UkiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Stub(error) | Self::Kernel(error) => Some(error),
            Self::Sbat(error) => Some(error),
            _ => None,
        }
    }
}

/// Puts the parts together.
///
/// # Errors
/// A part is not what the stub needs, or they do not fit.
pub fn assemble(parts: &Parts<'_>) -> Result<Vec<u8>, UkiError> {
    let stub = Image::parse(parts.stub).map_err(UkiError::Stub)?;
    let kernel = kernel(parts.linux)?;
    if stub.machine != kernel.machine {
        return Err(UkiError::Machine { stub: stub.machine, kernel: kernel.machine });
    }
    let sbat = merged_sbat(&stub, &kernel, parts.sbat)?;
    let mut plan = Plan::of(&stub);
    plan.replace_sbat(&sbat)?;
    for (name, content) in contents(parts)? {
        if stub.section(name).is_some() {
            return Err(UkiError::SectionExists { name: name.to_owned() });
        }
        plan.append(name, content)?;
    }
    plan.place_in_file()?;
    let dll_flags = stub.dll_flags & (kernel.dll_flags | !DLL_NO_EXECUTE);
    plan.write(dll_flags)
}

/// A section of an image, for listings and manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Where its content is in the file.
    pub offset_bytes: u64,
    /// How long its content is, without padding.
    pub len_bytes: u64,
    /// The digest of its content.
    pub digest: Digest,
}

/// What an image consists of, in the order of its section table.
///
/// # Errors
/// It is no image.
pub fn inspect(bytes: &[u8]) -> Result<Vec<Entry>, PeError> {
    let image = Image::parse(bytes)?;
    let entry = |section: &Section| Entry {
        name: section.name(),
        offset_bytes: u64::from(section.offset_bytes),
        len_bytes: len(image.content(section)),
        digest: Digest::of(image.content(section)),
    };
    Ok(image.sections.iter().map(entry).collect())
}

fn kernel(bytes: &[u8]) -> Result<Image<'_>, UkiError> {
    let known: [(&[u8], &str); 4] = [
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ", "xz"),
        (b"BZh", "bzip2"),
    ];
    if let Some((_, with)) = known.into_iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(UkiError::CompressedKernel { with });
    }
    Image::parse(bytes).map_err(UkiError::Kernel)
}

/// Whether a kernel carries its own EFI decompressor (`CONFIG_EFI_ZBOOT`).
#[must_use]
pub fn decompresses_itself(kernel: &[u8]) -> bool {
    kernel.get(ZIMG_AT..).is_some_and(|rest| rest.starts_with(b"zimg"))
}

fn merged_sbat(stub: &Image<'_>, kernel: &Image<'_>, ours: &str) -> Result<String, UkiError> {
    let of =
        |image: &Image<'_>| image.section(".sbat").map(|section| image.content(section).to_vec());
    let (stub, kernel) = (of(stub), of(kernel));
    let tables = [stub.as_deref(), kernel.as_deref(), Some(ours.as_bytes())];
    sbat::merge(&tables.into_iter().flatten().collect::<Vec<_>>()).map_err(UkiError::Sbat)
}

type Contents<'a> = Vec<(&'static str, &'a [u8])>;

/// The sections that are added, in canonical order.
fn contents<'a>(parts: &Parts<'a>) -> Result<Contents<'a>, UkiError> {
    let one_line = [(".cmdline", parts.command_line), (".uname", parts.kernel_release)];
    for (name, text) in one_line.into_iter().chain([(".osrel", parts.os_release)]) {
        let breaks = text.contains('\0') || (name != ".osrel" && text.contains('\n'));
        if breaks {
            return Err(UkiError::Content { name });
        }
    }
    let all = [
        (".linux", Some(parts.linux)),
        (".osrel", Some(parts.os_release.as_bytes())),
        (".cmdline", Some(parts.command_line.as_bytes())),
        (".initrd", Some(parts.initrd)),
        (".ucode", parts.microcode),
        (".dtb", parts.device_tree),
        (".uname", Some(parts.kernel_release.as_bytes())),
    ];
    let mut contents = Vec::new();
    for (name, content) in all {
        match content {
            Some([]) => return Err(UkiError::Content { name }),
            Some(content) => contents.push((name, content)),
            None => {}
        }
    }
    Ok(contents)
}

/// The image to be: its sections with their content, in the order of memory.
struct Plan<'a> {
    stub: &'a Image<'a>,
    sections: Vec<(Section, &'a [u8])>,
    headers_bytes: u32,
}

impl<'a> Plan<'a> {
    fn of(stub: &'a Image<'a>) -> Self {
        let whole = |section: &Section| {
            (section.clone(), stub.range(section.offset_bytes, section.file_bytes))
        };
        let sections = stub.sections.iter().map(whole).collect();
        Self { stub, sections, headers_bytes: stub.headers_bytes }
    }

    fn replace_sbat(&mut self, sbat: &'a str) -> Result<(), UkiError> {
        let len = u32::try_from(sbat.len()).map_err(|_| UkiError::TooLarge)?;
        let Some(at) = self.sections.iter().position(|(section, _)| section.name() == ".sbat")
        else {
            return self.append(".sbat", sbat.as_bytes());
        };
        let next = self.sections.get(at + 1).map_or(u32::MAX, |(section, _)| section.address);
        match self.sections.get_mut(at) {
            Some((section, content)) if next.saturating_sub(section.address) >= len => {
                section.memory_bytes = len;
                *content = sbat.as_bytes();
                Ok(())
            }
            _ => {
                self.sections.remove(at);
                self.append(".sbat", sbat.as_bytes())
            }
        }
    }

    fn append(&mut self, name: &str, content: &'a [u8]) -> Result<(), UkiError> {
        let end = self.memory_end();
        let address = end.next_multiple_of(u64::from(self.stub.section_alignment));
        let mut section = Section {
            name: [0; 8],
            address: u32::try_from(address).map_err(|_| UkiError::TooLarge)?,
            memory_bytes: u32::try_from(content.len()).map_err(|_| UkiError::TooLarge)?,
            offset_bytes: 0,
            file_bytes: 0,
            flags: SCN_INITIALISED_DATA | SCN_READ,
        };
        let too_long = || UkiError::SectionExists { name: name.to_owned() };
        put(&mut section.name, 0, name.as_bytes()).ok_or_else(too_long)?;
        self.sections.push((section, content));
        Ok(())
    }

    fn memory_end(&self) -> u64 {
        let ends = self.sections.iter().map(|(section, _)| section.memory_end());
        ends.max().unwrap_or(0).max(u64::from(self.headers_bytes))
    }

    /// Gives every section its place in the file, after headers that have room for all of them.
    fn place_in_file(&mut self) -> Result<(), UkiError> {
        let alignment = u64::from(self.stub.file_alignment);
        let table = self.stub.table_at + self.sections.len() * SECTION_BYTES;
        let table = u64::try_from(table).map_err(|_| UkiError::TooLarge)?;
        let needed = table.max(u64::from(self.headers_bytes)).next_multiple_of(alignment);
        let first = self.sections.iter().map(|(section, _)| section.address).min();
        let room_bytes = first.unwrap_or(u32::MAX);
        self.headers_bytes = match u32::try_from(needed) {
            Ok(needed) if needed <= room_bytes => needed,
            _ => return Err(UkiError::NoHeaderRoom { needed_bytes: needed, room_bytes }),
        };
        let mut offset = needed;
        for (section, content) in &mut self.sections {
            let padded = len(content).next_multiple_of(alignment);
            let moved = u64::from(section.offset_bytes) != offset;
            if moved && section.offset_bytes > 0 && has_debug(self.stub) {
                return Err(UkiError::Debug);
            }
            section.offset_bytes = u32::try_from(offset).map_err(|_| UkiError::TooLarge)?;
            section.file_bytes = u32::try_from(padded).map_err(|_| UkiError::TooLarge)?;
            if padded == 0 {
                section.offset_bytes = 0;
            }
            offset += padded;
        }
        u32::try_from(offset).map(|_| ()).map_err(|_| UkiError::TooLarge)
    }

    fn write(&self, dll_flags: u16) -> Result<Vec<u8>, UkiError> {
        let mut bytes = self.headers(dll_flags)?;
        for (section, content) in self.sections.iter().filter(|(section, _)| section.file_bytes > 0)
        {
            bytes.extend_from_slice(content);
            let end = usize::try_from(section.file_end()).map_err(|_| UkiError::TooLarge)?;
            bytes.resize(end, 0);
        }
        let checksum_at = self.stub.optional_at + optional::CHECKSUM;
        let sum = checksum(&bytes, checksum_at);
        put(&mut bytes, checksum_at, &sum.to_le_bytes()).ok_or(TRUNCATED)?;
        Ok(bytes)
    }

    fn headers(&self, dll_flags: u16) -> Result<Vec<u8>, UkiError> {
        let stub = self.stub;
        let head = stub.bytes.get(..stub.table_at).ok_or(TRUNCATED)?;
        let mut bytes = head.to_vec();
        bytes.extend(self.sections.iter().flat_map(|(section, _)| section.to_bytes()));
        let headers_end = usize::try_from(self.headers_bytes).map_err(|_| UkiError::TooLarge)?;
        bytes.resize(headers_end, 0);

        let count = u16::try_from(self.sections.len()).map_err(|_| UkiError::TooLarge)?;
        let image_bytes = self.memory_end().next_multiple_of(u64::from(stub.section_alignment));
        let image_bytes = u32::try_from(image_bytes).map_err(|_| UkiError::TooLarge)?;
        let data = self.sections.iter().map(|(section, _)| section);
        let data = data.filter(|section| section.flags & SCN_INITIALISED_DATA != 0);
        let data_bytes = data.fold(0_u32, |sum, section| sum.saturating_add(section.file_bytes));
        let coff_at = stub.optional_at - COFF_BYTES;
        let flags_at = coff_at + 18;
        let flags = u16_at(&bytes, flags_at).ok_or(TRUNCATED)?;
        let fields: [(usize, &[u8]); 8] = [
            (coff_at + 2, &count.to_le_bytes()),
            // Time stamp, then where the symbols are and how many.
            (coff_at + 4, &[0; 12]),
            (flags_at, &(flags | FILE_SYMBOLS_STRIPPED).to_le_bytes()),
            (stub.optional_at + optional::INITIALISED_DATA_BYTES, &data_bytes.to_le_bytes()),
            (stub.optional_at + optional::IMAGE_BYTES, &image_bytes.to_le_bytes()),
            (stub.optional_at + optional::HEADERS_BYTES, &self.headers_bytes.to_le_bytes()),
            (stub.optional_at + optional::CHECKSUM, &[0; 4]),
            (stub.optional_at + optional::DLL_FLAGS, &dll_flags.to_le_bytes()),
        ];
        for (at, value) in fields {
            put(&mut bytes, at, value).ok_or(TRUNCATED)?;
        }
        if let Some((at, ..)) = stub.directory(CERTIFICATES) {
            put(&mut bytes, at, &[0; 8]).ok_or(TRUNCATED)?;
        }
        Ok(bytes)
    }
}

fn has_debug(stub: &Image<'_>) -> bool {
    stub.directory(DEBUG).is_some_and(|(_, _, len)| len > 0)
}
