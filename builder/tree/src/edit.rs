//! Changes to a tree by path, the way a script that runs in it would make them.
//!
//! Paths may be absolute and may lead through links of the tree. Whoever was there first stays:
//! making what exists changes nothing, so that a rule says "unless there is one" without a word.

use std::fmt;
use std::io;
use std::sync::Arc;

use formats::tree::{Content, ContentSource, Kind, Node, Tree, TreeError};

use crate::accounts::{AccountError, Accounts};
use crate::resolve::{Last, WalkError, walk};

/// Why a change was not made.
#[derive(Debug)]
pub enum EditError {
    /// The path leads nowhere.
    Walk(WalkError),
    /// Something above the path is no directory.
    Tree(TreeError),
    /// The owner does not exist.
    Account(AccountError),
    /// Nothing is there.
    Missing {
        /// The path.
        path: String,
    },
    /// Something else is there.
    Other {
        /// The path.
        path: String,
        /// What should be there.
        expected: &'static str,
    },
    /// The directory is not empty.
    NotEmpty {
        /// The path.
        path: String,
    },
    /// The content cannot be had.
    Content {
        /// The path.
        path: String,
        /// What the store says.
        why: io::Error,
    },
    /// The content is no text.
    NotText {
        /// The path.
        path: String,
    },
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Walk(why) => why.fmt(f),
            Self::Tree(why) => why.fmt(f),
            Self::Account(why) => why.fmt(f),
            Self::Missing { path } => write!(f, "there is nothing at `{path}`"),
            Self::Other { path, expected } => write!(f, "`{path}` is there and is no {expected}"),
            Self::NotEmpty { path } => write!(f, "the directory `{path}` is not empty"),
            Self::Content { path, .. } => write!(f, "the content of `{path}` cannot be had"),
            Self::NotText { path } => write!(f, "`{path}` is not UTF-8 text"),
        }
    }
}

impl std::error::Error for EditError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Content { why, .. } => Some(why),
            _ => None,
        }
    }
}

impl From<WalkError> for EditError {
    fn from(why: WalkError) -> Self {
        Self::Walk(why)
    }
}

impl From<TreeError> for EditError {
    fn from(why: TreeError) -> Self {
        Self::Tree(why)
    }
}

impl From<AccountError> for EditError {
    fn from(why: AccountError) -> Self {
        Self::Account(why)
    }
}

/// Mode and owner of something new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// Permission bits.
    pub(crate) mode: u16,
    /// Owner.
    pub(crate) user: &'a str,
    /// Group.
    pub(crate) group: &'a str,
}

impl Look<'_> {
    /// Of root.
    pub(crate) const fn root(mode: u16) -> Self {
        Self { mode, user: "root", group: "root" }
    }
}

/// A tree that is being changed.
pub(crate) struct Edit<'a> {
    /// The tree.
    pub(crate) tree: &'a mut Tree,
    /// Its users and groups.
    pub(crate) accounts: &'a Accounts,
    /// Content of its files.
    pub(crate) source: &'a dyn ContentSource,
    /// Who is said to have put there what is new.
    pub(crate) origin: &'a str,
}

