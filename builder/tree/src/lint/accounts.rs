//! The numbers that `/etc/passwd` and `/etc/group` give (passwd(5), group(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use formats::tree::Tree;

use crate::reach::Facts;

/// Users and groups by name, and the numbers that anybody has.
pub(super) struct Numbers {
    pub(super) users: BTreeMap<String, u32>,
    pub(super) groups: BTreeMap<String, u32>,
    pub(super) uids: BTreeSet<u32>,
    pub(super) gids: BTreeSet<u32>,
}

impl Numbers {
    /// Reads both files; one that is not there has nobody but root.
    pub(super) fn read(tree: &Tree, facts: &dyn Facts) -> io::Result<Self> {
        let (users, groups) =
            (column(tree, facts, "etc/passwd")?, column(tree, facts, "etc/group")?);
        let numbers = |map: &BTreeMap<String, u32>| map.values().copied().chain([0]).collect();
        Ok(Self { uids: numbers(&users), gids: numbers(&groups), users, groups })
    }
}

/// The third column, by the first.
fn column(tree: &Tree, facts: &dyn Facts, path: &str) -> io::Result<BTreeMap<String, u32>> {
    let Some(content) = tree.get(path).and_then(|node| node.content()) else {
        return Ok(BTreeMap::new());
    };
    let bytes = content.load(facts)?;
    let text = String::from_utf8_lossy(&bytes);
    let pair = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((name, fields.nth(1)?.parse().ok()?))
    };
    Ok(text.lines().filter_map(pair).collect())
}
