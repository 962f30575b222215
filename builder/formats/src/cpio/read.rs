//! Reading an archive back into a tree.
//!
//! Stricter than the kernel, because only our own archives and those of our oracles are read: a
//! path that leaves the tree, two entries of one path, an entry without its directory, or names of
//! one file that disagree about its content are errors. Memory is bounded by the archive's length.

use std::collections::BTreeMap;
use std::fmt;

use super::{
    ALIGN_BYTES, Content, HEADER_BYTES, Kind, MAGIC, Node, TRAILER, TYPE_BLOCK, TYPE_CHAR,
    TYPE_DIRECTORY, TYPE_FIFO, TYPE_FILE, TYPE_MASK, TYPE_SOCKET, TYPE_SYMLINK, Tree, TreeError,
};

/// An archive that was read.
#[derive(Debug)]
pub struct Archive {
    /// Its entries.
    pub tree: Tree,
    /// How long it is with its trailer: what follows may be another archive.
    pub len_bytes: usize,
}

/// Bytes that are no archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// The bytes end inside an entry, or before the trailer.
    Truncated {
        /// Where the entry starts.
        offset_bytes: usize,
    },
    /// There is no header, or a number in it is no number.
    Header {
        /// Where the entry starts.
        offset_bytes: usize,
    },
    /// A path or the target of a link is no text, or the path does not end in a zero byte.
    Text {
        /// Where the entry starts.
        offset_bytes: usize,
    },
    /// The file type is none there is.
    Type {
        /// The path.
        path: String,
        /// The mode with the type.
        mode: u32,
    },
    /// There are two entries of this path.
    Twice {
        /// The path.
        path: String,
    },
    /// The names of one file carry different contents.
    Links {
        /// The name that disagrees.
        path: String,
    },
    /// The entry does not fit into the tree.
    Tree(TreeError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { offset_bytes } => {
                write!(f, "the cpio archive ends inside the entry at byte {offset_bytes}")
            }
            Self::Header { offset_bytes } => {
                write!(f, "there is no cpio header at byte {offset_bytes}")
            }
            Self::Text { offset_bytes } => {
                write!(f, "the cpio entry at byte {offset_bytes} has a path or target not in UTF-8")
            }
            Self::Type { path, mode } => write!(f, "`{path}` has mode {mode:o}, no known type"),
            Self::Twice { path } => write!(f, "the cpio archive has `{path}` twice"),
            Self::Links { path } => {
                write!(f, "`{path}` has another content than the file it is a name of")
            }
            Self::Tree(_) => f.write_str("an entry of the cpio archive has no place"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tree(error) => Some(error),
            _ => None,
        }
    }
}

/// Reads the archive at the start of `bytes`. `origin` is put down as the origin of every entry.
///
/// # Errors
/// It is no archive, or not one that makes a tree.
pub fn read(bytes: &[u8], origin: &str) -> Result<Archive, ReadError> {
    let mut tree = Tree::new();
    let mut links: BTreeMap<[u32; 3], Vec<(String, Content)>> = BTreeMap::new();
    let mut at = 0;
    loop {
        let entry = Entry::at(bytes, at)?;
        at = entry.end;
        if entry.path == TRAILER {
            break;
        }
        let node = entry.node(origin)?;
        let path = if entry.path == "." { "" } else { entry.path };
        if let (Kind::File(content), 2..) = (&node.kind, entry.links) {
            links.entry(entry.identity).or_default().push((path.to_owned(), content.clone()));
        }
        place(&mut tree, path, node)?;
    }
    for (_, names) in links {
        join(&mut tree, names)?;
    }
    Ok(Archive { tree, len_bytes: at })
}

fn place(tree: &mut Tree, path: &str, node: Node) -> Result<(), ReadError> {
    let twice = || ReadError::Twice { path: path.to_owned() };
    match tree.get_mut(path) {
        // The root is in every tree; an archive that has it says what it is like.
        Some(root) if path.is_empty() && node.kind == Kind::Directory => {
            *root = node;
            Ok(())
        }
        Some(_) => Err(twice()),
        None => tree.insert(path, node).map(|_| ()).map_err(ReadError::Tree),
    }
}

