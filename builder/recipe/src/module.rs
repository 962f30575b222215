//! Names of kernel modules in declarations.
//!
//! The kernel takes `-` and `_` in a module's name as the same character, and its build names
//! files with either. A declaration may do so too.

use std::fmt;

use crate::glob::{Glob, GlobError};

/// Which modules are meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModulePattern {
    /// By name, with `*`, `?` and sets: `virtio_blk`, `nft_*`. Held with `_` for `-`.
    Name(Glob),
    /// By path below the kernel's module directory (`usr/lib/modules/VERSION/kernel`), without
    /// the `.ko` and compression endings: `drivers/net/ethernet/intel/**`.
    Path(Glob),
}

impl ModulePattern {
    /// Reads a pattern: one with a slash is a path.
    ///
    /// # Errors
    /// As [`Glob::parse`].
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        if text.contains('/') {
            Glob::parse(text).map(Self::Path)
        } else {
            Glob::parse(&underscores(text)).map(Self::Name)
        }
    }

    /// Whether the module whose file is `path` below the kernel's module directory
    /// (`drivers/block/virtio_blk.ko.xz`) is meant.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(end) = file.find(".ko") else { return false };
        let name = file.get(..end).unwrap_or_default();
        match self {
            Self::Name(glob) => glob.matches(&name.replace('-', "_")),
            Self::Path(glob) if directory.is_empty() => glob.matches(name),
            Self::Path(glob) => glob.matches(&format!("{directory}/{name}")),
        }
    }

    /// The one name that is meant, where it is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(glob) => glob.literal(),
            Self::Path(_) => None,
        }
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let (Self::Name(glob) | Self::Path(glob)) = self;
        glob.as_str()
    }
}

/// `-` to `_` outside sets, where `-` makes a range.
fn underscores(text: &str) -> String {
    let mut in_set = false;
    text.chars()
        .map(|char| {
            in_set = (in_set || char == '[') && char != ']';
            if char == '-' && !in_set { '_' } else { char }
        })
        .collect()
}

impl fmt::Display for ModulePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let pattern = ModulePattern::parse(pattern).unwrap();
        for path in yes {
            assert!(pattern.matches(path), "{pattern} takes {path}");
        }
        for path in no {
            assert!(!pattern.matches(path), "{pattern} does not take {path}");
        }
    }

    #[test]
    fn dashes_and_underscores_are_the_same_in_names() {
        let files = ["arch/x86/kvm/kvm-intel.ko.xz", "arch/x86/kvm/kvm_intel.ko"];
        check("kvm_intel", &files, &["arch/x86/kvm/kvm.ko.xz"]);
        check("kvm-intel", &files, &["kvm-intel", "kvm-intel/readme"]);
        check("i40[a-e]", &["drivers/net/ethernet/intel/i40e/i40e.ko.xz"], &["x/i40f.ko"]);
    }

    #[test]
    fn a_slash_makes_it_a_path() {
        check("drivers/net/**", &["drivers/net/tun.ko.xz", "drivers/net/a/b.ko"], &["net/x.ko"]);
        check("drivers/net/*", &["drivers/net/tun.ko.xz"], &["drivers/net/a/b.ko"]);
    }
}
