//! `manifest.json`: what one build took in and what it gave out, all by digest.
//!
//! The manifest is the identity of an image: it binds the UKI, the root hash and the versions, so
//! that they cannot be recombined, and it names every input, so that anybody can build again and
//! compare. It holds no time of day, no host name and no path of a machine. JSON with two spaces
//! of indentation and a line feed at the end; keys in the order of the fields below.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::digest::Digest;

/// The format this crate reads and writes.
pub const FORMAT: u32 = 1;

/// A build's record of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The number of this format: [`FORMAT`].
    pub format: u32,
    /// The image's name: the folder below `images/`.
    pub image: String,
    /// The image's version: the day of the newest archive index, and the first digits of `inputs_digest`.
    pub version: String,
    /// The architecture it runs on.
    pub arch: Arch,
    /// The compression level it was built at: `development` or `release`.
    pub level: String,
    /// The root hash of the dm-verity tree over `root.erofs`.
    pub root_hash: Digest,
    /// The kernel's release, as `uname -r` prints it.
    pub kernel_release: String,
    /// The kernel command line inside the UKI.
    pub kernel_command_line: String,
    /// One digest over everything in `inputs` and the fields above it.
    pub inputs_digest: Digest,
    /// What went in.
    pub inputs: Inputs,
    /// What came out: file name to digest and length. `manifest.json` and `report.json` are not
    /// in it: the one cannot hold its own digest, the other holds times.
    pub artefacts: BTreeMap<String, Artefact>,
}

/// Everything that decides a build's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Version of the builder.
    pub builder: String,
    /// Codecs whose output bytes depend on their version: name to version.
    pub codecs: BTreeMap<String, String>,
    /// Declarations: path below the repository (`images/…`, `recipes/…`) to digest.
    pub declarations: BTreeMap<String, Digest>,
    /// The node's own programs: name to digest.
    pub node_binaries: BTreeMap<String, Digest>,
    /// The suites packages came from, by name.
    pub suites: BTreeMap<String, Suite>,
    /// Every Debian package, by name.
    pub packages: BTreeMap<String, Package>,
}

/// A suite of the archive as it was when the versions were resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// SHA-256 of the signed `InRelease`, which names all indices by digest.
    pub inrelease: Digest,
    /// When the archive made it: RFC 3339 in UTC.
    pub date: String,
    /// Fingerprints of the keys whose signatures were valid.
    pub signed_by: Vec<String>,
}

/// A Debian package that went in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its version.
    pub version: String,
    /// The suite it came from.
    pub suite: String,
    /// SHA-256 of the `.deb`.
    pub sha256: Digest,
}

/// A file that came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// SHA-256 of its content; of a sparse file with the holes read as zeros.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size_bytes: u64,
}
