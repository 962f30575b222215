//! FAT32: the one file system that all UEFI firmware reads, for the EFI system partition.
//!
//! A tree has one image of a given size and volume: directories and files lie one after the other
//! in the byte order of their paths, every file in one run (firmware reads a run in few requests),
//! every time is 1980-01-01, and aliases follow from the names. What FAT cannot hold is refused:
//! links, devices, extended attributes, names that differ only in case. Owners and modes are
//! dropped; FAT has none.
//!
//! A volume with fewer than 65,525 clusters is FAT16 to firmware, whatever it calls itself, so
//! such a size is refused. Clusters have 4096 bytes (the unit of flash, and of the kernel's pages)
//! where the size allows that, else the largest smaller power of two.
//!
//! # Format
//!
//! Microsoft's "FAT32 File System Specification" 1.03 (fatgen103), which UEFI 2.10 section 13.3
//! takes over. Little-endian, sectors of 512 bytes.
//!
//! | sector | what |
//! |---|---|
//! | 0, 6 | boot sector and its copy (`boot`) |
//! | 1, 7 | FSInfo and its copy: free clusters, next free cluster |
//! | 32 and more | two copies of the table: 32 bits a cluster, 28 used, `0x0fffffff` ends a chain |
//! | after that | clusters from number 2, the root directory first; starts on a whole cluster |
//!
//! A directory is a list of entries of 32 bytes: name in 8.3 characters (0), attributes (11),
//! times (14 to 25), first cluster (20 high, 26 low half), length (28). A name that is not 8.3
//! in upper case has its long form in the entries before: number and end mark (0), 13 UTF-16
//! units (1, 14, 28), attribute 0x0f (11), checksum of the alias (13); last part first.

use std::fmt;

use contract::digest::Digest;

use crate::tree::{Content, Kind, Node, Tree, name};

mod alias;
mod read;
mod write;

pub use read::{FatReadError, read};
pub use write::write;

const SECTOR: u64 = 512;
const ENTRY: usize = 32;
/// The least number of clusters that makes a volume FAT32.
pub const MIN_CLUSTERS: u64 = 65_525;
const MAX_CLUSTERS: u64 = 0x0fff_fff5;
const MAX_CLUSTER_BYTES: u64 = 4096;
/// Sectors before the first table, as every formatting tool has it; more to align the clusters.
const RESERVED_SECTORS: u64 = 32;
const TABLES: u64 = 2;
const ROOT_CLUSTER: u32 = 2;
const INFO_SECTOR_NUMBER: u16 = 1;
const COPY_SECTOR_NUMBER: u16 = 6;
const END_OF_CHAIN: u32 = 0x0fff_ffff;
const CLUSTER_MASK: u32 = 0x0fff_ffff;
/// 1980-01-01, the first day FAT can say.
const DAY_ONE: u16 = 0x21;

/// Attributes of a directory entry.
mod attribute {
    pub(super) const VOLUME: u8 = 0x08;
    pub(super) const DIRECTORY: u8 = 0x10;
    pub(super) const ARCHIVE: u8 = 0x20;
    pub(super) const LONG_NAME: u8 = 0x0f;
}

/// Fields of the boot sector and of FSInfo, by offset.
mod boot {
    pub(super) const SECTOR_BYTES: usize = 11;
    pub(super) const CLUSTER_SECTORS: usize = 13;
    pub(super) const RESERVED_SECTORS: usize = 14;
    pub(super) const TABLES: usize = 16;
    pub(super) const ROOT_ENTRIES: usize = 17;
    pub(super) const SECTORS_16: usize = 19;
    pub(super) const MEDIA: usize = 21;
    pub(super) const TABLE_SECTORS_16: usize = 22;
    pub(super) const GEOMETRY: usize = 24;
    pub(super) const SECTORS: usize = 32;
    pub(super) const TABLE_SECTORS: usize = 36;
    pub(super) const ROOT_CLUSTER: usize = 44;
    pub(super) const INFO_SECTOR: usize = 48;
    pub(super) const COPY_SECTOR: usize = 50;
    pub(super) const DRIVE: usize = 64;
    pub(super) const EXTENDED: usize = 66;
    pub(super) const VOLUME_ID: usize = 67;
    pub(super) const LABEL: usize = 71;
    pub(super) const KIND: usize = 82;
    pub(super) const SIGNATURE: usize = 510;
}

/// What a volume is called and how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its length; a whole number of sectors.
    pub len_bytes: u64,
    /// Its serial number.
    pub id: u32,
    /// Its label: up to 11 characters of the kind 8.3 names have.
    pub label: String,
}

