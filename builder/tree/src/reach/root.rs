//! From what is kept to the tree that is written.

use std::io;

use formats::kmod::IndexError;
use formats::tree::{Content, Kind, Node, Tree, TreeError};

use super::{Reached, image_path};

/// Why the root tree could not be made.
#[derive(Debug)]
pub enum RootError {
    /// A module could not be uncompressed.
    Module {
        /// Its path in the full tree.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The modules make no set.
    Index(IndexError),
    /// The kept paths make no tree.
    Tree(TreeError),
}

impl std::fmt::Display for RootError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Module { path, .. } => write!(f, "the module /{path} cannot be uncompressed"),
            Self::Index(_) => f.write_str("the kernel modules make no set"),
            Self::Tree(_) => f.write_str("the kept paths make no tree"),
        }
    }
}

impl std::error::Error for RootError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Module { source, .. } => Some(source),
            Self::Index(source) => Some(source),
            Self::Tree(source) => Some(source),
        }
    }
}

impl Reached {
    /// The root tree: what is kept of `full`, modules without compression, and the index files
    /// of exactly the kept modules. `plain` answers the uncompressed content of a compressed
    /// module; it is asked for nothing else.
    ///
    /// # Errors
    /// A module cannot be uncompressed.
    pub fn root_tree(
        &self,
        full: &Tree,
        plain: &dyn Fn(&Content) -> io::Result<Content>,
    ) -> Result<Tree, RootError> {
        let mut root = Tree::new();
        if let (Some(to), Some(from)) = (root.get_mut(""), full.get("")) {
            to.clone_from(from);
        }
        for (path, node) in full.iter().filter(|(path, _)| self.keep.contains_key(image_path(path)))
        {
            let node = match &node.kind {
                Kind::File(content) if image_path(path) != path => {
                    let content = plain(content)
                        .map_err(|source| RootError::Module { path: path.to_owned(), source })?;
                    Node { kind: Kind::File(content), ..node.clone() }
                }
                _ => node.clone(),
            };
            root.insert(image_path(path), node).map_err(RootError::Tree)?;
        }
        self.insert_indexes(&mut root)?;
        Ok(root)
    }

    fn insert_indexes(&self, root: &mut Tree) -> Result<(), RootError> {
        let Some(modules) = &self.modules else { return Ok(()) };
        for (name, text) in modules.index_files(|_| true).map_err(RootError::Index)? {
            let path = format!("{}/{name}", modules.directory());
            let node = Node::new(Kind::File(Content::inline(text)), 0o644, "ashlar");
            root.make_parents(&path, "ashlar").map_err(RootError::Tree)?;
            root.insert(&path, node).map_err(RootError::Tree)?;
        }
        Ok(())
    }
}
