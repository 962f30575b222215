//! The solution that apt would try first.
//!
//! All wishes are taken, then each package's clauses are met in order and depth-first: by what was
//! taken already, else by the first alternative that can be had and does not fight with what was
//! taken. No step is taken back; whether the result is a solution is for others to say.

use std::collections::{BTreeMap, BTreeSet};

use super::Follow;
use super::closure::{Closure, Demanded};
use super::universe::CandidateId;

/// What apt would try first.
pub(super) fn greedy(
    closure: &Closure<'_>,
    wanted: &BTreeMap<CandidateId, Follow>,
) -> BTreeSet<CandidateId> {
    let mut taken: BTreeSet<CandidateId> = wanted.keys().copied().collect();
    for id in wanted.keys() {
        // Packages on the way down, each with the number of its next clause.
        let mut path = vec![(*id, 0)];
        while let Some((id, next)) = path.last_mut() {
            let Some(clause) = closure.clauses(*id).get(*next) else {
                path.pop();
                continue;
            };
            *next += 1;
            if let Some(target) = target(closure, clause, &taken) {
                taken.insert(target);
                path.push((target, 0));
            }
        }
    }
    taken
}

/// Who is taken for a clause; nobody if it is met, or cannot be.
fn target(
    closure: &Closure<'_>,
    clause: &Demanded<'_>,
    taken: &BTreeSet<CandidateId>,
) -> Option<CandidateId> {
    let met = clause.is_left_out() || clause.targets.iter().any(|target| taken.contains(target));
    let fights = |one: CandidateId| {
        let enemies = |id| closure.needs().get(&id).map(|needs| &needs.enemies);
        enemies(one).is_some_and(|own| !own.is_disjoint(taken))
            || taken.iter().any(|other| enemies(*other).is_some_and(|own| own.contains(&one)))
    };
    let mut targets = clause.targets.iter().copied().filter(|_| !met);
    let first = targets.clone().next();
    targets.find(|target| !fights(*target)).or(first)
}
