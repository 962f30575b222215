use super::*;
use crate::reason::Need;
use proptest::prelude::*;

fn sample() -> Lock {
    let digest = Digest::of(b"");
    let suite = Suite {
        archive: "debian".to_owned(),
        date: Date(1_795_252_544),
        inrelease: digest,
        signed_by: vec!["04B54C3CDCA79751B16BC6B5225629DF75B188BD".to_owned()],
        indices: BTreeMap::from([(
            "main/binary-amd64/Packages.xz".to_owned(),
            Listed { digest, len_bytes: 9 },
        )]),
    };
    let locked = |name: &str, why: Vec<Reason>| Locked {
        architecture: "amd64".to_owned(),
        suite: "trixie".to_owned(),
        path: format!("pool/main/{name}.deb"),
        len_bytes: 12,
        digest,
        source: name.to_owned(),
        source_version: "1:1.0".to_owned(),
        why,
    };
    let key = |set: &str, name: &str| Key {
        set: set.to_owned(),
        name: name.to_owned(),
        version: "1:1.0-1".to_owned(),
    };
    let recipe = |request: &str| Reason::Recipe {
        recipe: "containerd".to_owned(),
        request: request.to_owned(),
    };
    let needs = |package: &str, clause: &str| Reason::Package {
        package: package.to_owned(),
        need: Need::Depends,
        clause: clause.to_owned(),
    };
    Lock {
        arch: Arch::X86_64,
        codecs: BTreeMap::from([("zstd".to_owned(), "1.5.7".to_owned())]),
        suites: BTreeMap::from([("trixie".to_owned(), suite)]),
        left_out: BTreeMap::from([("perl".to_owned(), "only scripts call it".to_owned())]),
        packages: BTreeMap::from([
            (key("build", "stub"), locked("stub", vec![recipe("stub")])),
            (key("image", "crun"), locked("crun", vec![recipe("crun")])),
            (key("image", "libc6"), locked("libc6", vec![needs("crun", "libc6 (>= 2.38) | libc")])),
            (key("image", "libgcc"), locked("libgcc", vec![needs("libc6", "libgcc")])),
        ]),
    }
}

fn fault(text: &str) -> (usize, LockFault) {
    let error = text.parse::<Lock>().unwrap_err();
    (error.line, error.why)
}

/// The sample with one line replaced and the last line made right again.
fn with(line: &str, other: &str) -> String {
    let text = sample().to_string();
    assert!(text.contains(line), "{line}");
    let mut text = text.split("End: ").next().unwrap().replacen(line, other, 1);
    write::end(&mut text);
    text
}

#[test]
fn what_was_written_is_read() {
    let lock = sample();
    let text = lock.to_string();
    assert_eq!(text.parse::<Lock>().unwrap(), lock);
    assert_eq!(text.lines().next().unwrap(), "Ashlar-Lock: 1");
    assert!(text.contains("Date: Sat, 21 Nov 2026 09:15:44 UTC\n"));
    assert_eq!(lock.sets(), ["build", "image"]);
    assert_eq!(lock.set("image").count(), 3);
    assert_eq!(lock.date(), Some(Date(1_795_252_544)));
}

#[test]
fn a_chain_of_reasons_leads_to_a_recipe() {
    let chain = sample().explain("image", "libgcc");
    let words: Vec<_> = chain.iter().map(|(name, why)| format!("{name} <- {why}")).collect();
    assert_eq!(
        words,
        [
            "crun <- recipe containerd: crun",
            "libc6 <- crun Depends: libc6 (>= 2.38) | libc",
            "libgcc <- libc6 Depends: libgcc"
        ]
    );
    assert_eq!(sample().explain("build", "libgcc"), []);
}

