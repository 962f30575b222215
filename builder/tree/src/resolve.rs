//! Where a path leads, following symbolic links in memory.
//!
//! Since `/bin`, `/sbin`, `/lib` and `/lib64` became links into `/usr`, a path in a package or a
//! script need not be the place the file ends up at. Every path is therefore walked name by name,
//! as the kernel would with the image as its root. Unlike the kernel, a link that climbs above the
//! root is refused instead of stopped there: nothing honest does that.

use std::collections::VecDeque;
use std::fmt;

use formats::tree::{Kind, Tree};

/// The most links one path may lead through, as in Linux (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// Something that knows the symbolic links of a tree by their own places.
pub(crate) trait Links {
    /// The target of the link at this place, if there is a link.
    fn target(&self, place: &str) -> Option<&str>;
}

impl Links for Tree {
    fn target(&self, place: &str) -> Option<&str> {
        match self.get(place).map(|node| &node.kind) {
            Some(Kind::Symlink(target)) => Some(target),
            _ => None,
        }
    }
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkError {
    /// It leads through more links than a kernel follows; most likely they form a loop.
    Loop {
        /// The path.
        path: String,
    },
    /// It climbs above the root.
    Escape {
        /// The path.
        path: String,
    },
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loop { path } => {
                write!(f, "`{path}` leads through more than {MAX_LINKS} symbolic links")
            }
            Self::Escape { path } => write!(f, "`{path}` climbs above the root of the image"),
        }
    }
}

impl std::error::Error for WalkError {}

/// Where a walk ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Walked {
    /// The place, relative to the root.
    pub(crate) place: String,
    /// The links that were followed, by their own places.
    pub(crate) through: Vec<String>,
}

/// What to do when the last name is itself a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// Stop at the link.
    Keep,
    /// Follow it.
    Follow,
}

/// Walks a path (absolute or relative to the root).
pub(crate) fn walk(path: &str, links: &dyn Links, last: Last) -> Result<Walked, WalkError> {
    let mut place: Vec<String> = Vec::new();
    let mut through = Vec::new();
    let mut ahead: VecDeque<String> = names(path);
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            if place.pop().is_none() {
                return Err(WalkError::Escape { path: path.to_owned() });
            }
            continue;
        }
        place.push(name);
        if ahead.is_empty() && last == Last::Keep {
            break;
        }
        let here = place.join("/");
        let Some(target) = links.target(&here) else { continue };
        if through.len() == MAX_LINKS {
            return Err(WalkError::Loop { path: path.to_owned() });
        }
        through.push(here);
        place.pop();
        if target.starts_with('/') {
            place.clear();
        }
        for name in names(target).into_iter().rev() {
            ahead.push_front(name);
        }
    }
    Ok(Walked { place: place.join("/"), through })
}

fn names(path: &str) -> VecDeque<String> {
    path.split('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Map(BTreeMap<&'static str, &'static str>);

    impl Links for Map {
        fn target(&self, place: &str) -> Option<&str> {
            self.0.get(place).copied()
        }
    }

    fn check(links: &[(&'static str, &'static str)], path: &str, place: &str) {
        let links = Map(links.iter().copied().collect());
        assert_eq!(walk(path, &links, Last::Follow).unwrap().place, place, "{path}");
    }

    #[test]
    fn links_lead_where_the_kernel_would_go() {
        check(&[("bin", "usr/bin")], "/bin/sh", "usr/bin/sh");
        check(&[("var/run", "/run")], "var/run/lock", "run/lock");
        check(&[("a", "b/c"), ("b/c", "../d")], "a/x", "d/x");
        check(&[("bin", "usr/bin"), ("usr/bin/sh", "dash")], "bin/sh", "usr/bin/dash");
        check(&[], "./usr//bin/.", "usr/bin");
    }

    #[test]
    fn the_last_link_is_kept_when_asked() {
        let links = Map(BTreeMap::from([("bin", "usr/bin"), ("usr/bin/sh", "dash")]));
        let walked = walk("bin/sh", &links, Last::Keep).unwrap();
        assert_eq!(walked.place, "usr/bin/sh");
        assert_eq!(walked.through, ["bin"]);
    }

    #[test]
    fn a_loop_ends_in_an_error() {
        let links = Map(BTreeMap::from([("a", "b"), ("b", "a")]));
        assert!(matches!(walk("a/x", &links, Last::Keep), Err(WalkError::Loop { .. })));
    }

    #[test]
    fn nothing_climbs_above_the_root() {
        let links = Map(BTreeMap::from([("a", "../../etc")]));
        for path in ["a/x", "..", "x/../../y"] {
            let result = walk(path, &links, Last::Keep);
            assert!(matches!(result, Err(WalkError::Escape { .. })), "{path}");
        }
    }
}