impl Edit<'_> {
    /// The place of a path whose last name is kept as it is.
    pub(crate) fn place(&self, path: &str) -> Result<String, EditError> {
        Ok(walk(path, self.tree, Last::Keep)?.place)
    }

    /// The place a path leads to in the end; `None` when nothing is there.
    pub(crate) fn target(&self, path: &str) -> Result<Option<String>, EditError> {
        let place = walk(path, self.tree, Last::Follow)?.place;
        Ok(self.tree.get(&place).map(|_| place))
    }

    /// The text of a file, links followed.
    pub(crate) fn text(&self, path: &str) -> Result<String, EditError> {
        let bytes = self.bytes(path)?;
        let not_text = |_| EditError::NotText { path: path.to_owned() };
        String::from_utf8(bytes.to_vec()).map_err(not_text)
    }

    /// The bytes of a file, links followed.
    pub(crate) fn bytes(&self, path: &str) -> Result<Arc<[u8]>, EditError> {
        let content = self.content(path)?;
        content.load(self.source).map_err(|why| EditError::Content { path: path.to_owned(), why })
    }

    /// The content of a file, links followed.
    pub(crate) fn content(&self, path: &str) -> Result<&Content, EditError> {
        let place = walk(path, self.tree, Last::Follow)?.place;
        let missing = || EditError::Missing { path: path.to_owned() };
        match &self.tree.get(&place).ok_or_else(missing)?.kind {
            Kind::File(content) => Ok(content),
            Kind::Hardlink(first) => {
                self.tree.get(first).and_then(Node::content).ok_or_else(missing)
            }
            _ => Err(EditError::Other { path: path.to_owned(), expected: "regular file" }),
        }
    }

    /// Makes a directory unless there is one. Says whether it did.
    pub(crate) fn directory(&mut self, path: &str, look: Look<'_>) -> Result<bool, EditError> {
        let place = walk(path, self.tree, Last::Follow)?.place;
        match self.tree.get(&place).map(|node| &node.kind) {
            Some(Kind::Directory) => Ok(false),
            Some(_) => Err(EditError::Other { path: place, expected: "directory" }),
            None => self.add(&place, Kind::Directory, look).map(|()| true),
        }
    }

    /// Makes a file unless there is something. Says whether it did.
    pub(crate) fn file(
        &mut self,
        path: &str,
        content: Content,
        look: Look<'_>,
    ) -> Result<bool, EditError> {
        let place = self.place(path)?;
        if self.tree.get(&place).is_some() {
            return Ok(false);
        }
        self.add(&place, Kind::File(content), look).map(|()| true)
    }

    /// Makes a symbolic link unless it is there.
    pub(crate) fn symlink(&mut self, path: &str, target: &str) -> Result<(), EditError> {
        let place = self.place(path)?;
        match self.tree.get(&place).map(|node| &node.kind) {
            None => self.add(&place, Kind::Symlink(target.to_owned()), Look::root(0o777)),
            Some(Kind::Symlink(found)) if found == target => Ok(()),
            Some(_) => Err(EditError::Other { path: place, expected: "link to the same place" }),
        }
    }

    /// Copies a file with mode and owner, unless there is something.
    pub(crate) fn copy(
        &mut self,
        from: &str,
        to: &str,
        mode: Option<u16>,
    ) -> Result<(), EditError> {
        let content = self.content(from)?.clone();
        let original = walk(from, self.tree, Last::Follow)?.place;
        let place = self.place(to)?;
        let original = self.tree.get(&original).cloned();
        if self.tree.get(&place).is_some() {
            return Ok(());
        }
        let Some(mut node) = original else { return Ok(()) };
        node.kind = Kind::File(content);
        node.mode = mode.unwrap_or(node.mode);
        node.origin = Arc::from(self.origin);
        self.tree.make_parents(&place, self.origin)?;
        self.tree.insert(&place, node)?;
        Ok(())
    }

    /// Sets mode and owner of what a path leads to, and of its further names.
    pub(crate) fn permissions(&mut self, path: &str, look: Look<'_>) -> Result<(), EditError> {
        let (uid, gid) = (self.accounts.uid(look.user)?, self.accounts.gid(look.group)?);
        let missing = || EditError::Missing { path: path.to_owned() };
        let mut place = walk(path, self.tree, Last::Follow)?.place;
        if let Kind::Hardlink(first) = &self.tree.get(&place).ok_or_else(missing)?.kind {
            place.clone_from(first);
        }
        let link = Kind::Hardlink(place.clone());
        let further = self.tree.iter().filter(|(_, node)| node.kind == link);
        let mut places: Vec<String> = further.map(|(path, _)| path.to_owned()).collect();
        places.push(place);
        for place in places {
            if let Some(node) = self.tree.get_mut(&place) {
                (node.mode, node.uid, node.gid) = (look.mode, uid, gid);
            }
        }
        Ok(())
    }

    /// Takes away a file, a link or an empty directory.
    pub(crate) fn remove(&mut self, path: &str) -> Result<(), EditError> {
        let place = self.place(path)?;
        if self.tree.get(&place).is_none() {
            return Err(EditError::Missing { path: place });
        }
        if self.tree.below(&place).next().is_some() {
            return Err(EditError::NotEmpty { path: place });
        }
        self.tree.remove(&place);
        Ok(())
    }

    fn add(&mut self, place: &str, kind: Kind, look: Look<'_>) -> Result<(), EditError> {
        let mut node = Node::new(kind, look.mode, self.origin);
        (node.uid, node.gid) = (self.accounts.uid(look.user)?, self.accounts.gid(look.group)?);
        self.tree.make_parents(place, self.origin)?;
        self.tree.insert(place, node)?;
        Ok(())
    }
}
