//! Reading a GUID partition table, so that the node finds its partitions by their identifiers.
//!
//! Linux 6.12 does not say a partition's identifier anywhere in `/sys`, and the node has no other
//! program to ask. Only the first table is read, as the kernel does: a disk whose first
//! table is damaged has no partitions until it is repaired.
//!
//! # Format
//!
//! UEFI 2.10, sections 5.3.2 and 5.3.3; all numbers little-endian. The header lies in the disk's
//! second sector:
//!
//! | offset | size | what |
//! |---:|---:|---|
//! | 0 | 8 | `EFI PART` |
//! | 12 | 4 | size of the header, at least 92 |
//! | 16 | 4 | CRC-32 of the header, with these four bytes zero |
//! | 24 | 8 | the sector it lies in: 1 |
//! | 72 | 8 | first sector of the entries |
//! | 80 | 4 | number of entries |
//! | 84 | 4 | size of an entry: 128 times a power of two |
//! | 88 | 4 | CRC-32 of all entries |
//!
//! An entry:
//!
//! | offset | size | what |
//! |---:|---:|---|
//! | 0 | 16 | type; zero: unused |
//! | 16 | 16 | identifier |
//! | 56 | 72 | label in UTF-16, zero-padded |

use std::fmt;

use crate::partition::Guid;

/// All entries together are no larger: 128 of 128 bytes are usual.
const ENTRIES_LIMIT_BYTES: u64 = 1 << 20;

const HEADER_BYTES: usize = 92;
const ENTRY_BYTES: usize = 128;

/// Where the entries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The sector they begin in.
    pub entries_sector: u64,
    /// Their length.
    pub entries_bytes: usize,
    entry_bytes: usize,
    entries_crc: u32,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: the kernel's `PARTN`.
    pub number: u32,
    /// What it is for.
    pub kind: Guid,
    /// Its identifier.
    pub id: Guid,
    /// Its label.
    pub label: String,
}

/// Bytes that are no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GptError {
    /// The signature is not there.
    NoSignature,
    /// A size in the header that no table has.
    Sizes,
    /// The header is not the one that was written.
    HeaderCrc,
    /// The entries are not those that were written.
    EntriesCrc,
}

impl fmt::Display for GptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSignature => "there is no GUID partition table",
            Self::Sizes => "the partition table's header has sizes that no table has",
            Self::HeaderCrc => "the partition table's header is damaged",
            Self::EntriesCrc => "the partition table's entries are damaged",
        })
    }
}

impl std::error::Error for GptError {}

impl Header {
    /// Reads the disk's second sector.
    ///
    /// # Errors
    ///
    /// It holds no header, or not the one that was written.
    pub fn parse(sector: &[u8]) -> Result<Self, GptError> {
        if !sector.starts_with(b"EFI PART") {
            return Err(GptError::NoSignature);
        }
        let header_bytes = number32(sector, 12).and_then(|size| usize::try_from(size).ok());
        let header =
            header_bytes.filter(|size| *size >= HEADER_BYTES).and_then(|size| sector.get(..size));
        let header = header.ok_or(GptError::Sizes)?;
        let (before, rest) = header.split_at_checked(16).ok_or(GptError::Sizes)?;
        let (_, after) = rest.split_at_checked(4).ok_or(GptError::Sizes)?;
        if number32(header, 16) != Some(crc32(&[before, &[0; 4], after])) {
            return Err(GptError::HeaderCrc);
        }
        Self::read_sizes(header).ok_or(GptError::Sizes)
    }

    fn read_sizes(header: &[u8]) -> Option<Self> {
        let (count, size) = (number32(header, 80)?, number32(header, 84)?);
        let bytes = u64::from(count).checked_mul(u64::from(size))?;
        let entry_bytes = usize::try_from(size).ok()?;
        let fine = number64(header, 24)? == 1
            && bytes <= ENTRIES_LIMIT_BYTES
            && entry_bytes.is_power_of_two()
            && entry_bytes >= ENTRY_BYTES;
        fine.then_some(Self {
            entries_sector: number64(header, 72)?,
            entries_bytes: usize::try_from(bytes).ok()?,
            entry_bytes,
            entries_crc: number32(header, 88)?,
        })
    }

    /// Reads the entries: [`Header::entries_bytes`] from [`Header::entries_sector`] on.
    ///
    /// # Errors
    ///
    /// They are not those that were written.
    pub fn entries(&self, bytes: &[u8]) -> Result<Vec<Entry>, GptError> {
        let bytes = bytes.get(..self.entries_bytes).ok_or(GptError::EntriesCrc)?;
        if crc32(&[bytes]) != self.entries_crc {
            return Err(GptError::EntriesCrc);
        }
        let entries = bytes.chunks_exact(self.entry_bytes).zip(1..);
        Ok(entries.filter_map(|(entry, number)| read_entry(entry, number)).collect())
    }
}

