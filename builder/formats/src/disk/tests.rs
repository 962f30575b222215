use std::io::Cursor;

use super::*;
use crate::tree::NoContent;

const MIB: u64 = 1 << 20;

fn layout() -> Layout {
    Layout {
        arch: Arch::X86_64,
        esp_bytes: 36 * MIB - 5,
        root_slot_bytes: 3 * MIB,
        state_bytes: Some(MIB),
        seed: Digest::of(b"seed"),
    }
}

fn root() -> Root {
    Root {
        image: Content::inline(vec![0xee; 8192]),
        verity: Content::inline(vec![0xdd; 4096]),
        root_hash: Digest::of(b"root"),
    }
}

fn boot() -> Tree {
    let uki = ("ashlar_1+3.efi".to_owned(), Content::inline(vec![0x11; 70_000]));
    esp(Arch::X86_64, Content::inline(*b"MZ"), "timeout 0\n", vec![uki]).unwrap()
}

fn disk() -> Disk {
    assemble(&layout(), &boot(), &root()).unwrap()
}

#[test]
fn a_disk_reads_back_part_by_part() {
    let disk = disk();
    let mut bytes = Cursor::new(Vec::new());
    disk.sparse.write_to(&NoContent, &mut bytes).unwrap();
    assert_eq!(Table::read(&mut bytes).unwrap(), disk.table);
    let names: Vec<&str> = disk.table.partitions.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["esp", "root-a", "root-a-verity", "root-b", "root-b-verity", "state"]);

    let bytes = bytes.into_inner();
    let part = |index: usize| {
        let part = &disk.table.partitions[index];
        let start = usize::try_from(part.offset_bytes).unwrap();
        &bytes[start..start + usize::try_from(part.len_bytes).unwrap()]
    };
    let (_, tree) = fat::read(&mut Cursor::new(part(0)), "test").unwrap();
    let files = |tree: &Tree| {
        tree.iter().map(|(path, node)| (path.to_owned(), node.kind.clone())).collect::<Vec<_>>()
    };
    assert_eq!(files(&tree), files(&boot()));
    assert!(part(1)[..8192] == [0xee; 8192] && part(1)[8192..].iter().all(|byte| *byte == 0));
    assert!(part(2)[..4096] == [0xdd; 4096] && part(4).iter().all(|byte| *byte == 0));
}

#[test]
fn a_filled_slot_is_found_by_its_root_hash_and_nothing_else_is() {
    let partitions = disk().table.partitions;
    assert_eq!(partitions[1].guid, root_guid(&root().root_hash));
    assert_eq!(partitions[2].guid, verity_guid(&root().root_hash));
    assert_eq!(partitions[1].type_guid, partitions[3].type_guid);
    assert_eq!(partitions[1].len_bytes, partitions[3].len_bytes);
    let read_only: Vec<bool> = partitions.iter().map(|part| part.attributes != 0).collect();
    assert_eq!(read_only, [false, true, true, false, false, false]);
    let other = Layout { seed: Digest::of(b"other"), ..layout() };
    let other = assemble(&other, &boot(), &root()).unwrap().table.partitions;
    let same: Vec<bool> = partitions.iter().zip(&other).map(|(a, b)| a.guid == b.guid).collect();
    assert_eq!(same, [false, true, true, false, false, false]);
}

#[test]
fn identifiers_from_a_seed_are_of_version_8() {
    let guid = derived_guid(&Digest::of(b"seed"), "esp").to_string();
    assert_eq!((&guid[14..15], &guid[19..20] >= "8" && &guid[19..20] <= "b"), ("8", true));
}

#[test]
fn every_byte_is_described() {
    let disk = disk();
    let check = |offset_bytes: u64, expect: Option<(&str, &str)>| {
        let place = disk.describe(offset_bytes);
        let found = place.map(|place| {
            let partition = place.partition.map_or("", |(partition, _)| partition.name.as_str());
            (partition, place.content.map_or("", |(piece, _)| piece.name.as_str()))
        });
        assert_eq!(found, expect, "{offset_bytes}");
    };
    let [esp, root_a, ..] = disk.table.partitions.as_slice() else { panic!() };
    check(0, Some(("", "GPT")));
    check(MIB - 1, Some(("", "")));
    check(MIB, Some(("esp", "esp: FAT boot sector")));
    let uki = disk.sparse.pieces().iter().find(|p| p.name.ends_with("+3.efi")).unwrap();
    check(uki.offset_bytes + 5, Some(("esp", "esp: EFI/Linux/ashlar_1+3.efi")));
    check(esp.offset_bytes + esp.len_bytes - 1, Some(("esp", "")));
    check(root_a.offset_bytes + 8191, Some(("root-a", "root-a")));
    check(root_a.offset_bytes + 8192, Some(("root-a", "")));
    check(disk.table.disk_bytes - 1, Some(("", "GPT, second copy")));
    check(disk.table.disk_bytes, None);
    assert_eq!(disk.describe(root_a.offset_bytes + 7).unwrap().partition.unwrap().1, 7);
}

#[test]
fn what_does_not_fit_is_refused() {
    let large = Root { image: Content::stored(Digest::of(b""), 3 * MIB + 1), ..root() };
    let error = assemble(&layout(), &boot(), &large).unwrap_err();
    assert!(matches!(error, DiskError::Slot { name, .. } if name == "root-a"));
    let error = assemble(&Layout { esp_bytes: MIB, ..layout() }, &boot(), &root()).unwrap_err();
    assert!(matches!(error, DiskError::Esp(FatError::Size { .. })));
    for root_slot_bytes in [0, u64::MAX, u64::MAX / 2] {
        let error = assemble(&Layout { root_slot_bytes, ..layout() }, &boot(), &root());
        assert!(error.is_err(), "{root_slot_bytes}");
    }
    assert!(
        esp(Arch::Aarch64, Content::inline([]), "", vec![("../x".into(), Content::inline([]))])
            .is_err()
    );
}

#[test]
fn the_slot_of_a_tree_is_what_a_full_slot_needs() {
    assert_eq!(verity_slot_bytes(128 * 4096), Some(MIB));
    // 262,144 blocks: 2048 + 16 + 1 blocks of hashes, and the superblock.
    assert_eq!(verity_slot_bytes(1024 * MIB), Some(9 * MIB));
}
