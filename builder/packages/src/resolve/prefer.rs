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
    let mut taken = Taken::default();
    for id in wanted.keys() {
        taken.insert(closure, *id);
    }
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
                taken.insert(closure, target);
                path.push((target, 0));
            }
        }
    }
    taken.all
}

/// What was taken, and everything that does not stand beside it by its own words.
#[derive(Default)]
struct Taken {
    all: BTreeSet<CandidateId>,
    enemies: BTreeSet<CandidateId>,
}

impl Taken {
    fn insert(&mut self, closure: &Closure<'_>, id: CandidateId) {
        self.all.insert(id);
        self.enemies.extend(closure.enemies(id));
    }

    fn fights(&self, closure: &Closure<'_>, id: CandidateId) -> bool {
        self.enemies.contains(&id) || closure.enemies(id).any(|enemy| self.all.contains(&enemy))
    }
}

/// Who is taken for a clause; nobody if it is met, or cannot be.
fn target(closure: &Closure<'_>, clause: &Demanded<'_>, taken: &Taken) -> Option<CandidateId> {
    let mut targets = clause.targets.iter().copied();
    if clause.is_left_out() || targets.clone().any(|target| taken.all.contains(&target)) {
        return None;
    }
    let first = targets.clone().next();
    targets.find(|target| !taken.fights(closure, *target)).or(first)
}
