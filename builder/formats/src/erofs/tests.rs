//! Trees through the writer and back, and hostile bytes into the reader.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{LazyLock, Mutex};

use proptest::prelude::*;

use super::*;
use crate::tree::{Content, Kind, NoContent, Node, Tree};

const SMALL: Limits = Limits { entries: 10_000, file_bytes: 1 << 24, total_bytes: 1 << 26 };
const CODECS: [Codec; 3] = [Codec::None, Codec::Lz4, Codec::Zstd { level: 1 }];

fn options(codec: Codec, pack_below_bytes: u32) -> Options {
    Options {
        codec,
        cluster_bytes: 64 << 10,
        pack_below_bytes,
        threads: NonZeroUsize::MIN,
        uuid: *b"0123456789abcdef",
        build_time_s: 1_700_000_000,
        label: "root".to_owned(),
    }
}

fn image(tree: &Tree, options: &Options) -> (Vec<u8>, Layout) {
    let mut out = Cursor::new(Vec::new());
    let layout = write(tree, &NoContent, &NoCache, &mut out, options).unwrap();
    (out.into_inner(), layout)
}

fn read_back(image: &[u8]) -> Tree {
    Reader::open(image, SMALL).unwrap().tree(Contents::Whole).unwrap()
}

/// Bytes that do not compress, different for each seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4]
    };
    (0..len).map(|_| next()).collect()
}

/// Bytes that compress about as programs do.
fn prose(seed: u64, len: usize) -> Vec<u8> {
    let words = noise(seed, len / 4 + 1);
    words.iter().flat_map(|word| [word % 16, 0, word % 5, b'x']).take(len).collect()
}

fn file(bytes: Vec<u8>) -> Kind {
    Kind::File(Content::inline(bytes))
}

fn put(tree: &mut Tree, path: &str, kind: Kind) {
    tree.insert(path, Node::new(kind, 0o644, "")).unwrap();
}

/// A tree with everything in it: all kinds, sizes around block boundaries, and a large file.
fn everything() -> Tree {
    let mut tree = Tree::new();
    tree.get_mut("").unwrap().origin = "".into();
    for directory in ["dev", "usr", "usr/lib", "many", "deep"] {
        put(&mut tree, directory, Kind::Directory);
    }
    for (name, len) in [("0", 0), ("1", 1), ("4095", 4095), ("4096", 4096), ("4097", 4097)] {
        put(&mut tree, &format!("prose-{name}"), file(prose(1, len)));
        put(&mut tree, &format!("noise-{name}"), file(noise(2, len)));
    }
    put(&mut tree, "usr/lib/large", file(prose(3, 4_300_001)));
    put(&mut tree, "usr/lib/mixed", file([prose(4, 300_000), noise(5, 200_001)].concat()));
    put(&mut tree, "usr/lib/zeros", file(vec![0; 1 << 20]));
    put(&mut tree, "usr/lib/same", file(prose(3, 4_300_001)));
    for number in 0..600 {
        let path = format!("many/{number:0>200}");
        put(&mut tree, &path, file(prose(number, 9 * usize::try_from(number).unwrap())));
    }
    put(&mut tree, "dev/null", Kind::CharDevice(1, 3));
    put(&mut tree, "dev/sda", Kind::BlockDevice(8, 70_000));
    put(&mut tree, "dev/fifo", Kind::Fifo);
    put(&mut tree, "dev/socket", Kind::Socket);
    put(&mut tree, "deep/link", Kind::Symlink("../usr".to_owned()));
    put(&mut tree, "deep/long", Kind::Symlink("x/".repeat(2040)));
    put(&mut tree, "zz", Kind::Hardlink("usr/lib/large".to_owned()));
    let node = tree.get_mut("usr/lib/large").unwrap();
    node.mode = 0o4755;
    (node.uid, node.gid) = (100_000, 64_055);
    node.xattrs.insert("security.capability".to_owned(), vec![1; 20]);
    let node = tree.get_mut("noise-4095").unwrap();
    node.xattrs.insert("security.capability".to_owned(), vec![1; 20]);
    node.xattrs.insert("user.note".to_owned(), b"x".to_vec());
    let link = tree.get_mut("zz").unwrap();
    link.mode = 0o4755;
    (link.uid, link.gid) = (100_000, 64_055);
    tree
}

