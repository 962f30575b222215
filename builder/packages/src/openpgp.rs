//! Who signed an archive's `InRelease`, and whether it is new enough to be used.
//!
//! Everything that is installed hangs on this file: it names the lists of packages by digest, and
//! they name the packages. So it is the one place where trust comes in, and it comes in by one
//! door: [`verify`], which alone makes a [`Verified`]. How new the file is is another question with
//! another type: an archive's own old file has the best of signatures, and whoever can hold back
//! updates would send it. [`Verified::fresh`] makes a [`Fresh`].
//!
//! What is demanded:
//!
//! * The file is a cleartext-signed message (RFC 9580, section 7) and nothing else: not one byte
//!   before, between or after its parts (`frame`). The text that is read afterwards is the text
//!   that was hashed.
//! * A number of valid signatures, each by another certificate of the [`Keyring`]. A signature by a
//!   key that is not in it counts for nothing and does no harm: archives sign with the keys of
//!   several releases. A signature that claims a key of the keyring and is wrong is an error.
//! * The hash is of the SHA-2 or SHA-3 families with at least 256 bits, the signature is of text,
//!   made after its key and not in the future, not expired, and without a critical part that is not
//!   understood.
//! * The certificate is valid at the time of the signature and now (`keyring`): bound by
//!   self-signatures of the same strength, not expired, not revoked for whatever reason, allowed to
//!   sign.
//!
//! The time is an argument: nothing here asks a clock.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;

use contract::digest::Digest;
use pgp::packet::{Signature, SignatureType, SubpacketData};

use crate::date::Date;
use crate::release::{IndexBytesError, Release};

pub use self::error::{KeyFault, SignatureFault, VerifyError};
pub use self::frame::FrameError;
pub use self::fresh::{Fresh, StaleError};
use self::keyring::Signer;
pub use self::keyring::{Fingerprint, Keyring, KeyringError};

mod error;
mod frame;
mod fresh;
mod keyring;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

/// How far two honest clocks may be apart.
pub const CLOCKS_SECONDS: u64 = 3600;

/// The most signatures that are looked at.
const SIGNATURES: usize = 32;

/// Something whose signatures were checked.
///
/// Holding one proves that as many keys of the keyring as were demanded signed exactly these bytes.
/// It does not prove that nothing newer was signed since: that is [`Fresh`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    digest: Digest,
    signed_by: BTreeSet<Fingerprint>,
}

impl<T> Verified<T> {
    /// What was signed.
    #[must_use]
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// The digest of the whole signed file.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The certificates whose signatures are valid.
    #[must_use]
    pub const fn signed_by(&self) -> &BTreeSet<Fingerprint> {
        &self.signed_by
    }
}

impl Verified<Release> {
    /// Checks that these bytes are the file of this path, and unpacks them.
    ///
    /// # Errors
    /// The release does not name the file, or the bytes are not that file.
    pub fn unpack(&self, path: &str, bytes: &[u8]) -> Result<Vec<u8>, IndexBytesError> {
        self.value.unpack(path, bytes)
    }
}

/// Checks the signatures of an `InRelease` and reads it.
///
/// # Errors
/// The file is no `InRelease`, or fewer than `demanded` certificates of the keyring signed it.
pub fn verify(
    bytes: &[u8],
    keyring: &Keyring,
    demanded: usize,
    now: Date,
) -> Result<Verified<Release>, VerifyError> {
    let message = frame::split(bytes).map_err(VerifyError::Frame)?;
    let signatures = signatures(message.armor)?;
    let mut signed_by = BTreeSet::new();
    let mut refused = Vec::new();
    for signature in &signatures {
        match judge(signature, &message, keyring, now) {
            Ok(fingerprint) => {
                signed_by.insert(fingerprint);
            }
            Err((key, SignatureFault::Wrong)) => return Err(VerifyError::Wrong { key }),
            Err(other) => refused.push(other),
        }
    }
    if demanded == 0 || signed_by.len() < demanded {
        return Err(VerifyError::TooFew { demanded, signed_by, refused });
    }
    let value = Release::parse(message.text().as_bytes()).map_err(VerifyError::Release)?;
    Ok(Verified { value, digest: Digest::of(bytes), signed_by })
}

