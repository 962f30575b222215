//! Why there is no solution, in words that say what to do.

use std::fmt;

use super::Finding;
use crate::index::IndexError;

/// A wish for a package that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPackage {
    /// The recipe.
    pub recipe: String,
    /// The package it names.
    pub package: String,
    /// The suite it names.
    pub suite: Option<String>,
    /// Suites that have it, but may not be taken from without naming them.
    pub elsewhere: Vec<String>,
    /// Packages that provide a name like that.
    pub providers: Vec<String>,
    /// Packages with a name almost like that.
    pub near: Vec<String>,
}

/// Why there is no solution.
#[derive(Debug)]
pub enum ResolveError {
    /// A list of packages says something of another package that cannot be read.
    Index(IndexError),
    /// A wish names a package that cannot be taken.
    NoPackage(Box<NoPackage>),
    /// A wish names a suite that is not there.
    NoSuite {
        /// The recipe.
        recipe: String,
        /// The package it names.
        package: String,
        /// The suite it names.
        suite: String,
        /// The suites that are there.
        suites: Vec<String>,
    },
    /// Two wishes want a package from different suites.
    TwoSuites {
        /// The package.
        package: String,
    },
    /// A wish names a package that is left out.
    LeftOut {
        /// The recipe.
        recipe: String,
        /// The package.
        package: String,
    },
    /// No set of packages meets all wishes.
    Unsolvable {
        /// What is in the way: one line for each step, indented.
        explanation: String,
    },
    /// The solution that was found is none: our mistake.
    Unsound(Vec<Finding>),
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(_) => f.write_str("reading the lists of packages"),
            Self::NoPackage(missing) => missing.fmt(f),
            Self::NoSuite { recipe, package, suite, suites } => write!(
                f,
                "recipe {recipe}: package `{package}` from suite `{suite}`, the image has {}",
                suites.join(", ")
            ),
            Self::TwoSuites { package } => {
                write!(f, "package `{package}` is wanted from two suites")
            }
            Self::LeftOut { recipe, package } => {
                write!(f, "recipe {recipe}: package `{package}` is wanted and left out")
            }
            Self::Unsolvable { explanation } => {
                write!(f, "the packages cannot be installed together\n{explanation}")
            }
            Self::Unsound(findings) => {
                f.write_str("the solver's answer is wrong")?;
                findings.iter().try_for_each(|finding| write!(f, "; {finding}"))
            }
        }
    }
}

impl fmt::Display for NoPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recipe {}: there is no package `{}`", self.recipe, self.package)?;
        if let Some(suite) = &self.suite {
            write!(f, " in {suite}")?;
        }
        if let Some(suite) = self.elsewhere.first() {
            return write!(f, "; {suite} has it, name that suite to take it from there");
        }
        if !self.providers.is_empty() {
            let providers = self.providers.join(", ");
            return write!(f, "; it is a name that others provide: {providers}");
        }
        if self.near.is_empty() { Ok(()) } else { write!(f, "; there is {}", self.near.join(", ")) }
    }
}

impl std::error::Error for ResolveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Index(source) => Some(source),
            _ => None,
        }
    }
}
