//! The names in an image, and the whole of it as a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::digest::{Digest, Digester};

use super::{Found, ReadAt, Reader};
use crate::erofs::bytes::wide;
use crate::erofs::directory;
use crate::erofs::error::ReadError;
use crate::erofs::inode::device_parts;
use crate::erofs::superblock::BLOCK;
use crate::tree::{Content, Kind, Node, Tree, is_inside, name};

/// The longest target a symbolic link may have.
const MAX_TARGET: u64 = 4095;

/// A name in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path below the root; empty for the root itself.
    pub path: String,
    found: Found,
}

impl Entry {
    /// The number of the inode: two names of one file have the same.
    #[must_use]
    pub const fn inode(&self) -> u64 {
        self.found.number
    }

    /// Bytes of the file's content.
    #[must_use]
    pub const fn len_bytes(&self) -> u64 {
        self.found.inode.len_bytes
    }

    /// Kind and permissions, as in `st_mode`.
    #[must_use]
    pub const fn mode(&self) -> u16 {
        self.found.inode.mode
    }

    const fn kind_bits(&self) -> u16 {
        self.found.inode.mode & 0o170_000
    }
}

/// What a tree read from an image holds of the files' contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// All bytes.
    Whole,
    /// Digest and length. The bytes are read for it, one file at a time.
    Digests,
}

impl<R: ReadAt> Reader<R> {
    /// All names, in the order of their bytes, the root first.
    ///
    /// # Errors
    /// The image contradicts the format, has more than the limit, or could not be read.
    pub fn entries(&self) -> Result<Vec<Entry>, ReadError> {
        let root = self.inode(self.superblock.root.into())?;
        let mut out = BTreeMap::from([(String::new(), root.clone())]);
        let mut seen = BTreeSet::from([root.number]);
        let mut todo = vec![(String::new(), root)];
        while let Some((path, directory)) = todo.pop() {
            for (name, number) in self.directory(&directory, out.len())? {
                let below = if path.is_empty() { name } else { format!("{path}/{name}") };
                let found = self.inode(number)?;
                let broken = ReadError::Broken { what: "a directory entry", at: found.offset };
                let is_directory = found.inode.mode & 0o170_000 == 0o040_000;
                if !is_inside(&below) || (is_directory && !seen.insert(number)) {
                    return Err(broken);
                }
                if is_directory {
                    todo.push((below.clone(), found.clone()));
                }
                if out.insert(below, found).is_some() {
                    return Err(broken);
                }
                self.check_entries(out.len())?;
            }
        }
        Ok(out.into_iter().map(|(path, found)| Entry { path, found }).collect())
    }

    fn check_entries(&self, count: usize) -> Result<(), ReadError> {
        let limit = self.limits.entries;
        match count > limit {
            true => Err(ReadError::Limit { what: "names", limit: wide(limit) }),
            false => Ok(()),
        }
    }

    /// The names in one directory, without the dots.
    fn directory(&self, found: &Found, known: usize) -> Result<Vec<(String, u64)>, ReadError> {
        let broken = || ReadError::Broken { what: "a directory", at: found.offset };
        if found.inode.mode & 0o170_000 != 0o040_000 || found.inode.len_bytes > self.len_bytes {
            return Err(broken());
        }
        let mut bytes = Vec::new();
        self.read(found, &mut |part| bytes.extend_from_slice(part))?;
        let mut out = Vec::new();
        for block in bytes.chunks(BLOCK) {
            let names = directory::parse(block).ok_or_else(broken)?;
            out.extend(names.into_iter().filter(|(name, _)| name != "." && name != ".."));
            self.check_entries(known + out.len())?;
        }
        Ok(out)
    }

    /// Hands the content of a file over, piece by piece.
    ///
    /// # Errors
    /// The image contradicts the format, the file is over the limit, or could not be read.
    pub fn read_file(&self, entry: &Entry, sink: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        self.read(&entry.found, sink)
    }

