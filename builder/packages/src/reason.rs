//! Why a package is in a set: one line each, in locks, in errors and for `ashlar why`.
//!
//! ```text
//! recipe NAME: REQUEST          a recipe asks for it
//! PACKAGE Depends: CLAUSE       a package of the set needs it
//! PACKAGE Pre-Depends: CLAUSE   a package of the set needs it first
//! ```

use std::fmt;
use std::str::FromStr;

use crate::relation::{clauses, is_package_name};

/// Which field of a package asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// `Depends`
    Depends,
    /// `Pre-Depends`
    PreDepends,
}

impl Need {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Depends, Self::PreDepends];

    /// The name of the field.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Depends => "Depends",
            Self::PreDepends => "Pre-Depends",
        }
    }
}

/// One reason why a package is in a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A recipe asks for it.
    Recipe {
        /// The recipe.
        recipe: String,
        /// What it asks for, in its words.
        request: String,
    },
    /// Another package of the set needs it.
    Package {
        /// That package.
        package: String,
        /// The field that says so.
        need: Need,
        /// The clause of that field, with all its alternatives.
        clause: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recipe { recipe, request } => write!(f, "recipe {recipe}: {request}"),
            Self::Package { package, need, clause } => {
                write!(f, "{package} {}: {clause}", need.field())
            }
        }
    }
}

/// Text that is no reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonError;

impl fmt::Display for ReasonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither `recipe NAME: REQUEST` nor `PACKAGE Depends: CLAUSE`")
    }
}

impl std::error::Error for ReasonError {}

impl FromStr for Reason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        let (head, tail) = text.split_once(": ").ok_or(ReasonError)?;
        let (first, second) = head.split_once(' ').ok_or(ReasonError)?;
        let plain = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        if first == "recipe" && plain(second) && plain(tail) && !second.contains(' ') {
            return Ok(Self::Recipe { recipe: second.to_owned(), request: tail.to_owned() });
        }
        let need = Need::ALL.into_iter().find(|need| need.field() == second).ok_or(ReasonError)?;
        let one = clauses(tail).is_ok_and(|clauses| clauses.len() == 1);
        if !is_package_name(first) || !one {
            return Err(ReasonError);
        }
        Ok(Self::Package { package: first.to_owned(), need, clause: tail.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_written_and_read() {
        for text in [
            "recipe hypervisor: qemu-system-x86",
            "libc6 Depends: libgcc-s1",
            "bash Pre-Depends: libc6 (>= 2.38) | libc6.1:any",
        ] {
            assert_eq!(text.parse::<Reason>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "recipe x",
            "recipe : x",
            "recipe a b: x",
            "A Depends: b1",
            "aa Depends: b1, c1",
            "aa Wants: b1",
        ] {
            assert_eq!(text.parse::<Reason>(), Err(ReasonError), "{text}");
        }
    }
}
