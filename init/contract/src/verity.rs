//! The dm-verity superblock, and the line the kernel is given for it.
//!
//! A root image is trusted because its root hash is: the hash comes from the signed UKI, and
//! nothing in the superblock can change what it vouches for. The superblock only says how the tree
//! is shaped (sizes, salt). A forged one makes reads fail; it cannot make other bytes pass. What is
//! refused here is everything the node has no use for: another version, another digest than
//! SHA-256, sizes the kernel would refuse anyway.
//!
//! # Format
//!
//! cryptsetup's "DMVerity" on-disk format, version 1. All numbers little-endian, sizes in bytes,
//! the whole 512 bytes at the start of the hash device; the rest of that hash block is zero.
//!
//! | offset | size | what |
//! |---:|---:|---|
//! | 0 | 8 | `verity`, two zero bytes |
//! | 8 | 4 | version: 1 |
//! | 12 | 4 | hash type: 1 (salt before the data; digests padded to a power of two) |
//! | 16 | 16 | UUID, in the order of its text form |
//! | 32 | 32 | digest name, zero-padded: `sha256` |
//! | 64 | 4 | data block size |
//! | 68 | 4 | hash block size |
//! | 72 | 8 | number of data blocks |
//! | 80 | 2 | salt length, at most 256 |
//! | 82 | 6 | zero |
//! | 88 | 256 | salt, zero-padded |
//! | 344 | 168 | zero |
//!
//! The tree follows in whole hash blocks, the level nearest the root first. A level holds one
//! digest for each block of the level below, in order, its last block zero-padded; levels are
//! added until one block is enough, and the root hash is the digest of that block. A device of
//! one data block has no levels: its root hash is the digest of that block.

use std::fmt;

use crate::digest::Digest;
use crate::partition::Guid;

/// Size of the superblock itself.
pub const SUPERBLOCK_BYTES: usize = 512;
/// The longest salt the format has room for.
pub const MAX_SALT_BYTES: usize = 256;
/// The block size of everything Ashlar writes: the page size every supported kernel has in common.
pub const BLOCK_BYTES: u32 = 4096;

const SIGNATURE: [u8; 8] = *b"verity\0\0";
const VERSION: u32 = 1;
const DIGEST_BYTES: u32 = 32;
/// The kernel counts device sizes in 512-byte sectors, in a signed 64-bit number of bytes.
const MAX_DEVICE_BYTES: u64 = i64::MAX.cast_unsigned();

/// How a block and the salt make a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashType {
    /// Type 1: the salt, then the block.
    SaltFirst,
}

impl HashType {
    /// The number in the superblock and in the kernel's table.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::SaltFirst => 1,
        }
    }
}

/// The digest that names blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// The kernel's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
        }
    }
}

/// What a superblock says. Holding one that was parsed proves that its sizes are usable, not that
/// anything on the device agrees with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// Names the tree; the kernel does not look at it.
    pub uuid: Guid,
    /// How salt and block are put together.
    pub hash_type: HashType,
    /// Size of a data block: a power of two from 512 to 65536.
    pub data_block_bytes: u32,
    /// Size of a hash block: a power of two from 512 to 65536.
    pub hash_block_bytes: u32,
    /// How many data blocks the tree covers; at least one.
    pub data_blocks: u64,
    /// The digest.
    pub algorithm: Algorithm,
    /// Put before every block; at most [`MAX_SALT_BYTES`].
    pub salt: Vec<u8>,
}

/// Bytes that are no superblock the node takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerityError {
    /// Fewer bytes than a superblock has.
    Short {
        /// How many there were.
        found_bytes: usize,
    },
    /// The signature is not there: no superblock at all.
    NoSignature,
    /// Another version of the format.
    Version {
        /// The version it says.
        found: u32,
    },
    /// A hash type other than 1.
    HashType {
        /// The type it says.
        found: u32,
    },
    /// A digest other than SHA-256.
    Algorithm {
        /// The name it says, with anything unprintable replaced.
        found: String,
    },
    /// A block size that is no power of two from 512 to 65536.
    BlockSize {
        /// The size it says.
        found_bytes: u32,
    },
    /// No data blocks, or more than a block device can have.
    DataBlocks {
        /// The number it says.
        found: u64,
    },
    /// A salt longer than there is room for.
    SaltTooLong {
        /// The length it says.
        found_bytes: usize,
    },
    /// A byte that must be zero is not.
    Reserved {
        /// Where.
        offset_bytes: usize,
    },
}

