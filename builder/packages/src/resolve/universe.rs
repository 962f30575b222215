//! Everything that could be installed, by name and by what is provided.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use contract::arch::Arch;

use super::{NoPackage, ResolveError, Wish};
use crate::index::{IndexError, MultiArch, Package};
use crate::relation::{Qualifier, Relation};
use crate::version::Version;

/// The packages of one suite; of several components one after the other.
#[derive(Debug, Clone, Copy)]
pub struct SuiteOf<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether packages come from it only when a wish names it.
    pub only_by_name: bool,
    /// Its packages.
    pub packages: &'a [Package<'a>],
}

/// A package of a suite, by its place in the universe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CandidateId(usize);

/// Suites that wishes name, by package.
#[derive(Debug, Default)]
pub(super) struct Selection<'d> {
    pins: BTreeMap<&'d str, usize>,
}

impl<'d> Selection<'d> {
    /// Only this suite for this package. Gives back what was said before.
    pub(super) fn pin(&mut self, package: &'d str, suite: usize) -> Option<usize> {
        self.pins.insert(package, suite)
    }
}

struct Candidate<'a> {
    package: &'a Package<'a>,
    suite: usize,
}

/// Everything that could be installed on one architecture.
pub struct Universe<'a> {
    arch: Arch,
    suites: Vec<(&'a str, bool)>,
    /// By name, then newest first, then in the order of the suites.
    candidates: Vec<Candidate<'a>>,
    names: BTreeMap<&'a str, std::ops::Range<usize>>,
    /// Who provides a name, in which version.
    provided: BTreeMap<&'a str, Vec<(CandidateId, Relation<'a>)>>,
}

impl<'a> Universe<'a> {
    /// Puts suites together, in the order of preference when versions are equal.
    ///
    /// # Errors
    /// A package's `Provides` is no list of names.
    pub fn new(arch: Arch, suites: &[SuiteOf<'a>]) -> Result<Self, IndexError> {
        let mut candidates: Vec<Candidate<'a>> = Vec::new();
        for (number, suite) in suites.iter().enumerate() {
            let all = suite.packages.iter();
            candidates.extend(all.map(|package| Candidate { package, suite: number }));
        }
        candidates.sort_by_key(|one| (one.package.name, Reverse(one.package.version), one.suite));
        let mut names: BTreeMap<&str, std::ops::Range<usize>> = BTreeMap::new();
        let mut provided: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (number, candidate) in candidates.iter().enumerate() {
            names.entry(candidate.package.name).or_insert(number..number).end = number + 1;
            for relation in candidate.package.provides()? {
                provided.entry(relation.name).or_default().push((CandidateId(number), relation));
            }
        }
        let suites = suites.iter().map(|suite| (suite.name, suite.only_by_name)).collect();
        Ok(Self { arch, suites, candidates, names, provided })
    }

    /// Debian's name of the architecture.
    pub(super) const fn architecture(&self) -> &'static str {
        self.arch.debian()
    }

    pub(super) fn suite(&self, name: &str) -> Option<usize> {
        self.suites.iter().position(|(suite, _)| *suite == name)
    }

    pub(super) fn get(&self, id: CandidateId) -> Option<(&'a Package<'a>, &'a str)> {
        let candidate = self.candidates.get(id.0)?;
        Some((candidate.package, self.suites.get(candidate.suite)?.0))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = (CandidateId, &Candidate<'a>)> {
        let range = self.names.get(name).cloned().unwrap_or(0..0);
        let start = range.start;
        let all = self.candidates.get(range).unwrap_or_default().iter().enumerate();
        all.map(move |(number, candidate)| (CandidateId(start + number), candidate))
    }

    /// The one candidate for a name: the newest that may be taken.
    pub(super) fn candidate(&self, selection: &Selection<'_>, name: &str) -> Option<CandidateId> {
        let may = |candidate: &Candidate<'_>| match selection.pins.get(name) {
            Some(suite) => candidate.suite == *suite,
            None => self.suites.get(candidate.suite).is_some_and(|(_, by_name)| !by_name),
        };
        self.all(name).find(|(_, candidate)| may(candidate)).map(|(id, _)| id)
    }

