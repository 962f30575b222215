#![expect(clippy::as_conversions, reason = "small numbers of small samples")]

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::tree::NoContent;

const MIB: u64 = 1 << 20;

fn volume(len_bytes: u64) -> Volume {
    Volume { len_bytes, id: 0x1234_abcd, label: "ESP".into() }
}

fn file(content: &[u8]) -> Node {
    Node::new(Kind::File(Content::inline(content)), 0o644, "test")
}

fn directory() -> Node {
    Node::new(Kind::Directory, 0o755, "test")
}

fn tree(files: &[(&str, &[u8])]) -> Tree {
    let mut tree = Tree::new();
    *tree.get_mut("").unwrap() = Node::new(Kind::Directory, 0o755, "ashlar");
    for (path, content) in files {
        tree.make_parents(path, "test").unwrap();
        tree.insert(path, file(content)).unwrap();
    }
    tree
}

fn sample() -> Tree {
    let mut tree = tree(&[
        ("EFI/BOOT/BOOTX64.EFI", &[1; 5000]),
        ("EFI/Linux/ashlar_1+3.efi", &[2; 4096]),
        ("loader/loader.conf", b"timeout 0\n"),
        ("loader/a name of more than thirteen units, ä and 𝄞", b"x"),
        ("loader/thirteen unit", b""),
        ("loader/entries.srel", b"type1\n"),
    ]);
    tree.insert("empty", directory()).unwrap();
    tree
}

/// The volume with its holes, the part behind its pieces left out.
fn image(tree: &Tree, volume: &Volume) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    write(tree, volume).unwrap().write_to(&NoContent, &mut out).unwrap();
    out.into_inner()
}

fn read_back(bytes: Vec<u8>) -> Result<(Volume, Tree), FatReadError> {
    read(&mut Cursor::new(bytes), "test")
}

fn refused(path: &str, node: Node) -> FatError {
    let mut tree = Tree::new();
    tree.insert(path, node).unwrap();
    write(&tree, &volume(64 * MIB)).unwrap_err()
}

#[test]
fn what_is_written_is_read_back() {
    let found = read_back(image(&sample(), &volume(40 * MIB))).unwrap();
    assert_eq!(found.0, volume(40 * MIB));
    let plain = |tree: &Tree| tree.iter().map(|(p, n)| (p.to_owned(), n.kind.clone())).collect();
    let (expect, found): (Vec<_>, Vec<_>) = (plain(&sample()), plain(&found.1));
    assert_eq!(found, expect);
}

#[test]
fn clusters_are_as_large_as_the_size_allows() {
    let clusters = |len_bytes| Geometry::of(len_bytes).map(|found| found.cluster_bytes);
    assert_eq!(clusters(32 * MIB), None);
    assert_eq!(clusters(34 * MIB), Some(512));
    assert_eq!(clusters(68 * MIB), Some(1024));
    assert_eq!(clusters(256 * MIB), Some(2048));
    assert_eq!(clusters(257 * MIB), Some(4096));
    assert_eq!(clusters(4096 * MIB), Some(4096));
    assert_eq!(clusters(34 * MIB + 1), None);
    for len_bytes in (33..300).map(|size| size * MIB) {
        if let Some(found) = Geometry::of(len_bytes) {
            assert!(found.clusters >= MIN_CLUSTERS);
            assert!(found.data_at() + found.clusters * found.cluster_bytes <= len_bytes);
            assert!(found.data_at().is_multiple_of(found.cluster_bytes));
            assert!(found.table_sectors * 128 >= found.clusters + 2);
        }
    }
}

#[test]
fn a_volume_takes_no_room_for_what_it_does_not_hold() {
    let content = Content::stored(Digest::of(b"large"), 100 * MIB);
    let mut tree = Tree::new();
    tree.insert("UKI", Node::new(Kind::File(content), 0o644, "test")).unwrap();
    let sparse = write(&tree, &volume(4096 * MIB)).unwrap();
    assert!(sparse.content_bytes() - 100 * MIB < 256 * 1024);
    let first = sparse.pieces().iter().find(|piece| piece.name == "UKI").unwrap();
    assert_eq!(sparse.piece_at(first.offset_bytes + 50 * MIB), Some(first));
}

#[test]
fn fields_lie_where_the_format_says() {
    let bytes = image(&tree(&[("A", b"hello"), ("b", b"")]), &volume(34 * MIB));
    assert_eq!(bytes[11..14], [0, 2, 1]);
    assert_eq!(bytes[510..516], [0x55, 0xaa, b'R', b'R', b'a', b'A']);
    assert_eq!(bytes[..1024], bytes[6 * 512..8 * 512]);
    let geometry = Geometry::of(34 * MIB).unwrap();
    let free = geometry.clusters as u32 - 2;
    assert_eq!(bytes[512 + 488..512 + 496], [free.to_le_bytes(), [4, 0, 0, 0]].concat());
    let table = geometry.reserved_sectors as usize * 512;
    let expect = [0x0fff_fff8_u32, 0x0fff_ffff, 0x0fff_ffff, 0x0fff_ffff, 0].map(u32::to_le_bytes);
    assert_eq!(bytes[table..table + 20], expect.concat());
    let root = &bytes[geometry.data_at() as usize..];
    assert_eq!(root[..12], *b"ESP        \x08");
    assert_eq!(root[32..44], *b"A          \x20");
    assert_eq!(root[32 + 14..64], [0, 0, 33, 0, 33, 0, 0, 0, 0, 0, 33, 0, 3, 0, 5, 0, 0, 0]);
    let sum = alias::checksum(b"B          ");
    assert_eq!(root[64..79], [0x41, b'b', 0, 0, 0, 255, 255, 255, 255, 255, 255, 15, 0, sum, 255]);
    assert_eq!(root[96..108], *b"B          \x20");
}