    /// The node of a name, as a tree has it; of a further name of a file, the file's own.
    ///
    /// # Errors
    /// As [`Self::read_file`], and what the format cannot hold.
    pub fn node(&self, entry: &Entry, contents: Contents) -> Result<Node, ReadError> {
        let inode = &entry.found.inode;
        let device = device_parts(inode.place);
        let kind = match entry.kind_bits() {
            0o010_000 => Kind::Fifo,
            0o020_000 => Kind::CharDevice(device.0, device.1),
            0o040_000 => Kind::Directory,
            0o060_000 => Kind::BlockDevice(device.0, device.1),
            0o100_000 => Kind::File(self.content(entry, contents)?),
            0o120_000 => Kind::Symlink(self.target(entry)?),
            0o140_000 => Kind::Socket,
            _ => return Err(ReadError::Broken { what: "a mode", at: entry.found.offset }),
        };
        let mut node = Node::new(kind, inode.mode & 0o7777, "");
        (node.uid, node.gid) = (inode.uid, inode.gid);
        node.xattrs = self.xattrs(&entry.found)?;
        Ok(node)
    }

    fn content(&self, entry: &Entry, contents: Contents) -> Result<Content, ReadError> {
        match contents {
            Contents::Whole => {
                let mut bytes = Vec::new();
                self.read(&entry.found, &mut |part| bytes.extend_from_slice(part))?;
                Ok(Content::inline(bytes))
            }
            Contents::Digests => {
                let mut digester = Digester::new();
                self.read(&entry.found, &mut |part| digester.update(part))?;
                let digest: Digest = digester.finish();
                Ok(Content::stored(digest, entry.len_bytes()))
            }
        }
    }

    fn target(&self, entry: &Entry) -> Result<String, ReadError> {
        let broken = || ReadError::Broken { what: "a symbolic link", at: entry.found.offset };
        if entry.len_bytes() > MAX_TARGET {
            return Err(broken());
        }
        let mut bytes = Vec::new();
        self.read(&entry.found, &mut |part| bytes.extend_from_slice(part))?;
        String::from_utf8(bytes).map_err(|_| broken())
    }

    /// The whole image as a tree. Nodes have no origin; of several names of one file the first in
    /// the order of their bytes is the file, the others are hard links to it.
    ///
    /// # Errors
    /// As [`Self::node`]; also when all files together are over the limit.
    pub fn tree(&self, contents: Contents) -> Result<Tree, ReadError> {
        let mut tree = Tree::new();
        let mut first_names = BTreeMap::<u64, Arc<str>>::new();
        let mut total = 0_u64;
        for entry in self.entries()? {
            let is_file = entry.kind_bits() == 0o100_000;
            let first = first_names.get(&entry.inode()).filter(|_| is_file).cloned();
            let node = match first {
                Some(first) => {
                    let inode = &entry.found.inode;
                    let kind = Kind::Hardlink(first.as_ref().to_owned());
                    let mut node = Node::new(kind, inode.mode & 0o7777, "");
                    (node.uid, node.gid) = (inode.uid, inode.gid);
                    node
                }
                None => {
                    total = total.saturating_add(if is_file { entry.len_bytes() } else { 0 });
                    if total > self.limits.total_bytes {
                        let limit = self.limits.total_bytes;
                        return Err(ReadError::Limit { what: "bytes in all files", limit });
                    }
                    self.node(&entry, contents)?
                }
            };
            first_names.entry(entry.inode()).or_insert_with(|| Arc::from(entry.path.as_str()));
            self.put(&mut tree, &entry, node)?;
        }
        Ok(tree)
    }

    fn put(&self, tree: &mut Tree, entry: &Entry, node: Node) -> Result<(), ReadError> {
        let broken = || ReadError::Broken { what: "a path", at: entry.found.offset };
        if entry.path.is_empty() {
            let root = tree.get_mut("").ok_or_else(broken)?;
            *root = node;
            return Ok(());
        }
        debug_assert!(!name(&entry.path).is_empty());
        tree.insert(&entry.path, node).map(drop).map_err(|_| broken())
    }
}
