//! cpio archives of the "newc" kind: what the kernel unpacks as its initial root.
//!
//! A tree has one archive: entries in the byte order of their paths, inode numbers counted from 1,
//! device 0, modification time 0, real link counts. What newc cannot hold is refused rather than
//! lost: extended attributes, files of 4 GiB, a file that bears the name of the trailer.
//!
//! # Format
//!
//! As the kernel reads it (`Documentation/driver-api/early-userspace/buffer-format.rst`) and
//! cpio(5) describes it under "New ASCII Format". An entry is a header of 110 ASCII characters,
//! the path with a zero byte, zero to three zero bytes up to a multiple of 4 from the start of
//! the archive, the content, and again zeros up to a multiple of 4. The header is `070701` and
//! thirteen numbers of eight hexadecimal digits:
//!
//! | digits from | what |
//! |---:|---|
//! | 6 | inode |
//! | 14 | mode with file type (`S_IFMT`) |
//! | 22, 30 | owner, group |
//! | 38 | link count |
//! | 46 | modification time |
//! | 54 | length of the content in bytes |
//! | 62, 70 | device of the file system: major, minor |
//! | 78, 86 | device that a device node stands for: major, minor |
//! | 94 | length of the path with its zero byte |
//! | 102 | checksum, 0 in this kind |
//!
//! The root directory is `.`; the target of a symbolic link is its content; of the names of a hard
//! link only the last carries the content. An entry `TRAILER!!!` ends the archive.
//!
//! # Initrds
//!
//! The kernel takes several archives one after the other, each compressed or not. Processor
//! microcode is looked for before anything can be decompressed, so it comes first, in an archive
//! of its own that is not compressed (`kernel/x86/microcode/AuthenticAMD.bin` and
//! `GenuineIntel.bin`; `Documentation/arch/x86/microcode.rst`). The main archive is one zstd frame
//! with its length in the header and no checksum: the UKI's signature already covers it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use crate::tree::{Content, ContentSource, Kind, Node, Tree, TreeError, parent};

mod read;

pub use read::{Archive, ReadError, read};

const MAGIC: &[u8; 6] = b"070701";
const HEADER_BYTES: usize = 110;
const TRAILER: &str = "TRAILER!!!";
const ALIGN_BYTES: usize = 4;

const TYPE_MASK: u32 = 0o170_000;
const TYPE_SOCKET: u32 = 0o140_000;
const TYPE_SYMLINK: u32 = 0o120_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_BLOCK: u32 = 0o060_000;
const TYPE_DIRECTORY: u32 = 0o040_000;
const TYPE_CHAR: u32 = 0o020_000;
const TYPE_FIFO: u32 = 0o010_000;

/// A tree that was not written as an archive.
#[derive(Debug)]
pub enum WriteError {
    /// The content of a file cannot be had.
    Content {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The archive cannot be written.
    Out(io::Error),
    /// The entry has extended attributes, which newc cannot hold.
    Attributes {
        /// The entry.
        path: String,
    },
    /// The content, or the path, is longer than eight hexadecimal digits can say.
    TooLong {
        /// The entry.
        path: String,
    },
    /// The further name of a file that is not in the tree.
    NoTarget {
        /// The further name.
        path: String,
        /// The path of the file.
        target: String,
    },
    /// The entry has the name that ends an archive.
    Trailer,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content { path, .. } => write!(f, "reading the content of `{path}`"),
            Self::Out(_) => f.write_str("writing a cpio archive"),
            Self::Attributes { path } => {
                write!(f, "`{path}` has extended attributes, which a cpio archive cannot hold")
            }
            Self::TooLong { path } => write!(f, "`{path}` is too long for a cpio archive"),
            Self::NoTarget { path, target } => {
                write!(f, "`{path}` is a further name of `{target}`, which is no file of the tree")
            }
            Self::Trailer => write!(f, "a file named `{TRAILER}` would end the archive"),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Content { source, .. } | Self::Out(source) => Some(source),
            _ => None,
        }
    }
}

/// Writes the tree as one archive.
///
/// # Errors
/// The tree holds something newc cannot, content cannot be had, or `out` answers an error.
pub fn write(
    tree: &Tree,
    source: &dyn ContentSource,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let names = Names::of(tree)?;
    let mut inodes: BTreeMap<&str, u32> = BTreeMap::new();
    for (path, node) in tree.iter() {
        if !node.xattrs.is_empty() {
            return Err(WriteError::Attributes { path: path.to_owned() });
        }
        if path == TRAILER {
            return Err(WriteError::Trailer);
        }
        let file = names.file(path, node);
        let next = u32::try_from(inodes.len()).unwrap_or(u32::MAX).saturating_add(1);
        let inode = *inodes.entry(file).or_insert(next);
        let content = match &names.content(path, file, tree) {
            Some(content) => content
                .load(source)
                .map_err(|source| WriteError::Content { path: path.to_owned(), source })?,
            None => match &node.kind {
                Kind::Symlink(target) => target.as_bytes().into(),
                _ => [].into(),
            },
        };
        let node = tree.get(file).unwrap_or(node);
        let header = Header {
            inode,
            mode: mode(node),
            owner: [node.uid, node.gid],
            links: names.links(file),
            device: match node.kind {
                Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) => [major, minor],
                _ => [0, 0],
            },
        };
        entry(out, &header, if path.is_empty() { "." } else { path }, &content)?;
    }
    let trailer = Header { inode: 0, mode: 0, owner: [0, 0], links: 1, device: [0, 0] };
    entry(out, &trailer, TRAILER, &[])
}

