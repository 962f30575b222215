//! Inodes: 32 bytes where everything fits, else 64.
//!
//! `struct erofs_inode_compact` and `struct erofs_inode_extended`. An inode's number is its place
//! in steps of 32 bytes from the start of the metadata area. Its extended attributes follow it,
//! then, by the layout of its data: the last piece of the file (inline), or the index (compressed).

use super::bytes::{u16_at, u32_at, u64_at};

/// Bytes of a step of inode numbers, and of a compact inode.
pub(super) const SLOT: u64 = 32;

/// Whole blocks.
pub(super) const LAYOUT_PLAIN: u16 = 0;
/// Compressed with an index of eight bytes an entry; also a whole piece of the packed inode.
pub(super) const LAYOUT_FULL_INDEX: u16 = 1;
/// Whole blocks, then the rest beside the inode.
pub(super) const LAYOUT_INLINE: u16 = 2;
/// Compressed with a compact index.
pub(super) const LAYOUT_COMPACT_INDEX: u16 = 3;

/// An inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inode {
    /// How its data is stored.
    pub(super) layout: u16,
    /// Length of its attributes, see [`super::xattr::count`].
    pub(super) xattr_count: u16,
    /// Kind and permissions as in `st_mode`.
    pub(super) mode: u16,
    /// Names it has.
    pub(super) links: u32,
    /// Bytes of its data.
    pub(super) len_bytes: u64,
    /// By layout and kind: first block, blocks used, or device number.
    pub(super) place: u32,
    /// A number for programs that want 32 bits.
    pub(super) serial: u32,
    /// Owner.
    pub(super) uid: u32,
    /// Group.
    pub(super) gid: u32,
    /// Modification time, where an extended inode says one of its own.
    pub(super) mtime_s: u64,
    /// Whether it was read from 64 bytes. Writing does not ask.
    pub(super) stored_extended: bool,
}

impl Inode {
    fn compact_fields(&self) -> Option<(u16, u32, u16, u16)> {
        Some((
            u16::try_from(self.links).ok()?,
            u32::try_from(self.len_bytes).ok()?,
            u16::try_from(self.uid).ok()?,
            u16::try_from(self.gid).ok()?,
        ))
    }

    /// Bytes of the inode itself.
    pub(super) fn len(&self) -> u64 {
        if self.compact_fields().is_some() { SLOT } else { 2 * SLOT }
    }

    /// The inode as it is stored.
    pub(super) fn encode(&self) -> Vec<u8> {
        let compact = self.compact_fields();
        let mut out = Vec::with_capacity(64);
        let format = self.layout << 1 | u16::from(compact.is_none());
        let links = compact.map_or(0, |(links, ..)| links);
        for field in [format, self.xattr_count, self.mode, links] {
            out.extend(field.to_le_bytes());
        }
        if let Some((_, len, uid, gid)) = compact {
            for field in [len, 0, self.place, self.serial] {
                out.extend(field.to_le_bytes());
            }
            out.extend(uid.to_le_bytes());
            out.extend(gid.to_le_bytes());
            out.extend([0; 4]);
        } else {
            out.extend(self.len_bytes.to_le_bytes());
            for field in [self.place, self.serial, self.uid, self.gid] {
                out.extend(field.to_le_bytes());
            }
            out.extend(self.mtime_s.to_le_bytes());
            out.extend(0_u32.to_le_bytes());
            out.extend(self.links.to_le_bytes());
            out.extend([0; 16]);
        }
        out
    }

    /// Whether the inode that starts with these bytes is an extended one.
    pub(super) fn is_extended(start: &[u8]) -> bool {
        start.first().is_some_and(|byte| byte & 1 == 1)
    }

    /// Reads an inode from its 32 or 64 bytes.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let format = u16_at(bytes, 0)?;
        if format >> 4 != 0 {
            return None;
        }
        let extended = Self::is_extended(bytes);
        let word = |compact: usize, extended_at: usize| match extended {
            false => u16_at(bytes, compact).map(u32::from),
            true => u32_at(bytes, extended_at),
        };
        Some(Self {
            layout: format >> 1 & 7,
            xattr_count: u16_at(bytes, 2)?,
            mode: u16_at(bytes, 4)?,
            links: word(6, 44)?,
            len_bytes: if extended { u64_at(bytes, 8)? } else { u32_at(bytes, 8)?.into() },
            place: u32_at(bytes, 16)?,
            serial: u32_at(bytes, 20)?,
            uid: word(24, 24)?,
            gid: word(26, 28)?,
            mtime_s: if extended { u64_at(bytes, 32)? } else { 0 },
            stored_extended: extended,
        })
    }
}

/// A device number as the kernel stores it: the low 8 bits of the minor, 12 bits of the major,
/// the other 12 of the minor.
pub(super) fn device(major: u32, minor: u32) -> Option<u32> {
    (major < 1 << 12 && minor < 1 << 20)
        .then_some(minor & 0xFF | major << 8 | (minor & 0xFFF00) << 12)
}

/// Major and minor of a stored device number.
pub(super) fn device_parts(number: u32) -> (u32, u32) {
    (number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_back() {
        let small = Inode {
            layout: LAYOUT_COMPACT_INDEX,
            xattr_count: 3,
            mode: 0o100_755,
            links: 2,
            len_bytes: 70_000,
            place: 9,
            serial: 4,
            uid: 64_055,
            gid: 100,
            mtime_s: 0,
            stored_extended: false,
        };
        assert_eq!((small.len(), small.encode().len()), (32, 32));
        assert_eq!(Inode::parse(&small.encode()), Some(small.clone()));
        for large in [
            Inode { len_bytes: 1 << 32, ..small.clone() },
            Inode { uid: 100_000, ..small.clone() },
            Inode { gid: 1 << 16, ..small.clone() },
            Inode { links: 1 << 16, mtime_s: 7, ..small },
        ] {
            assert_eq!((large.len(), large.encode().len()), (64, 64));
            let large = Inode { stored_extended: true, ..large };
            assert_eq!(Inode::parse(&large.encode()), Some(large));
        }
    }

    #[test]
    fn device_numbers_keep_all_their_bits() {
        for (major, minor) in [(0, 0), (1, 3), (8, 17), (4095, 1_048_575), (259, 256)] {
            assert_eq!(device_parts(device(major, minor).unwrap()), (major, minor));
        }
        assert_eq!(device(8, 17), Some(0x0811));
        assert_eq!(device(4096, 0), None);
        assert_eq!(device(0, 1 << 20), None);
    }
}