impl fmt::Display for VerityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { found_bytes } => {
                write!(
                    f,
                    "a verity superblock has {SUPERBLOCK_BYTES} bytes, here are {found_bytes}"
                )
            }
            Self::NoSignature => f.write_str("there is no verity superblock"),
            Self::Version { found } => write!(f, "verity version {found} is not version {VERSION}"),
            Self::HashType { found } => write!(f, "verity hash type {found} is not type 1"),
            Self::Algorithm { found } => write!(f, "verity digest `{found}` is not sha256"),
            Self::BlockSize { found_bytes } => {
                write!(f, "{found_bytes} is no block size: a power of two from 512 to 65536")
            }
            Self::DataBlocks { found } => write!(f, "no device has {found} data blocks"),
            Self::SaltTooLong { found_bytes } => {
                write!(f, "a salt of {found_bytes} bytes is longer than {MAX_SALT_BYTES}")
            }
            Self::Reserved { offset_bytes } => {
                write!(f, "byte {offset_bytes} of the verity superblock must be zero")
            }
        }
    }
}

impl std::error::Error for VerityError {}

impl Superblock {
    /// A superblock of the kind Ashlar writes: type 1, SHA-256, blocks of 4096 bytes.
    ///
    /// # Errors
    /// The salt is too long, or the number of blocks is none a device can have.
    pub fn new(uuid: Guid, data_blocks: u64, salt: &[u8]) -> Result<Self, VerityError> {
        let superblock = Self {
            uuid,
            hash_type: HashType::SaltFirst,
            data_block_bytes: BLOCK_BYTES,
            hash_block_bytes: BLOCK_BYTES,
            data_blocks,
            algorithm: Algorithm::Sha256,
            salt: salt.to_vec(),
        };
        superblock.check()?;
        Ok(superblock)
    }

    /// Reads the first 512 bytes of a hash device; what follows them is not looked at.
    ///
    /// # Errors
    /// What is there is no superblock, or not one the node takes.
    pub fn parse(bytes: &[u8]) -> Result<Self, VerityError> {
        let short = || VerityError::Short { found_bytes: bytes.len() };
        let field = Fields { bytes: bytes.get(..SUPERBLOCK_BYTES).ok_or_else(short)? };
        if field.array::<8>(0) != SIGNATURE {
            return Err(VerityError::NoSignature);
        }
        let salt_bytes = usize::from(u16::from_le_bytes(field.array(80)));
        let superblock = Self {
            hash_type: match (field.u32(8), field.u32(12)) {
                (VERSION, 1) => HashType::SaltFirst,
                (VERSION, found) => return Err(VerityError::HashType { found }),
                (found, _) => return Err(VerityError::Version { found }),
            },
            uuid: Guid(u128::from_be_bytes(field.array(16))),
            algorithm: algorithm(&field.array::<32>(32))?,
            data_block_bytes: field.u32(64),
            hash_block_bytes: field.u32(68),
            data_blocks: u64::from_le_bytes(field.array(72)),
            salt: field
                .range(88, salt_bytes.min(MAX_SALT_BYTES + 1))
                .map(<[u8]>::to_vec)
                .unwrap_or_default(),
        };
        superblock.check()?;
        field.zero(82, 6)?;
        field.zero(88 + salt_bytes, SUPERBLOCK_BYTES - 88 - salt_bytes)?;
        Ok(superblock)
    }

