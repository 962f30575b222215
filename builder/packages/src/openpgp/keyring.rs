//! The keys of archives, and when one of them may be believed.
//!
//! A certificate is a primary key, and subkeys that it vouches for. What it says of itself counts
//! only where its own signature says so, with a strong hash: the newest such signature gives the
//! expiry and what the key is for. Any revocation by the certificate itself ends a key for good,
//! whatever its reason and its date: a key that somebody took back is not one to install from.
//! Revocations by others do not count, and neither do their certifications.

use std::fmt;

use pgp::composed::{Deserializable, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, PublicParams, Tag};

use super::error::KeyFault;
use crate::date::Date;

/// The longest file of keys that is read; all of Debian's keys are 60 kB.
const LIMIT_BYTES: usize = 4 << 20;

/// The shortest RSA modulus that is taken.
const RSA_BITS: u16 = 2048;

/// The name of a key: a digest of its public part, in upper-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    fn of(key: &impl KeyDetails) -> Self {
        Self(format!("{:X}", key.fingerprint()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Certificates that are believed.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    certificates: Vec<SignedPublicKey>,
}

/// Bytes that are no certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyringError {
    /// Too many bytes.
    TooLong,
    /// They cannot be read; the reader's words.
    Unreadable(String),
    /// There is no certificate in them.
    Empty,
    /// A key that is too short, or of a kind that is not for signing.
    Weak(Fingerprint),
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "more than {LIMIT_BYTES} bytes of keys"),
            Self::Unreadable(why) => write!(f, "not an OpenPGP certificate ({why})"),
            Self::Empty => f.write_str("no OpenPGP certificate"),
            Self::Weak(key) => write!(f, "the key {key} is too weak"),
        }
    }
}

impl std::error::Error for KeyringError {}

impl Keyring {
    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the certificates of a file, binary or armored, and names them.
    ///
    /// # Errors
    /// The bytes are no certificates, or one of them is too weak.
    pub fn add(&mut self, bytes: &[u8]) -> Result<Vec<Fingerprint>, KeyringError> {
        if bytes.len() > LIMIT_BYTES {
            return Err(KeyringError::TooLong);
        }
        if bytes.is_empty() {
            return Err(KeyringError::Empty);
        }
        let unreadable = |error: pgp::errors::Error| KeyringError::Unreadable(error.to_string());
        let (certificates, _) = SignedPublicKey::from_reader_many_buf(bytes).map_err(unreadable)?;
        let mut added = Vec::new();
        for certificate in certificates {
            let certificate = certificate.map_err(unreadable)?;
            let fingerprint = Fingerprint::of(&certificate.primary_key);
            if !is_enough(&certificate.primary_key) {
                return Err(KeyringError::Weak(fingerprint));
            }
            added.push((fingerprint, certificate));
        }
        if added.is_empty() {
            return Err(KeyringError::Empty);
        }
        let mut names = Vec::new();
        for (fingerprint, certificate) in added {
            if !self.certificates.contains(&certificate) {
                self.certificates.push(certificate);
            }
            names.push(fingerprint);
        }
        Ok(names)
    }

    /// Every certificate, by the fingerprint of its primary key.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.certificates.iter().map(|certificate| Fingerprint::of(&certificate.primary_key))
    }

    /// The key that a signature says it was made by.
    pub(super) fn signer(&self, signature: &Signature) -> Option<Signer<'_>> {
        self.certificates.iter().find_map(|certificate| {
            if names(signature, &certificate.primary_key) {
                return Some(Signer { certificate, subkey: None });
            }
            let subkey = certificate.public_subkeys.iter();
            let subkey = subkey.filter(|subkey| is_enough(&subkey.key));
            let subkey = subkey.into_iter().find(|subkey| names(signature, &subkey.key))?;
            Some(Signer { certificate, subkey: Some(subkey) })
        })
    }
}

/// Whether a signature says it was made by this key.
fn names(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (fingerprint, id) = (key.fingerprint(), key.legacy_key_id());
    let prints = signature.issuer_fingerprint();
    if prints.is_empty() {
        return signature.issuer_key_id().into_iter().any(|other| *other == id);
    }
    prints.into_iter().any(|other| *other == fingerprint)
}

/// Whether a hash is strong enough for a signature.
pub(super) const fn is_strong(hash: HashAlgorithm) -> bool {
    matches!(
        hash,
        HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512
    )
}

/// Whether a key is of a kind for signing, and long enough.
fn is_enough(key: &impl KeyDetails) -> bool {
    match key.public_params() {
        PublicParams::RSA(params) => {
            // The first number of the public part is the modulus, and begins with its bits.
            let mut bytes = Vec::new();
            let written = pgp::ser::Serialize::to_writer(params, &mut bytes);
            let bits = bytes.first_chunk().map(|bits| u16::from_be_bytes(*bits));
            written.is_ok() && bits.is_some_and(|bits| bits >= RSA_BITS)
        }
        _ => matches!(
            key.algorithm(),
            PublicKeyAlgorithm::ECDSA
                | PublicKeyAlgorithm::EdDSALegacy
                | PublicKeyAlgorithm::Ed25519
                | PublicKeyAlgorithm::Ed448
        ),
    }
}