fn signatures(armor: &str) -> Result<Vec<Signature>, VerifyError> {
    let broken = |error: pgp::errors::Error| VerifyError::Packets(error.to_string());
    let mut dearmor = pgp::armor::Dearmor::new(armor.as_bytes());
    dearmor.read_header().map_err(broken)?;
    let mut bytes = Vec::new();
    let read = dearmor.read_to_end(&mut bytes);
    read.map_err(|error| VerifyError::Packets(error.to_string()))?;
    let mut signatures = Vec::new();
    for packet in pgp::packet::PacketParser::new(bytes.as_slice()) {
        match packet.map_err(broken)? {
            pgp::packet::Packet::Signature(_) if signatures.len() == SIGNATURES => {
                return Err(VerifyError::Packets(format!("more than {SIGNATURES} signatures")));
            }
            pgp::packet::Packet::Signature(signature) => signatures.push(signature),
            _ => return Err(VerifyError::Packets("something else than signatures".to_owned())),
        }
    }
    Ok(signatures)
}

/// The certificate that made a signature, if it is valid; else the key it claims, and why not.
fn judge(
    signature: &Signature,
    message: &frame::Message<'_>,
    keyring: &Keyring,
    now: Date,
) -> Result<Fingerprint, (String, SignatureFault)> {
    let claimed = claimed(signature);
    let Some(signer) = keyring.signer(signature) else {
        return Err((claimed, SignatureFault::UnknownKey));
    };
    let key = signer.fingerprint().to_string();
    let fault = |fault| (key.clone(), fault);
    let made = sound(signature, &signer, now).map_err(fault)?;
    if signer.verify(signature, message.hashed().as_bytes()).is_err() {
        return Err(fault(SignatureFault::Wrong));
    }
    signer.check(made, now).map_err(|why| fault(SignatureFault::Key(why)))?;
    Ok(signer.certificate())
}

/// Checks all of a signature but its mathematics, and gives the time it was made.
fn sound(signature: &Signature, signer: &Signer<'_>, now: Date) -> Result<Date, SignatureFault> {
    let hash = signature.hash_alg();
    if !hash.is_some_and(keyring::is_strong) {
        let name = hash.map_or_else(|| "unknown".to_owned(), |hash| hash.to_string());
        return Err(SignatureFault::WeakHash(name));
    }
    if signature.typ() != Some(SignatureType::Text) {
        return Err(SignatureFault::Kind);
    }
    let config = signature.config().ok_or(SignatureFault::Kind)?;
    let strange = config.hashed_subpackets().any(|part| {
        let unknown = matches!(
            part.data,
            SubpacketData::Other(..)
                | SubpacketData::Experimental(..)
                | SubpacketData::Notation(..)
        );
        part.is_critical && unknown
    });
    if strange {
        return Err(SignatureFault::Critical);
    }
    let made = signature.created().ok_or(SignatureFault::NoTime)?;
    let made = Date(made.as_secs().into());
    if made > now.plus(CLOCKS_SECONDS) {
        return Err(SignatureFault::Future(made));
    }
    if made < signer.made() {
        return Err(SignatureFault::BeforeKey(made));
    }
    let lasts = signature.signature_expiration_time().map_or(0, |lasts| lasts.as_secs());
    let until = made.plus(lasts.into());
    if lasts > 0 && until <= now { Err(SignatureFault::Expired(until)) } else { Ok(made) }
}

/// The key that a signature says it was made by.
fn claimed(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|print| format!("{print:X}"));
    let id = || signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase());
    fingerprint.or_else(id).unwrap_or_else(|| "unnamed".to_owned())
}

impl<T: fmt::Display> fmt::Display for Verified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