#[test]
fn everything_comes_back() {
    let tree = everything();
    for codec in CODECS {
        for pack_below_bytes in [0, 8 << 10, 1 << 20] {
            let (image, layout) = image(&tree, &options(codec, pack_below_bytes));
            assert!(read_back(&image) == tree, "{codec:?} {pack_below_bytes}");
            assert_eq!(layout.len_bytes, u64::try_from(image.len()).unwrap());
            let mut at = 0;
            for region in &layout.regions {
                assert_eq!(region.offset, at);
                at += region.len;
            }
            assert_eq!(at, layout.len_bytes);
        }
    }
}

#[test]
fn a_byte_of_a_file_is_found_in_the_layout() {
    let tree = everything();
    let (image, layout) = image(&tree, &options(Codec::None, 0));
    let content = noise(2, 4096);
    let at = image.windows(4096).position(|bytes| bytes == content).unwrap();
    let region = layout.owner_of(u64::try_from(at).unwrap()).unwrap();
    assert_eq!(region.owner, Owner::File("noise-4096".into()));
}

#[test]
fn what_was_said_of_the_volume_is_read() {
    let (image, _) = image(&Tree::new(), &options(Codec::Lz4, 0));
    let reader = Reader::open(image, SMALL).unwrap();
    assert_eq!(reader.label(), "root");
    assert_eq!(reader.uuid(), *b"0123456789abcdef");
    assert_eq!(reader.build_time_s(), 1_700_000_000);
}

#[test]
fn threads_do_not_change_the_image() {
    let tree = everything();
    for codec in [Codec::Lz4, Codec::Zstd { level: 1 }, Codec::Zstd { level: 7 }] {
        let one = image(&tree, &options(codec, 8 << 10));
        for threads in [2, 5] {
            let threads = NonZeroUsize::new(threads).unwrap();
            let many = Options { threads, ..options(codec, 8 << 10) };
            assert!(image(&tree, &many) == one, "{codec:?} {threads}");
        }
    }
}

#[derive(Default)]
struct Kept(Mutex<BTreeMap<Digest, Vec<u8>>>);

impl ClusterCache for Kept {
    fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn put(&self, key: &Digest, bytes: &[u8]) {
        self.0.lock().unwrap().insert(*key, bytes.to_vec());
    }
}

/// The same tree with its contents elsewhere: a source that has none of them refuses each load.
fn without_content(tree: &Tree) -> Tree {
    let mut out = Tree::new();
    for (path, node) in tree.iter() {
        let mut node = node.clone();
        if let Kind::File(content) = &node.kind {
            node.kind = Kind::File(Content::stored(*content.digest(), content.len_bytes()));
        }
        match path {
            "" => *out.get_mut("").unwrap() = node,
            path => drop(out.insert(path, node).unwrap()),
        }
    }
    out
}

#[test]
fn a_warm_cache_loads_nothing_and_changes_nothing() {
    let (tree, kept) = (everything(), Kept::default());
    let options = options(Codec::Zstd { level: 3 }, 64 << 10);
    let expected = image(&tree, &options).0;
    let mut out = Cursor::new(Vec::new());
    let cold = write(&tree, &NoContent, &kept, &mut out, &options).unwrap();
    assert!(out.into_inner() == expected);
    assert_eq!(cold.units_cached, 0);
    let mut out = Cursor::new(Vec::new());
    let bare = without_content(&tree);
    let warm = write(&bare, &NoContent, &kept, &mut out, &options).unwrap();
    assert!(out.into_inner() == expected);
    assert_eq!(warm.units_cached, warm.units);
    let other = Options { cluster_bytes: 128 << 10, ..options };
    let mut out = Cursor::new(Vec::new());
    let error = write(&bare, &NoContent, &kept, &mut out, &other).unwrap_err();
    assert!(matches!(error, Error::Content { .. }), "{error}");
}