#[test]
fn what_fat_cannot_hold_is_refused() {
    let check = |node| assert!(matches!(refused("a", node), FatError::Kind { .. }));
    check(Node { kind: Kind::Symlink("b".into()), ..file(b"") });
    check(Node { kind: Kind::Fifo, ..file(b"") });
    check(Node { xattrs: [("user.a".to_owned(), vec![])].into(), ..file(b"") });
    assert!(matches!(refused("a:b", file(b"")), FatError::Name { .. }));
    let large = Content::stored(Digest::of(b""), 1 << 32);
    let error = refused("a", Node { kind: Kind::File(large), ..file(b"") });
    assert!(matches!(error, FatError::TooLarge { .. }));
    let large = Content::stored(Digest::of(b""), 64 * MIB);
    let error = refused("a", Node { kind: Kind::File(large), ..file(b"") });
    assert!(matches!(error, FatError::Full { .. }), "{error}");
    let cases = tree(&[("EFI/a", b""), ("efi/b", b"")]);
    let error = write(&cases, &volume(64 * MIB)).unwrap_err();
    assert!(matches!(error, FatError::SameName { path } if path == "efi"));
    let write = |volume: &Volume| write(&Tree::new(), volume).unwrap_err();
    assert!(matches!(write(&volume(32 * MIB)), FatError::Size { .. }));
    for label in ["", "lower", "TWELVE LETTR", " X", "A.B"] {
        let error = write(&Volume { label: label.into(), ..volume(64 * MIB) });
        assert!(matches!(error, FatError::Label { .. }), "{label}");
    }
    let many: Vec<String> = (0..33_000).map(|number| format!("f{number}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let error = super::write(&tree(&many), &volume(64 * MIB)).unwrap_err();
    assert!(matches!(error, FatError::TooMany { path } if path.is_empty()));
}

#[test]
fn volumes_two_readers_could_see_differently_are_refused() {
    let geometry = Geometry::of(34 * MIB).unwrap();
    let table = geometry.reserved_sectors as usize * 512;
    let tables = [table, table + geometry.table_sectors as usize * 512];
    let data = geometry.data_at() as usize;
    let sample = image(&tree(&[("A", &[7; 1500]), ("long name", &[8; 600])]), &volume(34 * MIB));
    let check = |changes: &[(usize, u8)], expect: &str| {
        let mut bytes = sample.clone();
        changes.iter().for_each(|(at, value)| bytes[*at] = *value);
        assert_eq!(read_back(bytes).unwrap_err().to_string(), expect);
    };
    let chain = |cluster: usize, value: u8| tables.map(|table| (table + cluster * 4, value));
    check(&[(510, 0)], "this is no FAT32 volume: byte 510 of the boot sector");
    check(&[(13, 3)], "this is no FAT32 volume: byte 13 of the boot sector");
    check(&[(13, 2)], "this is no FAT32 volume: byte 36 of the boot sector");
    check(&[(34, 255)], "this is no FAT32 volume: byte 32 of the boot sector");
    check(&[(table + 12, 9)], "the two tables of the FAT volume differ");
    check(&chain(4, 3), "the clusters of `A` are wrong at cluster 3");
    check(&chain(3, 6), "the clusters of `long name` are wrong at cluster 6");
    check(&chain(4, 0), "the clusters of `A` are wrong at cluster 0");
    check(&[(data + 32 + 29, 1)], "the clusters of `A` are wrong at cluster 4");
    check(&[(data + 64, 0x42)], "a name in the directory `` is damaged");
    check(&[(data + 64 + 13, 0)], "a name in the directory `` is damaged");
    check(&[(data + 96, 0)], "a name in the directory `` is damaged");
    check(&[(data + 33, 7)], "a name in the directory `` is damaged");
    let renamed = [(data + 64, 0xe5), (data + 96, b'A')];
    let renamed: Vec<_> =
        renamed.into_iter().chain((1..11).map(|at| (data + 96 + at, b' '))).collect();
    check(&renamed, "the FAT volume has `A` twice");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_tree_is_read_back(
        files in proptest::collection::btree_map("[A-Za-zé +.]{1,20}", 0_usize..3000, 0..12)
    ) {
        let mut tree = Tree::new();
        tree.insert("sub", directory()).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for (name, len) in &files {
            if alias::is_name(name) && seen.insert(name.to_uppercase()) && !name.starts_with('.') {
                tree.insert(&format!("sub/{name}"), file(&vec![*len as u8; *len])).unwrap();
            }
        }
        let found = read_back(image(&tree, &volume(34 * MIB))).unwrap().1;
        let plain = |tree: &Tree| tree.iter().map(|(p, n)| (p.to_owned(), n.kind.clone())).collect();
        let (expect, found): (Vec<_>, Vec<_>) = (plain(&tree), plain(&found));
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn a_changed_volume_is_a_volume_or_an_error(
        changes in proptest::collection::vec((0_usize..3000, any::<u8>(), 0_u8..3), 1..6)
    ) {
        let mut bytes = image(&sample(), &volume(34 * MIB));
        let geometry = Geometry::of(34 * MIB).unwrap();
        let tables = [0, 1].map(|copy| {
            (geometry.reserved_sectors + copy * geometry.table_sectors) as usize * 512
        });
        for (at, value, place) in changes {
            match place {
                0 => bytes[at % 512] = value,
                1 => tables.iter().for_each(|table| bytes[table + at % 64] = value),
                _ => bytes[geometry.data_at() as usize + at] = value,
            }
        }
        read_back(bytes).ok();
    }

    #[test]
    fn any_bytes_are_a_volume_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read_back(bytes).is_err());
    }
}
