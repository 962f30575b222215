//! Directory blocks.
//!
//! `struct erofs_dirent`, twelve bytes: inode number (64 bits), where in the block the name is (16
//! bits), the file's kind (8 bits), a zero. The entries of a block come first, then their names
//! without any terminator; the first entry's name position so also tells how many entries there
//! are. The last name ends at a zero or at the end of the block. All names, `.` and `..` among
//! them, are in the order of their bytes through all blocks, because the kernel searches by
//! bisection.

use super::bytes::{u16_at, u64_at};
use super::superblock::BLOCK;

const ENTRY: usize = 12;

/// What a directory entry says of what it names (`EROFS_FT_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileType {
    /// A regular file.
    Regular = 1,
    /// A directory.
    Directory = 2,
    /// A character device.
    CharDevice = 3,
    /// A block device.
    BlockDevice = 4,
    /// A named pipe.
    Fifo = 5,
    /// A socket.
    Socket = 6,
    /// A symbolic link.
    Symlink = 7,
}

impl FileType {
    const fn number(self) -> u8 {
        match self {
            Self::Regular => 1,
            Self::Directory => 2,
            Self::CharDevice => 3,
            Self::BlockDevice => 4,
            Self::Fifo => 5,
            Self::Socket => 6,
            Self::Symlink => 7,
        }
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// The name, `.` or `..`.
    pub(super) name: &'a str,
    /// Number of the inode.
    pub(super) inode: u64,
    /// Its kind.
    pub(super) file_type: FileType,
}

/// Which names go into one block, as ranges of the sorted names; and the bytes of the last one.
fn blocks(name_lens: impl Iterator<Item = usize>) -> (Vec<std::ops::Range<usize>>, usize) {
    let (mut out, mut start, mut end, mut used) = (Vec::new(), 0, 0, 0);
    for len in name_lens {
        if used + ENTRY + len > BLOCK {
            out.push(start..end);
            (start, used) = (end, 0);
        }
        used += ENTRY + len;
        end += 1;
    }
    out.push(start..end);
    (out, used)
}

/// How many bytes a directory with names of these lengths has, `.` and `..` included.
pub(super) fn len(name_lens: impl Iterator<Item = usize>) -> usize {
    let (blocks, last) = blocks(name_lens);
    (blocks.len() - 1) * BLOCK + last
}

/// The bytes of a directory, all its entries sorted by name.
pub(super) fn encode(entries: &[Entry<'_>]) -> Vec<u8> {
    let (blocks, _) = blocks(entries.iter().map(|entry| entry.name.len()));
    let mut out = Vec::new();
    for range in blocks {
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        let entries = entries.get(range).unwrap_or_default();
        let mut name_at = entries.len() * ENTRY;
        for entry in entries {
            out.extend(entry.inode.to_le_bytes());
            out.extend(u16::try_from(name_at).unwrap_or(u16::MAX).to_le_bytes());
            out.extend([entry.file_type.number(), 0]);
            name_at += entry.name.len();
        }
        entries.iter().for_each(|entry| out.extend(entry.name.as_bytes()));
    }
    out
}

/// The names of one directory block with their inodes. None for anything but a directory block.
pub(super) fn parse(block: &[u8]) -> Option<Vec<(String, u64)>> {
    let first = usize::from(u16_at(block, 8)?);
    if first == 0 || first % ENTRY != 0 || first >= BLOCK {
        return None;
    }
    let count = first / ENTRY;
    let mut out = Vec::with_capacity(count);
    for number in 0..count {
        let at = number * ENTRY;
        let start = usize::from(u16_at(block, at + 8)?);
        let name = match number + 1 < count {
            true => block.get(start..usize::from(u16_at(block, at + ENTRY + 8)?))?,
            false => {
                let rest = block.get(start..)?;
                let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
                rest.get(..end)?
            }
        };
        let name = std::str::from_utf8(name).ok()?;
        if start < first || name.is_empty() || name.contains('\0') {
            return None;
        }
        out.push((name.to_owned(), u64_at(block, at)?));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[String]) {
        let file_type = FileType::Regular;
        let entries: Vec<Entry<'_>> =
            (10..).zip(names).map(|(inode, name)| Entry { name, inode, file_type }).collect();
        let bytes = encode(&entries);
        assert_eq!(bytes.len(), len(names.iter().map(String::len)));
        let read: Vec<(String, u64)> =
            bytes.chunks(BLOCK).flat_map(|block| parse(block).unwrap()).collect();
        let expected: Vec<(String, u64)> = names.iter().cloned().zip(10..).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn names_come_back_from_one_block_and_from_many() {
        let long = |count: usize, len: usize| -> Vec<String> {
            (0..count).map(|number| format!("{number:0len$}")).collect()
        };
        check(&long(1, 1));
        check(&long(3, 20));
        check(&long(1000, 30));
        check(&long(300, 255));
        // Blocks that are full to the last byte: 4096 = 16 entries of 12 and 244.
        check(&long(64, 244));
    }

    #[test]
    fn other_blocks_are_refused() {
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[0; 64]), None);
        assert_eq!(parse(&[0xFF; 4096]), None);
        let entry = Entry { name: "abc", inode: 1, file_type: FileType::Fifo };
        let block = encode(&[entry]);
        assert_eq!(parse(&block[..ENTRY]), None);
        assert!(parse(&block).is_some());
    }
}
