//! Answers for people: why a file is in an image, and what the image is made of.

use std::collections::BTreeMap;
use std::fmt;

use formats::tree::{Kind, Tree};

use crate::reach::{Reached, Reason};
use crate::resolve::{Last, walk};

/// One link of a chain: a file and what keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file.
    pub path: String,
    /// Who put it there: `package:NAME`, `recipe:NAME` or `ashlar`.
    pub origin: String,
    /// What keeps it.
    pub reason: Reason,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{} ({}): {}", self.path, self.origin, self.reason)
    }
}

/// The chain from a file to the entry point that keeps it, the file first. `path` may begin with a
/// slash and lead through symbolic links. `None` when the image does not have it.
#[must_use]
pub fn why(reached: &Reached, root: &Tree, path: &str) -> Option<Vec<Step>> {
    let path = path.trim_matches('/');
    let walked = walk(path, root, Last::Keep).map(|walked| walked.place).ok();
    let mut at = walked.filter(|place| reached.keep.contains_key(place))?;
    let mut chain: Vec<Step> = Vec::new();
    while let Some(reason) = reached.keep.get(&at) {
        if chain.iter().any(|step| step.path == at) {
            break;
        }
        let origin = root.get(&at).map(|node| node.origin.to_string()).unwrap_or_default();
        chain.push(Step { path: at.clone(), origin, reason: reason.clone() });
        match reason.from() {
            Some(from) => from.clone_into(&mut at),
            None => break,
        }
    }
    Some(chain)
}

/// What one origin has in a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Share {
    /// `package:NAME`, `recipe:NAME` or `ashlar`.
    pub origin: String,
    /// How many entries, directories included.
    pub entries: usize,
    /// How many regular files.
    pub files: usize,
    /// Bytes of content, uncompressed.
    pub bytes: u64,
}

/// The shares of a tree, the largest first, then by name.
#[must_use]
pub fn shares(tree: &Tree) -> Vec<Share> {
    let mut by_origin: BTreeMap<&str, Share> = BTreeMap::new();
    for (_, node) in tree.iter() {
        let share = by_origin.entry(&node.origin).or_default();
        share.entries += 1;
        if let Some(content) = node.content() {
            share.files += 1;
            share.bytes += content.len_bytes();
        }
    }
    let named = |(origin, share): (&str, Share)| Share { origin: origin.to_owned(), ..share };
    let mut shares: Vec<Share> = by_origin.into_iter().map(named).collect();
    shares.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.origin.cmp(&b.origin)));
    shares
}

/// One file of a tree with its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    /// Where it is.
    pub path: String,
    /// Who put it there.
    pub origin: String,
    /// Bytes of content, uncompressed; further names of a file have none.
    pub bytes: u64,
}

/// The files of a tree, of one origin or of all, the largest first, then by path.
#[must_use]
pub fn files(tree: &Tree, origin: Option<&str>) -> Vec<Sized> {
    let mut files: Vec<Sized> = tree
        .iter()
        .filter(|(_, node)| !matches!(node.kind, Kind::Directory))
        .filter(|(_, node)| origin.is_none_or(|origin| *node.origin == *origin))
        .map(|(path, node)| Sized {
            path: path.to_owned(),
            origin: node.origin.to_string(),
            bytes: node.content().map_or(0, |content| content.len_bytes()),
        })
        .collect();
    files.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
    files
}
