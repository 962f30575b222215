use super::*;

fn sample() -> Superblock {
    let uuid = Guid(0x11223344_5566_7788_99aa_bbccddeeff00);
    Superblock::new(uuid, 1000, &[0xab; 32]).unwrap()
}

fn options(on_corruption: OnCorruption, check: Check) -> Options {
    Options { on_corruption, check }
}

#[test]
fn what_is_written_is_read_back() {
    for salt in [&b""[..], b"s", &[7; 256]] {
        let superblock = Superblock { salt: salt.to_vec(), ..sample() };
        assert_eq!(Superblock::parse(&superblock.to_bytes()), Ok(superblock));
    }
}

#[test]
fn fields_lie_where_the_format_says() {
    let bytes = sample().to_bytes();
    assert_eq!(bytes[..16], *b"verity\0\0\x01\0\0\0\x01\0\0\0");
    assert_eq!(bytes[16..20], [0x11, 0x22, 0x33, 0x44]);
    assert_eq!(bytes[32..40], *b"sha256\0\0");
    assert_eq!(bytes[64..72], [0, 0x10, 0, 0, 0, 0x10, 0, 0]);
    assert_eq!(bytes[72..88], [0xe8, 3, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[119..121], [0xab, 0]);
}

#[test]
fn what_the_node_has_no_use_for_is_refused() {
    let refused = |at: usize, value: &[u8]| {
        let mut bytes = sample().to_bytes();
        bytes[at..at + value.len()].copy_from_slice(value);
        Superblock::parse(&bytes).unwrap_err()
    };
    assert_eq!(refused(0, b"V"), VerityError::NoSignature);
    assert_eq!(refused(8, &[2]), VerityError::Version { found: 2 });
    assert_eq!(refused(12, &[0]), VerityError::HashType { found: 0 });
    assert_eq!(refused(32, b"sha1\0\0"), VerityError::Algorithm { found: "sha1".into() });
    assert_eq!(refused(32, b"sha256 x"), VerityError::Algorithm { found: "sha256?x".into() });
    assert_eq!(refused(40, b"x"), VerityError::Algorithm { found: "sha256".into() });
    assert_eq!(refused(64, &[1]), VerityError::BlockSize { found_bytes: 4097 });
    assert_eq!(refused(70, &[2]), VerityError::BlockSize { found_bytes: 0x21000 });
    assert_eq!(refused(72, &[0, 0]), VerityError::DataBlocks { found: 0 });
    assert!(matches!(refused(79, &[0x7f]), VerityError::DataBlocks { .. }));
    assert_eq!(refused(80, &[1, 1]), VerityError::SaltTooLong { found_bytes: 257 });
    assert_eq!(refused(81, &[255]), VerityError::SaltTooLong { found_bytes: 257 });
    assert_eq!(refused(83, &[1]), VerityError::Reserved { offset_bytes: 83 });
    assert_eq!(refused(511, &[1]), VerityError::Reserved { offset_bytes: 511 });
    assert_eq!(Superblock::parse(&[0; 511]), Err(VerityError::Short { found_bytes: 511 }));
}

/// Every byte of a real superblock set to every value: a value that writes back to the same bytes,
/// or an error.
#[test]
fn any_byte_changed_is_an_error_or_another_value() {
    let original = sample().to_bytes();
    for at in 0..SUPERBLOCK_BYTES {
        for value in 0..=255 {
            let mut bytes = original;
            bytes[at] = value;
            if let Ok(read) = Superblock::parse(&bytes) {
                assert_eq!(read.to_bytes(), bytes, "byte {at} = {value}");
                assert!(read.hash_device_bytes() >= 4096 / 8);
            }
        }
    }
}

#[test]
fn levels_grow_with_the_data() {
    let levels = |data_blocks| Superblock { data_blocks, ..sample() }.levels();
    assert_eq!(levels(1), Vec::<u64>::new());
    assert_eq!(levels(2), [1]);
    assert_eq!(levels(128), [1]);
    assert_eq!(levels(129), [1, 2]);
    assert_eq!(levels(128 * 128), [1, 128]);
    assert_eq!(levels(128 * 128 + 1), [1, 2, 129]);
    assert_eq!(sample().hash_device_bytes(), (1 + 1 + 8) * 4096);
}

#[test]
fn the_table_is_what_the_kernel_reads() {
    let hash = Digest::of(b"");
    let superblock = Superblock { salt: vec![0x0a, 0xff], ..sample() };
    let plain = options(OnCorruption::FailRead, Check::EveryRead);
    assert_eq!(
        superblock.table("8:2", "8:3", &hash, plain),
        format!("1 8:2 8:3 4096 4096 1000 1 sha256 {hash} 0aff")
    );
    let superblock = Superblock { salt: vec![], ..sample() };
    let words = |on_corruption, check| {
        let table = superblock.table("a", "b", &hash, options(on_corruption, check));
        table.rsplit_once(" - ").unwrap().1.to_owned()
    };
    assert_eq!(words(OnCorruption::Restart, Check::EveryRead), "1 restart_on_corruption");
    assert_eq!(
        words(OnCorruption::Panic, Check::FirstRead),
        "2 panic_on_corruption check_at_most_once"
    );
}
