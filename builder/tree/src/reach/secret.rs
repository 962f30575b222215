//! Private keys in files, found by their shape.
//!
//! Textual keys have a header line (RFC 7468, section 10 and 11; RFC 4880, section 6.2; PuTTY's
//! and age's own). A header alone is no key: libraries hold it as a string to look for. So a body
//! must follow. Binary keys (PKCS#8, RFC 5958; PKCS#1, RFC 8017 appendix A.1.2; SEC 1, RFC 5915;
//! PKCS#12, RFC 7292) are looked for where a whole file is one DER structure.

use serde::{Deserialize, Serialize};

/// What kind of private key was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// A header line and a body in base 64.
    Pem,
    /// A private key or key store as DER.
    Der,
    /// Another textual form: age, PuTTY.
    Text,
}

/// What every header line begins with.
const BEGIN: &[u8] = b"-----BEGIN ";
/// What the label of a key's header contains.
const LABEL: &str = "PRIVATE KEY";
/// The longest label that is looked at.
const MAX_LABEL_BYTES: usize = 64;
/// How much of a body must be there: less than half of the smallest key (Ed25519, 64 characters).
const MIN_BODY_CHARS: usize = 28;
/// How far behind the header the body may begin: `Proc-Type`, `DEK-Info`, `Version` lines.
const MAX_HEADERS_BYTES: usize = 512;

/// Lines that begin other textual keys.
const MARKS: [&[u8]; 2] = [b"AGE-SECRET-KEY-1", b"PuTTY-User-Key-File-"];

impl Secret {
    /// The first private key in a file.
    #[must_use]
    pub fn find(bytes: &[u8]) -> Option<Self> {
        if MARKS.iter().any(|mark| bytes.starts_with(mark)) {
            return Some(Self::Text);
        }
        if is_der_key(bytes) {
            return Some(Self::Der);
        }
        headers(bytes).any(is_pem_key).then_some(Self::Pem)
    }
}

/// What follows each `-----BEGIN `.
fn headers(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memmem::find_iter(bytes, BEGIN).filter_map(|at| bytes.get(at + BEGIN.len()..))
}

fn is_pem_key(rest: &[u8]) -> bool {
    let window = rest.get(..MAX_LABEL_BYTES + MAX_HEADERS_BYTES).unwrap_or(rest);
    let Some(end) = memchr::memmem::find(window, b"-----").filter(|end| *end <= MAX_LABEL_BYTES)
    else {
        return false;
    };
    let label = std::str::from_utf8(rest.get(..end).unwrap_or_default()).unwrap_or_default();
    if !label.contains(LABEL) {
        return false;
    }
    let body = rest.get(end + 5..).unwrap_or_default();
    let body = body.get(..MAX_HEADERS_BYTES).unwrap_or(body);
    let lines = body.split(|byte| *byte == b'\n').skip(1);
    let base64 = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        line.len() >= MIN_BODY_CHARS && line.iter().all(plain)
    };
    lines.take_while(|line| !line.starts_with(b"-----")).any(base64)
}

/// Whether the whole file is one DER `SEQUENCE` that begins like a private key.
fn is_der_key(bytes: &[u8]) -> bool {
    let Some(inner) = sequence(bytes) else { return false };
    match inner {
        // version 0 or 1, then the algorithm's SEQUENCE with an OBJECT IDENTIFIER: PKCS#8.
        [2, 1, 0 | 1, 0x30, rest @ ..] => {
            rest.iter().take(4).any(|byte| *byte == 6) && inner.len() > 40
        }
        // version 0, then a long INTEGER, the modulus: PKCS#1.
        [2, 1, 0, 2, 0x81 | 0x82, ..] => true,
        // version 1, then an OCTET STRING of a curve's size: SEC 1.
        [2, 1, 1, 4, 28..=66, ..] => true,
        // version 3, then a SEQUENCE: PKCS#12.
        [2, 1, 3, 0x30, ..] => true,
        _ => false,
    }
}

/// The inside of a DER `SEQUENCE` that is as long as the file.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    let (head, length): (usize, usize) = match bytes {
        [0x30, 0x81, length, ..] => (3, usize::from(*length)),
        [0x30, 0x82, high, low, ..] => (4, usize::from(*high) << 8 | usize::from(*low)),
        [0x30, length @ 0..=0x7f, ..] => (2, usize::from(*length)),
        _ => return None,
    };
    bytes.get(head..).filter(|inner| inner.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "MC4CAQAwBQYDK2VwBCIEIEmb1pKF9ovkYBN3Gs9t9H0rYdzJQmXyrNwu5Yyl1ma2";

    fn pem(label: &str) -> String {
        format!("# a comment\n-----BEGIN {label}-----\n{BODY}\n-----END {label}-----\n")
    }

    #[test]
    fn every_kind_of_pem_key_is_found() {
        let labels = ["", "RSA ", "EC ", "DSA ", "ENCRYPTED ", "OPENSSH "];
        for label in labels.map(|label| format!("{label}PRIVATE KEY")) {
            assert_eq!(Secret::find(pem(&label).as_bytes()), Some(Secret::Pem), "{label}");
        }
        let pgp = pem("PGP PRIVATE KEY BLOCK").replace("-----\nMC", "-----\nVersion: 1\n\nMC");
        assert_eq!(Secret::find(pgp.as_bytes()), Some(Secret::Pem));
    }

    #[test]
    fn a_key_after_other_things_is_found() {
        let text =
            format!("{}\0\0{}", pem("CERTIFICATE"), pem("PRIVATE KEY").replace('\n', "\r\n"));
        assert_eq!(Secret::find(text.as_bytes()), Some(Secret::Pem));
    }

    #[test]
    fn what_a_library_looks_for_is_no_key() {
        let strings = b"\0-----BEGIN PRIVATE KEY-----\0-----END PRIVATE KEY-----\0".as_slice();
        assert_eq!(Secret::find(strings), None);
        for label in ["CERTIFICATE", "PUBLIC KEY", "PGP PUBLIC KEY BLOCK"] {
            assert_eq!(Secret::find(pem(label).as_bytes()), None, "{label}");
        }
        assert_eq!(Secret::find(b"-----BEGIN PRIVATE KEY-----\n(put your key here)\n"), None);
    }

    #[test]
    fn binary_keys_are_found_where_they_are_the_file() {
        let pkcs8 = [&[0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34][..], &[7; 34]];
        let pkcs8 = pkcs8.concat();
        assert_eq!(Secret::find(&pkcs8), Some(Secret::Der));
        assert_eq!(Secret::find(&[pkcs8, vec![0]].concat()), None);
        let certificate = [&[0x30, 4, 0x30, 2][..], &[1, 0]].concat();
        assert_eq!(Secret::find(&certificate), None);
    }
}
