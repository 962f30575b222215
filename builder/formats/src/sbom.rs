//! The bill of materials of an image, in the two formats that scanners read.
//!
//! Every file of the image stands in it with its digest, every file belongs to exactly one
//! package, and every package names its source package and its licences: who built what, from
//! which source, under which licence. Nothing in it depends on when or where it was written; the
//! time it carries is that of the newest archive index, which the caller gives.

mod cyclonedx;
mod spdx;

pub use cyclonedx::cyclonedx;
pub use spdx::spdx;

use contract::digest::Digest;

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The image's name.
    pub image: String,
    /// The image's version.
    pub version: String,
    /// The digest of everything that went in; names the document.
    pub identity: Digest,
    /// RFC 3339 in UTC: the time of the newest archive index.
    pub created: String,
    /// The builder's version.
    pub builder: String,
    /// The packages, sorted by name.
    pub components: Vec<Component>,
}

/// One package with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who made it.
    pub origin: Origin,
    /// An SPDX licence expression.
    pub licence: String,
    /// The files it brought, sorted by path.
    pub files: Vec<File>,
}

/// Who made a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A Debian package.
    Debian {
        /// Debian's name of the architecture; `all` where it has none.
        architecture: String,
        /// The source package.
        source: String,
        /// The source package's version.
        source_version: String,
        /// The distribution's name, such as `trixie`.
        distribution: String,
        /// Digest of the `.deb`.
        sha256: Digest,
    },
    /// This project: its programs, its recipes, and what the builder derives.
    Ashlar,
}

/// One regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path in the image, without a leading slash.
    pub path: String,
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// SHA-1 of the content, which SPDX 2.3 demands of every file (section 8.4).
    pub sha1: [u8; 20],
}

impl Component {
    /// The package URL (purl-spec, type `deb`), where there is one.
    #[must_use]
    pub fn purl(&self) -> Option<String> {
        let Origin::Debian { architecture, source, source_version, distribution, .. } =
            &self.origin
        else {
            return None;
        };
        let (name, version) = (percent(&self.name), percent(&self.version));
        let upstream = match (source == &self.name, source_version == &self.version) {
            (true, true) => String::new(),
            (_, true) => format!("&upstream={}", percent(source)),
            _ => format!("&upstream={}%40{}", percent(source), percent(source_version)),
        };
        Some(format!(
            "pkg:deb/debian/{name}@{version}?arch={architecture}&distro={distribution}{upstream}"
        ))
    }
}

/// Percent-encodes what purl does not take literally.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON with two spaces of indentation and a line feed at the end; object keys sorted.
fn text(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests;
