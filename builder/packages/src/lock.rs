//! The lock: which packages an image is made of, by digest, with the reason of each.
//!
//! `ashlar lock` writes it once, everything else only reads it. It is a text for people too: a
//! change of an image shows as a change of lines. It names no mirror, because whoever has bytes of
//! that digest has the package. There is exactly one text for each lock: what differs in order,
//! spacing or spelling is refused, and the last line is the digest of all before it, so that a lock
//! that was cut, merged by hand or hit by a flipped bit is never half right.
//!
//! # Form
//!
//! Stanzas of fields as in [`crate::control`], UTF-8, each field on one line but for lists, whose
//! items stand on lines of their own after one blank. The fields stand in this order:
//!
//! ```text
//! Ashlar-Lock: 1
//! Architecture: x86_64                     what the image is for
//! Codecs:                                  versions of what decides the bytes of an image
//!  zstd 1.5.7
//!
//! Suite: trixie                            for each suite, by name
//! Archive: debian                          which archive of the mirrors
//! Date: Sat, 21 Nov 2026 09:15:44 UTC      of its Release, never older in the next lock
//! InRelease: SHA-256                       of the signed file
//! Signed-By:                               fingerprints of the keys whose signatures were valid
//!  04B54C3CDCA79751B16BC6B5225629DF75B188BD
//! Indices:                                 the lists of packages that were read
//!  SHA-256 bytes main/binary-amd64/Packages.xz
//!
//! Left-Out: perl                           for each package taken as there, by name
//! Reason: only maintainer scripts call it
//!
//! Set: image                               for each package, by set, name and version
//! Package: crun
//! Version: 1.21-1
//! Architecture: amd64                      Debian's name, or `all`
//! Suite: trixie
//! Path: pool/main/c/crun/crun_1.21-1_amd64.deb
//! Size: 606092
//! SHA256: SHA-256
//! Source: crun 1.21-1                      name and version
//! Why:                                     as in [`crate::reason`], sorted
//!  recipe containerd: crun
//!
//! End: SHA-256                             of every byte before this line
//! ```
//!
//! A set is a group of packages that are installed together: `image`, `build`, or
//! `target-ARCHITECTURE`.

use std::collections::BTreeMap;
use std::fmt;

use contract::arch::Arch;
use contract::digest::Digest;

use crate::date::Date;
use crate::reason::Reason;

pub use self::read::{LockError, LockFault};

mod read;
#[cfg(test)]
mod tests;
mod write;

/// The version of the form.
pub const FORMAT: u64 = 1;

/// Which packages an image is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What the image is for.
    pub arch: Arch,
    /// Versions of what decides the bytes of an image, by name.
    pub codecs: BTreeMap<String, String>,
    /// The suites that packages come from, by name.
    pub suites: BTreeMap<String, Suite>,
    /// Packages that were taken as there, with the reason.
    pub left_out: BTreeMap<String, String>,
    /// The packages, by set, name, architecture and version.
    pub packages: BTreeMap<Key, Locked>,
}

/// A suite at the time of the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Which archive of the mirrors it belongs to: `debian`, `debian-security`.
    pub archive: String,
    /// When the archive made it.
    pub date: Date,
    /// The digest of its `InRelease`.
    pub inrelease: Digest,
    /// Fingerprints of the keys whose signatures were valid, sorted.
    pub signed_by: Vec<String>,
    /// The lists of packages that were read, by path.
    pub indices: BTreeMap<String, Listed>,
}

pub use crate::release::Listed;

/// What tells locked packages apart; their order in the lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The group it is installed with: `image`, `build`, `target-aarch64`.
    pub set: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A package by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Debian's name of its architecture, or `all`.
    pub architecture: String,
    /// The suite it came from.
    pub suite: String,
    /// Where the file is, below the archive.
    pub path: String,
    /// How large the file is.
    pub len_bytes: u64,
    /// The file's digest.
    pub digest: Digest,
    /// The source it was built from.
    pub source: String,
    /// The version of the source.
    pub source_version: String,
    /// Why it is there, sorted; at least one.
    pub why: Vec<Reason>,
}

impl Lock {
    /// The packages of a set, by name.
    pub fn set(&self, set: &str) -> impl Iterator<Item = (&Key, &Locked)> {
        self.packages.iter().filter(move |(key, _)| key.set == set)
    }

    /// The names of the sets, sorted.
    #[must_use]
    pub fn sets(&self) -> Vec<&str> {
        let mut sets: Vec<&str> = self.packages.keys().map(|key| key.set.as_str()).collect();
        sets.dedup();
        sets
    }

    /// The date of the newest suite: the time that images made from this lock carry.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        self.suites.values().map(|suite| suite.date).max()
    }

    /// The shortest chain of reasons that brought a package into a set: first what a recipe asks
    /// for, last the package itself. Of several the first in the order of the reasons. Empty if
    /// the package is not in the set.
    #[must_use]
    pub fn explain(&self, set: &str, package: &str) -> Vec<(String, Reason)> {
        let reasons = self.set(set).map(|(key, locked)| (key.name.as_str(), locked.why.as_slice()));
        crate::resolve::chain(&reasons.collect(), package)
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = write::body(self);
        write::end(&mut text);
        f.write_str(&text)
    }
}