    /// The 512 bytes that [`Superblock::parse`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SUPERBLOCK_BYTES] {
        let salt = self.salt.get(..MAX_SALT_BYTES).unwrap_or(&self.salt);
        let salt_bytes = u16::try_from(salt.len()).unwrap_or_default();
        let mut bytes = [0; SUPERBLOCK_BYTES];
        let fields: [(usize, &[u8]); 10] = [
            (0, &SIGNATURE),
            (8, &VERSION.to_le_bytes()),
            (12, &self.hash_type.number().to_le_bytes()),
            (16, &self.uuid.to_bytes()),
            (32, self.algorithm.name().as_bytes()),
            (64, &self.data_block_bytes.to_le_bytes()),
            (68, &self.hash_block_bytes.to_le_bytes()),
            (72, &self.data_blocks.to_le_bytes()),
            (80, &salt_bytes.to_le_bytes()),
            (88, salt),
        ];
        for (at, value) in fields {
            for (byte, new) in bytes.iter_mut().skip(at).zip(value) {
                *byte = *new;
            }
        }
        bytes
    }

    fn check(&self) -> Result<(), VerityError> {
        for found_bytes in [self.data_block_bytes, self.hash_block_bytes] {
            if !found_bytes.is_power_of_two() || !(512..=65536).contains(&found_bytes) {
                return Err(VerityError::BlockSize { found_bytes });
            }
        }
        if self.salt.len() > MAX_SALT_BYTES {
            return Err(VerityError::SaltTooLong { found_bytes: self.salt.len() });
        }
        let bytes = self.data_blocks.checked_mul(u64::from(self.data_block_bytes));
        match bytes {
            Some(1..=MAX_DEVICE_BYTES) => Ok(()),
            _ => Err(VerityError::DataBlocks { found: self.data_blocks }),
        }
    }

    /// How many digests a hash block holds.
    #[must_use]
    pub fn digests_per_block(&self) -> u64 {
        u64::from(self.hash_block_bytes / DIGEST_BYTES)
    }

    /// How many hash blocks each level has, the level nearest the root first: the order on the
    /// device. Empty for one data block.
    #[must_use]
    pub fn levels(&self) -> Vec<u64> {
        let mut levels = Vec::new();
        let mut blocks = self.data_blocks;
        while blocks > 1 {
            blocks = blocks.div_ceil(self.digests_per_block());
            levels.push(blocks);
        }
        levels.reverse();
        levels
    }

    /// The size of superblock and tree together: the least a hash partition must have.
    #[must_use]
    pub fn hash_device_bytes(&self) -> u64 {
        let blocks = self.levels().iter().fold(1_u64, |sum, level| sum.saturating_add(*level));
        blocks.saturating_mul(u64::from(self.hash_block_bytes))
    }

    /// The size of the data the tree covers: the length of the device the kernel makes, and the
    /// least a data partition must have.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.data_blocks.saturating_mul(u64::from(self.data_block_bytes))
    }

    /// The parameters of the device-mapper target `verity`, as the kernel's
    /// `Documentation/admin-guide/device-mapper/verity.rst` gives them. The target starts at
    /// sector 0 and is [`Superblock::data_bytes`] / 512 sectors long.
    ///
    /// `data` and `hash` are paths or `major:minor`; the tree starts in the hash device's second
    /// block, after the superblock.
    #[must_use]
    pub fn table(&self, data: &str, hash: &str, root_hash: &Digest, options: Options) -> String {
        let salt = match self.salt.as_slice() {
            [] => "-".to_owned(),
            salt => salt.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let mut table = format!(
            "{} {data} {hash} {} {} {} 1 {} {root_hash} {salt}",
            self.hash_type.number(),
            self.data_block_bytes,
            self.hash_block_bytes,
            self.data_blocks,
            self.algorithm.name(),
        );
        let words = options.words();
        if !words.is_empty() {
            table.push_str(&format!(" {} {}", words.len(), words.join(" ")));
        }
        table
    }
}

/// What the kernel does when a block is not the one that was hashed. There is no variant for
/// carrying on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCorruption {
    /// The read fails; whoever asked sees an I/O error.
    FailRead,
    /// The machine restarts.
    Restart,
    /// The kernel panics: the record survives in pstore, and `panic=` decides what follows.
    Panic,
}

/// How often a block is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Whenever it is read from the disk.
    EveryRead,
    /// The first time only: cheaper, but a disk that lies later is believed.
    FirstRead,
}

/// The optional parameters of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What follows a block that does not fit.
    pub on_corruption: OnCorruption,
    /// How often blocks are checked.
    pub check: Check,
}

impl Options {
    fn words(self) -> Vec<&'static str> {
        let mut words = Vec::new();
        match self.on_corruption {
            OnCorruption::FailRead => {}
            OnCorruption::Restart => words.push("restart_on_corruption"),
            OnCorruption::Panic => words.push("panic_on_corruption"),
        }
        match self.check {
            Check::EveryRead => {}
            Check::FirstRead => words.push("check_at_most_once"),
        }
        words
    }
}

fn algorithm(field: &[u8]) -> Result<Algorithm, VerityError> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (name, rest) = field.split_at(end);
    if name == b"sha256" && rest.iter().all(|byte| *byte == 0) {
        return Ok(Algorithm::Sha256);
    }
    let printable = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
    Err(VerityError::Algorithm { found: name.iter().map(printable).collect() })
}

/// The superblock's bytes, by offset.
struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    fn range(&self, at: usize, len: usize) -> Option<&'a [u8]> {
        self.bytes.get(at..at.checked_add(len)?)
    }

    /// Fields lie inside the 512 bytes by construction; one that did not would read as zero.
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.range(at, N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    fn zero(&self, at: usize, len: usize) -> Result<(), VerityError> {
        let bytes = self.range(at, len).unwrap_or_default();
        match bytes.iter().position(|byte| *byte != 0) {
            Some(found) => Err(VerityError::Reserved { offset_bytes: at + found }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