#[test]
fn an_unknown_or_missing_field_is_named_with_its_line() {
    let (line, why) = fault(&with("Architecture: x86_64\n", "Architecture: x86_64\nHost: here\n"));
    assert_eq!((line, why), (3, LockFault::Unknown("Host".to_owned())));
    let (line, why) = fault(&with("Archive: debian\n", ""));
    let found = Some("Date".to_owned());
    assert_eq!((line, why), (7, LockFault::Field { expected: "Archive", found }));
    let (_, why) = fault(&with("Why:\n recipe containerd: stub\n", ""));
    assert_eq!(why, LockFault::Field { expected: "Why", found: None });
    let (line, why) = fault(&with("Left-Out: perl", "Left-Behind: perl"));
    assert_eq!((line, why), (15, LockFault::Unknown("Left-Behind".to_owned())));
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    for (line, other, field) in [
        ("Architecture: x86_64", "Architecture: amd64", "Architecture"),
        ("Suite: trixie", "Suite: ../trixie", "Suite"),
        ("Date: Sat,", "Date: Sun,", "Date"),
        ("InRelease: e3", "InRelease: E3", "InRelease"),
        (" 04B5", " 04b5", "Signed-By"),
        ("Path: pool", "Path: /pool", "Path"),
        ("Path: pool", "Path: pool/..", "Path"),
        ("Size: 12", "Size: 012", "Size"),
        ("Version: 1:1.0-1", "Version: 1:1_0-1", "Version"),
        ("Source: stub 1:1.0", "Source: stub", "Source"),
        (" recipe containerd: stub", " because", "Why"),
        (" 9 main/", " 9 ../", "Indices"),
    ] {
        let (at, why) = fault(&with(line, other));
        assert!(matches!(&why, LockFault::Value { field: found, .. } if *found == field), "{why}");
        let text = with(line, other);
        let right = text.lines().position(|each| each.contains(other)).unwrap() + 1;
        assert_eq!(at, right, "{other}");
    }
    assert!(matches!(fault(&with("Ashlar-Lock: 1", "Ashlar-Lock: 2")), (1, LockFault::Format(_))));
    let (_, why) =
        fault(&with("Suite: trixie\nPath: pool/main/stub", "Suite: sid\nPath: pool/main/stub"));
    assert_eq!(why, LockFault::NoSuite("sid".to_owned()));
}

#[test]
fn anything_twice_is_refused() {
    let lock = sample().to_string();
    let last = lock.rfind("Set: ").unwrap();
    let stanza = &lock[last..lock.find("End: ").unwrap()];
    assert!(matches!(fault(&with(stanza, &stanza.repeat(2))).1, LockFault::Twice(_)));
    let left_out = "Left-Out: perl\nReason: only scripts call it\n\n";
    assert!(matches!(fault(&with(left_out, &left_out.repeat(2))).1, LockFault::Twice(_)));
    assert!(matches!(fault(&with("Size: 12\n", "Size: 12\nSize: 12\n")).1, LockFault::Control(_)));
}

#[test]
fn a_lock_cut_anywhere_is_refused() {
    let text = sample().to_string();
    for cut in 0..text.len() {
        assert!(text[..cut].parse::<Lock>().is_err(), "cut at {cut}");
    }
    assert!(matches!(fault(text.split("End: ").next().unwrap()).1, LockFault::End));
}

#[test]
fn a_flipped_bit_is_refused_with_a_line() {
    let text = sample().to_string().into_bytes();
    for place in 0..text.len() {
        for bit in 0..8 {
            let mut flipped = text.clone();
            flipped[place] ^= 1 << bit;
            let error = Lock::parse(&flipped).unwrap_err();
            assert!(error.line >= 1, "bit {bit} of byte {place}");
        }
    }
    let digit = sample().to_string().replacen("SHA256: e3", "SHA256: e4", 1);
    let (line, why) = fault(&digit);
    assert_eq!(line, digit.lines().count());
    assert!(matches!(why, LockFault::Altered { .. }));
}

#[test]
fn another_order_or_spacing_is_refused() {
    assert!(matches!(fault(&with("Size: 12", "Size:  12")).1, LockFault::NotAsWritten));
    assert!(matches!(fault(&with("\n\nSuite", "\n\n\nSuite")).1, LockFault::NotAsWritten));
    assert!(matches!(fault(&(sample().to_string() + "\n")).1, LockFault::NotAsWritten));
    assert!(matches!(fault(&(sample().to_string() + "\nSet: x\n")).1, LockFault::End));
    let trimmed = sample().to_string().trim_end().to_owned();
    assert!(matches!(fault(&trimmed).1, LockFault::NotAsWritten));
}

proptest! {
    #[test]
    fn any_lock_is_read_as_it_was_written(
        names in proptest::collection::btree_set("[a-z]{2,5}", 0..6),
        size: u64, seconds in 0_u64..253_402_300_799, reason in "[ -~]{1,20}[!-~]",
    ) {
        let mut lock = sample();
        for name in &names {
            let (mut key, locked) = lock.packages.first_key_value().map(|(k, v)| (k.clone(), v.clone())).unwrap();
            key.name.clone_from(name);
            lock.packages.insert(key, Locked { len_bytes: size, ..locked });
            lock.left_out.insert(name.clone(), reason.trim().to_owned());
        }
        lock.suites.get_mut("trixie").unwrap().date = Date(seconds);
        prop_assert_eq!(lock.to_string().parse::<Lock>().unwrap(), lock);
    }

    #[test]
    fn any_bytes_give_a_lock_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(Lock::parse(&bytes));
        drop(Lock::parse(&[b"Ashlar-Lock: 1\nArchitecture: x86_64\n\n", bytes.as_slice()].concat()));
    }
}
