//! A file tree as it is compared: owners by name, contents by digest.

use std::collections::BTreeMap;

use contract::digest::Digest;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its kind, with a link's target or the digest of the content.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group, by name.
    pub owner: String,
    /// File capabilities.
    pub capability: Option<Vec<u8>>,
}

/// A kind with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file; a further name of one counts as one.
    File(Digest),
    /// A symbolic link.
    Symlink(String),
    /// Anything else.
    Special,
}

/// A tree, with the contents that tests look into.
#[derive(Debug, Default)]
pub struct Listing {
    /// What stands where, by path without a leading slash.
    pub entries: BTreeMap<String, Entry>,
    /// Contents of files in `etc`.
    pub contents: BTreeMap<String, Vec<u8>>,
}

impl Listing {
    /// The content of a file in `etc`.
    pub fn bytes(&self, path: &str) -> &[u8] {
        self.contents.get(path).unwrap_or_else(|| panic!("no file {path}"))
    }
}

/// Names of accounts by number, from the text of `/etc/passwd` or `/etc/group`.
pub fn names(text: &[u8]) -> BTreeMap<u64, String> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields[2].parse().unwrap(), fields[0].to_owned())
    };
    text.lines().map(row).collect()
}
