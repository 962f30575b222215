//! Which bytes of an image belong to what.

use std::sync::Arc;

/// What a stretch of an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The first block, with the superblock.
    Superblock,
    /// Content of a file, under its first name.
    File(Arc<str>),
    /// Content of several small files, compressed together.
    Files(Vec<Arc<str>>),
    /// The entries of a directory.
    Directory(Arc<str>),
    /// The target of a symbolic link.
    Symlink(Arc<str>),
    /// Extended attributes that several files share.
    Xattrs,
    /// The inode of this path, with what is stored beside it.
    Inode(Arc<str>),
    /// The inode and index of the small files compressed together.
    PackedInode,
    /// Zeros that align what follows.
    Padding,
}

/// A stretch of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Where it starts.
    pub offset: u64,
    /// How long it is.
    pub len: u64,
    /// What it is.
    pub owner: Owner,
}

/// What was written where. The regions are sorted, without gaps, from 0 to `len_bytes`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The length of the image.
    pub len_bytes: u64,
    /// All of the image.
    pub regions: Vec<Region>,
    /// Inodes in the image.
    pub inodes: u64,
    /// Bytes of distinct file content.
    pub content_bytes: u64,
    /// Pieces the content was compressed in.
    pub units: usize,
    /// How many of them came from the cache.
    pub units_cached: usize,
}

impl Layout {
    /// The region this byte of the image is in.
    #[must_use]
    pub fn owner_of(&self, offset: u64) -> Option<&Region> {
        let after = self.regions.partition_point(|region| region.offset <= offset);
        let region = self.regions.get(after.checked_sub(1)?)?;
        (offset - region.offset < region.len).then_some(region)
    }

    /// Says what the image goes on with.
    pub(super) fn push(&mut self, len: u64, owner: Owner) {
        let offset = self.len_bytes;
        self.len_bytes += len;
        match self.regions.last_mut() {
            _ if len == 0 => {}
            Some(last) if last.owner == owner => last.len += len,
            _ => self.regions.push(Region { offset, len, owner }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_owner() {
        let mut layout = Layout::default();
        let file = || Owner::File(Arc::from("a"));
        layout.push(4096, Owner::Superblock);
        layout.push(100, file());
        layout.push(0, Owner::Padding);
        layout.push(60, file());
        layout.push(10, Owner::Padding);
        assert_eq!(layout.regions.len(), 3);
        let owner = |at| layout.owner_of(at).map(|region| region.owner.clone());
        assert_eq!(owner(0), Some(Owner::Superblock));
        assert_eq!(owner(4095), Some(Owner::Superblock));
        assert_eq!(owner(4096), Some(file()));
        assert_eq!(owner(4096 + 159), Some(file()));
        assert_eq!(owner(4096 + 160), Some(Owner::Padding));
        assert_eq!(owner(4096 + 170), None);
    }
}
