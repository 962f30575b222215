//! All that the wished packages could possibly bring in, with every relation looked up once.

use std::collections::{BTreeMap, BTreeSet};

use super::universe::{CandidateId, Selection, Universe};
use super::{Follow, reason};
use crate::index::{IndexError, Package};
use crate::reason::{Need, Reason};
use crate::relation::Clause;

/// A clause of a package.
pub(super) struct Demanded<'a> {
    pub(super) need: Need,
    pub(super) clause: Clause<'a>,
    /// Who could meet it, the preferred first.
    pub(super) targets: Vec<CandidateId>,
    /// Packages that are left out and would have met it.
    left_out: Vec<&'a str>,
}

impl Demanded<'_> {
    /// Whether a package that is left out meets it.
    pub(super) const fn is_left_out(&self) -> bool {
        !self.left_out.is_empty()
    }
}

/// What a package asks for, and what it does not stand.
#[derive(Default)]
pub(super) struct Needs<'a> {
    pub(super) clauses: Vec<Demanded<'a>>,
    pub(super) enemies: BTreeSet<CandidateId>,
}

/// All that could be brought in.
pub(super) struct Closure<'a> {
    needs: BTreeMap<CandidateId, Needs<'a>>,
}

impl<'a> Closure<'a> {
    pub(super) fn of(
        universe: &Universe<'a>,
        selection: &Selection<'_>,
        wanted: &BTreeMap<CandidateId, Follow>,
        left_out: &BTreeSet<&str>,
    ) -> Result<Self, IndexError> {
        let mut needs: BTreeMap<CandidateId, Needs<'a>> = BTreeMap::new();
        let mut open: Vec<CandidateId> = wanted.keys().copied().collect();
        while let Some(id) = open.pop() {
            if needs.contains_key(&id) {
                continue;
            }
            let Some((package, _)) = universe.get(id) else { continue };
            let mut own =
                Needs { enemies: enemies(universe, selection, id, package)?, ..Needs::default() };
            if wanted.get(&id) != Some(&Follow::Nothing) {
                own.clauses = clauses(universe, selection, package, left_out)?;
            }
            open.extend(own.clauses.iter().flat_map(|clause| clause.targets.iter().copied()));
            needs.insert(id, own);
        }
        Ok(Self { needs })
    }

    pub(super) const fn needs(&self) -> &BTreeMap<CandidateId, Needs<'a>> {
        &self.needs
    }

    /// Whom a package does not stand.
    pub(super) fn enemies(&self, id: CandidateId) -> impl Iterator<Item = CandidateId> {
        self.needs.get(&id).into_iter().flat_map(|needs| needs.enemies.iter().copied())
    }

    pub(super) fn clauses(&self, id: CandidateId) -> &[Demanded<'a>] {
        self.needs.get(&id).map(|needs| needs.clauses.as_slice()).unwrap_or_default()
    }

    /// Two packages of a set that do not stand one another.
    pub(super) fn conflict(
        &self,
        set: &BTreeSet<CandidateId>,
    ) -> Option<(CandidateId, CandidateId)> {
        let pair = |id: &CandidateId| {
            let enemies = &self.needs.get(id)?.enemies;
            enemies.intersection(set).next().map(|enemy| (*id, *enemy))
        };
        set.iter().find_map(pair)
    }

    /// Whether every clause of every package of a set is met in it.
    pub(super) fn meets(&self, set: &BTreeSet<CandidateId>) -> bool {
        let met = |clause: &Demanded<'_>| {
            clause.is_left_out() || clause.targets.iter().any(|target| set.contains(target))
        };
        set.iter().all(|id| self.clauses(*id).iter().all(met))
    }

    /// For each clause of a package the package of the set that meets it: the preferred one.
    pub(super) fn met(
        &self,
        id: CandidateId,
        set: &BTreeSet<CandidateId>,
    ) -> impl Iterator<Item = (Need, &Clause<'a>, CandidateId)> {
        self.clauses(id).iter().filter(|clause| !clause.is_left_out()).filter_map(|clause| {
            let target = clause.targets.iter().find(|target| set.contains(target))?;
            Some((clause.need, &clause.clause, *target))
        })
    }

    /// What of a set is needed for the wishes.
    pub(super) fn reachable(
        &self,
        wanted: &BTreeMap<CandidateId, Follow>,
        set: &BTreeSet<CandidateId>,
    ) -> BTreeSet<CandidateId> {
        let mut kept = BTreeSet::new();
        let mut open: Vec<CandidateId> = wanted.keys().copied().collect();
        while let Some(id) = open.pop() {
            if kept.insert(id) {
                open.extend(self.met(id, set).map(|(_, _, target)| target));
            }
        }
        kept
    }

    /// What would have brought in the packages that are left out.
    pub(super) fn left_out(
        &self,
        universe: &Universe<'a>,
        kept: &BTreeSet<CandidateId>,
    ) -> BTreeMap<String, Vec<Reason>> {
        let mut all: BTreeMap<String, Vec<Reason>> = BTreeMap::new();
        for id in kept {
            let Some((package, _)) = universe.get(*id) else { continue };
            for clause in self.clauses(*id) {
                for name in &clause.left_out {
                    let reason = reason(package, clause.need, &clause.clause);
                    all.entry((*name).to_owned()).or_default().push(reason);
                }
            }
        }
        all
    }
}

fn clauses<'a>(
    universe: &Universe<'a>,
    selection: &Selection<'_>,
    package: &'a Package<'a>,
    left_out: &BTreeSet<&str>,
) -> Result<Vec<Demanded<'a>>, IndexError> {
    let mut all = Vec::new();
    for (need, clauses) in
        [(Need::PreDepends, package.pre_depends()?), (Need::Depends, package.depends()?)]
    {
        for clause in clauses {
            let mut demanded = Demanded { need, clause, targets: Vec::new(), left_out: Vec::new() };
            for relation in demanded.clause.alternatives() {
                if left_out.contains(relation.name) {
                    demanded.left_out.push(relation.name);
                }
                for id in universe.targets(selection, relation) {
                    let Some((target, _)) = universe.get(id) else { continue };
                    if left_out.contains(target.name) {
                        demanded.left_out.push(target.name);
                    } else if !demanded.targets.contains(&id) {
                        demanded.targets.push(id);
                    }
                }
            }
            demanded.left_out.sort_unstable();
            demanded.left_out.dedup();
            all.push(demanded);
        }
    }
    Ok(all)
}

/// Whom a package does not stand. Never itself, though it may provide the name.
fn enemies<'a>(
    universe: &Universe<'a>,
    selection: &Selection<'_>,
    id: CandidateId,
    package: &'a Package<'a>,
) -> Result<BTreeSet<CandidateId>, IndexError> {
    let mut enemies = BTreeSet::new();
    for relation in package.conflicts()?.iter().chain(&package.breaks()?) {
        enemies.extend(universe.targets(selection, relation));
    }
    enemies.remove(&id);
    Ok(enemies)
}
