//! The shortest way from a recipe's request to a package.

use std::collections::{BTreeMap, BTreeSet};

use crate::reason::Reason;

/// Searches breadth-first from the package to a recipe; the chain is given the other way round.
pub(crate) fn chain(reasons: &BTreeMap<&str, &[Reason]>, package: &str) -> Vec<(String, Reason)> {
    let mut seen = BTreeSet::from([package]);
    let mut level = vec![vec![(package, None::<&Reason>)]];
    while !level.is_empty() {
        let mut next = Vec::new();
        for path in level {
            let Some((name, _)) = path.last() else { continue };
            for reason in reasons.get(name).copied().unwrap_or_default() {
                let mut longer = path.clone();
                if let Some(last) = longer.last_mut() {
                    last.1 = Some(reason);
                }
                match reason {
                    Reason::Recipe { .. } => return finished(longer),
                    Reason::Package { package, .. } if seen.insert(package) => {
                        longer.push((package, None));
                        next.push(longer);
                    }
                    Reason::Package { .. } => {}
                }
            }
        }
        level = next;
    }
    Vec::new()
}

fn finished(path: Vec<(&str, Option<&Reason>)>) -> Vec<(String, Reason)> {
    let owned = |(name, reason): (&str, Option<&Reason>)| Some((name.to_owned(), reason?.clone()));
    path.into_iter().rev().filter_map(owned).collect()
}
