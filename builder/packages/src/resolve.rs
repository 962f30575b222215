//! Which packages are installed, and why each.
//!
//! Debian's rules for one architecture: a clause is met by a package of that name and version, or
//! by one that provides it; packages that conflict with or break one another are not installed
//! together; only what is depended on is installed, never what is recommended.
//!
//! For each name there is one candidate: the newest version of the suites that may be taken from,
//! or the newest of the suite that a wish names. An older version is never a way out of a conflict:
//! that would be a quiet step back from a security fix.
//!
//! There are often several solutions. The one that is taken is apt's: requests first, then
//! depth-first through the clauses, each met by what is there already or by its first alternative
//! (`prefer`). When that runs into a conflict, a real solver searches with the same preference
//! (`solver`). Whatever was found is checked by a third piece of code that knows nothing of the
//! first two (`check`); a solution that it finds fault with is never given out.

use std::collections::{BTreeMap, BTreeSet};

use crate::index::{IndexError, Package};
use crate::lock::{Key, Locked};
use crate::reason::{Need, Reason};

pub(crate) use self::chain::chain;
pub use self::check::Finding;
use self::closure::Closure;
pub use self::error::{NoPackage, ResolveError};
use self::universe::{CandidateId, Selection};
pub use self::universe::{SuiteOf, Universe};

mod chain;
mod check;
mod closure;
mod error;
mod prefer;
mod solver;
#[cfg(test)]
mod tests;
mod universe;

/// Whether what a package depends on is installed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Follow {
    /// It is.
    Dependencies,
    /// This package alone, whatever it asks for.
    Nothing,
}

/// A package that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The recipe that asks.
    pub recipe: String,
    /// The name of the package.
    pub package: String,
    /// Only from this suite.
    pub suite: Option<String>,
    /// Whether its dependencies come too.
    pub follow: Follow,
}

/// What is to be installed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demand {
    /// What is asked for. The order does not matter.
    pub wishes: Vec<Wish>,
    /// Packages that are taken as there and never installed, each with the reason.
    pub left_out: BTreeMap<String, String>,
}

/// A package of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// The package.
    pub package: &'a Package<'a>,
    /// The suite it comes from.
    pub suite: &'a str,
    /// Why it is there, sorted; at least one.
    pub why: Vec<Reason>,
}

/// Packages that meet a demand together.
///
/// Holding one proves that the checker found nothing: every wish is met, every clause of every
/// package is met by a package of the solution or left out on purpose, and no two are in conflict.
/// It does not prove that there is no other solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution<'a> {
    chosen: BTreeMap<&'a str, Chosen<'a>>,
    left_out: BTreeMap<String, Vec<Reason>>,
}

impl<'a> Solution<'a> {
    /// The packages, by name.
    #[must_use]
    pub const fn chosen(&self) -> &BTreeMap<&'a str, Chosen<'a>> {
        &self.chosen
    }

    /// Packages that were left out, with what would have brought them in. A declaration that
    /// leaves out a package nothing asks for is not in it.
    #[must_use]
    pub const fn left_out(&self) -> &BTreeMap<String, Vec<Reason>> {
        &self.left_out
    }

    /// The shortest chain of reasons that brought a package in: first what a recipe asks for, last
    /// the package itself. Empty if the package is not in the solution.
    #[must_use]
    pub fn explain(&self, package: &str) -> Vec<(String, Reason)> {
        let reasons = self.chosen.iter().map(|(name, chosen)| (*name, chosen.why.as_slice()));
        chain(&reasons.collect(), package)
    }

    /// The packages as a set of a lock.
    #[must_use]
    pub fn locked(&self, set: &str) -> BTreeMap<Key, Locked> {
        let entry = |chosen: &Chosen<'a>| {
            let package = chosen.package;
            let (name, version) = (package.name.to_owned(), package.version.text().to_owned());
            let locked = Locked {
                architecture: package.architecture.to_owned(),
                suite: chosen.suite.to_owned(),
                path: package.filename.to_owned(),
                len_bytes: package.len_bytes,
                digest: package.digest,
                source: package.source.to_owned(),
                source_version: package.source_version.to_owned(),
                why: chosen.why.clone(),
            };
            (Key { set: set.to_owned(), name, version }, locked)
        };
        self.chosen.values().map(entry).collect()
    }
}

