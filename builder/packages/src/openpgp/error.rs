//! Why an `InRelease` is not believed, in words that say what to do.

use std::collections::BTreeSet;
use std::fmt;

use super::frame::FrameError;
use super::keyring::Fingerprint;
use crate::date::Date;
use crate::release::ReleaseError;

/// Why an `InRelease` is not believed.
#[derive(Debug)]
pub enum VerifyError {
    /// It is not a signed message and nothing else.
    Frame(FrameError),
    /// The signatures cannot be read; the reader's words.
    Packets(String),
    /// A signature claims a key of the keyring and is not by it: the text was changed.
    Wrong {
        /// The key.
        key: String,
    },
    /// Not as many valid signatures as demanded.
    TooFew {
        /// How many are demanded.
        demanded: usize,
        /// The certificates whose signatures are valid.
        signed_by: BTreeSet<Fingerprint>,
        /// The other signatures: the key each claims, and why it does not count.
        refused: Vec<(String, SignatureFault)>,
    },
    /// What is signed is no `Release`.
    Release(ReleaseError),
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureFault {
    /// Its key is not in the keyring.
    UnknownKey,
    /// It is not a signature of this text by that key.
    Wrong,
    /// Its hash is not to be trusted any more.
    WeakHash(String),
    /// It is not a signature of text.
    Kind,
    /// It has a critical part that is not understood.
    Critical,
    /// It does not say when it was made.
    NoTime,
    /// It was made in the future.
    Future(Date),
    /// It was made before its key was.
    BeforeKey(Date),
    /// It expired then.
    Expired(Date),
    /// Its key is not valid.
    Key(KeyFault),
}

/// Why a key is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFault {
    /// It was revoked.
    Revoked,
    /// It expired then.
    Expired(Date),
    /// No self-signature of enough strength binds it to its certificate.
    Unbound,
    /// It is not for signing.
    Purpose,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(_) => f.write_str("not an InRelease"),
            Self::Packets(why) => write!(f, "unreadable signatures ({why})"),
            Self::Wrong { key } => {
                write!(f, "the signature of key {key} is not of this text: the file was changed")
            }
            Self::TooFew { demanded, signed_by, refused } => {
                write!(f, "{} valid signatures, {demanded} are demanded", signed_by.len())?;
                refused.iter().try_for_each(|(key, why)| write!(f, "; key {key} {why}"))
            }
            Self::Release(_) => f.write_str("the signed text is no Release"),
        }
    }
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey => f.write_str("is not among the archive keys (recipes/keys)"),
            Self::Wrong => f.write_str("did not sign this text"),
            Self::WeakHash(name) => write!(f, "signed with the weak hash {name}"),
            Self::Kind => f.write_str("made a signature that is not of text"),
            Self::Critical => f.write_str("made a signature with an unknown critical part"),
            Self::NoTime => f.write_str("made a signature without a time"),
            Self::Future(made) => write!(f, "signed in the future, at {made}; check the clock"),
            Self::BeforeKey(made) => write!(f, "signed before it was made, at {made}"),
            Self::Expired(until) => write!(f, "made a signature that expired at {until}"),
            Self::Key(KeyFault::Revoked) => f.write_str("was revoked; renew recipes/keys"),
            Self::Key(KeyFault::Expired(since)) => {
                write!(f, "expired at {since}; renew recipes/keys")
            }
            Self::Key(KeyFault::Unbound) => f.write_str("is not bound to its certificate"),
            Self::Key(KeyFault::Purpose) => f.write_str("is not for signing"),
        }
    }
}

impl std::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Frame(source) => Some(source),
            Self::Release(source) => Some(source),
            _ => None,
        }
    }
}
