use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::sparse::Sparse;
use crate::tree::NoContent;

const MIB: u64 = 1 << 20;
const FROM_END: usize = 1 << 20;

fn partition(name: &str, offset_bytes: u64, len_bytes: u64) -> Partition {
    let guid = Guid(u128::from(offset_bytes) | 1);
    Partition {
        type_guid: Guid(77),
        guid,
        name: name.into(),
        offset_bytes,
        len_bytes,
        attributes: 0,
    }
}

fn table(partitions: Vec<Partition>) -> Table {
    Table { disk_guid: Guid(0x1234), disk_bytes: 8 * MIB, partitions }
}

fn sample() -> Table {
    let last = Partition { attributes: 1 << 60, ..partition("ä-b", 3 * MIB, 2 * MIB + 512) };
    table(vec![partition("esp", MIB, MIB), partition("", 2 * MIB, 512), last])
}

fn disk(table: &Table) -> Vec<u8> {
    let sparse = Sparse::new(table.disk_bytes, table.write().unwrap().to_vec()).unwrap();
    let mut disk = Cursor::new(Vec::new());
    sparse.write_to(&NoContent, &mut disk).unwrap();
    disk.into_inner()
}

fn refused(partitions: Vec<Partition>) -> PartitionFault {
    match table(partitions).write() {
        Err(GptError::Partition { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written_is_read_back() {
    for table in [table(vec![]), sample()] {
        assert_eq!(Table::read(&mut Cursor::new(disk(&table))).unwrap(), table);
    }
}

#[test]
fn fields_lie_where_the_format_says() {
    let disk = disk(&sample());
    assert_eq!(disk[446..462], [0, 0, 2, 0, 0xee, 255, 255, 255, 1, 0, 0, 0, 255, 63, 0, 0]);
    assert_eq!(disk[512..528], *b"EFI PART\0\0\x01\0\x5c\0\0\0");
    assert_eq!(disk[536..552], [1, 0, 0, 0, 0, 0, 0, 0, 255, 63, 0, 0, 0, 0, 0, 0]);
    assert_eq!(disk[552..568], [34, 0, 0, 0, 0, 0, 0, 0, 0xde, 63, 0, 0, 0, 0, 0, 0]);
    let entry = &disk[1024 + 256..1024 + 384];
    assert_eq!(entry[32..48], [0, 0x18, 0, 0, 0, 0, 0, 0, 0, 0x28, 0, 0, 0, 0, 0, 0]);
    assert_eq!(entry[48..64], [0, 0, 0, 0, 0, 0, 0, 0x10, 0xe4, 0, b'-', 0, b'b', 0, 0, 0]);
    assert_eq!(disk[1024..1024 + TABLE_BYTES], disk[disk.len() - 33 * 512..][..TABLE_BYTES]);
}

#[test]
fn partitions_that_do_not_fit_are_refused() {
    let good = || partition("a", MIB, MIB);
    assert_eq!(refused(vec![good(), partition("b", 2 * MIB - 512, MIB)]), PartitionFault::Overlap);
    assert_eq!(refused(vec![partition("b", MIB + 512, MIB)]), PartitionFault::Alignment);
    assert_eq!(refused(vec![partition("b", 0, MIB)]), PartitionFault::Place);
    assert_eq!(refused(vec![partition("b", MIB, 7 * MIB - 32 * 512)]), PartitionFault::Place);
    assert_eq!(refused(vec![partition("b", MIB, 0)]), PartitionFault::Place);
    assert_eq!(refused(vec![partition("b", MIB, 513)]), PartitionFault::Place);
    assert_eq!(refused(vec![partition("b", MIB, u64::MAX)]), PartitionFault::Place);
    let same = Partition { guid: good().guid, ..partition("b", 4 * MIB, MIB) };
    assert_eq!(refused(vec![good(), same]), PartitionFault::Guid);
    assert_eq!(refused(vec![Partition { type_guid: Guid(0), ..good() }]), PartitionFault::Guid);
    let long = "x".repeat(37);
    assert_eq!(refused(vec![Partition { name: long, ..good() }]), PartitionFault::Name);
    let many = (0..129).map(|_| good()).collect();
    assert!(matches!(table(many).write(), Err(GptError::TooMany { found: 129 })));
    let short = Table { disk_bytes: 67 * 512, ..table(vec![]) };
    assert!(matches!(short.write(), Err(GptError::DiskSize { .. })));
}

#[test]
fn damage_is_named() {
    let check = |at: usize, expect: &str| {
        let mut disk = disk(&sample());
        let at = at.checked_sub(FROM_END).map_or(at, |back| disk.len() - back);
        disk[at] ^= 1;
        let error = Table::read(&mut Cursor::new(disk)).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    check(511, "the disk has no protective MBR");
    check(512, "the primary GPT is missing");
    check(600, "the primary GPT header is damaged");
    check(700, "the primary GPT has an unknown shape");
    check(1024, "the primary GPT entries are damaged");
    check(FROM_END + 512, "the backup GPT is missing");
    check(FROM_END + 33 * 512, "the backup GPT entries are damaged");
}

#[test]
fn copies_that_differ_are_refused() {
    let (mut one, other) = (disk(&sample()), disk(&table(vec![partition("esp", MIB, MIB)])));
    let back = one.len() - 33 * 512;
    one[back..].copy_from_slice(&other[back..]);
    assert!(matches!(Table::read(&mut Cursor::new(one)), Err(GptError::CopiesDiffer)));
}

/// The sample's two pieces, the entries changed and right checksums put on both copies.
fn resealed(change: impl Fn(&mut [u8])) -> [Vec<u8>; 2] {
    let [front, back] = sample().write().unwrap().map(|piece| piece.content);
    let mut copies = [front, back].map(|content| content.load(&NoContent).unwrap().to_vec());
    for (copy, (entries, header)) in copies.iter_mut().zip([(1024, 512), (0, TABLE_BYTES)]) {
        change(&mut copy[entries..entries + TABLE_BYTES]);
        let checksum = crc32fast::hash(&copy[entries..entries + TABLE_BYTES]);
        copy[header + 88..header + 92].copy_from_slice(&checksum.to_le_bytes());
        copy[header + 16..header + 20].fill(0);
        let checksum = crc32fast::hash(&copy[header..header + 92]);
        copy[header + 16..header + 20].copy_from_slice(&checksum.to_le_bytes());
    }
    copies
}

proptest! {
    #[test]
    fn any_table_is_read_back(
        places in proptest::collection::vec((1_u64..4, "[a-zä]{0,36}", any::<u64>()), 0..8),
        disk_guid in any::<u128>(),
    ) {
        let mut at = MIB;
        let mut partitions = Vec::new();
        for (len, name, attributes) in places {
            partitions.push(Partition { attributes, ..partition(&name, at, len * MIB - 512) });
            at += len * MIB;
        }
        let table = Table { disk_guid: Guid(disk_guid), disk_bytes: at + MIB, partitions };
        let [front, back] = table.write().unwrap();
        let bytes = |piece: &Piece| piece.content.load(&NoContent).unwrap();
        let read = Table::parse(&bytes(&front), &bytes(&back), table.disk_bytes).unwrap();
        prop_assert_eq!(read, table);
    }

    #[test]
    fn any_sealed_entries_are_a_table_or_an_error(
        changes in proptest::collection::vec((0_usize..512, any::<u8>()), 1..9)
    ) {
        let [front, back] =
            resealed(|entries| changes.iter().for_each(|(at, value)| entries[*at] = *value));
        if let Ok(table) = Table::parse(&front, &back, 8 * MIB) {
            table.write().ok();
        }
    }

    #[test]
    fn any_bytes_are_a_table_or_an_error(
        front in proptest::collection::vec(any::<u8>(), 0..2000),
        back in proptest::collection::vec(any::<u8>(), 0..2000),
        disk_bytes in any::<u64>(),
    ) {
        prop_assert!(Table::parse(&front, &back, disk_bytes).is_err());
    }
}