/// Finds packages that meet a demand.
///
/// # Errors
/// A wish names a package that is not there, or there is no set of packages that meets all.
pub fn solve<'a>(universe: &Universe<'a>, demand: &Demand) -> Result<Solution<'a>, ResolveError> {
    let (selection, wanted) = wanted(universe, demand)?;
    let left_out = demand.left_out.keys().map(String::as_str).collect();
    let closure = Closure::of(universe, &selection, &wanted, &left_out)?;
    let preferred = prefer::greedy(&closure, &wanted);
    let found = if closure.conflict(&preferred).is_none() && closure.meets(&preferred) {
        preferred
    } else {
        solver::search(universe, &closure, &wanted, &preferred)?
    };
    let kept = closure.reachable(&wanted, &found);
    let chosen = reasons(universe, &closure, demand, &kept);
    let absent = demand.left_out.keys().filter_map(|name| universe.candidate(&selection, name));
    let absent: Vec<_> = absent.filter_map(|id| Some(universe.get(id)?.0)).collect();
    let findings = check::check(&chosen, &absent, demand, universe.architecture())?;
    if !findings.is_empty() {
        return Err(ResolveError::Unsound(findings));
    }
    Ok(Solution { chosen, left_out: closure.left_out(universe, &kept) })
}

/// The candidates that are asked for, and whether to follow their dependencies.
fn wanted<'a, 'd>(
    universe: &Universe<'a>,
    demand: &'d Demand,
) -> Result<(Selection<'d>, BTreeMap<CandidateId, Follow>), ResolveError> {
    let mut selection = Selection::default();
    for wish in &demand.wishes {
        if demand.left_out.contains_key(&wish.package) {
            let (recipe, package) = (wish.recipe.clone(), wish.package.clone());
            return Err(ResolveError::LeftOut { recipe, package });
        }
        let Some(suite) = &wish.suite else { continue };
        let number = universe.suite(suite);
        let number = number.ok_or_else(|| universe.unknown_suite(wish, suite))?;
        if selection.pin(&wish.package, number).is_some_and(|other| other != number) {
            return Err(ResolveError::TwoSuites { package: wish.package.clone() });
        }
    }
    let mut wanted = BTreeMap::new();
    for wish in &demand.wishes {
        let id = universe.candidate(&selection, &wish.package);
        let id = id.ok_or_else(|| universe.unknown(wish, &selection))?;
        let follow = wanted.entry(id).or_insert(wish.follow);
        *follow = wish.follow.min(*follow);
    }
    Ok((selection, wanted))
}

/// The reasons of each package: the wishes, and of each clause the package that meets it.
fn reasons<'a>(
    universe: &Universe<'a>,
    closure: &Closure<'a>,
    demand: &Demand,
    kept: &BTreeSet<CandidateId>,
) -> BTreeMap<&'a str, Chosen<'a>> {
    let mut chosen: BTreeMap<&str, Chosen<'_>> = BTreeMap::new();
    for id in kept {
        if let Some((package, suite)) = universe.get(*id) {
            chosen.insert(package.name, Chosen { package, suite, why: Vec::new() });
        }
    }
    for wish in &demand.wishes {
        let (recipe, request) = (wish.recipe.clone(), wish.package.clone());
        if let Some(chosen) = chosen.get_mut(wish.package.as_str()) {
            chosen.why.push(Reason::Recipe { recipe, request });
        }
    }
    for id in kept {
        let Some((package, _)) = universe.get(*id) else { continue };
        for (need, clause, met_by) in closure.met(*id, kept) {
            let Some((target, _)) = universe.get(met_by) else { continue };
            if let Some(chosen) = chosen.get_mut(target.name).filter(|_| met_by != *id) {
                chosen.why.push(reason(package, need, clause));
            }
        }
    }
    for chosen in chosen.values_mut() {
        chosen.why.sort();
        chosen.why.dedup();
    }
    chosen
}

fn reason(package: &Package<'_>, need: Need, clause: &dyn std::fmt::Display) -> Reason {
    let (package, clause) = (package.name.to_owned(), clause.to_string());
    Reason::Package { package, need, clause }
}

impl From<IndexError> for ResolveError {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}
