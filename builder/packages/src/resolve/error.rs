//! Why there is no solution, in words that say what to do.

use std::fmt;

use super::Finding;
use crate::index::IndexError;

/// Why there is no solution.
#[derive(Debug)]
pub enum ResolveError {
    /// A list of packages says something of another package that cannot be read.
    Index(IndexError),
    /// A wish names a package that cannot be taken.
    NoPackage {
        /// The recipe.
        recipe: String,
        /// The package it names.
        package: String,
        /// The suite it names.
        suite: Option<String>,
        /// Suites that have it, but may not be taken from without naming them.
        elsewhere: Vec<String>,
        /// Packages that provide a name like that.
        providers: Vec<String>,
        /// Packages with a name almost like that.
        near: Vec<String>,
    },
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
            Self::NoPackage { recipe, package, suite, .. } => {
                write!(f, "recipe {recipe}: there is no package `{package}`")?;
                match suite {
                    Some(suite) => write!(f, " in {suite}")?,
                    None => {}
                }
                self.hint(f)
            }
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

impl ResolveError {
    fn hint(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::NoPackage { elsewhere, providers, near, .. } = self else { return Ok(()) };
        if let Some(suite) = elsewhere.first() {
            return write!(f, "; {suite} has it, name that suite to take it from there");
        }
        if !providers.is_empty() {
            return write!(f, "; it is a name that others provide: {}", providers.join(", "));
        }
        if near.is_empty() { Ok(()) } else { write!(f, "; there is {}", near.join(", ")) }
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
