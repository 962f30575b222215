//! Whether a set of packages meets a demand: the plain reading of the rules.
//!
//! It shares no code with what found the set, looks everything up anew in the packages' own words,
//! and is slow and simple on purpose.

use std::collections::BTreeMap;
use std::fmt;

use super::{Chosen, Demand, Follow};
use crate::index::{IndexError, MultiArch, Package};
use crate::relation::{Qualifier, Relation};

/// Something that a set of packages gets wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A wish that is not in it, or from another suite.
    Wish {
        /// The package that is wished for.
        package: String,
    },
    /// A clause that nothing in it meets.
    Unmet {
        /// The package whose clause it is.
        package: String,
        /// The clause.
        clause: String,
    },
    /// Two packages that do not stand one another.
    Conflict {
        /// The package that says so.
        package: String,
        /// The other one.
        other: String,
        /// The words it is said in.
        relation: String,
    },
    /// A package that is left out is in it.
    LeftOut {
        /// The package.
        package: String,
    },
    /// A package of another architecture.
    Architecture {
        /// The package.
        package: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wish { package } => write!(f, "`{package}` is wished for and not there"),
            Self::Unmet { package, clause } => write!(f, "`{package}` needs {clause}"),
            Self::Conflict { package, other, relation } => {
                write!(f, "`{package}` does not stand `{other}`, by `{relation}`")
            }
            Self::LeftOut { package } => write!(f, "`{package}` is left out and there"),
            Self::Architecture { package } => write!(f, "`{package}` is for something else"),
        }
    }
}

/// What a set of packages gets wrong, sorted by package. `absent` are the packages that are left
/// out, which meet a clause as if they were there.
pub(super) fn check(
    chosen: &BTreeMap<&str, Chosen<'_>>,
    absent: &[&Package<'_>],
    demand: &Demand,
    architecture: &str,
) -> Result<Vec<Finding>, IndexError> {
    let named = |package| Ok(Named { package, provides: Package::provides(package)? });
    let all = chosen.values().map(|chosen| chosen.package).chain(absent.iter().copied());
    let meeting = all.map(named).collect::<Result<Vec<Named<'_>>, IndexError>>()?;
    let present = meeting.get(..chosen.len()).unwrap_or_default();
    let mut findings = wishes(chosen, demand);
    for Chosen { package, .. } in chosen.values() {
        let name = || package.name.to_owned();
        if demand.left_out.contains_key(package.name) {
            findings.push(Finding::LeftOut { package: name() });
        }
        if package.architecture != architecture && package.architecture != "all" {
            findings.push(Finding::Architecture { package: name() });
        }
        if follows(demand, package.name) {
            unmet(package, &meeting, demand, architecture, &mut findings)?;
        }
        for relation in package.conflicts()?.iter().chain(&package.breaks()?) {
            for other in present.iter().filter(|other| other.package.name != package.name) {
                if is_meant(other, relation, architecture) {
                    let (package, other) = (name(), other.package.name.to_owned());
                    let relation = relation.to_string();
                    findings.push(Finding::Conflict { package, other, relation });
                }
            }
        }
    }
    Ok(findings)
}

fn wishes(chosen: &BTreeMap<&str, Chosen<'_>>, demand: &Demand) -> Vec<Finding> {
    let missing = demand.wishes.iter().filter(|wish| {
        let suite = chosen.get(wish.package.as_str()).map(|chosen| chosen.suite);
        suite.is_none() || wish.suite.as_deref().is_some_and(|wished| Some(wished) != suite)
    });
    missing.map(|wish| Finding::Wish { package: wish.package.clone() }).collect()
}

fn follows(demand: &Demand, name: &str) -> bool {
    let mut own = demand.wishes.iter().filter(|wish| wish.package == name).peekable();
    own.peek().is_none() || own.any(|wish| wish.follow == Follow::Dependencies)
}

fn unmet(
    package: &Package<'_>,
    meeting: &[Named<'_>],
    demand: &Demand,
    architecture: &str,
    findings: &mut Vec<Finding>,
) -> Result<(), IndexError> {
    for clause in package.pre_depends()?.iter().chain(&package.depends()?) {
        let mut met = false;
        for relation in clause.alternatives() {
            met |= demand.left_out.contains_key(relation.name);
            met |= meeting.iter().any(|other| is_meant(other, relation, architecture));
        }
        if !met {
            let (package, clause) = (package.name.to_owned(), clause.to_string());
            findings.push(Finding::Unmet { package, clause });
        }
    }
    Ok(())
}

/// A package with all its names.
struct Named<'a> {
    package: &'a Package<'a>,
    provides: Vec<Relation<'a>>,
}

/// Whether a relation means this package, by its own name or one it provides.
fn is_meant(named: &Named<'_>, relation: &Relation<'_>, architecture: &str) -> bool {
    let package = named.package;
    let qualified = match relation.qualifier {
        None | Some(Qualifier::Native) => true,
        Some(Qualifier::Any) => package.multi_arch == MultiArch::Allowed,
        Some(Qualifier::Named(named)) => named == architecture,
    };
    let own = package.name == relation.name && relation.admits(package.version);
    let same = |provided: &&Relation<'_>| {
        provided.name == relation.name
            && !matches!(provided.qualifier, Some(Qualifier::Named(named)) if named != architecture)
    };
    let mut provided = named.provides.iter().filter(same);
    qualified
        && (own
            || provided.any(|provided| match provided.constraint {
                Some((_, version)) => relation.admits(version),
                None => relation.constraint.is_none(),
            }))
}
