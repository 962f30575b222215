//! GPT: the partition table that firmware, kernel and `ashlar-init` find everything by.
//!
//! The caller gives every identifier, so a table says only what was decided elsewhere, and is the
//! same bytes every time. Both copies are written and both must be whole and agree when a table is
//! read: a disk whose copies differ was cut off while being written, or changed by somebody else.
//!
//! # Format
//!
//! UEFI 2.10, chapter 5. Little-endian; addresses in sectors of 512 bytes; GUIDs with their first
//! three fields swapped (appendix A).
//!
//! | sector | what |
//! |---|---|
//! | 0 | protective MBR (5.2.3): one partition of type 0xEE over the whole disk |
//! | 1 | header (5.3.2) |
//! | 2 to 33 | 128 entries of 128 bytes (5.3.3) |
//! | last − 32 to last − 1 | the entries again |
//! | last | the header again, with the two addresses exchanged |
//!
//! The header: `EFI PART` (0), revision 1.0 (8), length 92 (12), CRC-32 of these 92 bytes with
//! this field zero (16), own sector (24), the other header's (32), first (40) and last (48) usable
//! sector, disk GUID (56), sector (72), number (80) and length (84) of the entries, their CRC-32
//! (88). An entry: type (0) and own GUID (16), first (32) and last (40) sector, attributes (48),
//! name in UTF-16 (56, 36 units). Partitions start on a whole MiB, so that they lie well on any
//! disk whatever its own block size.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use contract::partition::Guid;

use crate::layout::{array_at, put, u16_at, u32_at};
use crate::sparse::Piece;

/// The sector size of the table. Disks with larger sectors present this one or are not supported.
pub const SECTOR_BYTES: u64 = 512;
/// What partitions start on.
pub const ALIGNMENT_BYTES: u64 = 1 << 20;

const SECTOR: usize = 512;
const ENTRIES: u32 = 128;
const ENTRY_BYTES: u32 = 128;
const TABLE_SECTORS: u64 = 32;
const TABLE_BYTES: usize = 128 * 128;
const HEADER_BYTES: u32 = 92;
const NAME_UNITS: usize = 36;
/// Protective MBR, header and entries.
const FRONT_SECTORS: u64 = 2 + TABLE_SECTORS;
/// Entries and header.
const BACK_SECTORS: u64 = 1 + TABLE_SECTORS;

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// What it is for.
    pub type_guid: Guid,
    /// Its own identifier.
    pub guid: Guid,
    /// Its label; at most 36 UTF-16 units.
    pub name: String,
    /// Where it starts.
    pub offset_bytes: u64,
    /// How long it is.
    pub len_bytes: u64,
    /// Attribute bits (UEFI 2.10, 5.3.3; from 48 on by type).
    pub attributes: u64,
}

impl Partition {
    fn sectors(&self) -> (u64, u64) {
        let first = self.offset_bytes / SECTOR_BYTES;
        (first, first.saturating_add(self.len_bytes / SECTOR_BYTES).saturating_sub(1))
    }
}

/// A partition table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The identifier of the disk.
    pub disk_guid: Guid,
    /// The length of the disk.
    pub disk_bytes: u64,
    /// The partitions, in the order of their numbers.
    pub partitions: Vec<Partition>,
}

/// A table that cannot be, or bytes that are none.
#[derive(Debug)]
pub enum GptError {
    /// The disk cannot be read.
    Read(io::Error),
    /// The disk is no whole number of sectors, or too short for the two copies.
    DiskSize {
        /// How long it is.
        found_bytes: u64,
    },
    /// The protective MBR is not there.
    NoProtectiveMbr,
    /// A copy has no header of the kind written here, or its checksum is wrong.
    Header {
        /// Which copy.
        copy: Copy,
        /// What is wrong with it.
        fault: HeaderFault,
    },
    /// The copies differ.
    CopiesDiffer,
    /// There are more than 128 partitions.
    TooMany {
        /// How many.
        found: usize,
    },
    /// A partition cannot be in a table.
    Partition {
        /// Its label.
        name: String,
        /// Why not.
        fault: PartitionFault,
    },
}

/// One of the two copies of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// At the start of the disk.
    Primary,
    /// At its end.
    Backup,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// There is none.
    Missing,
    /// The checksum of the header.
    Checksum,
    /// The checksum of the entries.
    EntriesChecksum,
    /// It is valid by its own account, but not of the one shape that is written here.
    Shape,
}

/// What is wrong with a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionFault {
    /// Its type or own GUID is zero, or its own GUID is that of another.
    Guid,
    /// Its label is too long, or no text.
    Name,
    /// It is empty, no whole number of sectors, or lies outside the usable part of the disk.
    Place,
    /// It does not start on a whole MiB.
    Alignment,
    /// It shares sectors with another.
    Overlap,
}

