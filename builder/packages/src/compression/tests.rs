use super::*;
use proptest::prelude::*;
use std::io::Write;

const KINDS: [Compression; 4] =
    [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

fn pack(kind: Compression, bytes: &[u8]) -> Vec<u8> {
    match kind {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(bytes).unwrap();
            gzip.finish().unwrap()
        }
        Compression::Xz => liblzma::encode_all(bytes, 1).unwrap(),
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

#[test]
fn what_was_packed_comes_out() {
    let content: Vec<u8> = (0..200_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    for kind in KINDS {
        assert!(unpack(kind, &pack(kind, &content), 1 << 20).unwrap() == content, "{kind:?}");
        assert_eq!(unpack(kind, &pack(kind, b""), 0).unwrap(), b"", "{kind:?}");
    }
}

#[test]
fn a_bomb_is_stopped_at_the_limit() {
    let zeros = vec![0; 5 << 20];
    for kind in KINDS {
        let packed = pack(kind, &zeros);
        let error = unpack(kind, &packed, (5 << 20) - 1).unwrap_err();
        let limit = (5 << 20) - 1;
        assert!(
            matches!(error, UnpackError::TooLarge { limit_bytes } if limit_bytes == limit),
            "{kind:?} {error}"
        );
    }
}

#[test]
fn a_decoder_that_wants_too_much_memory_is_refused() {
    let mut packed = pack(Compression::Xz, b"content");
    // Stream header (12 bytes), block header: size, flags, filter id 0x21, its size 1, dictionary.
    assert_eq!(packed[12..16], [2, 0, 0x21, 1]);
    packed[16] = 38; // 3 × 2³⁰ bytes; the CRC-32 of the header follows the padding.
    let header: Vec<u8> = packed[12..20].to_vec();
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    packed[20..24].copy_from_slice(&crc.sum().to_le_bytes());
    let error = unpack(Compression::Xz, &packed, 1 << 20).unwrap_err();
    assert!(matches!(&error, UnpackError::Corrupt(why) if why.contains("memory")), "{error}");
}

#[test]
fn trailing_bytes_are_refused() {
    for kind in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let mut packed = pack(kind, b"content");
        packed.push(0);
        let error = unpack(kind, &packed, 100).unwrap_err();
        assert!(matches!(error, UnpackError::Trailing), "{kind:?} {error}");
        let twice = [pack(kind, b"a"), pack(kind, b"b")].concat();
        assert!(unpack(kind, &twice, 100).is_err(), "{kind:?}");
    }
}

#[test]
fn a_truncated_or_flipped_stream_is_refused() {
    let content: Vec<u8> = (0..3000_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
    for kind in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let packed = pack(kind, &content);
        for cut in (0..packed.len()).step_by(97) {
            assert!(unpack(kind, &packed[..cut], 1 << 20).is_err(), "{kind:?} cut at {cut}");
        }
        for place in (0..packed.len()).step_by(41) {
            let mut flipped = packed.clone();
            flipped[place] ^= 0x10;
            if let Ok(other) = unpack(kind, &flipped, 1 << 20) {
                assert!(other == content, "{kind:?} flipped at {place}");
            }
        }
    }
}

#[test]
fn a_refusal_of_the_machine_stays_one() {
    struct Refuses;
    impl Read for Refuses {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    for kind in KINDS {
        let mut unpacker = Unpacker::new(kind, io::BufReader::new(Refuses), 10).unwrap();
        let error = UnpackError::from(unpacker.read(&mut [0; 4]).unwrap_err());
        assert!(matches!(error, UnpackError::Read(_)), "{kind:?} {error}");
    }
}

#[test]
fn the_name_tells_the_compression() {
    assert_eq!(Compression::of_name("data.tar.xz"), ("data.tar", Compression::Xz));
    assert_eq!(Compression::of_name("data.tar"), ("data.tar", Compression::None));
    assert_eq!(Compression::of_name("Packages"), ("Packages", Compression::None));
}

proptest! {
    #[test]
    fn any_bytes_give_content_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for kind in KINDS {
            let magic: &[u8] = match kind {
                Compression::None => &[],
                Compression::Gzip => &[0x1f, 0x8b, 8],
                Compression::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0, 0, 4, 0xe6, 0xd6, 0xb4, 0x46],
                Compression::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            };
            drop(unpack(kind, &bytes, 1 << 16));
            drop(unpack(kind, &[magic, &bytes].concat(), 1 << 16));
        }
    }
}
