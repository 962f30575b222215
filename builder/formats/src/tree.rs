//! The file tree an image is made from, in memory.
//!
//! Paths are relative to the root of the image, without a leading slash, in UTF-8, with `/`
//! between names; the root itself is the empty path. A tree is kept in the byte order of its
//! paths, so that everything written from it is in one order. File content is named by digest and
//! may live elsewhere ([`ContentSource`]): a tree of a thousand megabytes costs kilobytes.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use contract::digest::Digest;

/// The bytes of a regular file, or where to get them.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    digest: Digest,
    len_bytes: u64,
    inline: Option<Arc<[u8]>>,
}

impl Content {
    /// Content that is kept in memory.
    #[must_use]
    pub fn inline(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let len_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self { digest: Digest::of(&bytes), len_bytes, inline: Some(bytes) }
    }

    /// Content that a [`ContentSource`] holds under this digest.
    #[must_use]
    pub const fn stored(digest: Digest, len_bytes: u64) -> Self {
        Self { digest, len_bytes, inline: None }
    }

    /// The digest of the bytes.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The bytes: from memory, or from `source`.
    ///
    /// # Errors
    /// What the source answers when it cannot give the bytes of this digest.
    pub fn load(&self, source: &dyn ContentSource) -> io::Result<Arc<[u8]>> {
        match &self.inline {
            Some(bytes) => Ok(Arc::clone(bytes)),
            None => source.load(&self.digest),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes, {})", self.len_bytes, self.digest)
    }
}

/// Something that hands out content by digest. An implementation answers with the bytes of that
/// digest or with an error, never with other bytes.
pub trait ContentSource: Sync {
    /// The whole content of this digest.
    ///
    /// # Errors
    /// `NotFound` when nothing of this digest is held; any other error when reading it is refused.
    fn load(&self, digest: &Digest) -> io::Result<Arc<[u8]>>;
}

/// A source that holds nothing, for trees whose content is all inline.
pub struct NoContent;

impl ContentSource for NoContent {
    fn load(&self, digest: &Digest) -> io::Result<Arc<[u8]>> {
        Err(io::Error::new(io::ErrorKind::NotFound, format!("no content {digest}")))
    }
}

/// What a node of the tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link with its target, as written.
    Symlink(String),
    /// A further name of the regular file at this path.
    Hardlink(String),
    /// A character device: major, minor.
    CharDevice(u32, u32),
    /// A block device: major, minor.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// One entry of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, with set-user-ID, set-group-ID and sticky (`0o7777`).
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Extended attributes by full name (`security.capability`).
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// Who put it there: `package:NAME`, `recipe:NAME` or `ashlar` (derived by the builder).
    pub origin: Arc<str>,
}

impl Node {
    /// A node owned by root, without extended attributes.
    #[must_use]
    pub fn new(kind: Kind, mode: u16, origin: &str) -> Self {
        let xattrs = BTreeMap::new();
        Self { kind, mode, uid: 0, gid: 0, xattrs, origin: Arc::from(origin) }
    }

    /// The file's content, where it is a regular file.
    #[must_use]
    pub const fn content(&self) -> Option<&Content> {
        match &self.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }
}

/// A file tree. Every entry's parent is in it, and is a directory; the root always is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
}

/// Why an entry was not taken into a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeError {
    /// The path is empty, absolute, has an empty, `.` or `..` name, a zero byte, or is too long.
    BadPath {
        /// The path as given.
        path: String,
    },
    /// The parent of the path is not in the tree, or is not a directory.
    NoParent {
        /// The path as given.
        path: String,
    },
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPath { path } => write!(f, "`{path}` is not a path inside the image"),
            Self::NoParent { path } => write!(f, "the parent of `{path}` is not a directory"),
        }
    }
}