fn read_entry(entry: &[u8], number: u32) -> Option<Entry> {
    let guid = |at: usize| {
        let bytes = entry.get(at..at.checked_add(16)?)?;
        bytes.try_into().ok().map(Guid::from_gpt_bytes)
    };
    let kind = guid(0).filter(|kind| kind.0 != 0)?;
    let (letters, _) = entry.get(56..128)?.as_chunks::<2>();
    let letters = letters.iter().map(|pair| u16::from_le_bytes(*pair)).take_while(|c| *c != 0);
    let label = char::decode_utf16(letters).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(Entry { number, kind, id: guid(16)?, label: label.collect() })
}

fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}

fn number64(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// The CRC-32 of UEFI 2.10 (section 2.5), a bit at a time: 16 KiB once a boot need no table.
fn crc32(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().copied().flatten();
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::Role;
    use proptest::prelude::*;

    /// A table of 4 entries of which the second is used.
    fn table() -> (Vec<u8>, Vec<u8>) {
        let mut entries = vec![0; 4 * ENTRY_BYTES];
        entries[128..144].copy_from_slice(&Role::State.type_guid().to_gpt_bytes());
        entries[144..160].copy_from_slice(&Guid(7).to_gpt_bytes());
        for (at, letter) in "wörld".encode_utf16().enumerate() {
            entries[184 + 2 * at..186 + 2 * at].copy_from_slice(&letter.to_le_bytes());
        }
        let mut header = vec![0; 512];
        header[..8].copy_from_slice(b"EFI PART");
        for (at, value) in [(12, 92), (24, 1), (72, 2), (80, 4), (84, 128)] {
            header[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
        }
        header[88..92].copy_from_slice(&crc32(&[&entries]).to_le_bytes());
        let crc = crc32(&[&header[..92]]);
        header[16..20].copy_from_slice(&crc.to_le_bytes());
        (header, entries)
    }

    #[test]
    fn the_crc_is_the_usual_one() {
        assert_eq!(crc32(&[b"1234", b"56789"]), 0xcbf4_3926);
    }

    #[test]
    fn a_used_entry_is_read_with_its_number() {
        let (header, entries) = table();
        let header = Header::parse(&header).unwrap();
        assert_eq!((header.entries_sector, header.entries_bytes), (2, 512));
        let expect = Entry {
            number: 2,
            kind: Role::State.type_guid(),
            id: Guid(7),
            label: "wörld".to_owned(),
        };
        assert_eq!(header.entries(&entries), Ok(vec![expect]));
    }

    #[test]
    fn damage_is_noticed_and_named() {
        let (header, entries) = table();
        assert_eq!(Header::parse(&[]), Err(GptError::NoSignature));
        assert_eq!(Header::parse(&header[..91]), Err(GptError::Sizes));
        let parsed = Header::parse(&header).unwrap();
        assert_eq!(parsed.entries(&entries[1..]), Err(GptError::EntriesCrc));
        for at in 8..92 {
            let mut header = header.clone();
            header[at] ^= 1;
            assert!(Header::parse(&header).is_err(), "{at}");
        }
        for at in [0, 130, 511] {
            let mut entries = entries.clone();
            entries[at] ^= 1;
            assert_eq!(parsed.entries(&entries), Err(GptError::EntriesCrc));
        }
    }

    proptest! {
        #[test]
        fn any_header_is_answered(
            mut bytes in proptest::collection::vec(any::<u8>(), 92..200),
            entries in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            bytes[..8].copy_from_slice(b"EFI PART");
            bytes[12..16].copy_from_slice(&92_u32.to_le_bytes());
            bytes[16..20].fill(0);
            let crc = crc32(&[&bytes[..92]]);
            bytes[16..20].copy_from_slice(&crc.to_le_bytes());
            if let Ok(header) = Header::parse(&bytes) {
                prop_assert!(header.entries_bytes <= 1 << 20);
                let _entries = header.entries(&entries);
            }
        }

        #[test]
        fn any_entry_is_answered(mut entries in proptest::collection::vec(any::<u8>(), 512)) {
            let (header, _) = table();
            let mut header = Header::parse(&header).unwrap();
            header.entries_crc = crc32(&[&entries]);
            prop_assert!(header.entries(&entries).unwrap().len() <= 4);
            entries.truncate(500);
            prop_assert!(header.entries(&entries).is_err());
        }
    }
}