impl fmt::Display for GptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("reading a partition table"),
            Self::DiskSize { found_bytes } => {
                write!(f, "a disk of {found_bytes} bytes has no place for a GPT")
            }
            Self::NoProtectiveMbr => f.write_str("the disk has no protective MBR"),
            Self::Header { copy, fault } => {
                let copy = match copy {
                    Copy::Primary => "primary",
                    Copy::Backup => "backup",
                };
                match fault {
                    HeaderFault::Missing => write!(f, "the {copy} GPT is missing"),
                    HeaderFault::Checksum => write!(f, "the {copy} GPT header is damaged"),
                    HeaderFault::EntriesChecksum => write!(f, "the {copy} GPT entries are damaged"),
                    HeaderFault::Shape => write!(f, "the {copy} GPT has an unknown shape"),
                }
            }
            Self::CopiesDiffer => f.write_str("the two copies of the GPT differ"),
            Self::TooMany { found } => write!(f, "{found} partitions are more than {ENTRIES}"),
            Self::Partition { name, fault } => {
                let fault = match fault {
                    PartitionFault::Guid => "has no GUID of its own",
                    PartitionFault::Name => "has an unusable label",
                    PartitionFault::Place => "does not fit on the disk",
                    PartitionFault::Alignment => "does not start on a whole MiB",
                    PartitionFault::Overlap => "lies over another",
                };
                write!(f, "partition `{name}` {fault}")
            }
        }
    }
}

impl std::error::Error for GptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            _ => None,
        }
    }
}

impl Table {
    /// The two pieces of a disk that the table is: 34 sectors at the start, 33 at the end.
    ///
    /// # Errors
    /// The partitions do not fit on the disk or together.
    pub fn write(&self) -> Result<[Piece; 2], GptError> {
        self.check()?;
        if let Some(bad) = self.partitions.iter().find(|p| p.offset_bytes % ALIGNMENT_BYTES != 0) {
            return Err(fault(bad, PartitionFault::Alignment));
        }
        let sectors = self.disk_bytes / SECTOR_BYTES;
        let entries = self.entries();
        let checksum = crc32fast::hash(&entries);
        let last = sectors - 1;
        let front = [
            protective_mbr(sectors),
            self.header(&Addresses { own: 1, other: last, entries: 2 }, checksum),
            entries.clone(),
        ];
        let back_at = sectors - BACK_SECTORS;
        let back =
            [entries, self.header(&Addresses { own: last, other: 1, entries: back_at }, checksum)];
        Ok([
            Piece::inline(0, front.concat(), "GPT"),
            Piece::inline(back_at * SECTOR_BYTES, back.concat(), "GPT, second copy"),
        ])
    }

    fn check(&self) -> Result<(), GptError> {
        let sectors = self.disk_bytes / SECTOR_BYTES;
        if !self.disk_bytes.is_multiple_of(SECTOR_BYTES) || sectors <= FRONT_SECTORS + BACK_SECTORS
        {
            return Err(GptError::DiskSize { found_bytes: self.disk_bytes });
        }
        if self.partitions.len() > 128 {
            return Err(GptError::TooMany { found: self.partitions.len() });
        }
        for (index, partition) in self.partitions.iter().enumerate() {
            let before = self.partitions.get(..index).unwrap_or_default();
            check_partition(partition, before, sectors).map_err(|bad| fault(partition, bad))?;
        }
        Ok(())
    }

    fn entries(&self) -> Vec<u8> {
        let mut entries = Vec::with_capacity(TABLE_BYTES);
        for partition in &self.partitions {
            let (first, last) = partition.sectors();
            let start = entries.len();
            entries.extend(partition.type_guid.to_gpt_bytes());
            entries.extend(partition.guid.to_gpt_bytes());
            entries
                .extend([first, last, partition.attributes].iter().flat_map(|n| n.to_le_bytes()));
            entries.extend(partition.name.encode_utf16().flat_map(u16::to_le_bytes));
            entries.resize(start + 128, 0);
        }
        entries.resize(TABLE_BYTES, 0);
        entries
    }