impl std::error::Error for TreeError {}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// A tree with nothing but its root.
    #[must_use]
    pub fn new() -> Self {
        let root = Node::new(Kind::Directory, 0o755, "ashlar");
        Self { nodes: BTreeMap::from([(String::new(), root)]) }
    }

    /// The entry at this path. Symbolic links are not followed.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// The entry at this path, to change it. Its kind must not change from or to a directory.
    pub fn get_mut(&mut self, path: &str) -> Option<&mut Node> {
        self.nodes.get_mut(path)
    }

    /// Puts an entry in, and gives back the one that was there.
    ///
    /// # Errors
    /// The path leaves the image, or its parent is not a directory of the tree.
    pub fn insert(&mut self, path: &str, node: Node) -> Result<Option<Node>, TreeError> {
        if !is_inside(path) {
            return Err(TreeError::BadPath { path: path.chars().take(200).collect() });
        }
        match self.nodes.get(parent(path)).map(|node| &node.kind) {
            Some(Kind::Directory) => Ok(self.nodes.insert(path.to_owned(), node)),
            _ => Err(TreeError::NoParent { path: path.to_owned() }),
        }
    }

    /// Makes the directories above `path` that are missing, mode 0755.
    ///
    /// # Errors
    /// The path leaves the image, or something above it is not a directory.
    pub fn make_parents(&mut self, path: &str, origin: &str) -> Result<(), TreeError> {
        for (end, _) in path.match_indices('/') {
            let above = path.get(..end).unwrap_or_default();
            if !self.nodes.contains_key(above) {
                self.insert(above, Node::new(Kind::Directory, 0o755, origin))?;
            }
        }
        Ok(())
    }

    /// Takes an entry out, with everything below it, and gives it back. The root stays.
    pub fn remove(&mut self, path: &str) -> Option<Node> {
        if path.is_empty() {
            return None;
        }
        let below: Vec<String> = self.below(path).map(|(path, _)| path.to_owned()).collect();
        for path in below {
            self.nodes.remove(&path);
        }
        self.nodes.remove(path)
    }

    /// All entries in the byte order of their paths, the root first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// All entries strictly below a directory, in the byte order of their paths.
    pub fn below<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.nodes
            .range(prefix.clone()..)
            .skip_while(|(path, _)| path.is_empty())
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, node)| (path.as_str(), node))
    }

    /// How many entries there are, the root included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is nothing but the root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }
}

/// The path of the directory that holds `path`; the root for a name at the top.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The last name of `path`.
#[must_use]
pub fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Whether `path` names an entry below the root: relative, no empty, `.` or `..` name, no zero
/// byte, within the limits of Linux (names of 255 bytes, paths of 4095).
#[must_use]
pub fn is_inside(path: &str) -> bool {
    let plain = |name: &str| !matches!(name, "" | "." | "..") && name.len() <= 255;
    path.len() <= 4095 && !path.contains('\0') && path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Node {
        Node::new(Kind::Directory, 0o755, "test")
    }

    #[test]
    fn paths_outside_are_refused() {
        for path in ["", "/etc", "..", "a/../b", "a//b", "a/", "./a", "a\0b", &"x".repeat(256)] {
            let mut tree = Tree::new();
            assert!(tree.insert(path, directory()).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_parent_must_be_a_directory() {
        let mut tree = Tree::new();
        tree.insert("a", Node::new(Kind::Fifo, 0o644, "test")).unwrap();
        let error = tree.insert("a/b", directory()).unwrap_err();
        assert_eq!(error, TreeError::NoParent { path: "a/b".into() });
    }

    #[test]
    fn removing_takes_what_is_below_and_nothing_beside() {
        let mut tree = Tree::new();
        for path in ["a", "a/b", "a/b/c", "a-b", "ab"] {
            tree.insert(path, directory()).unwrap();
        }
        tree.remove("a");
        assert_eq!(tree.iter().map(|(path, _)| path).collect::<Vec<_>>(), ["", "a-b", "ab"]);
        assert_eq!(tree.below("").count(), 2);
    }
}
