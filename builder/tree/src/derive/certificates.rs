//! `/etc/ssl/certs`: the certificate authorities that programs on the node trust.
//!
//! Stands in for `update-ca-certificates(8)` and `openssl rehash`. Every `.crt` file below
//! `/usr/share/ca-certificates`, then every one below `/usr/local/share/ca-certificates`, in byte
//! order: a line in `/etc/ca-certificates.conf` (the first kind only), a link `NAME.pem`, its text
//! in `ca-certificates.crt`, and a link `HASH.N` that leads to `NAME.pem`, by which OpenSSL finds
//! an issuer.
//!
//! The hash is OpenSSL's (`X509_NAME_hash`): the first four bytes, least significant first, of the
//! SHA-1 of the subject in canonical form. Canonical means: each relative distinguished name
//! re-encoded with its text as UTF-8, ASCII letters lower case, blanks at the ends dropped and
//! others folded to one; the outer sequence's header is left out. The certificates are read as
//! RFC 5280, section 4.1, and RFC 7468 describe them, no further than the subject.
//!
//! A file that is no certificate is an error: leaving it out would be a connection that fails
//! years later.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use formats::tree::{Content, name};
use sha1::{Digest as _, Sha1};

use crate::edit::{Edit, EditError, Look};

mod der;
#[cfg(test)]
mod tests;

const PACKAGED: &str = "usr/share/ca-certificates";
const LOCAL: &str = "usr/local/share/ca-certificates";
const OUT: &str = "etc/ssl/certs";
const CONF_HEAD: &str = "# Certificate authorities that are trusted, by their files below\n\
                         # /usr/share/ca-certificates. Made with the image; changes belong there.\n";

/// Why the bundle cannot be made.
#[derive(Debug)]
pub enum CertificateError {
    /// A file is no certificate.
    NotACertificate {
        /// The file.
        path: String,
    },
    /// The tree does not allow it.
    Edit(EditError),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotACertificate { path } => write!(f, "`{path}` is no X.509 certificate in PEM"),
            Self::Edit(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for CertificateError {}

impl From<EditError> for CertificateError {
    fn from(why: EditError) -> Self {
        Self::Edit(why)
    }
}

/// Makes the bundle, the links and the list.
pub(crate) fn derive(edit: &mut Edit<'_>) -> Result<(), CertificateError> {
    let mut conf = CONF_HEAD.to_owned();
    let mut bundle = Vec::new();
    let mut by_link = BTreeMap::new();
    let mut fingerprints = BTreeSet::new();
    for path in files(edit, PACKAGED).into_iter().chain(files(edit, LOCAL)) {
        if let Some(listed) = path.strip_prefix(PACKAGED) {
            conf.push_str(listed.trim_start_matches('/'));
            conf.push('\n');
        }
        let bytes = edit.bytes(&path)?;
        bundle.extend_from_slice(&bytes);
        if bundle.last() != Some(&b'\n') {
            bundle.push(b'\n');
        }
        let link = format!("{}.pem", plain(name(&path).trim_end_matches(".crt")));
        edit.symlink(&format!("{OUT}/{link}"), &format!("/{path}"))?;
        let certificate = decode(&bytes).ok_or(CertificateError::NotACertificate { path })?;
        if fingerprints.insert(certificate.clone()) {
            by_link.insert(link, certificate);
        }
    }
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for (link, certificate) in by_link {
        let not = || CertificateError::NotACertificate { path: link.clone() };
        let hash = subject_hash(&certificate).ok_or_else(not)?;
        let number = taken.entry(hash.clone()).or_default();
        edit.symlink(&format!("{OUT}/{hash}.{number}"), &link)?;
        *number += 1;
    }
    let look = Look::root(0o644);
    edit.file(&format!("{OUT}/ca-certificates.crt"), Content::inline(bundle), look)?;
    edit.file("etc/ca-certificates.conf", Content::inline(conf.into_bytes()), look)?;
    Ok(())
}

fn files(edit: &Edit<'_>, directory: &str) -> Vec<String> {
    let below = edit.tree.below(directory).map(|(path, _)| path);
    below.filter(|path| path.ends_with(".crt")).map(str::to_owned).collect()
}

/// Characters that a link's name does not keep.
fn plain(name: &str) -> String {
    name.replace([' ', ','], "_").replace(['(', ')'], "=")
}

/// The first certificate in a PEM file, as DER.
fn decode(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    base64(body)
}

/// RFC 4648, section 4; white space is passed over.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap_or(0));
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(out)
}

/// The hash of the subject of a certificate, eight hexadecimal digits.
///
/// `None` when the bytes are no certificate.
#[must_use]
pub fn subject_hash(certificate: &[u8]) -> Option<String> {
    let canonical = der::canonical_subject(certificate)?;
    let digest = Sha1::digest(canonical);
    let [a, b, c, d, ..] = digest.as_slice() else { return None };
    Some(format!("{:08x}", u32::from_le_bytes([*a, *b, *c, *d])))
}