/// Makes one file of several names: the first in byte order holds the content.
fn join(tree: &mut Tree, mut names: Vec<(String, Content)>) -> Result<(), ReadError> {
    names.sort_by(|(left, _), (right, _)| left.cmp(right));
    let mut contents = names.iter().filter(|(_, content)| content.len_bytes() > 0);
    let content = contents.next().map(|(_, content)| content.clone());
    if let Some((path, _)) = contents.find(|(_, other)| Some(other) != content.as_ref()) {
        return Err(ReadError::Links { path: path.clone() });
    }
    let content = content.unwrap_or_else(|| Content::inline([]));
    let mut names = names.into_iter().map(|(path, _)| path);
    let Some(file) = names.next() else { return Ok(()) };
    if let Some(node) = tree.get_mut(&file) {
        node.kind = Kind::File(content);
    }
    for name in names {
        if let Some(node) = tree.get_mut(&name) {
            node.kind = Kind::Hardlink(file.clone());
        }
    }
    Ok(())
}

struct Entry<'a> {
    start: usize,
    end: usize,
    path: &'a str,
    content: &'a [u8],
    mode: u32,
    owner: [u32; 2],
    links: u32,
    device: [u32; 2],
    /// Inode and device of the file system: equal for the names of one file.
    identity: [u32; 3],
}

impl<'a> Entry<'a> {
    fn at(bytes: &'a [u8], start: usize) -> Result<Self, ReadError> {
        let truncated = || ReadError::Truncated { offset_bytes: start };
        let piece = |at: usize, len: usize| {
            at.checked_add(len).and_then(|end| bytes.get(at..end)).ok_or_else(truncated)
        };
        let header = Header(piece(start, HEADER_BYTES)?);
        let number = |index| header.number(index).ok_or(ReadError::Header { offset_bytes: start });
        let length = |index| number(index).map(|len| usize::try_from(len).unwrap_or(usize::MAX));
        if !header.0.starts_with(MAGIC) {
            return Err(ReadError::Header { offset_bytes: start });
        }
        let path_start = start + HEADER_BYTES;
        let path = piece(path_start, length(11)?)?;
        let content_start = (path_start + path.len()).next_multiple_of(ALIGN_BYTES);
        let content = piece(content_start, length(6)?)?;
        let end = (content_start + content.len()).next_multiple_of(ALIGN_BYTES);
        let path = match path.split_last() {
            Some((0, path)) if !path.contains(&0) => text(path, start)?,
            _ => return Err(ReadError::Text { offset_bytes: start }),
        };
        Ok(Self {
            start,
            end: end.min(bytes.len()),
            path,
            content,
            mode: number(1)?,
            owner: [number(2)?, number(3)?],
            links: number(4)?,
            device: [number(9)?, number(10)?],
            identity: [number(0)?, number(7)?, number(8)?],
        })
    }

    fn node(&self, origin: &str) -> Result<Node, ReadError> {
        let [major, minor] = self.device;
        let kind = match self.mode & TYPE_MASK {
            TYPE_DIRECTORY => Kind::Directory,
            TYPE_FILE => Kind::File(Content::inline(self.content)),
            TYPE_SYMLINK => Kind::Symlink(text(self.content, self.start)?.to_owned()),
            TYPE_CHAR => Kind::CharDevice(major, minor),
            TYPE_BLOCK => Kind::BlockDevice(major, minor),
            TYPE_FIFO => Kind::Fifo,
            TYPE_SOCKET => Kind::Socket,
            _ => {
                let path = self.path.to_owned();
                return Err(ReadError::Type { path, mode: self.mode });
            }
        };
        let mode = u16::try_from(self.mode & 0o7777).unwrap_or_default();
        let [uid, gid] = self.owner;
        Ok(Node { uid, gid, ..Node::new(kind, mode, origin) })
    }
}

struct Header<'a>(&'a [u8]);

impl Header<'_> {
    fn number(&self, index: usize) -> Option<u32> {
        let at = MAGIC.len() + index * 8;
        self.0.get(at..at + 8)?.iter().try_fold(0, |number: u32, digit| {
            char::from(*digit).to_digit(16).map(|digit| number << 4 | digit)
        })
    }
}

fn text(bytes: &[u8], offset_bytes: usize) -> Result<&str, ReadError> {
    str::from_utf8(bytes).map_err(|_| ReadError::Text { offset_bytes })
}
