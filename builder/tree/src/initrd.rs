//! The tree of the initrd: what it takes to reach the root, and nothing else.
//!
//! The initrd is read by the firmware, which reads slowly, so every file in it is argued for: the
//! init program, the kernel modules that are declared with `initrd`, what those depend on, and the
//! index files that say which device wants which of them. Nothing in it is secret or specific to a
//! machine, and it holds no program but the one.

use std::fmt;

use formats::kmod::IndexError;
use formats::tree::{Content, Kind, Node, Tree, TreeError};

use crate::reach::Modules;

/// Directories that the init program mounts on.
const MOUNT_POINTS: [&str; 5] = ["dev", "proc", "run", "sys", "sysroot"];

/// Device nodes that are there before the init program made its own: path, mode, major, minor.
/// The kernel opens the first for it; without the second a machine that has no console ends it.
const DEVICES: [(&str, u16, u32, u32); 2] =
    [("dev/console", 0o600, 5, 1), ("dev/null", 0o666, 1, 3)];

/// What the init program says it is.
const OS_RELEASE: &str = "usr/lib/os-release";

/// Which modules are loaded whatever devices there are, one name a line.
const LOADS: &str = "usr/lib/ashlar/modules";

/// Why there is no initrd.
#[derive(Debug)]
pub enum InitrdError {
    /// A module that should go in is not in the root.
    NoModule {
        /// Its path.
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

/// Makes the tree from the root (whose modules are uncompressed), the init program, and the names
/// of the modules that are always loaded.
///
/// # Errors
/// A module is missing, or the modules do not go together.
pub fn initrd(
    root: &Tree,
    modules: &Modules,
    init: &Content,
    loads: &str,
) -> Result<Tree, InitrdError> {
    let mut tree = Tree::new();
    for path in MOUNT_POINTS {
        tree.insert(path, Node::new(Kind::Directory, 0o755, "ashlar"))?;
    }
    for (path, mode, major, minor) in DEVICES {
        tree.insert(path, Node::new(Kind::CharDevice(major, minor), mode, "ashlar"))?;
    }
    put(&mut tree, "init", Node::new(Kind::File(init.clone()), 0o755, "ashlar"))?;
    put(&mut tree, LOADS, text(loads.as_bytes()))?;
    for module in modules.kept.values().filter(|module| module.initrd) {
        let missing = || InitrdError::NoModule { path: module.path.clone() };
        put(&mut tree, &module.path, root.get(&module.path).ok_or_else(missing)?.clone())?;
    }
    let indices = modules.index_files(|module| module.initrd).map_err(InitrdError::Index)?;
    for (name, bytes) in indices {
        put(&mut tree, &format!("{}/{name}", modules.directory()), text(&bytes))?;
    }
    // What the kernel has built in needs no file, and the init program must know so.
    let builtin = format!("{}/modules.builtin", modules.directory());
    for path in [builtin.as_str(), OS_RELEASE] {
        if let Some(node) = root.get(path) {
            put(&mut tree, path, node.clone())?;
        }
    }
    Ok(tree)
}

fn text(bytes: &[u8]) -> Node {
    Node::new(Kind::File(Content::inline(bytes)), 0o644, "ashlar")
}

fn put(tree: &mut Tree, path: &str, node: Node) -> Result<(), TreeError> {
    tree.make_parents(path, "ashlar")?;
    tree.insert(path, node).map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_initrd_without_modules_holds_the_program_and_empty_indices() {
        let modules = Modules { version: "6".into(), order: String::new(), kept: BTreeMap::new() };
        let init = Content::inline(b"init".as_slice());
        let tree = initrd(&Tree::new(), &modules, &init, "dm-verity\n").unwrap();
        assert_eq!(tree.get("init").unwrap().mode, 0o755);
        assert_eq!(tree.get(LOADS).unwrap().content(), text(b"dm-verity\n").content());
        assert!(tree.get("usr/lib/modules/6/modules.dep").is_some());
    }
}
