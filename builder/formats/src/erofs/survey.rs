//! The tree as inodes: one for each node that is not a hard link, with its names counted.
//!
//! Inodes are in the order a directory is listed in: the root, then the children of each
//! directory, the directories in the order of their paths. So listing a directory with the
//! attributes of its files reads metadata that is together.

use std::collections::BTreeMap;

use super::directory::FileType;
use super::error::Error;
use super::inode;
use super::xattr;
use crate::tree::{Kind, Node, Tree, name, parent};

/// One inode to be.
pub(super) struct Item<'a> {
    /// The first name.
    pub(super) path: &'a str,
    /// What the tree says of it.
    pub(super) node: &'a Node,
    /// How many names it has; for a directory those in its subdirectories too.
    pub(super) links: u32,
    /// Its extended attributes as they are stored.
    pub(super) xattrs: Vec<Vec<u8>>,
}

/// All inodes and names of a tree.
pub(super) struct Survey<'a> {
    /// The inodes in their order.
    pub(super) items: Vec<Item<'a>>,
    /// The children of each directory: name, and place in `items`.
    children: BTreeMap<&'a str, Vec<(&'a str, usize)>>,
    /// The place of each path in `items`.
    places: BTreeMap<&'a str, usize>,
}

impl<'a> Survey<'a> {
    /// Looks through a tree, and refuses what the format cannot hold.
    pub(super) fn new(tree: &'a Tree) -> Result<Self, Error> {
        let mut survey =
            Self { items: Vec::new(), children: BTreeMap::new(), places: BTreeMap::new() };
        let mut below = BTreeMap::<&str, Vec<&str>>::new();
        for (path, node) in tree.iter() {
            if !path.is_empty() {
                below.entry(parent(path)).or_default().push(path);
            }
            if node.kind == Kind::Directory {
                below.entry(path).or_default();
            }
        }
        let in_order = std::iter::once("").chain(below.values().flatten().copied());
        for path in in_order {
            if let Some(node) = tree.get(path) {
                survey.add(path, node)?;
            }
        }
        survey.link(tree)?;
        for (directory, paths) in &below {
            let place = |path: &&'a str| Some((name(path), *survey.places.get(path)?));
            survey.children.insert(directory, paths.iter().filter_map(place).collect());
        }
        Ok(survey)
    }

    fn add(&mut self, path: &'a str, node: &'a Node) -> Result<(), Error> {
        match node.kind {
            Kind::Hardlink(_) => return Ok(()),
            Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) => {
                inode::device(major, minor)
                    .ok_or_else(|| Error::Device { path: path.to_owned() })?;
            }
            Kind::Directory if !path.is_empty() => {
                if let Some(above) = self.places.get(parent(path)) {
                    self.count_link(*above);
                }
            }
            _ => {}
        }
        let links = if node.kind == Kind::Directory { 2 } else { 1 };
        let xattrs = xattr::entries(path, &node.xattrs)?;
        self.places.insert(path, self.items.len());
        self.items.push(Item { path, node, links, xattrs });
        Ok(())
    }

    fn count_link(&mut self, place: usize) {
        if let Some(item) = self.items.get_mut(place) {
            item.links = item.links.saturating_add(1);
        }
    }

    fn link(&mut self, tree: &'a Tree) -> Result<(), Error> {
        for (path, node) in tree.iter() {
            let Kind::Hardlink(target) = &node.kind else { continue };
            let is_file = tree.get(target).is_some_and(|node| node.content().is_some());
            match self.places.get(target.as_str()).copied().filter(|_| is_file) {
                Some(place) => {
                    self.count_link(place);
                    self.places.insert(path, place);
                }
                None => {
                    let (path, target) = (path.to_owned(), target.clone());
                    return Err(Error::Hardlink { path, target });
                }
            }
        }
        Ok(())
    }

    /// The entries of a directory in the order of their names: name, and place in `items`.
    pub(super) fn entries(&self, directory: &'a str) -> Vec<(&'a str, usize)> {
        let place = |path: &str| self.places.get(path).copied().unwrap_or_default();
        let mut out = vec![(".", place(directory)), ("..", place(parent(directory)))];
        out.extend(self.children.get(directory).into_iter().flatten());
        out.sort_unstable();
        out
    }
}

/// What a directory says of a node.
pub(super) const fn file_type(node: &Node) -> FileType {
    match node.kind {
        Kind::Directory => FileType::Directory,
        Kind::File(_) | Kind::Hardlink(_) => FileType::Regular,
        Kind::Symlink(_) => FileType::Symlink,
        Kind::CharDevice(..) => FileType::CharDevice,
        Kind::BlockDevice(..) => FileType::BlockDevice,
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
    }
}

/// The kind bits of `st_mode`.
pub(super) const fn kind_bits(node: &Node) -> u16 {
    match node.kind {
        Kind::Fifo => 0o010_000,
        Kind::CharDevice(..) => 0o020_000,
        Kind::Directory => 0o040_000,
        Kind::BlockDevice(..) => 0o060_000,
        Kind::File(_) | Kind::Hardlink(_) => 0o100_000,
        Kind::Symlink(_) => 0o120_000,
        Kind::Socket => 0o140_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Content;

    fn tree(nodes: &[(&str, Kind)]) -> Tree {
        let mut tree = Tree::new();
        for (path, kind) in nodes {
            tree.insert(path, Node::new(kind.clone(), 0o755, "test")).unwrap();
        }
        tree
    }

    fn file() -> Kind {
        Kind::File(Content::inline(*b"x"))
    }

    #[test]
    fn names_are_counted_and_siblings_are_together() {
        let tree = tree(&[
            ("a", Kind::Directory),
            ("a/deep", Kind::Directory),
            ("a/deep/file", file()),
            ("b", file()),
            ("c", Kind::Hardlink("b".to_owned())),
            ("a/link", Kind::Hardlink("b".to_owned())),
        ]);
        let survey = Survey::new(&tree).unwrap();
        let items: Vec<_> = survey.items.iter().map(|item| (item.path, item.links)).collect();
        assert_eq!(items, [("", 3), ("a", 3), ("b", 3), ("a/deep", 2), ("a/deep/file", 1)]);
        assert_eq!(survey.entries("a"), [(".", 1), ("..", 0), ("deep", 3), ("link", 2)]);
    }

    #[test]
    fn dots_are_sorted_among_the_names() {
        let tree = tree(&[("-", file()), (".a", file()), ("a", file())]);
        let survey = Survey::new(&tree).unwrap();
        let names: Vec<_> = survey.entries("").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["-", ".", "..", ".a", "a"]);
    }

    #[test]
    fn links_to_nothing_and_wild_devices_are_refused() {
        let link = |target: &str| Kind::Hardlink(target.to_owned());
        let none = tree(&[("a", link("b"))]);
        assert!(matches!(Survey::new(&none), Err(Error::Hardlink { .. })));
        let directory = tree(&[("d", Kind::Directory), ("a", link("d"))]);
        assert!(matches!(Survey::new(&directory), Err(Error::Hardlink { .. })));
        let chain = tree(&[("a", file()), ("b", link("a")), ("c", link("b"))]);
        assert!(matches!(Survey::new(&chain), Err(Error::Hardlink { .. })));
        let device = tree(&[("d", Kind::CharDevice(5000, 0))]);
        assert!(matches!(Survey::new(&device), Err(Error::Device { .. })));
    }
}
