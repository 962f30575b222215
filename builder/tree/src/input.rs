//! What the tree is made from: packages as plain data.
//!
//! Whoever reads `.deb` files (or a cache of what was read from them) fills these in; nothing here
//! knows where they came from. Content is named by digest ([`formats::tree::Content`]), so a set
//! of a thousand packages costs a few megabytes, and the rules load only the few files whose bytes
//! they need through a [`formats::tree::ContentSource`].
//!
//! Nothing here is checked yet: paths, link targets and owners are as the archive has them, and
//! [`crate::merge`] refuses what may not be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use formats::tree::Content;

/// A binary package, unpacked in thought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture in Debian's words: `amd64`, `arm64`, `all`.
    pub arch: String,
    /// The source package it was built from.
    pub source: String,
    /// What `data.tar` has, in its order.
    pub members: Vec<Member>,
    /// The maintainer scripts in `control.tar`.
    pub scripts: BTreeMap<ScriptKind, Arc<str>>,
    /// Configuration files, as `conffiles` names them (with a leading slash).
    pub conffiles: Vec<String>,
    /// The text of `triggers`; empty when there is none.
    pub triggers: String,
    /// The field `Replaces` as written; empty when there is none.
    pub replaces: String,
}

/// One member of a package's `data.tar`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path as written (`./usr/bin/nft`).
    pub path: String,
    /// What it is.
    pub kind: MemberKind,
    /// Permission bits (`0o7777`).
    pub mode: u16,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The owner's name; empty when the archive has none.
    pub uname: String,
    /// The group's name; empty when the archive has none.
    pub gname: String,
    /// Extended attributes by full name.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A directory.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link with its target as written.
    Symlink(String),
    /// A further name of the member at this path, as written.
    Hardlink(String),
    /// A device, pipe or socket, which no package may bring.
    Special,
}

/// A maintainer script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScriptKind {
    /// Asks questions before the installation.
    Config,
    /// Runs before unpacking.
    Preinst,
    /// Runs after unpacking.
    Postinst,
    /// Runs before removing.
    Prerm,
    /// Runs after removing.
    Postrm,
}

impl ScriptKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Config, Self::Preinst, Self::Postinst, Self::Prerm, Self::Postrm];

    /// The file's name in `control.tar`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Preinst => "preinst",
            Self::Postinst => "postinst",
            Self::Prerm => "prerm",
            Self::Postrm => "postrm",
        }
    }

    /// Whether it runs when a package is installed for the first time. The others run when it is
    /// removed or replaced, which never happens in an image.
    #[must_use]
    pub const fn runs_on_install(self) -> bool {
        match self {
            Self::Config | Self::Preinst | Self::Postinst => true,
            Self::Prerm | Self::Postrm => false,
        }
    }
}

impl fmt::Display for ScriptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
