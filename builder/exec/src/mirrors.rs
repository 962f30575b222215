//! Where packages come from: the mirrors, in order.
//!
//! A lock names a package by its suite and its path below a mirror, never by a host: any mirror
//! has the same bytes, and what it sends is compared with the lock. So which mirrors are asked is
//! a matter of this machine alone, and is found on it:
//!
//! 1. the mirrors given on the command line, in order; else
//! 2. the mirrors in the user's own configuration; else
//! 3. what the host's own `apt` uses for any suite of Debian.
//!
//! No mirror is built in. Debian keeps security updates in an archive of their own, which most
//! mirrors have beside the general one: where only the general one is given, the other is looked
//! for there (`…/debian` and `…/debian-security`).

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

mod apt;

/// One of Debian's archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Archive {
    /// Releases, their updates and backports.
    General,
    /// Security updates.
    Security,
}

impl Archive {
    /// The archive that has a suite.
    #[must_use]
    pub fn of_suite(suite: &str) -> Self {
        if suite.ends_with("-security") { Self::Security } else { Self::General }
    }
}

/// The mirrors of each archive, in the order they are asked, without a slash at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors {
    general: Vec<String>,
    security: Vec<String>,
}

/// Why there are no mirrors.
#[derive(Debug)]
pub enum MirrorError {
    /// None is given, configured or used by the host.
    None {
        /// The configuration file that may name some.
        config_file: PathBuf,
    },
    /// An address that cannot be asked.
    Address {
        /// The address.
        url: String,
        /// Where it was given.
        from: String,
    },
    /// The configuration cannot be understood.
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        why: String,
    },
    /// A file cannot be read.
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for MirrorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None { config_file } => write!(
                f,
                "no Debian mirror is known: give one with `--mirror URL`, or write \
                 `mirrors = [\"URL\"]` into `{}`",
                config_file.display()
            ),
            Self::Address { url, from } => write!(
                f,
                "`{url}` from {from} is no mirror: an address begins with http://, https:// or \
                 file:///"
            ),
            Self::Config { path, why } => write!(f, "{}: {why}", path.display()),
            Self::Read { path, .. } => write!(f, "cannot read `{}`", path.display()),
        }
    }
}

impl std::error::Error for MirrorError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::None { .. } | Self::Address { .. } | Self::Config { .. } => None,
        }
    }
}

/// The user's own configuration.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    mirrors: Vec<String>,
}

impl Mirrors {
    /// Finds the mirrors to ask, on the machine whose root directory this is.
    ///
    /// # Errors
    /// There is none, or what is given or configured is no mirror.
    pub fn find(given: &[String], config_file: &Path, root: &Path) -> Result<Self, MirrorError> {
        if !given.is_empty() {
            return Self::of(given, "the command line");
        }
        let configured = configured(config_file)?;
        if !configured.is_empty() {
            return Self::of(&configured, &format!("`{}`", config_file.display()));
        }
        let found = apt::mirrors(root)?;
        if found.is_empty() {
            return Err(MirrorError::None { config_file: config_file.to_owned() });
        }
        Self::of(&found, "the host's apt sources")
    }

    /// Mirrors by their addresses.
    ///
    /// # Errors
    /// One of them is none that can be asked.
    pub fn of(urls: &[String], from: &str) -> Result<Self, MirrorError> {
        let mut mirrors = Self::default();
        for url in urls {
            let asked = ["http://", "https://", "file:///"];
            if !asked.iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme)) {
                return Err(MirrorError::Address { url: url.clone(), from: from.to_owned() });
            }
            let url = url.trim_end_matches('/').to_owned();
            let is_security = url.split('/').any(|name| name == "debian-security");
            let list = if is_security { &mut mirrors.security } else { &mut mirrors.general };
            if !list.contains(&url) {
                list.push(url);
            }
        }
        let beside: Vec<_> =
            mirrors.general.iter().filter_map(|url| security_beside(url)).collect();
        for url in beside {
            if !mirrors.security.contains(&url) {
                mirrors.security.push(url);
            }
        }
        Ok(mirrors)
    }

    /// The mirrors of one archive, in order.
    #[must_use]
    pub fn of_archive(&self, archive: Archive) -> &[String] {
        match archive {
            Archive::General => &self.general,
            Archive::Security => &self.security,
        }
    }
}

/// Where a mirror of the general archive has the security archive: with the directory `debian`
/// called `debian-security`. A mirror laid out otherwise has it nowhere that can be known.
fn security_beside(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let mut names: Vec<&str> = rest.split('/').collect();
    // The first name is the host.
    let name = names.iter_mut().skip(1).rev().find(|name| **name == "debian")?;
    *name = "debian-security";
    Some(format!("{scheme}://{}", names.join("/")))
}

fn configured(path: &Path) -> Result<Vec<String>, MirrorError> {
    match fs::read_to_string(path) {
        Ok(text) => toml::from_str::<Config>(&text)
            .map(|config| config.mirrors)
            .map_err(|error| MirrorError::Config { path: path.into(), why: error.to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(MirrorError::Read { path: path.into(), source }),
    }
}

#[cfg(test)]
mod tests;
