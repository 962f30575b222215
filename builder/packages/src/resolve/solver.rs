//! The search, when what apt would try first is no solution: `resolvo`, a solver for boolean
//! formulas that learns from its conflicts.
//!
//! Each name has one candidate, so a candidate is a solvable of its own name, a clause is a union
//! of such names in the order of preference (what the first try took comes first), and a conflict
//! is a constraint that leaves a name without candidates. Everything is known before the search
//! begins: the solver asks, and tables answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, DenseIndex, Dependencies,
    DependencyProvider, HintDependenciesAvailable, Interner, KnownDependencies, NameId, Problem,
    Requirement, SolvableId, Solver, SolverCache, StringId, UnsolvableOrCancelled, VersionSetId,
    VersionSetUnionId,
};

use super::closure::Closure;
use super::universe::{CandidateId, Universe};
use super::{Follow, ResolveError};

/// A set of versions of a name: its one candidate, or none.
#[derive(Clone)]
struct Versions {
    name: usize,
    candidate: bool,
    words: String,
}

/// The tables that answer the solver. Names and solvables have the same numbers: first the
/// candidates, then names that nothing has.
#[derive(Default)]
struct Tables {
    numbers: BTreeMap<CandidateId, usize>,
    words: Vec<(String, String)>,
    candidates: usize,
    versions: Vec<Versions>,
    unions: Vec<Vec<VersionSetId>>,
    known: Vec<KnownDependencies>,
}

/// Searches for a solution, and explains when there is none.
pub(super) fn search(
    universe: &Universe<'_>,
    closure: &Closure<'_>,
    wanted: &BTreeMap<CandidateId, Follow>,
    preferred: &BTreeSet<CandidateId>,
) -> Result<BTreeSet<CandidateId>, ResolveError> {
    let mut tables = Tables::of(universe, closure, preferred);
    let requirements = wanted.keys().filter_map(|id| tables.single(*id)).collect();
    let ids: Vec<CandidateId> = tables.numbers.keys().copied().collect();
    let mut solver = Solver::new(tables);
    let problem = Problem::new().requirements(requirements);
    match solver.solve(problem) {
        Ok(found) => Ok(found.iter().filter_map(|id| ids.get(id.to_index()).copied()).collect()),
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            let explanation = conflict.display_user_friendly(&solver).to_string();
            Err(ResolveError::Unsolvable { explanation })
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => {
            Err(ResolveError::Unsolvable { explanation: "the search was given up".to_owned() })
        }
    }
}

impl Tables {
    fn of(
        universe: &Universe<'_>,
        closure: &Closure<'_>,
        preferred: &BTreeSet<CandidateId>,
    ) -> Self {
        let mut tables = Self::default();
        for (number, id) in closure.needs().keys().enumerate() {
            tables.numbers.insert(*id, number);
            let words = universe.get(*id).map(|(package, suite)| {
                (package.name.to_owned(), format!("{} ({suite})", package.version))
            });
            tables.words.push(words.unwrap_or_default());
        }
        tables.candidates = tables.words.len();
        for needs in closure.needs().values() {
            let mut known = KnownDependencies::default();
            for clause in needs.clauses.iter().filter(|clause| !clause.is_left_out()) {
                let mut targets = clause.targets.clone();
                targets.sort_by_key(|target| !preferred.contains(target));
                let words = clause.clause.to_string();
                known.requirements.push(tables.requirement(universe, &targets, &words));
            }
            for enemy in &needs.enemies {
                let name = tables.numbers.get(enemy).copied();
                known.constrains.extend(name.map(|name| tables.none(name, "")));
            }
            tables.known.push(known);
        }
        tables
    }

    fn push(&mut self, name: usize, candidate: bool, words: &str) -> VersionSetId {
        let id = VersionSetId::from_index(self.versions.len());
        self.versions.push(Versions { name, candidate, words: words.to_owned() });
        id
    }

    fn none(&mut self, name: usize, words: &str) -> VersionSetId {
        self.push(name, false, words)
    }

    fn single(&mut self, id: CandidateId) -> Option<ConditionalRequirement> {
        let name = self.numbers.get(&id).copied()?;
        Some(self.push(name, true, "").into())
    }

    /// A clause. One that nobody could meet becomes a name that nothing has, in the clause's words.
    fn requirement(
        &mut self,
        universe: &Universe<'_>,
        targets: &[CandidateId],
        words: &str,
    ) -> ConditionalRequirement {
        let names = targets.iter().filter_map(|target| self.numbers.get(target).copied());
        let names: Vec<usize> = names.collect();
        let sets: Vec<VersionSetId> =
            names.into_iter().map(|name| self.push(name, true, "")).collect();
        match sets.as_slice() {
            [] => {
                let suites = first_word(words).map(|name| universe.elsewhere(name));
                let suites = suites.filter(|suites| !suites.is_empty());
                let hint = suites
                    .map(|suites| format!(" (perhaps in {}, if that is named)", suites.join(", ")));
                let name = self.words.len();
                self.words.push((format!("{words}{}", hint.unwrap_or_default()), String::new()));
                self.none(name, "").into()
            }
            [one] => (*one).into(),
            _ => {
                let union = VersionSetUnionId::from_index(self.unions.len());
                self.unions.push(sets);
                Requirement::Union(union).into()
            }
        }
    }

    fn versions(&self, id: VersionSetId) -> Option<&Versions> {
        self.versions.get(id.to_index())
    }

    fn name(&self, number: usize) -> &str {
        self.words.get(number).map(|(name, _)| name.as_str()).unwrap_or_default()
    }
}

fn first_word(clause: &str) -> Option<&str> {
    clause.split([' ', ':']).next()
}

impl Interner for Tables {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        let words = self.words.get(solvable.to_index());
        words.map(|(name, version)| format!("{name} {version}")).unwrap_or_default()
    }

    fn display_merged_solvables(&self, solvables: &[SolvableId]) -> impl Display + '_ {
        let all: Vec<String> =
            solvables.iter().map(|id| self.display_solvable(*id).to_string()).collect();
        all.join(" | ")
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        self.name(name.to_index())
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl Display + '_ {
        self.versions(version_set).map(|versions| versions.words.as_str()).unwrap_or_default()
    }

    fn display_string(&self, _: StringId) -> impl Display + '_ {
        ""
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        NameId::from_index(self.versions(version_set).map_or(0, |versions| versions.name))
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_index(solvable.to_index())
    }

    fn version_sets_in_union(
        &self,
        union: VersionSetUnionId,
    ) -> impl Iterator<Item = VersionSetId> {
        self.unions.get(union.to_index()).map(Vec::as_slice).unwrap_or_default().iter().copied()
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        // No requirement of ours has a condition, so this is never asked.
        Condition::Requirement(VersionSetId::default())
    }
}

impl DependencyProvider for Tables {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        version_set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let taken = self.versions(version_set).is_some_and(|versions| versions.candidate);
        if taken == inverse { Vec::new() } else { candidates.to_vec() }
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let number = name.to_index();
        (number < self.candidates).then(|| Candidates {
            candidates: vec![SolvableId::from_index(number)],
            hint_dependencies_available: HintDependenciesAvailable::All,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, _: &mut [SolvableId]) {}

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        Dependencies::Known(self.known.get(solvable.to_index()).cloned().unwrap_or_default())
    }
}
