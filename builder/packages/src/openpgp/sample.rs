//! Keys and signed messages for tests, valid or wrong in any way.

use pgp::composed::{
    KeyType, SecretKeyParamsBuilder, SignedKeyDetails, SignedPublicKey, SignedPublicSubKey,
    SubkeyParamsBuilder,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    KeyFlags, PacketTrait, SecretKey, SecretSubkey, Signature, SignatureConfig, SignatureType,
    Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize;
use pgp::types::{Duration, KeyDetails, PacketHeaderVersion, Password, SignedUser, Tag, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// When the sample keys were made.
pub(super) const MADE: u32 = 1_700_000_000;

/// A day.
pub(super) const DAY: u32 = 86_400;

/// A certificate with its secrets.
pub(super) struct Authority {
    primary: SecretKey,
    subkey: SecretSubkey,
    pub(super) plan: Plan,
}

/// What the certificate says of itself.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) hash: HashAlgorithm,
    pub(super) primary_lasts: u32,
    pub(super) subkey_lasts: u32,
    pub(super) primary_revoked: bool,
    pub(super) subkey_revoked: bool,
    pub(super) name_revoked: bool,
    pub(super) subkey_signs: bool,
    pub(super) back_signature: bool,
    /// Who vouches for the subkey, if not the primary key.
    pub(super) bound_by: Option<u64>,
    /// A second, older self-signature with this expiry.
    pub(super) older_lasts: Option<u32>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            hash: HashAlgorithm::Sha256,
            primary_lasts: 0,
            subkey_lasts: 0,
            primary_revoked: false,
            subkey_revoked: false,
            name_revoked: false,
            subkey_signs: true,
            back_signature: true,
            bound_by: None,
            older_lasts: None,
        }
    }
}

/// Which key of an authority signs.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum By {
    Primary,
    Subkey,
}

/// A signature to be made.
#[derive(Clone)]
pub(super) struct Seal {
    pub(super) by: By,
    pub(super) hash: HashAlgorithm,
    pub(super) kind: SignatureType,
    pub(super) made: Option<u32>,
    pub(super) lasts: u32,
    pub(super) critical: bool,
}

impl Default for Seal {
    fn default() -> Self {
        let (hash, kind) = (HashAlgorithm::Sha256, SignatureType::Text);
        Self { by: By::Subkey, hash, kind, made: Some(MADE + DAY), lasts: 0, critical: false }
    }
}

fn part(data: SubpacketData) -> Subpacket {
    Subpacket::regular(data).unwrap()
}

fn config(
    key: &impl KeyDetails,
    kind: SignatureType,
    hash: HashAlgorithm,
    made: u32,
) -> SignatureConfig {
    let mut config = SignatureConfig::v4(kind, key.algorithm(), hash);
    config.hashed_subpackets = vec![
        part(SubpacketData::SignatureCreationTime(Timestamp::from_secs(made))),
        part(SubpacketData::IssuerFingerprint(key.fingerprint())),
    ];
    config
}

fn lasting(config: &mut SignatureConfig, lasts: u32) {
    if lasts > 0 {
        let lasts = SubpacketData::KeyExpirationTime(Duration::from_secs(lasts));
        config.hashed_subpackets.push(part(lasts));
    }
}

fn signing(config: &mut SignatureConfig, sign: bool) {
    let mut flags = KeyFlags::default();
    flags.set_sign(sign);
    flags.set_certify(!sign);
    config.hashed_subpackets.push(part(SubpacketData::KeyFlags(flags)));
}