impl Volume {
    /// A volume whose serial number follows from a digest.
    #[must_use]
    pub fn from_seed(len_bytes: u64, seed: &Digest, label: &str) -> Self {
        let id = seed.as_bytes().first_chunk().copied().map_or(0, u32::from_be_bytes);
        Self { len_bytes, id, label: label.to_owned() }
    }
}

/// A tree that cannot be a FAT volume.
#[derive(Debug)]
pub enum FatError {
    /// A volume of this length is not FAT32, or no whole number of sectors.
    Size {
        /// The length.
        len_bytes: u64,
    },
    /// The label is empty, too long, or has characters 8.3 names do not.
    Label {
        /// The label.
        label: String,
    },
    /// An entry is neither directory nor file, or has extended attributes.
    Kind {
        /// Its path.
        path: String,
    },
    /// A name has characters that FAT has not, ends in a dot or space, or is too long.
    Name {
        /// The path.
        path: String,
    },
    /// Two names of one directory differ only in case.
    SameName {
        /// The path of the second.
        path: String,
    },
    /// A file of 4 GiB or more.
    TooLarge {
        /// Its path.
        path: String,
    },
    /// A directory has more entries than FAT allows.
    TooMany {
        /// Its path.
        path: String,
    },
    /// The tree is larger than the volume.
    Full {
        /// How many bytes of clusters the tree needs.
        needed_bytes: u64,
        /// How many there are.
        room_bytes: u64,
    },
}

impl fmt::Display for FatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { len_bytes } => {
                write!(f, "a volume of {len_bytes} bytes cannot be FAT32: the least is 34 MiB")
            }
            Self::Label { label } => write!(f, "`{label}` cannot be the label of a FAT volume"),
            Self::Kind { path } => {
                write!(f, "`{path}` is neither a directory nor a plain file, FAT has nothing else")
            }
            Self::Name { path } => write!(f, "FAT cannot hold the name of `{path}`"),
            Self::SameName { path } => {
                write!(f, "`{path}` differs from a name beside it only in case")
            }
            Self::TooLarge { path } => write!(f, "`{path}` has 4 GiB or more"),
            Self::TooMany { path } => write!(f, "the directory `{path}` has too many entries"),
            Self::Full { needed_bytes, room_bytes } => {
                write!(
                    f,
                    "the FAT volume has room for {room_bytes} bytes, {needed_bytes} are needed"
                )
            }
        }
    }
}

impl std::error::Error for FatError {}

/// Where things are in a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Geometry {
    cluster_bytes: u64,
    reserved_sectors: u64,
    table_sectors: u64,
    sectors: u64,
    clusters: u64,
}

impl Geometry {
    /// The geometry of a volume of this length; `None` where that is not FAT32.
    fn of(len_bytes: u64) -> Option<Self> {
        let mut cluster_bytes = MAX_CLUSTER_BYTES;
        if !len_bytes.is_multiple_of(SECTOR) || u32::try_from(len_bytes / SECTOR).is_err() {
            return None;
        }
        while cluster_bytes >= SECTOR {
            match Self::with_clusters(len_bytes / SECTOR, cluster_bytes / SECTOR) {
                Some(geometry) => return Some(geometry),
                None => cluster_bytes /= 2,
            }
        }
        None
    }

    fn with_clusters(sectors: u64, cluster_sectors: u64) -> Option<Self> {
        // Enough for as many clusters as there would be without any table.
        let table_sectors = (sectors / cluster_sectors + 2).div_ceil(SECTOR / 4);
        let before = RESERVED_SECTORS + TABLES * table_sectors;
        let data_at = before.next_multiple_of(cluster_sectors);
        let clusters = sectors.checked_sub(data_at)? / cluster_sectors;
        (MIN_CLUSTERS..MAX_CLUSTERS).contains(&clusters).then_some(Self {
            cluster_bytes: cluster_sectors * SECTOR,
            reserved_sectors: RESERVED_SECTORS + (data_at - before),
            table_sectors,
            sectors,
            clusters,
        })
    }

    const fn data_at(&self) -> u64 {
        (self.reserved_sectors + TABLES * self.table_sectors) * SECTOR
    }

    fn offset_of(&self, cluster: u32) -> u64 {
        self.data_at() + u64::from(cluster.saturating_sub(2)) * self.cluster_bytes
    }
}

#[cfg(test)]
mod tests;
