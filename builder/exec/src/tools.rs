//! Tool trees: programs of Debian that a build or a run needs, without installing anything.
//!
//! A tool tree is a set of locked packages unpacked side by side into a directory of the cache,
//! by us, as the user. Its programs are started through the tree's own loader with the tree's own
//! libraries, so that neither the host's libc nor what is installed there matters, and neither
//! root nor a namespace is needed. What programs look for below `/usr/share` and the like they
//! must be told by their own options: nothing stands where their packages say.
//!
//! What must stay true:
//!
//! * A tree has its name only when it is whole, and its name is the digest of its packages.
//! * Every symbolic link of a tree leads into the tree.
//! * Nothing in it is set-user-ID, and nothing in it is written to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use contract::arch::Arch;
use contract::digest::{Digest, Digester};

use crate::runner::Command;
use crate::store::Store;

mod error;
mod oracle;
mod program;
mod unpack;

pub use error::ToolError;
pub use oracle::{oracle, oracle_package, oracle_tree};
use program::Program;

/// The directory of the store that trees are in; bump when the way of unpacking changes.
const KIND: &str = "tool-trees-1";

/// A package of a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name, for messages.
    pub name: String,
    /// Its digest, under which the store has it.
    pub digest: Digest,
}

/// A directory with programs and everything they need.
#[derive(Debug, Clone)]
pub struct ToolTree {
    root: PathBuf,
    arch: Arch,
    id: Digest,
    /// Where its loader looks for libraries, joined with colons.
    libraries: String,
}

impl ToolTree {
    /// A tree that is unpacked already, under the digest of its packages.
    ///
    /// # Errors
    /// It cannot be read, or holds no libraries of this architecture.
    pub fn at(root: &Path, arch: Arch, id: Digest) -> Result<Self, ToolError> {
        let unusable = |source| ToolError::Tree { path: root.to_owned(), source };
        let libraries = libraries(root, arch).map_err(unusable)?;
        Ok(Self { root: root.to_owned(), arch, id, libraries })
    }

    /// The tree of these packages, which the store must have; it is unpacked where it was not.
    /// Packages of further architectures may be among them, for libraries to link with.
    ///
    /// # Errors
    /// A package is not in the store or cannot be read, or two bring different files of one name.
    pub fn ensure(store: &Store, arch: Arch, packages: &[Package]) -> Result<Self, ToolError> {
        let mut packages = packages.to_vec();
        packages.sort_by_key(|package| package.digest);
        packages.dedup_by_key(|package| package.digest);
        let mut id = Digester::new();
        id.update(arch.name().as_bytes());
        packages.iter().for_each(|package| id.update(package.digest.as_bytes()));
        let id = id.finish();
        let root = store.area(KIND).map_err(ToolError::Store)?.join(id.to_string());
        let unusable = |source| ToolError::Tree { path: root.clone(), source };
        if !root.exists() {
            let temporary = store.temporary_directory().map_err(ToolError::Store)?;
            let made = temporary.path().join("tree");
            fs::create_dir(&made).map_err(unusable)?;
            unpack::unpack(store, &packages, &made)?;
            match fs::rename(&made, &root) {
                // Somebody else was quicker, and made the same.
                Err(_) if root.exists() => {}
                result => result.map_err(unusable)?,
            }
        }
        store.renew(&root).map_err(unusable)?;
        Self::at(&root, arch, id)
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The architecture of its programs.
    #[must_use]
    pub const fn arch(&self) -> Arch {
        self.arch
    }

    /// What its packages are, all together.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// A file of the tree, by its path in Debian's world.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A program of the tree, ready to be given arguments.
    ///
    /// # Errors
    /// It is not there, or is no program.
    pub fn command(&self, path: &str) -> Result<Command, ToolError> {
        let words = self.words(path)?;
        let mut words = words.iter();
        let program = words.next().map(String::as_str).unwrap_or_default();
        Ok(Command::new(program)
            .args(words)
            .env("PYTHONHOME", self.path("usr"))
            .env("PYTHONDONTWRITEBYTECODE", "1"))
    }

    /// The words that start a program of the tree, before its own arguments.
    ///
    /// # Errors
    /// It is not there, or is no program.
    pub fn words(&self, path: &str) -> Result<Vec<String>, ToolError> {
        let file = self.path(path);
        let failed = |source| ToolError::Program { path: file.clone(), source };
        let text = |path: &Path| path.to_string_lossy().into_owned();
        match program::inspect(&file).map_err(failed)? {
            Program::Alone => Ok(vec![text(&file)]),
            Program::Loaded { loader } => Ok(vec![
                text(&self.path(&loader)),
                "--inhibit-cache".into(),
                "--library-path".into(),
                self.libraries.clone(),
                // Programs that stand for several look at their own name.
                "--argv0".into(),
                format!("/{}", path.trim_start_matches('/')),
                text(&file),
            ]),
            Program::Script { interpreter, argument } => {
                let file_of = self.path(&interpreter);
                if matches!(program::inspect(&file_of).map_err(failed)?, Program::Script { .. }) {
                    let nested = io::Error::other("its interpreter is a script itself");
                    return Err(failed(nested));
                }
                let mut words = self.words(&interpreter)?;
                words.extend(argument);
                words.push(text(&file));
                Ok(words)
            }
        }
    }
}

/// Where a tree's libraries are: the two directories that every loader knows, those that packages
/// declare for it, and the private ones beside them (what the loader would otherwise be told by
/// absolute paths inside the programs, which would lead to the host).
fn libraries(root: &Path, arch: Arch) -> io::Result<String> {
    let main = format!("usr/lib/{}", arch.multiarch());
    let mut found = vec![root.join(&main), root.join("usr/lib")];
    let mut private = Vec::new();
    for entry in std::fs::read_dir(root.join(&main))? {
        let path = entry?.path();
        if path.is_dir() && holds_libraries(&path)? {
            private.push(path);
        }
    }
    private.sort();
    found.append(&mut private);
    let words: Vec<_> = found.iter().map(|path| path.to_string_lossy()).collect();
    Ok(words.join(":"))
}

fn holds_libraries(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("lib") && name.contains(".so") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