    fn header(&self, addresses: &Addresses, entries_checksum: u32) -> Vec<u8> {
        let mut header = b"EFI PART".to_vec();
        let sectors = self.disk_bytes / SECTOR_BYTES;
        let usable = [FRONT_SECTORS, sectors - BACK_SECTORS - 1];
        header.extend([0x0001_0000, HEADER_BYTES, 0, 0].iter().flat_map(|n: &u32| n.to_le_bytes()));
        header.extend(addresses.own.to_le_bytes());
        header.extend(addresses.other.to_le_bytes());
        header.extend(usable.iter().flat_map(|n| n.to_le_bytes()));
        header.extend(self.disk_guid.to_gpt_bytes());
        header.extend(addresses.entries.to_le_bytes());
        header
            .extend([ENTRIES, ENTRY_BYTES, entries_checksum].iter().flat_map(|n| n.to_le_bytes()));
        let checksum = crc32fast::hash(&header);
        for (byte, value) in header.iter_mut().skip(16).zip(checksum.to_le_bytes()) {
            *byte = value;
        }
        header.resize(SECTOR, 0);
        header
    }

    /// Reads the table of a disk from both copies.
    ///
    /// # Errors
    /// A copy is missing, damaged or of another shape, they differ, or the partitions do not fit.
    pub fn read(disk: &mut (impl Read + Seek)) -> Result<Self, GptError> {
        let disk_bytes = disk.seek(SeekFrom::End(0)).map_err(GptError::Read)?;
        let empty = Self { disk_guid: Guid(0), disk_bytes, partitions: Vec::new() };
        empty.check()?;
        let mut at = |offset_bytes: u64, sectors: u64| {
            let mut bytes = Vec::new();
            disk.seek(SeekFrom::Start(offset_bytes))
                .and_then(|_| disk.take(sectors * SECTOR_BYTES).read_to_end(&mut bytes))
                .map_err(GptError::Read)?;
            Ok(bytes)
        };
        let front = at(0, FRONT_SECTORS)?;
        let back = at(disk_bytes - BACK_SECTORS * SECTOR_BYTES, BACK_SECTORS)?;
        Self::parse(&front, &back, disk_bytes)
    }

    /// Reads a table from the first 34 and the last 33 sectors of a disk of this length.
    ///
    /// # Errors
    /// A copy is missing, damaged or of another shape, they differ, or the partitions do not fit.
    pub fn parse(front: &[u8], back: &[u8], disk_bytes: u64) -> Result<Self, GptError> {
        let (mbr, rest) = front.split_at_checked(SECTOR).ok_or(GptError::NoProtectiveMbr)?;
        if u16_at(mbr, 510) != Some(0xaa55) || mbr.get(450) != Some(&0xee) {
            return Err(GptError::NoProtectiveMbr);
        }
        let missing = |copy| GptError::Header { copy, fault: HeaderFault::Missing };
        let (header, entries) =
            rest.split_at_checked(SECTOR).ok_or_else(|| missing(Copy::Primary))?;
        let (back_entries, back_header) =
            back.split_at_checked(TABLE_BYTES).ok_or_else(|| missing(Copy::Backup))?;
        let sectors = disk_bytes / SECTOR_BYTES;
        let last = sectors.saturating_sub(1);
        let front = Addresses { own: 1, other: last, entries: 2 };
        let entries_at = sectors.saturating_sub(BACK_SECTORS);
        let back = Addresses { own: last, other: 1, entries: entries_at };
        let primary = Self::parse_copy(header, entries, &front, disk_bytes)
            .map_err(|error| error.of(Copy::Primary))?;
        let backup = Self::parse_copy(back_header, back_entries, &back, disk_bytes)
            .map_err(|error| error.of(Copy::Backup))?;
        if primary != backup {
            return Err(GptError::CopiesDiffer);
        }
        primary.check()?;
        Ok(primary)
    }

    fn parse_copy(
        header: &[u8],
        entries: &[u8],
        addresses: &Addresses,
        disk_bytes: u64,
    ) -> Result<Self, CopyError> {
        let entries = entries.get(..TABLE_BYTES).ok_or(HeaderFault::Missing)?;
        let fields = header.get(..92).ok_or(HeaderFault::Missing)?;
        if !header.starts_with(b"EFI PART") {
            return Err(HeaderFault::Missing.into());
        }
        let mut unsigned = fields.to_vec();
        put(&mut unsigned, 16, &[0; 4]).ok_or(HeaderFault::Missing)?;
        if u32_at(fields, 16) != Some(crc32fast::hash(&unsigned)) {
            return Err(HeaderFault::Checksum.into());
        }
        let checksum = u32_at(fields, 88).ok_or(HeaderFault::Missing)?;
        if checksum != crc32fast::hash(entries) {
            return Err(HeaderFault::EntriesChecksum.into());
        }
        let disk_guid = Guid::from_gpt_bytes(array_at(fields, 56).ok_or(HeaderFault::Missing)?);
        let mut table = Self { disk_guid, disk_bytes, partitions: Vec::new() };
        if table.header(addresses, checksum) != header {
            return Err(HeaderFault::Shape.into());
        }
        table.partitions = parse_entries(entries)?;
        Ok(table)
    }
}

