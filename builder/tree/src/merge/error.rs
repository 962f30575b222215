//! Why packages do not become one tree.

use std::fmt;

use formats::tree::TreeError;

use crate::accounts::AccountError;
use crate::input::InstalledPackage;
use crate::resolve::WalkError;

/// A member of a package that cannot be put in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeError {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The member's path as the package has it.
    pub path: String,
    /// What is wrong.
    pub why: Box<MergeFault>,
}

impl MergeError {
    pub(super) fn at(package: &InstalledPackage, path: &str, why: MergeFault) -> Self {
        let path = path.chars().take(500).collect();
        let (package, version) = (package.name.clone(), package.version.clone());
        Self { package, version, path, why: Box::new(why) }
    }
}

/// Mode, owner and group of a directory.
type Look = (u16, u32, u32);

/// What is wrong with a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeFault {
    /// The package is there in another version too.
    Twice {
        /// The other version.
        other: String,
    },
    /// The path is absolute, has `..` in it, or is none.
    BadPath,
    /// The path leads nowhere.
    Walk(WalkError),
    /// The links of the packages lead to one another.
    Unsettled,
    /// The package unpacks through a symbolic link that it brings itself.
    ThroughOwnLink {
        /// The link.
        link: String,
    },
    /// A device, pipe or socket.
    Special,
    /// A hard link to something that is no file of this package.
    LinkToNothing {
        /// What it names.
        target: String,
    },
    /// Another package has this path, and nothing says who goes first.
    Conflict {
        /// The other package.
        other: String,
    },
    /// Another package has this directory with another mode or owner.
    DirectoryDiffers {
        /// The other package.
        other: String,
        /// Mode, owner and group here.
        mode: Look,
        /// Mode, owner and group there.
        other_mode: Look,
    },
    /// The owner has no name, and no account has the number.
    NoSuchNumber {
        /// `user` or `group`.
        what: &'static str,
        /// The number.
        number: u32,
    },
    /// The owner does not exist.
    Account(AccountError),
    /// The field `Replaces` is not of its form.
    BadReplaces {
        /// The field.
        field: String,
    },
    /// A version is none.
    BadVersion {
        /// The version.
        version: String,
    },
    /// Something above the path is no directory.
    Tree(TreeError),
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {} {}: {}", self.path, self.package, self.version, self.why)
    }
}

impl fmt::Display for MergeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twice { other } => write!(f, "version {other} is there too"),
            Self::BadPath => f.write_str("not a path inside the image"),
            Self::Walk(why) => why.fmt(f),
            Self::Unsettled => f.write_str("the links of the packages lead to one another"),
            Self::ThroughOwnLink { link } => {
                write!(f, "it is unpacked through `{link}`, a link of the same package")
            }
            Self::Special => f.write_str("a device, pipe or socket"),
            Self::LinkToNothing { target } => {
                write!(f, "a hard link to `{target}`, which is no file of the same package")
            }
            Self::Conflict { other } => {
                write!(f, "{other} has it too, and neither replaces the other")
            }
            Self::DirectoryDiffers { other, mode, other_mode } => {
                let (mode, uid, gid) = mode;
                let (theirs, their_uid, their_gid) = other_mode;
                write!(f, "a directory {mode:04o} {uid}:{gid} here, but ")?;
                write!(f, "{theirs:04o} {their_uid}:{their_gid} in {other}")
            }
            Self::NoSuchNumber { what, number } => {
                write!(f, "it belongs to the {what} {number}, which no account has")
            }
            Self::Account(why) => why.fmt(f),
            Self::BadReplaces { field } => write!(f, "`Replaces: {field}` is no list of packages"),
            Self::BadVersion { version } => write!(f, "`{version}` is not a version"),
            Self::Tree(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for MergeError {}
