use super::sample::{Authority, By, DAY, MADE, Plan, Seal, message};
use super::*;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::SignatureType;
use proptest::prelude::*;

const TEXT: &str = "Codename: sample\nDate: Thu, 16 Nov 2023 00:00:00 UTC\nSHA256:\n \
                    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages";

/// Two days after the sample keys were made.
const NOW: Date = Date(1_700_172_800);

/// What the signature is over: the text without its last line break.
fn signed() -> String {
    TEXT.replace('\n', "\r\n")
}

fn keyring(authorities: &[&Authority]) -> Keyring {
    let mut keyring = Keyring::new();
    for authority in authorities {
        keyring.add(&authority.binary()).unwrap();
    }
    keyring
}

/// The verdict on a message with one signature.
fn one(plan: Plan, seal: Seal) -> Result<(), SignatureFault> {
    let authority = Authority::new(1, plan);
    let message = message(TEXT, &[authority.sign(&signed(), &seal)]);
    match verify(&message, &keyring(&[&authority]), 1, NOW) {
        Ok(_) => Ok(()),
        Err(VerifyError::TooFew { mut refused, .. }) => Err(refused.remove(0).1),
        Err(other) => panic!("{other}"),
    }
}

#[track_caller]
fn refuses_key(plan: Plan, fault: KeyFault) {
    assert_eq!(one(plan, Seal::default()), Err(SignatureFault::Key(fault)));
}

#[test]
fn a_message_signed_by_a_subkey_or_the_primary_key_is_believed() {
    for by in [By::Subkey, By::Primary] {
        assert_eq!(one(Plan::default(), Seal { by, ..Seal::default() }), Ok(()));
    }
    let authority = Authority::new(1, Plan::default());
    let bytes = message(TEXT, &[authority.sign(&signed(), &Seal::default())]);
    let verified = verify(&bytes, &keyring(&[&authority]), 1, NOW).unwrap();
    assert_eq!(verified.value().codename, "sample");
    assert_eq!(*verified.digest(), Digest::of(&bytes));
    assert_eq!(verified.signed_by().len(), 1);
    assert_eq!(verified.unpack("main/binary-amd64/Packages", b"").unwrap(), b"");
}

#[test]
fn changed_text_is_refused() {
    let authority = Authority::new(1, Plan::default());
    let bytes = message(TEXT, &[authority.sign(&signed(), &Seal::default())]);
    let changed = String::from_utf8(bytes).unwrap().replace("Codename: sample", "Codename: simple");
    let error = verify(changed.as_bytes(), &keyring(&[&authority]), 1, NOW).unwrap_err();
    assert!(matches!(error, VerifyError::Wrong { .. }), "{error}");
}

#[test]
fn the_time_of_a_signature_must_make_sense() {
    let fault = |seal| one(Plan::default(), seal).unwrap_err();
    let made = |made| fault(Seal { made, ..Seal::default() });
    assert!(matches!(made(Some(MADE + 3 * DAY)), SignatureFault::Future(_)));
    assert!(matches!(made(Some(MADE - 1)), SignatureFault::BeforeKey(_)));
    assert_eq!(made(None), SignatureFault::NoTime);
    let lasts = |lasts| one(Plan::default(), Seal { lasts, ..Seal::default() });
    assert_eq!(lasts(DAY), Err(SignatureFault::Expired(NOW)));
    assert_eq!(lasts(DAY + 1), Ok(()));
    let soon = Seal { made: Some(MADE + 2 * DAY + 1800), ..Seal::default() };
    assert_eq!(one(Plan::default(), soon), Ok(()));
}

#[test]
fn weak_hashes_other_kinds_and_unknown_critical_parts_are_refused() {
    let fault = |seal| one(Plan::default(), seal).unwrap_err();
    let plan = Plan { hash: HashAlgorithm::Sha1, ..Plan::default() };
    let seal = Seal { by: By::Primary, hash: HashAlgorithm::Sha1, ..Seal::default() };
    assert_eq!(one(plan.clone(), seal), Err(SignatureFault::WeakHash("SHA1".to_owned())));
    refuses_key(plan, KeyFault::Unbound);
    assert_eq!(
        fault(Seal { kind: SignatureType::Binary, ..Seal::default() }),
        SignatureFault::Kind
    );
    assert_eq!(fault(Seal { critical: true, ..Seal::default() }), SignatureFault::Critical);
    let strong = Seal { hash: HashAlgorithm::Sha512, ..Seal::default() };
    assert_eq!(one(Plan::default(), strong), Ok(()));
}

#[test]
fn an_expired_key_is_refused() {
    let until = NOW;
    let fault = KeyFault::Expired(until);
    refuses_key(Plan { primary_lasts: 2 * DAY, ..Plan::default() }, fault.clone());
    refuses_key(Plan { subkey_lasts: 2 * DAY, ..Plan::default() }, fault);
    let lasting = Plan { primary_lasts: 2 * DAY + 1, subkey_lasts: 3 * DAY, ..Plan::default() };
    assert_eq!(one(lasting, Seal::default()), Ok(()));
}