/// A key of the keyring: a certificate's primary key, or one of its subkeys.
pub(super) struct Signer<'k> {
    certificate: &'k SignedPublicKey,
    subkey: Option<&'k SignedPublicSubKey>,
}

impl Signer<'_> {
    pub(super) fn certificate(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate.primary_key)
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.subkey.map_or_else(|| self.certificate(), |subkey| Fingerprint::of(&subkey.key))
    }

    /// When the key was made.
    pub(super) fn made(&self) -> Date {
        let primary = self.certificate.primary_key.created_at();
        let made = self.subkey.map_or(primary, |subkey| subkey.key.created_at());
        Date(made.as_secs().into())
    }

    pub(super) fn verify(&self, signature: &Signature, text: &[u8]) -> pgp::errors::Result<()> {
        match self.subkey {
            Some(subkey) => signature.verify(&subkey.key, text),
            None => signature.verify(&self.certificate.primary_key, text),
        }
    }

    /// Whether the key is valid at both times.
    pub(super) fn check(&self, made: Date, now: Date) -> Result<(), KeyFault> {
        let primary = &self.certificate.primary_key;
        let revoked = &self.certificate.details.revocation_signatures;
        if revoked.iter().any(|signature| signature.verify_key(primary).is_ok()) {
            return Err(KeyFault::Revoked);
        }
        let own = newest(self.self_signatures(), now).ok_or(KeyFault::Unbound)?;
        lasts(own, primary, made, now)?;
        let Some(subkey) = self.subkey else {
            return if own.key_flags().sign() { Ok(()) } else { Err(KeyFault::Purpose) };
        };
        let bound = |kind| {
            let all = subkey.signatures.iter();
            all.filter(move |signature| signature.typ() == Some(kind))
                .filter(|signature| signature.verify_subkey_binding(primary, &subkey.key).is_ok())
        };
        if bound(SignatureType::SubkeyRevocation).next().is_some() {
            return Err(KeyFault::Revoked);
        }
        let binding = newest(bound(SignatureType::SubkeyBinding), now).ok_or(KeyFault::Unbound)?;
        if !binding.key_flags().sign() {
            return Err(KeyFault::Purpose);
        }
        // A signing subkey has to say itself that it belongs to this certificate.
        let back = binding.embedded_signature().filter(|back| {
            back.hash_alg().is_some_and(is_strong)
                && back.verify_primary_key_binding(&subkey.key, primary).is_ok()
        });
        back.ok_or(KeyFault::Unbound)?;
        lasts(binding, &subkey.key, made, now)
    }

    /// What the primary key says of itself: directly, or of a name that it has not taken back.
    fn self_signatures(&self) -> impl Iterator<Item = &Signature> {
        let primary = &self.certificate.primary_key;
        let details = &self.certificate.details;
        let direct = details.direct_signatures.iter();
        let direct = direct.filter(|signature| signature.verify_key(primary).is_ok());
        let of_names = details.users.iter().flat_map(move |user| {
            let own = move |signature: &&Signature| {
                names(signature, primary)
                    && signature.verify_certification(primary, Tag::UserId, &user.id).is_ok()
            };
            let revoked =
                |signature: &Signature| signature.typ() == Some(SignatureType::CertRevocation);
            let mine: Vec<&Signature> = user.signatures.iter().filter(own).collect();
            if mine.iter().any(|signature| revoked(signature)) { Vec::new() } else { mine }
        });
        direct.chain(of_names.filter(|signature| signature.is_certification()))
    }
}

/// The newest of these that is strong and holds now.
fn newest<'s>(all: impl Iterator<Item = &'s Signature>, now: Date) -> Option<&'s Signature> {
    all.filter(|signature| signature.hash_alg().is_some_and(is_strong))
        .filter_map(|signature| {
            let made = Date(signature.created()?.as_secs().into());
            let lasts = signature.signature_expiration_time().map_or(0, |lasts| lasts.as_secs());
            let holds = made <= now.plus(super::CLOCKS_SECONDS)
                && (lasts == 0 || made.plus(lasts.into()) > now);
            holds.then_some((made, signature))
        })
        .max_by_key(|(made, _)| *made)
        .map(|(_, signature)| signature)
}

/// Whether a key that this signature speaks of lasts at both times.
fn lasts(
    signature: &Signature,
    key: &impl KeyDetails,
    made: Date,
    now: Date,
) -> Result<(), KeyFault> {
    let lasts = signature.key_expiration_time().map_or(0, |lasts| lasts.as_secs());
    let until = Date(u64::from(key.created_at().as_secs())).plus(lasts.into());
    let over = lasts > 0 && (until <= now || until <= made);
    if over { Err(KeyFault::Expired(until)) } else { Ok(()) }
}
