//! Reference tools find our partition tables whole and read from them what we put in.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "what fails here is to fail loudly"
)]

mod reference;

use std::fs::File;

use contract::arch::Arch;
use contract::partition::{Guid, Role};
use formats::gpt::{Partition, Table};
use formats::sparse::Sparse;
use formats::tree::NoContent;
use reference::{folder, run};

const MIB: u64 = 1 << 20;

fn table() -> Table {
    let mut at = MIB;
    let mut partition = |number: u128, role: Role, name: &str, len_bytes: u64| {
        let offset_bytes = at;
        at += len_bytes.next_multiple_of(MIB);
        Partition {
            type_guid: role.type_guid(),
            guid: Guid(0xaaaaaaaa_bbbb_4ccc_8ddd_000000000000 | number),
            name: name.into(),
            offset_bytes,
            len_bytes,
            attributes: if number == 2 { 1 << 60 } else { 0 },
        }
    };
    let partitions = vec![
        partition(1, Role::Esp, "esp", 64 * MIB),
        partition(2, Role::Root(Arch::X86_64), "root-a", 100 * MIB + 4096),
        partition(3, Role::RootVerity(Arch::X86_64), "root-a-verity", MIB),
        partition(4, Role::State, "state", 10_000 * MIB),
    ];
    Table {
        disk_guid: Guid(0x01234567_89ab_4def_8123_456789abcdef),
        disk_bytes: 10_200 * MIB,
        partitions,
    }
}

#[test]
fn sgdisk_and_fdisk_read_what_we_write() {
    let folder = folder();
    let table = table();
    let mut disk = File::create(folder.path().join("disk")).unwrap();
    let sparse = Sparse::new(table.disk_bytes, table.write().unwrap().to_vec()).unwrap();
    sparse.write_to(&NoContent, &mut disk).unwrap();

    let verified = run(folder.path(), "sgdisk", &["--verify", "disk"]);
    assert!(verified.contains("No problems found."), "{verified}");
    assert!(!verified.contains("aligned"), "{verified}");
    let mut number = 0;
    for partition in &table.partitions {
        number += 1;
        let info = run(folder.path(), "sgdisk", &["--info", &number.to_string(), "disk"]);
        let upper = |guid: Guid| guid.to_string().to_uppercase();
        let expect = [
            format!("Partition GUID code: {}", upper(partition.type_guid)),
            format!("Partition unique GUID: {}", upper(partition.guid)),
            format!("First sector: {} ", partition.offset_bytes / 512),
            format!("Partition size: {} sectors", partition.len_bytes / 512),
            format!("Attribute flags: {:016X}", partition.attributes),
            format!("Partition name: '{}'", partition.name),
        ];
        for line in expect {
            assert!(info.contains(&line), "{line}\n{info}");
        }
    }
    let listed = run(folder.path(), "fdisk", &["--list", "disk"]);
    assert!(listed.contains("Disk identifier: 01234567-89AB-4DEF-8123-456789ABCDEF"), "{listed}");
    assert!(!listed.to_lowercase().contains("corrupt"), "{listed}");
}

#[test]
fn we_read_what_sgdisk_writes() {
    let folder = folder();
    File::create(folder.path().join("disk")).unwrap().set_len(64 * MIB).unwrap();
    let arguments = [
        "--clear",
        "--new=1:2048:+4M",
        "--typecode=1:EF00",
        "--change-name=1:esp",
        "--new=2:0:0",
        "--attributes=2:set:60",
        "disk",
    ];
    run(folder.path(), "sgdisk", &arguments);
    let table = Table::read(&mut File::open(folder.path().join("disk")).unwrap()).unwrap();
    let [esp, rest] = table.partitions.as_slice() else { panic!("{table:?}") };
    assert_eq!((esp.name.as_str(), esp.type_guid), ("esp", Role::Esp.type_guid()));
    assert_eq!((esp.offset_bytes, esp.len_bytes), (MIB, 4 * MIB));
    assert_eq!((rest.offset_bytes, rest.attributes), (5 * MIB, 1 << 60));
}