#[test]
fn the_newest_self_signature_gives_the_expiry() {
    let plan = Plan { older_lasts: Some(DAY), ..Plan::default() };
    assert_eq!(one(plan, Seal::default()), Ok(()));
    let plan = Plan { primary_lasts: DAY, older_lasts: Some(9 * DAY), ..Plan::default() };
    let fault = KeyFault::Expired(Date(u64::from(MADE + DAY)));
    refuses_key(plan, fault);
}

#[test]
fn a_revoked_key_is_refused() {
    refuses_key(Plan { primary_revoked: true, ..Plan::default() }, KeyFault::Revoked);
    refuses_key(Plan { subkey_revoked: true, ..Plan::default() }, KeyFault::Revoked);
    refuses_key(Plan { name_revoked: true, ..Plan::default() }, KeyFault::Unbound);
    let plan = Plan { subkey_revoked: true, ..Plan::default() };
    assert_eq!(one(plan, Seal { by: By::Primary, ..Seal::default() }), Ok(()));
}

#[test]
fn a_key_that_is_not_bound_is_refused() {
    refuses_key(Plan { bound_by: Some(2), ..Plan::default() }, KeyFault::Unbound);
    refuses_key(Plan { back_signature: false, ..Plan::default() }, KeyFault::Unbound);
    refuses_key(Plan { subkey_signs: false, ..Plan::default() }, KeyFault::Purpose);
}

#[test]
fn an_unknown_key_is_named() {
    let (known, other) = (Authority::new(1, Plan::default()), Authority::new(2, Plan::default()));
    let bytes = message(TEXT, &[other.sign(&signed(), &Seal::default())]);
    let error = verify(&bytes, &keyring(&[&known]), 1, NOW).unwrap_err();
    let VerifyError::TooFew { refused, .. } = &error else { panic!("{error}") };
    assert_eq!(refused[0].1, SignatureFault::UnknownKey);
    let subkey = &other.certificate().public_subkeys[0];
    let fingerprint = format!("{:X}", pgp::types::KeyDetails::fingerprint(&subkey.key));
    assert!(error.to_string().contains(&fingerprint), "{error}");
}

#[test]
fn as_many_certificates_as_demanded_must_sign() {
    let (one, two) = (Authority::new(1, Plan::default()), Authority::new(2, Plan::default()));
    let unknown = Authority::new(3, Plan::default());
    let ring = keyring(&[&one, &two]);
    let sign =
        |authority: &Authority, by| authority.sign(&signed(), &Seal { by, ..Seal::default() });
    let both = message(
        TEXT,
        &[sign(&one, By::Subkey), sign(&unknown, By::Subkey), sign(&two, By::Subkey)],
    );
    assert_eq!(verify(&both, &ring, 2, NOW).unwrap().signed_by().len(), 2);
    assert!(verify(&both, &ring, 3, NOW).is_err());
    assert!(verify(&both, &ring, 0, NOW).is_err(), "no demand is no check");
    let twice =
        message(TEXT, &[sign(&one, By::Subkey), sign(&one, By::Primary), sign(&one, By::Subkey)]);
    let error = verify(&twice, &ring, 2, NOW).unwrap_err();
    assert!(matches!(error, VerifyError::TooFew { signed_by, .. } if signed_by.len() == 1));
    assert!(verify(&message(TEXT, &[]), &ring, 1, NOW).is_err());
}

#[test]
fn a_key_twice_in_the_ring_counts_once() {
    let authority = Authority::new(1, Plan::default());
    let mut ring = keyring(&[&authority, &authority]);
    assert_eq!(ring.fingerprints().count(), 1);
    assert_eq!(ring.add(b"").unwrap_err(), KeyringError::Empty);
    assert!(matches!(ring.add(b"hello").unwrap_err(), KeyringError::Unreadable(_)));
    assert_eq!(ring.add(&vec![0; 5 << 20]).unwrap_err(), KeyringError::TooLong);
    let armored = authority.certificate().to_armored_bytes(pgp::composed::ArmorOptions::default());
    assert_eq!(ring.add(&armored.unwrap()).unwrap().len(), 1);
}

#[test]
fn something_else_than_a_release_is_refused_though_signed() {
    let authority = Authority::new(1, Plan::default());
    let bytes = message("hello", &[authority.sign("hello", &Seal::default())]);
    let error = verify(&bytes, &keyring(&[&authority]), 1, NOW).unwrap_err();
    assert!(matches!(error, VerifyError::Release(_)), "{error}");
}