/// The initrd: an uncompressed archive for what the kernel needs early, where there is one, and
/// the main archive as one zstd frame of this level.
///
/// # Errors
/// A tree cannot be written as an archive, or zstd does not know the level.
pub fn initrd(
    early: Option<&Tree>,
    main: &Tree,
    source: &dyn ContentSource,
    level: i32,
) -> Result<Vec<u8>, WriteError> {
    let mut initrd = Vec::new();
    if let Some(early) = early {
        write(early, source, &mut initrd)?;
    }
    let mut archive = Vec::new();
    write(main, source, &mut archive)?;
    initrd.extend(compress_initrd(&archive, level).map_err(WriteError::Out)?);
    Ok(initrd)
}

/// An archive as one zstd frame. The bytes depend on the archive, the level and the version of
/// libzstd, and on nothing else.
///
/// # Errors
/// zstd does not know the level.
pub fn compress_initrd(archive: &[u8], level: i32) -> io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    compressor.include_checksum(false)?;
    compressor.include_contentsize(true)?;
    compressor.include_dictid(false)?;
    compressor.compress(archive)
}

/// Which names belong to one file, and which of them comes last.
struct Names<'a> {
    /// For every file with further names: how many names, and the last of them.
    linked: BTreeMap<&'a str, (u32, &'a str)>,
    /// How many directories each directory holds.
    folders: BTreeMap<&'a str, u32>,
}

impl<'a> Names<'a> {
    fn of(tree: &'a Tree) -> Result<Self, WriteError> {
        let mut names = Self { linked: BTreeMap::new(), folders: BTreeMap::new() };
        for (path, node) in tree.iter() {
            match &node.kind {
                Kind::Directory => {
                    names.folders.insert(path, 0);
                    if let Some(above) = names.folders.get_mut(parent(path)) {
                        *above += u32::from(!path.is_empty());
                    }
                }
                Kind::Hardlink(target) => {
                    if tree.get(target).and_then(Node::content).is_none() {
                        let target = target.clone();
                        return Err(WriteError::NoTarget { path: path.to_owned(), target });
                    }
                    let (links, last) = names.linked.entry(target).or_insert((1, target));
                    *links += 1;
                    *last = path.max(last);
                }
                _ => {}
            }
        }
        Ok(names)
    }

    /// The path that stands for the file: its own, or the one it is a further name of.
    fn file(&self, path: &'a str, node: &'a Node) -> &'a str {
        match &node.kind {
            Kind::Hardlink(target) => target,
            _ => path,
        }
    }

    /// The content that goes with this name.
    fn content<'t>(&self, path: &str, file: &str, tree: &'t Tree) -> Option<&'t Content> {
        let carries = self.linked.get(file).is_none_or(|(_, last)| *last == path);
        tree.get(file).and_then(Node::content).filter(|_| carries)
    }

    fn links(&self, file: &str) -> u32 {
        match (self.linked.get(file), self.folders.get(file)) {
            (Some((links, _)), _) => *links,
            (None, Some(folders)) => 2 + folders,
            (None, None) => 1,
        }
    }
}

struct Header {
    inode: u32,
    mode: u32,
    owner: [u32; 2],
    links: u32,
    device: [u32; 2],
}

fn mode(node: &Node) -> u32 {
    let kind = match node.kind {
        Kind::Directory => TYPE_DIRECTORY,
        Kind::File(_) | Kind::Hardlink(_) => TYPE_FILE,
        Kind::Symlink(_) => TYPE_SYMLINK,
        Kind::CharDevice(..) => TYPE_CHAR,
        Kind::BlockDevice(..) => TYPE_BLOCK,
        Kind::Fifo => TYPE_FIFO,
        Kind::Socket => TYPE_SOCKET,
    };
    kind | u32::from(node.mode & 0o7777)
}

fn entry(
    out: &mut dyn Write,
    header: &Header,
    path: &str,
    content: &[u8],
) -> Result<(), WriteError> {
    let too_long = |_| WriteError::TooLong { path: path.to_owned() };
    let content_bytes = u32::try_from(content.len()).map_err(too_long)?;
    let path_bytes = u32::try_from(path.len() + 1).map_err(too_long)?;
    let Header { inode, mode, owner: [uid, gid], links, device: [major, minor] } = header;
    let numbers =
        [*inode, *mode, *uid, *gid, *links, 0, content_bytes, 0, 0, *major, *minor, path_bytes, 0];
    let mut bytes = MAGIC.to_vec();
    bytes.extend(numbers.iter().flat_map(|number| format!("{number:08x}").into_bytes()));
    bytes.extend(path.as_bytes());
    // One zero byte ends the path even where the length needs no padding.
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(ALIGN_BYTES), 0);
    let padding = [0; ALIGN_BYTES];
    let padding = padding.get(..content.len().next_multiple_of(ALIGN_BYTES) - content.len());
    out.write_all(&bytes)
        .and_then(|()| out.write_all(content))
        .and_then(|()| out.write_all(padding.unwrap_or_default()))
        .map_err(WriteError::Out)
}

#[cfg(test)]
mod tests;