impl Authority {
    pub(super) fn new(seed: u64, plan: Plan) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        // Ed25519 itself refuses weak hashes.
        let kind = match plan.hash {
            HashAlgorithm::Sha1 => KeyType::Rsa(2048),
            _ => KeyType::Ed25519Legacy,
        };
        let mut subkey = SubkeyParamsBuilder::default();
        subkey
            .key_type(KeyType::Ed25519Legacy)
            .can_sign(true)
            .created_at(Timestamp::from_secs(MADE));
        let mut params = SecretKeyParamsBuilder::default();
        params
            .key_type(kind)
            .can_sign(true)
            .can_certify(true)
            .created_at(Timestamp::from_secs(MADE))
            .primary_user_id("Sample".to_owned())
            .subkeys(vec![subkey.build().unwrap()]);
        let mut key = params.build().unwrap().generate(&mut random).unwrap();
        let subkey = key.secret_subkeys.remove(0).key;
        Self { primary: key.primary_key, subkey, plan }
    }

    pub(super) fn certificate(&self) -> SignedPublicKey {
        let public = self.primary.public_key();
        let name = UserId::from_str(PacketHeaderVersion::New, "Sample <s@example.org>").unwrap();
        let certify = |lasts: u32, made: u32| {
            let mut config = config(public, SignatureType::CertPositive, self.plan.hash, made);
            lasting(&mut config, lasts);
            signing(&mut config, true);
            let none = Password::empty();
            config.sign_certification(&self.primary, public, &none, Tag::UserId, &name).unwrap()
        };
        let mut signatures = vec![certify(self.plan.primary_lasts, MADE + 2)];
        signatures.extend(self.plan.older_lasts.map(|lasts| certify(lasts, MADE + 1)));
        if self.plan.name_revoked {
            let config =
                config(public, SignatureType::CertRevocation, HashAlgorithm::Sha256, MADE + 3);
            let none = Password::empty();
            let revoked =
                config.sign_certification(&self.primary, public, &none, Tag::UserId, &name);
            signatures.push(revoked.unwrap());
        }
        let revocations = self.plan.primary_revoked.then(|| {
            let config =
                config(public, SignatureType::KeyRevocation, HashAlgorithm::Sha256, MADE + 3);
            config.sign_key(&self.primary, &Password::empty(), public).unwrap()
        });
        let users = vec![SignedUser::new(name, signatures)];
        let details =
            SignedKeyDetails::new(revocations.into_iter().collect(), vec![], users, vec![]);
        SignedPublicKey::new(public.clone(), details, vec![self.bound_subkey()])
    }

    fn bound_subkey(&self) -> SignedPublicSubKey {
        let other = self.plan.bound_by.map(|seed| Self::new(seed, Plan::default()));
        let primary = other.as_ref().map_or(&self.primary, |other| &other.primary);
        let (public, subkey) = (primary.public_key(), self.subkey.public_key());
        let none = Password::empty();
        let mut binding =
            config(public, SignatureType::SubkeyBinding, HashAlgorithm::Sha256, MADE + 2);
        lasting(&mut binding, self.plan.subkey_lasts);
        signing(&mut binding, self.plan.subkey_signs);
        if self.plan.back_signature {
            let back = config(subkey, SignatureType::KeyBinding, HashAlgorithm::Sha256, MADE + 2);
            let back = back.sign_primary_key_binding(&self.subkey, subkey, &none, public).unwrap();
            binding.hashed_subpackets.push(part(SubpacketData::EmbeddedSignature(Box::new(back))));
        }
        let mut signatures =
            vec![binding.sign_subkey_binding(primary, public, &none, subkey).unwrap()];
        if self.plan.subkey_revoked {
            let revoked =
                config(public, SignatureType::SubkeyRevocation, HashAlgorithm::Sha256, MADE + 3);
            signatures.push(revoked.sign_subkey_binding(primary, public, &none, subkey).unwrap());
        }
        SignedPublicSubKey { key: subkey.clone(), signatures }
    }

    pub(super) fn binary(&self) -> Vec<u8> {
        self.certificate().to_bytes().unwrap()
    }

    pub(super) fn sign(&self, text: &str, seal: &Seal) -> Signature {
        let (fingerprint, algorithm) = match seal.by {
            By::Primary => (self.primary.fingerprint(), self.primary.algorithm()),
            By::Subkey => (self.subkey.fingerprint(), self.subkey.algorithm()),
        };
        let mut config = SignatureConfig::v4(seal.kind, algorithm, seal.hash);
        let mut parts = vec![part(SubpacketData::IssuerFingerprint(fingerprint))];
        parts
            .extend(seal.made.map(|made| {
                part(SubpacketData::SignatureCreationTime(Timestamp::from_secs(made)))
            }));
        if seal.lasts > 0 {
            parts.push(part(SubpacketData::SignatureExpirationTime(Duration::from_secs(
                seal.lasts,
            ))));
        }
        if seal.critical {
            let unknown = SubpacketData::Experimental(101, b"unknown".as_slice().into());
            parts.push(Subpacket::critical(unknown).unwrap());
        }
        config.hashed_subpackets = parts;
        let (text, none) = (text.as_bytes(), Password::empty());
        match seal.by {
            By::Primary => config.sign(&self.primary, &none, text).unwrap(),
            By::Subkey => config.sign(&self.subkey, &none, text).unwrap(),
        }
    }
}

/// A whole message of this text (without hyphens at the beginning of lines) and these signatures.
pub(super) fn message(text: &str, signatures: &[Signature]) -> Vec<u8> {
    let mut packets = Vec::new();
    for signature in signatures {
        signature.to_writer_with_header(&mut packets).unwrap();
    }
    let body = base64(&packets);
    format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}\n-----BEGIN PGP SIGNATURE-----\n\n\
         {body}\n-----END PGP SIGNATURE-----\n"
    )
    .into_bytes()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (number, three) in bytes.chunks(3).enumerate() {
        let all = three
            .iter()
            .chain([0; 2].iter())
            .take(3)
            .fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
        for letter in 0..4 {
            let bits = usize::try_from(all >> (18 - 6 * letter) & 63).unwrap();
            text.push(if letter <= three.len() { char::from(LETTERS[bits]) } else { '=' });
        }
        if number % 16 == 15 {
            text.push('\n');
        }
    }
    text.trim_end().to_owned()
}