    /// The candidates that a relation means, the preferred first: the package of that name, then
    /// those that provide it by priority and name.
    pub(super) fn targets(
        &self,
        selection: &Selection<'_>,
        relation: &Relation<'_>,
    ) -> Vec<CandidateId> {
        let real = self.candidate(selection, relation.name).filter(|id| {
            self.get(*id).is_some_and(|(package, _)| {
                relation.admits(package.version) && self.serves(package, relation.qualifier)
            })
        });
        let mut providers: Vec<CandidateId> = Vec::new();
        for (id, provided) in
            self.provided.get(relation.name).map(Vec::as_slice).unwrap_or_default()
        {
            let Some((package, _)) = self.get(*id) else { continue };
            let taken = self.candidate(selection, package.name) == Some(*id);
            let version = provided.constraint.map(|(_, version)| version);
            let fits = provides(relation, version)
                && self.own(provided.qualifier)
                && self.serves(package, relation.qualifier);
            if taken && fits && Some(*id) != real && !providers.contains(id) {
                providers.push(*id);
            }
        }
        providers.sort_by_key(|id| self.get(*id).map(|(package, _)| (rank(package), package.name)));
        real.into_iter().chain(providers).collect()
    }

    /// Whether a package may serve whoever asks with this qualifier.
    fn serves(&self, package: &Package<'_>, qualifier: Option<Qualifier<'_>>) -> bool {
        match qualifier {
            Some(Qualifier::Any) => package.multi_arch == MultiArch::Allowed,
            other => self.own(other),
        }
    }

    /// Whether a qualifier means this architecture.
    fn own(&self, qualifier: Option<Qualifier<'_>>) -> bool {
        match qualifier {
            None | Some(Qualifier::Any | Qualifier::Native) => true,
            Some(Qualifier::Named(arch)) => arch == self.architecture(),
        }
    }

    pub(super) fn unknown_suite(&self, wish: &Wish, suite: &str) -> ResolveError {
        ResolveError::NoSuite {
            recipe: wish.recipe.clone(),
            package: wish.package.clone(),
            suite: suite.to_owned(),
            suites: self.suites.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }
    }

    pub(super) fn unknown(&self, wish: &Wish, selection: &Selection<'_>) -> ResolveError {
        let relation = Relation { name: &wish.package, qualifier: None, constraint: None };
        let name = |id| self.get(id).map(|(package, _)| package.name.to_owned());
        ResolveError::NoPackage(Box::new(NoPackage {
            recipe: wish.recipe.clone(),
            package: wish.package.clone(),
            suite: wish.suite.clone(),
            elsewhere: self.elsewhere(&wish.package),
            providers: self.targets(selection, &relation).into_iter().filter_map(name).collect(),
            near: self.near(&wish.package),
        }))
    }

    /// Suites that have a package of this name, but give it only to who names them.
    pub(super) fn elsewhere(&self, name: &str) -> Vec<String> {
        let suite = |candidate: &Candidate<'_>| self.suites.get(candidate.suite);
        let all = self.all(name).filter_map(|(_, candidate)| suite(candidate));
        let mut found: Vec<String> =
            all.filter(|(_, by_name)| *by_name).map(|(name, _)| (*name).to_owned()).collect();
        found.dedup();
        found
    }

    /// Names that differ by one letter, or begin with this one.
    fn near(&self, wished: &str) -> Vec<String> {
        let longer = self.names.range(wished..).map(|(name, _)| *name);
        let longer = longer.take_while(|name| name.starts_with(wished)).take(3);
        let close =
            self.names.keys().copied().filter(|name| one_letter_apart(name, wished)).take(3);
        let mut near: Vec<String> = close.chain(longer).map(str::to_owned).collect();
        near.dedup();
        near
    }
}

/// Whether a provided name meets a relation: without a version only a relation without one.
pub(super) fn provides(relation: &Relation<'_>, version: Option<Version<'_>>) -> bool {
    version.map_or(relation.constraint.is_none(), |version| relation.admits(version))
}

/// Providers in the order in which they are tried.
fn rank(package: &Package<'_>) -> usize {
    let order = ["required", "important", "standard", "optional"];
    let priority = order.iter().position(|priority| *priority == package.priority);
    if package.essential { 0 } else { 1 + priority.unwrap_or(order.len()) }
}

/// Whether one letter was left out, added or changed.
fn one_letter_apart(one: &str, two: &str) -> bool {
    let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    let (short, long) = (short.as_bytes(), long.as_bytes());
    let same = short.iter().zip(long).take_while(|(left, right)| left == right).count();
    let tail = |bytes: &'_ [u8], from: usize| bytes.get(from..).unwrap_or_default().to_vec();
    match long.len() - short.len() {
        0 => same < short.len() && tail(short, same + 1) == tail(long, same + 1),
        1 => tail(short, same) == tail(long, same + 1),
        _ => false,
    }
}
