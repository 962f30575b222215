//! Why an image cannot be what its recipes ask for.

use std::fmt;

use contract::arch::Arch;
use formats::elf::Machine;
use formats::kmod::IndexError;
use recipe::place::Place;

use super::Reason;
use crate::resolve::WalkError;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReachError {
    /// An entry's pattern stands for no path of the full tree.
    NothingMatches {
        /// The pattern.
        pattern: String,
        /// Where it is written.
        place: Place,
    },
    /// A declaration stands for no module of this kernel.
    NoSuchModule {
        /// The pattern.
        pattern: String,
        /// Where it is written.
        place: Place,
    },
    /// Modules are declared, and the tree has no kernel, or more than one.
    Kernels {
        /// The versions that the tree has.
        found: Vec<String>,
    },
    /// A module needs another that the tree does not have.
    MissingModule {
        /// The module that needs it.
        by: String,
        /// Its name.
        name: String,
    },
    /// The file of a module is none.
    NotModule {
        /// The file.
        path: String,
    },
    /// The loader would not find a library.
    MissingLibrary {
        /// The file that needs it.
        by: String,
        /// The package of that file, or whoever brought it.
        origin: String,
        /// The library.
        name: String,
        /// A file of that name in a place where the loader does not look.
        elsewhere: Option<String>,
        /// A package outside the tree that has such a file.
        package: Option<String>,
    },
    /// A library or program is for another machine.
    WrongMachine {
        /// The file.
        path: String,
        /// Its machine.
        found: Machine,
        /// The image's architecture.
        expected: Arch,
        /// The file that asks for it.
        by: Option<String>,
    },
    /// What a program loads at run time is declared for a file that loads nothing.
    NoLoader {
        /// The file.
        path: String,
        /// What it is said to load.
        name: String,
    },
    /// The interpreter of a program or script is not there.
    MissingInterpreter {
        /// The file.
        path: String,
        /// The interpreter.
        name: String,
    },
    /// Something left out is needed.
    LeftOut {
        /// The file.
        path: String,
        /// What needs it.
        reason: Box<Reason>,
        /// The pattern that leaves it out.
        pattern: String,
        /// Where that is written.
        place: Place,
    },
    /// A file that is to run or to be loaded is broken.
    Broken {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A link leads nowhere.
    Walk(WalkError),
    /// The modules make no set.
    Index(IndexError),
    /// The facts of a file cannot be had.
    Facts {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl ReachError {
    pub(super) fn facts(path: &str, error: &std::io::Error) -> Self {
        Self::Facts { path: path.to_owned(), reason: error.to_string() }
    }

    /// Where in a declaration the mistake is, where it is in one.
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::NothingMatches { place, .. }
            | Self::NoSuchModule { place, .. }
            | Self::LeftOut { place, .. } => Some(place),
            _ => None,
        }
    }

    /// What to try, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NothingMatches { .. } => {
                Some("mend the pattern, add the package, or say `optional = true`".into())
            }
            Self::NoSuchModule { .. } => Some(
                "mend the name, or say `optional = true` where some kernels have it built in"
                    .into(),
            ),
            Self::MissingLibrary { elsewhere: Some(path), name, .. } => Some(format!(
                "/{path} is there, but the loader does not look for {name} in that directory"
            )),
            Self::MissingLibrary { package: Some(package), .. } => {
                Some(format!("the package {package} has a file of this name"))
            }
            Self::MissingLibrary { .. } => {
                Some("add the package that has it, or leave out the file that needs it".into())
            }
            Self::LeftOut { .. } => {
                Some("take back the leave_out, or leave out what needs the file too".into())
            }
            _ => None,
        }
    }
}

impl fmt::Display for ReachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingMatches { pattern, .. } => {
                write!(f, "the entry /{pattern} matches nothing of the packages")
            }
            Self::NoSuchModule { pattern, .. } => write!(f, "no kernel module matches {pattern}"),
            Self::Kernels { found } if found.is_empty() => {
                f.write_str("modules are declared, but no package has a kernel")
            }
            Self::Kernels { found } => {
                write!(f, "the packages have more than one kernel: {}", found.join(", "))
            }
            Self::MissingModule { by, name } => {
                write!(f, "the module {by} needs the module {name}, which no package has")
            }
            Self::NotModule { path } => write!(f, "/{path} is no kernel module"),
            Self::MissingLibrary { by, origin, name, .. } => {
                write!(f, "/{by} ({origin}) needs {name}, which the loader would not find")
            }
            Self::WrongMachine { path, found, expected, by: None } => {
                write!(f, "/{path} is for {found}, not for {expected}")
            }
            Self::WrongMachine { path, found, expected, by: Some(by) } => {
                write!(f, "/{by} needs /{path}, which is for {found}, not for {expected}")
            }
            Self::NoLoader { path, name } => {
                write!(f, "/{path} is said to load {name}, but it is no dynamic program or library")
            }
            Self::MissingInterpreter { path, name } => {
                write!(f, "/{path} is run by {name}, which no package has")
            }
            Self::LeftOut { path, reason, pattern, .. } => {
                write!(f, "/{path} is left out by /{pattern}, but {reason}")
            }
            Self::Broken { path, reason } => write!(f, "/{path} is broken: {reason}"),
            Self::Walk(_) => f.write_str("a symbolic link leads nowhere"),
            Self::Index(_) => f.write_str("the kernel modules make no set"),
            Self::Facts { path, reason } => write!(f, "/{path} cannot be looked into: {reason}"),
        }
    }
}

impl std::error::Error for ReachError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Walk(source) => Some(source),
            Self::Index(source) => Some(source),
            _ => None,
        }
    }
}

/// At least one mistake, each once, in the order they were met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachErrors(Vec<ReachError>);

impl ReachErrors {
    pub(super) fn of(all: Vec<ReachError>) -> Option<Self> {
        let mut each = Vec::new();
        for error in all {
            if !each.contains(&error) {
                each.push(error);
            }
        }
        (!each.is_empty()).then_some(Self(each))
    }

    /// The mistakes.
    #[must_use]
    pub fn all(&self) -> &[ReachError] {
        &self.0
    }
}

impl fmt::Display for ReachErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, is) = (self.0.len(), if self.0.len() == 1 { "is" } else { "are" });
        write!(f, "there {is} {count} in what the image is to hold:")?;
        self.0.iter().try_for_each(|error| match error.place() {
            Some(place) => write!(f, "\n{place}: {error}"),
            None => write!(f, "\n{error}"),
        })
    }
}

impl std::error::Error for ReachErrors {}