#[test]
fn a_changed_file_costs_its_group_alone() {
    let mut tree = everything();
    for number in 0..300 {
        put(&mut tree, &format!("usr/lib/{number:03}"), file(noise(1000 + number, 30_000)));
    }
    let kept = Kept::default();
    let options = options(Codec::Zstd { level: 1 }, 64 << 10);
    let mut out = Cursor::new(Vec::new());
    write(&tree, &NoContent, &kept, &mut out, &options).unwrap();
    put(&mut tree, "usr/lib/150", file(noise(7, 41_234)));
    tree.remove("usr/lib/020");
    put(&mut tree, "usr/lib/299-new", file(noise(8, 5)));
    let layout = write(&tree, &NoContent, &kept, &mut out, &options).unwrap();
    let again = layout.units - layout.units_cached;
    assert!((1..=5).contains(&again), "{again} of {} units", layout.units);
}

#[test]
fn equal_contents_are_stored_once() {
    let mut tree = Tree::new();
    for number in 0..10 {
        put(&mut tree, &format!("{number}"), file(noise(1, 300_000)));
        put(&mut tree, &format!("small-{number}"), file(noise(2, 50_000)));
    }
    for codec in CODECS {
        let (image, _) = image(&tree, &options(codec, 100_000));
        assert!(image.len() < 400_000, "{codec:?}: {}", image.len());
        assert!(read_back(&image) != Tree::new());
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let good = options(Codec::Zstd { level: 3 }, 0);
    for bad in [
        Options { cluster_bytes: 0, ..good.clone() },
        Options { cluster_bytes: 5000, ..good.clone() },
        Options { cluster_bytes: 2 << 20, ..good.clone() },
        Options { codec: Codec::Zstd { level: 0 }, ..good.clone() },
        Options { codec: Codec::Zstd { level: 23 }, ..good.clone() },
        Options { label: "sixteen bytes ..".to_owned(), ..good.clone() },
        Options { pack_below_bytes: 1 << 30, ..good },
    ] {
        let result = write(&Tree::new(), &NoContent, &NoCache, &mut Cursor::new(vec![]), &bad);
        assert!(matches!(result, Err(Error::Option { .. })), "{bad:?}");
    }
}

#[test]
fn a_source_with_other_bytes_is_noticed() {
    struct Wrong;
    impl crate::tree::ContentSource for Wrong {
        fn load(&self, _: &Digest) -> std::io::Result<std::sync::Arc<[u8]>> {
            Ok(std::sync::Arc::from(*b"short"))
        }
    }
    let mut tree = Tree::new();
    put(&mut tree, "a", Kind::File(Content::stored(Digest::of(b"x"), 10_000)));
    for codec in CODECS {
        let mut out = Cursor::new(Vec::new());
        let result = write(&tree, &Wrong, &NoCache, &mut out, &options(codec, 0));
        assert!(matches!(result, Err(Error::ContentLen { found: 5, .. })), "{codec:?}");
    }
}

/// Reads everything there is to read; only the answer's kind matters.
fn read_all(image: &[u8]) -> Result<(), ReadError> {
    let limits = Limits { entries: 1000, file_bytes: 1 << 20, total_bytes: 1 << 21 };
    Reader::open(image, limits)?.tree(Contents::Digests).map(drop)
}

fn small_image(codec: Codec) -> Vec<u8> {
    let mut tree = Tree::new();
    put(&mut tree, "d", Kind::Directory);
    put(&mut tree, "d/large", file(prose(1, 150_000)));
    put(&mut tree, "d/noise", file([prose(3, 40_000), noise(2, 70_000)].concat()));
    for number in 0..20 {
        put(&mut tree, &format!("d/{number}"), file(prose(number, 3000)));
    }
    put(&mut tree, "link", Kind::Symlink("d".to_owned()));
    tree.get_mut("d").unwrap().xattrs.insert("user.a".to_owned(), vec![1; 9]);
    tree.get_mut("link").unwrap().xattrs.insert("user.a".to_owned(), vec![1; 9]);
    image(&tree, &options(codec, 4096)).0
}

/// Makes the checksum right again, so that what is behind it is reached.
fn without_checksum(image: &mut [u8]) {
    if let Some(compat) = image.get_mut(1024 + 8) {
        *compat &= !1;
    }
}

/// The sample without its checksum, made once for all the damage.
fn sample(codec: Codec) -> Vec<u8> {
    static SAMPLES: LazyLock<Vec<(Codec, Vec<u8>)>> = LazyLock::new(|| {
        let made = |codec: &Codec| {
            let mut image = small_image(*codec);
            without_checksum(&mut image);
            (*codec, image)
        };
        CODECS.iter().map(made).collect()
    });
    SAMPLES.iter().find(|(of, _)| *of == codec).map(|(_, image)| image.clone()).unwrap()
}

fn kind_and_bytes() -> impl Strategy<Value = (u8, u64, usize)> {
    let len = prop_oneof![0..20_usize, 4000..4200_usize, 0..30_000_usize, 100_000..150_000_usize];
    (0..7_u8, 0..40_u64, len)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_tree_comes_back(
        nodes in prop::collection::vec((kind_and_bytes(), any::<u16>(), 0..70_000_u32), 0..60),
        codec in prop::sample::select(&CODECS[..]),
        pack in prop::sample::select(&[0_u32, 5000, 1 << 20][..]),
    ) {
        let mut tree = Tree::new();
        tree.get_mut("").unwrap().origin = "".into();
        let (mut directory, mut files) = (String::new(), Vec::new());
        for (number, ((kind, seed, len), mode, owner)) in nodes.into_iter().enumerate() {
            let path = format!("{directory}{seed}-{number:03}");
            let kind = match kind {
                0 => {
                    directory = format!("{path}/");
                    Kind::Directory
                }
                1 => Kind::Symlink("t".repeat(1 + len % 4095)),
                2 => Kind::BlockDevice(owner % 4096, owner),
                3 => file(noise(seed, len)),
                _ => file(prose(seed, len)),
            };
            if matches!(kind, Kind::File(_)) {
                files.push(path.clone());
            }
            let mut node = Node::new(kind, mode & 0o7777, "");
            (node.uid, node.gid) = (owner, owner / 2);
            if mode & 1 == 1 {
                node.xattrs.insert(format!("user.{}", mode % 8), vec![7; len % 300]);
            }
            tree.insert(&path, node).unwrap();
        }
        if let Some(first) = files.first() {
            let mut link = tree.get(first).unwrap().clone();
            link.kind = Kind::Hardlink(first.clone());
            link.xattrs.clear();
            tree.insert("~link", link).unwrap();
        }
        let (image, _) = image(&tree, &options(codec, pack));
        prop_assert!(read_back(&image) == tree);
    }

    #[test]
    fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..9000)) {
        prop_assert!(read_all(&bytes).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_damage_is_an_answer(
        codec in prop::sample::select(&CODECS[..]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        in_metadata in any::<bool>(),
        keep in any::<prop::sample::Index>(),
        cut in 0..8_u8,
    ) {
        let mut image = sample(codec);
        // Most of what can go wrong is in the last blocks.
        let from = if in_metadata { image.len() - 8192 } else { 1024 };
        for (place, value) in damage {
            let at = from + place.index(image.len() - from);
            image[at] = value;
        }
        if cut == 0 {
            image.truncate(keep.index(image.len()));
        }
        drop(read_all(&image));
    }
}

#[test]
fn the_undamaged_sample_is_read() {
    for codec in CODECS {
        let mut image = small_image(codec);
        assert!(read_all(&image).is_ok());
        image[1024 + 20] ^= 1;
        assert!(matches!(read_all(&image), Err(ReadError::Checksum { .. })));
        without_checksum(&mut image);
        read_all(&image).unwrap();
    }
}
