//! Differences between two trees, and the reasons written down for them.

use recipe::glob::Glob;
use serde::Deserialize;

use super::listing::Listing;

/// Who has a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Only the ordinary installation.
    Ordinary,
    /// Only ours.
    Ours,
    /// Both, with something different about it.
    Both,
}

/// A path that is not the same on both sides.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The path.
    pub path: String,
    /// Who has it.
    pub side: Side,
    /// What stands there, for people.
    #[allow(dead_code, reason = "shown by Debug when a test fails")]
    pub what: String,
}

/// All differences, by path.
pub fn differences(ordinary: &Listing, ours: &Listing) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |path: &str, side, what| {
        found.push(Difference { path: path.to_owned(), side, what });
    };
    for (path, theirs) in &ordinary.entries {
        match ours.entries.get(path) {
            None => add(path, Side::Ordinary, format!("{theirs:?}")),
            Some(own) if own != theirs => {
                add(path, Side::Both, format!("{theirs:?}, ours {own:?}"))
            }
            Some(_) => {}
        }
    }
    for (path, own) in &ours.entries {
        if !ordinary.entries.contains_key(path) {
            add(path, Side::Ours, format!("{own:?}"));
        }
    }
    found
}

/// What kind of reason it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    /// An image does not want it.
    DroppedOnPurpose,
    /// The builder makes it at a later step.
    MadeLater,
    /// The running node makes it.
    MadeAtBoot,
    /// It would tell nodes apart.
    HostIdentity,
    /// The installer left it.
    Installer,
    /// Ours is the same every time.
    Fixed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    difference: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    #[expect(dead_code, reason = "read so that an unknown class is refused")]
    class: Class,
    side: Side,
    why: String,
    paths: Vec<String>,
}

/// The reasons.
pub struct Classified {
    patterns: Vec<(Side, Glob)>,
}

impl Classified {
    /// Reads them.
    pub fn read(text: &str) -> Self {
        let file: File = toml::from_str(text).unwrap();
        let mut patterns = Vec::new();
        for reason in file.difference {
            assert!(reason.why.len() > 10, "{:?} needs a reason", reason.paths);
            let globs = reason.paths.iter().map(|path| (reason.side, path.parse().unwrap()));
            patterns.extend(globs);
        }
        Self { patterns }
    }

    /// Whether a reason is written down for this difference.
    pub fn explain(&self, difference: &Difference) -> bool {
        let fits = |(side, glob): &(Side, Glob)| {
            *side == difference.side && glob.matches(&difference.path)
        };
        self.patterns.iter().any(fits)
    }

    /// Patterns that match no difference.
    pub fn idle(&self, found: &[Difference]) -> Vec<String> {
        let idle = self.patterns.iter().filter(|(side, glob)| {
            !found.iter().any(|found| found.side == *side && glob.matches(&found.path))
        });
        idle.map(|(_, glob)| glob.to_string()).collect()
    }
}