#[test]
fn an_old_release_is_not_fresh() {
    let verified = |text: &str| {
        let authority = Authority::new(1, Plan::default());
        let signature = authority.sign(&text.replace('\n', "\r\n"), &Seal::default());
        verify(&message(text, &[signature]), &keyring(&[&authority]), 1, NOW).unwrap()
    };
    let date = verified(TEXT).value().date;
    assert_eq!(verified(TEXT).fresh(NOW, None).unwrap().value().date, date);
    assert!(verified(TEXT).fresh(NOW, Some(date)).is_ok());
    let older = verified(TEXT).fresh(NOW, Some(date.plus(1))).unwrap_err();
    assert!(matches!(older, StaleError::Older { .. }));
    let future = verified(TEXT).fresh(Date(date.0 - CLOCKS_SECONDS - 1), None).unwrap_err();
    assert!(matches!(future, StaleError::Future { .. }));
    let until = TEXT.replace("SHA256", "Valid-Until: Fri, 17 Nov 2023 00:00:00 UTC\nSHA256");
    let end = Date::parse("Fri, 17 Nov 2023 00:00:00 UTC").unwrap();
    assert!(verified(&until).fresh(end, None).is_ok());
    let expired = verified(&until).fresh(end.plus(1), None).unwrap_err();
    assert_eq!(expired, StaleError::Expired { suite: "sample".to_owned(), until: end });
}

const REAL: &[u8] = include_bytes!("../../tests/data/trixie-security.InRelease");

/// The archive's keys as the recipes have them.
fn archive_keys() -> Keyring {
    let mut ring = Keyring::new();
    for bytes in [
        include_bytes!("../../../../recipes/keys/debian-archive-bookworm-automatic.gpg").as_slice(),
        include_bytes!("../../../../recipes/keys/debian-archive-bookworm-security-automatic.gpg"),
        include_bytes!("../../../../recipes/keys/debian-archive-bookworm-stable.gpg"),
        include_bytes!("../../../../recipes/keys/debian-archive-trixie-automatic.gpg"),
        include_bytes!("../../../../recipes/keys/debian-archive-trixie-security-automatic.gpg"),
        include_bytes!("../../../../recipes/keys/debian-archive-trixie-stable.gpg"),
    ] {
        ring.add(bytes).unwrap();
    }
    ring
}

#[test]
fn the_archives_own_signatures_are_believed() {
    let date = Date::parse("Mon, 23 Nov 2026 11:22:38 UTC").unwrap();
    let verified = verify(REAL, &archive_keys(), 2, date.plus(3600)).unwrap();
    let signers: Vec<_> = verified.signed_by().iter().map(Fingerprint::as_str).collect();
    let expected =
        ["05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0", "5E04A1E3223A19A20706E20F9904613D4CCE68C6"];
    assert_eq!(signers, expected);
    assert_eq!(verified.value().codename, "trixie-security");
    assert!(verified.value().packages_path("main", "arm64").is_some());
    assert!(verified.clone().fresh(date.plus(86_400), None).is_ok());
    assert!(verified.fresh(date.plus(8 * 86_400), None).is_err());
    let late = Date::parse("Wed, 01 Jan 2031 00:00:00 UTC").unwrap();
    assert_eq!(verify(REAL, &archive_keys(), 1, late).unwrap().signed_by().len(), 2);
    let later = Date::parse("Thu, 01 Jan 2032 00:00:00 UTC").unwrap();
    assert_eq!(verify(REAL, &archive_keys(), 1, later).unwrap().signed_by().len(), 1);
    let too_late = Date::parse("Thu, 01 Jan 2037 00:00:00 UTC").unwrap();
    let error = verify(REAL, &archive_keys(), 1, too_late).unwrap_err().to_string();
    assert!(error.contains("expired at 2031-01-19") && error.contains("renew"), "{error}");
}

#[test]
fn a_flipped_bit_in_the_text_is_refused() {
    let now = Date::parse("Mon, 23 Nov 2026 12:00:00 UTC").unwrap();
    let ring = archive_keys();
    let end = REAL.windows(10).position(|window| window == b"-----BEGIN").unwrap();
    assert_eq!(end, 0);
    let text = 52..REAL.len() - 1600;
    for place in text.step_by(4999) {
        for bit in [0, 3, 5] {
            let mut flipped = REAL.to_vec();
            flipped[place] ^= 1 << bit;
            assert!(verify(&flipped, &ring, 1, now).is_err(), "bit {bit} of byte {place}");
        }
    }
    for cut in (0..REAL.len() - 1).step_by(1999) {
        assert!(verify(&REAL[..cut], &ring, 1, now).is_err(), "cut at {cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_give_a_release_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), place: usize, byte: u8,
    ) {
        let authority = Authority::new(1, Plan::default());
        let ring = keyring(&[&authority]);
        drop(verify(&bytes, &ring, 1, NOW));
        let mut whole = message(TEXT, &[authority.sign(&signed(), &Seal::default())]);
        let place = place % whole.len();
        whole[place] = byte;
        drop(verify(&whole, &ring, 1, NOW));
        let mut keys = authority.binary();
        let place = place % keys.len();
        keys[place] = byte;
        drop(Keyring::new().add(&keys));
        drop(Keyring::new().add(&bytes));
        let armored = "-----BEGIN PGP SIGNED MESSAGE-----\n\n\n-----BEGIN PGP SIGNATURE-----\n\n";
        let armored = [armored.as_bytes(), &bytes, b"\n-----END PGP SIGNATURE-----\n"].concat();
        drop(verify(&armored, &ring, 1, NOW));
    }
}