/// An error of one copy, before it is known which.
enum CopyError {
    Header(HeaderFault),
    Partition { name: String, fault: PartitionFault },
}

impl From<HeaderFault> for CopyError {
    fn from(fault: HeaderFault) -> Self {
        Self::Header(fault)
    }
}

impl CopyError {
    fn of(self, copy: Copy) -> GptError {
        match self {
            Self::Header(fault) => GptError::Header { copy, fault },
            Self::Partition { name, fault } => GptError::Partition { name, fault },
        }
    }
}

fn parse_entries(entries: &[u8]) -> Result<Vec<Partition>, CopyError> {
    let (entries, _) = entries.as_chunks::<128>();
    let used = entries.iter().rposition(|entry| entry.iter().any(|byte| *byte != 0));
    let used = entries.get(..used.map_or(0, |last| last + 1)).unwrap_or_default();
    used.iter().map(|entry| parse_entry(entry)).collect()
}

fn parse_entry(entry: &[u8]) -> Result<Partition, CopyError> {
    let number = |at| array_at(entry, at).map(u64::from_le_bytes).unwrap_or_default();
    let guid = |at| Guid::from_gpt_bytes(array_at(entry, at).unwrap_or_default());
    let units = (0..NAME_UNITS).map_while(|unit| u16_at(entry, 56 + unit * 2));
    let units: Vec<u16> = units.collect();
    let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    let (units, rest) = units.split_at(end);
    let name = String::from_utf16_lossy(units);
    let bad = |fault| CopyError::Partition { name: name.clone(), fault };
    if String::from_utf16(units).is_err() || rest.iter().any(|unit| *unit != 0) {
        return Err(bad(PartitionFault::Name));
    }
    let (first, last) = (number(32), number(40));
    let sectors = last.checked_sub(first).and_then(|len| len.checked_add(1));
    let offset_bytes = first.checked_mul(SECTOR_BYTES);
    let len_bytes = sectors.and_then(|sectors| sectors.checked_mul(SECTOR_BYTES));
    let (Some(offset_bytes), Some(len_bytes)) = (offset_bytes, len_bytes) else {
        return Err(bad(PartitionFault::Place));
    };
    let (type_guid, guid, attributes) = (guid(0), guid(16), number(48));
    Ok(Partition { type_guid, guid, name, offset_bytes, len_bytes, attributes })
}

fn check_partition(
    partition: &Partition,
    before: &[Partition],
    disk_sectors: u64,
) -> Result<(), PartitionFault> {
    let same_guid = |other: &Partition| other.guid == partition.guid;
    let zero = partition.type_guid == Guid(0) || partition.guid == Guid(0);
    if zero || before.iter().any(same_guid) {
        return Err(PartitionFault::Guid);
    }
    if partition.name.contains('\0') || partition.name.encode_utf16().count() > NAME_UNITS {
        return Err(PartitionFault::Name);
    }
    let whole = |bytes: u64| bytes.is_multiple_of(SECTOR_BYTES);
    let (first, last) = partition.sectors();
    let usable = FRONT_SECTORS..disk_sectors - BACK_SECTORS;
    let fits = usable.contains(&first) && usable.contains(&last) && partition.len_bytes > 0;
    if !fits || !whole(partition.offset_bytes) || !whole(partition.len_bytes) {
        return Err(PartitionFault::Place);
    }
    let overlaps = |other: &Partition| {
        let (other_first, other_last) = other.sectors();
        first <= other_last && other_first <= last
    };
    if before.iter().any(overlaps) {
        return Err(PartitionFault::Overlap);
    }
    Ok(())
}

fn fault(partition: &Partition, fault: PartitionFault) -> GptError {
    GptError::Partition { name: partition.name.clone(), fault }
}

/// Where a copy of the header stands, where the other one, and where its entries start.
struct Addresses {
    own: u64,
    other: u64,
    entries: u64,
}

fn protective_mbr(disk_sectors: u64) -> Vec<u8> {
    let mut mbr = vec![0; 446];
    let covered = u32::try_from(disk_sectors - 1).unwrap_or(u32::MAX);
    // Not bootable, starts at head 0, cylinder 0, sector 2; type; ends beyond what this can say.
    mbr.extend([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff]);
    mbr.extend(1_u32.to_le_bytes());
    mbr.extend(covered.to_le_bytes());
    mbr.resize(510, 0);
    mbr.extend([0x55, 0xaa]);
    mbr
}

#[cfg(test)]
mod tests;
