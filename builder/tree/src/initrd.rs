//! The tree of the initrd: what it takes to reach the root, and nothing else.
//!
//! The initrd is read by the firmware, which reads slowly, so every file in it is argued for: the
//! init program, the kernel modules that are declared with `initrd`, what those depend on, and the
//! index files that say which device wants which of them. Nothing in it is secret or specific to a
//! machine, and it holds no program but the one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use formats::kmod::{IndexError, ModuleFacts, ModuleSet};
use formats::tree::{Content, Kind, Node, Tree, TreeError};

/// Directories that the init program mounts on.
const MOUNT_POINTS: [&str; 5] = ["dev", "proc", "run", "sys", "sysroot"];

/// What an initrd is made from.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    /// The root, with the modules uncompressed.
    pub root: &'a Tree,
    /// The kernel's release.
    pub release: &'a str,
    /// The modules that go in, as paths below `usr/lib/modules/RELEASE`.
    pub modules: &'a BTreeSet<String>,
    /// The facts of at least those modules, by the same paths.
    pub facts: &'a BTreeMap<String, ModuleFacts>,
    /// The text of `modules.order`.
    pub order: &'a str,
    /// The init program.
    pub init: Content,
    /// The modules that are loaded whatever devices there are, one name a line.
    pub loads: &'a str,
}

/// Why there is no initrd.
#[derive(Debug)]
pub enum InitrdError {
    /// A module that should go in is not in the root, or its facts are not known.
    NoModule {
        /// Its path below the module directory.
        path: String,
    },
    /// The modules do not go together.
    Index(IndexError),
    /// A path does not fit.
    Tree(TreeError),
}

impl fmt::Display for InitrdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModule { path } => write!(f, "the module `{path}` is not in the root"),
            Self::Index(_) => write!(f, "indexing the modules of the initrd"),
            Self::Tree(_) => write!(f, "putting the initrd together"),
        }
    }
}

impl std::error::Error for InitrdError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoModule { .. } => None,
            Self::Index(source) => Some(source),
            Self::Tree(source) => Some(source),
        }
    }
}

impl From<TreeError> for InitrdError {
    fn from(source: TreeError) -> Self {
        Self::Tree(source)
    }
}

/// Makes the tree.
///
/// # Errors
/// A module is missing, or the modules do not go together.
pub fn initrd(parts: &Parts<'_>) -> Result<Tree, InitrdError> {
    let mut tree = Tree::new();
    let directory = || Node::new(Kind::Directory, 0o755, "ashlar");
    for path in MOUNT_POINTS {
        tree.insert(path, directory())?;
    }
    put(&mut tree, "init", Node::new(Kind::File(parts.init.clone()), 0o755, "ashlar"))?;
    put(&mut tree, "usr/lib/ashlar/modules", text(parts.loads))?;
    let folder = format!("usr/lib/modules/{}", parts.release);
    let mut facts = BTreeMap::new();
    for path in parts.modules {
        let missing = || InitrdError::NoModule { path: path.clone() };
        let node = parts.root.get(&format!("{folder}/{path}")).ok_or_else(missing)?;
        facts.insert(path.as_str(), parts.facts.get(path).ok_or_else(missing)?);
        put(&mut tree, &format!("{folder}/{path}"), node.clone())?;
    }
    let set = ModuleSet::new(facts, parts.order).map_err(InitrdError::Index)?;
    for (name, content) in
        [("dep", set.dep()), ("alias", set.alias()), ("softdep", set.softdep())]
    {
        put(&mut tree, &format!("{folder}/modules.{name}"), text(&content))?;
    }
    let builtin = format!("{folder}/modules.builtin");
    if let Some(node) = parts.root.get(&builtin) {
        put(&mut tree, &builtin, node.clone())?;
    }
    Ok(tree)
}

fn text(text: &str) -> Node {
    Node::new(Kind::File(Content::inline(text.as_bytes())), 0o644, "ashlar")
}

fn put(tree: &mut Tree, path: &str, node: Node) -> Result<(), TreeError> {
    tree.make_parents(path, "ashlar")?;
    tree.insert(path, node).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(
        root: &'a Tree,
        modules: &'a BTreeSet<String>,
        facts: &'a BTreeMap<String, ModuleFacts>,
    ) -> Parts<'a> {
        let init = Content::inline(b"init".as_slice());
        Parts { root, release: "6", modules, facts, order: "", init, loads: "dm-verity\n" }
    }

    #[test]
    fn an_initrd_without_modules_holds_the_program_and_empty_indices() {
        let (root, modules, facts) = (Tree::new(), BTreeSet::new(), BTreeMap::new());
        let tree = initrd(&parts(&root, &modules, &facts)).unwrap();
        assert_eq!(tree.get("init").unwrap().mode, 0o755);
        let files = tree.iter().filter(|(_, node)| node.content().is_some());
        assert_eq!(files.count(), 5);
    }

    #[test]
    fn a_module_that_the_root_lacks_is_an_error() {
        let (root, facts) = (Tree::new(), BTreeMap::new());
        let modules = BTreeSet::from(["kernel/a.ko".to_owned()]);
        let error = initrd(&parts(&root, &modules, &facts)).unwrap_err();
        assert!(matches!(error, InitrdError::NoModule { path } if path == "kernel/a.ko"));
    }
}
