#![expect(clippy::as_conversions, reason = "small numbers of small samples")]

use proptest::prelude::*;

use super::authenticode::digest;
use super::sbat::SbatError;
use super::uki::{Parts, UkiError, assemble, inspect};
use super::*;
use crate::layout::put;

const STUB_SBAT: &str = "sbat,1,SBAT Version,sbat,1,https://example.org\nstub,1,V,stub,1,u\n";
const OUR_SBAT: &str = "sbat,1,SBAT Version,sbat,1,https://example.org\nours,2,V,ours,1,u\n";

/// An image with these sections (name, content) and this much room for headers.
fn image(machine: u16, headers_bytes: u32, sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; headers_bytes as usize];
    let optional_at = 0x40 + 24;
    let mut field = |at: usize, value: &[u8]| put(&mut bytes, at, value).unwrap();
    field(0, b"MZ");
    field(0x3c, &0x40_u32.to_le_bytes());
    field(0x40, b"PE\0\0");
    field(0x44, &machine.to_le_bytes());
    field(0x46, &(sections.len() as u16).to_le_bytes());
    field(0x48, &0x6543_2100_u32.to_le_bytes());
    field(0x54, &240_u16.to_le_bytes());
    field(optional_at, &MAGIC_64.to_le_bytes());
    field(optional_at + optional::SECTION_ALIGNMENT, &4096_u32.to_le_bytes());
    field(optional_at + optional::FILE_ALIGNMENT, &512_u32.to_le_bytes());
    field(optional_at + optional::HEADERS_BYTES, &headers_bytes.to_le_bytes());
    field(optional_at + optional::DLL_FLAGS, &0x160_u16.to_le_bytes());
    field(optional_at + optional::DIRECTORIES, &16_u32.to_le_bytes());
    let mut address = headers_bytes.next_multiple_of(4096);
    for (index, (name, content)) in sections.iter().enumerate() {
        let mut section = Section {
            name: [0; 8],
            address,
            memory_bytes: content.len() as u32,
            offset_bytes: bytes.len() as u32,
            file_bytes: (content.len() as u32).next_multiple_of(512),
            flags: 0x40,
        };
        put(&mut section.name, 0, name.as_bytes()).unwrap();
        put(&mut bytes, optional_at + 240 + index * 40, &section.to_bytes()).unwrap();
        bytes.extend_from_slice(content);
        bytes.resize(section.file_end() as usize, 0);
        address = (section.memory_end() as u32).next_multiple_of(4096);
    }
    bytes
}

fn stub() -> Vec<u8> {
    let text = [0x90; 5000];
    let sections: [(&str, &[u8]); 3] =
        [(".text", &text), (".sbat", STUB_SBAT.as_bytes()), (".reloc", &[1; 12])];
    image(0x8664, 0x400, &sections)
}

fn kernel() -> Vec<u8> {
    image(0x8664, 0x400, &[(".text", &[0xcc; 3000])])
}

fn parts<'a>(stub: &'a [u8], linux: &'a [u8]) -> Parts<'a> {
    Parts {
        stub,
        linux,
        os_release: "ID=ashlar\nVERSION_ID=1\n",
        command_line: "console=ttyS0 quiet",
        initrd: &[7; 70_000],
        microcode: None,
        device_tree: None,
        kernel_release: "6.12.1",
        sbat: OUR_SBAT,
    }
}

fn names(image: &Image<'_>) -> Vec<String> {
    image.sections.iter().map(Section::name).collect()
}

#[test]
fn a_uki_holds_every_part_to_the_byte() {
    let (stub, kernel) = (stub(), kernel());
    let parts =
        Parts { microcode: Some(b"07"), device_tree: Some(b"\xd0"), ..parts(&stub, &kernel) };
    let bytes = assemble(&parts).unwrap();
    let uki = Image::parse(&bytes).unwrap();
    let expect = [
        ".text", ".sbat", ".reloc", ".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".dtb",
        ".uname",
    ];
    assert_eq!(names(&uki), expect);
    let content = |name: &str| uki.content(uki.section(name).unwrap());
    assert_eq!(content(".text"), [0x90; 5000]);
    assert_eq!(content(".linux"), kernel);
    assert_eq!(content(".osrel"), parts.os_release.as_bytes());
    assert_eq!(content(".cmdline"), parts.command_line.as_bytes());
    assert_eq!(content(".initrd"), parts.initrd);
    assert_eq!((content(".ucode"), content(".dtb")), (&b"07"[..], &b"\xd0"[..]));
    assert_eq!(content(".uname"), b"6.12.1");
    let sbat = format!("{STUB_SBAT}ours,2,V,ours,1,u\n");
    assert_eq!(str::from_utf8(content(".sbat")).unwrap(), sbat);
}

#[test]
fn a_uki_has_no_time_no_gap_and_no_overlap() {
    let (mut stub, kernel) = (stub(), kernel());
    stub.extend_from_slice(b"symbols of the stub");
    let bytes = assemble(&parts(&stub, &kernel)).unwrap();
    let uki = Image::parse(&bytes).unwrap();
    assert_eq!(uki.time_stamp, 0);
    let mut end = u64::from(uki.headers_bytes);
    for section in &uki.sections {
        assert_eq!(u64::from(section.offset_bytes), end, "{}", section.name());
        assert!(section.address.is_multiple_of(4096));
        end = section.file_end();
    }
    assert_eq!(end, bytes.len() as u64);
    let last = uki.sections.last().unwrap();
    assert_eq!(u64::from(uki.image_bytes), last.memory_end().next_multiple_of(4096));
    assert_eq!(uki.checksum, checksum(&bytes, uki.optional_at + optional::CHECKSUM));
    assert_eq!(bytes, assemble(&parts(&stub, &kernel)).unwrap());
}

#[test]
fn headers_grow_when_the_table_is_full() {
    let full = |room: u32, count: usize| {
        let names: Vec<String> = (0..count).map(|index| format!(".s{index}")).collect();
        let sections: Vec<(&str, &[u8])> =
            names.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
        image(0x8664, room, &sections)
    };
    let kernel = kernel();
    // The table starts at 0x148: 14 entries end at 0x378, six more at 0x468.
    let stub = full(0x400, 14);
    let uki = assemble(&parts(&stub, &kernel)).unwrap();
    let uki = Image::parse(&uki).unwrap();
    assert_eq!((uki.headers_bytes, uki.sections.len()), (0x600, 20));
    assert_eq!(uki.content(uki.section(".s13").unwrap()), b"x");
    let stub = full(0x1000, 91);
    let error = assemble(&parts(&stub, &kernel)).unwrap_err();
    assert_eq!(error, UkiError::NoHeaderRoom { needed_bytes: 0x1200, room_bytes: 0x1000 });
}

#[test]
fn a_large_sbat_moves_to_the_end() {
    let (stub, kernel) = (stub(), kernel());
    let line = format!("ours,2,V,{},1,u\n", "x".repeat(5000));
    let sbat = format!("sbat,1,SBAT Version,sbat,1,https://example.org\n{line}");
    let bytes = assemble(&Parts { sbat: &sbat, ..parts(&stub, &kernel) }).unwrap();
    let uki = Image::parse(&bytes).unwrap();
    assert_eq!(names(&uki)[..3], [".text", ".reloc", ".sbat"]);
    assert!(uki.content(uki.section(".sbat").unwrap()).ends_with(line.as_bytes()));
}

#[test]
fn the_no_execute_flag_stays_only_if_the_kernel_has_it() {
    let (stub, mut kernel) = (stub(), kernel());
    let flags =
        |kernel: &[u8]| Image::parse(&assemble(&parts(&stub, kernel)).unwrap()).unwrap().dll_flags;
    assert_eq!(flags(&kernel), 0x160);
    put(&mut kernel, 0x40 + 24 + optional::DLL_FLAGS, &[0, 0]).unwrap();
    assert_eq!(flags(&kernel), 0x60);
}

#[test]
fn parts_that_make_no_uki_are_refused() {
    let (stub, kernel) = (stub(), kernel());
    let good = parts(&stub, &kernel);
    let check = |parts: Parts<'_>, expect: UkiError| assert_eq!(assemble(&parts), Err(expect));
    check(Parts { stub: b"MZ", ..good }, UkiError::Stub(PeError::NotPe));
    check(Parts { linux: b"ELF", ..good }, UkiError::Kernel(PeError::NotPe));
    check(Parts { linux: b"\x1f\x8b\x08", ..good }, UkiError::CompressedKernel { with: "gzip" });
    let other = image(machine(Arch::Aarch64), 0x400, &[]);
    let machines = UkiError::Machine { stub: 0x8664, kernel: 0xaa64 };
    check(Parts { linux: &other, ..good }, machines);
    let uki = assemble(&good).unwrap();
    check(Parts { stub: &uki, ..good }, UkiError::SectionExists { name: ".linux".into() });
    check(Parts { command_line: "a\nb", ..good }, UkiError::Content { name: ".cmdline" });
    check(Parts { kernel_release: "", ..good }, UkiError::Content { name: ".uname" });
    check(Parts { os_release: "a\0", ..good }, UkiError::Content { name: ".osrel" });
    check(Parts { initrd: b"", ..good }, UkiError::Content { name: ".initrd" });
    check(Parts { sbat: "ours,1\n", ..good }, UkiError::Sbat(SbatError::NoHeader));
    let mut debug = stub.clone();
    put(&mut debug, 0x40 + 24 + DIRECTORIES_AT + DEBUG * 8, &[1; 8]).unwrap();
    assert!(assemble(&Parts { stub: &debug, ..good }).is_ok(), "nothing moves");
}

#[test]
fn images_whose_parts_lie_over_each_other_are_refused() {
    let table = 0x40 + 24 + 240;
    let check = |at: usize, value: u32, expect: SectionFault| {
        let mut bytes = stub();
        put(&mut bytes, table + 40 + at, &value.to_le_bytes()).unwrap();
        let fault = PeError::Section { name: ".sbat".into(), fault: expect };
        assert_eq!(Image::parse(&bytes).unwrap_err(), fault);
    };
    check(12, 0x2001, SectionFault::Unaligned);
    check(12, 0x1000, SectionFault::OverlapsInMemory);
    check(20, 0x200, SectionFault::OverlapsInFile);
    check(20, 0xffff_fe00, SectionFault::OutsideFile);
    let mut bytes = stub();
    put(&mut bytes, table + 40 + 8, &0x2000_u32.to_le_bytes()).unwrap();
    let fault = SectionFault::OverlapsInMemory;
    let error = Image::parse(&bytes).unwrap_err();
    assert_eq!(error, PeError::Section { name: ".reloc".into(), fault });
}

#[test]
fn the_digest_is_the_same_before_and_after_signing() {
    let (stub, kernel) = (stub(), kernel());
    let uki = assemble(&parts(&stub, &kernel)).unwrap();
    let unsigned = digest(&uki).unwrap();
    let mut signed = uki.clone();
    signed.extend_from_slice(&[0x55; 16]);
    let directory = 0x40 + 24 + DIRECTORIES_AT + CERTIFICATES * 8;
    put(&mut signed, directory, &(uki.len() as u32).to_le_bytes()).unwrap();
    put(&mut signed, directory + 4, &16_u32.to_le_bytes()).unwrap();
    put(&mut signed, 0x40 + 24 + optional::CHECKSUM, &[9; 4]).unwrap();
    assert_eq!(digest(&signed).unwrap(), unsigned);
    signed[0x600] ^= 1;
    assert_ne!(digest(&signed).unwrap(), unsigned);
    // A UKI made from a signed stub is the one made from the bare stub.
    let mut stub_signed = stub.clone();
    stub_signed.extend_from_slice(&[0x55; 8]);
    put(&mut stub_signed, directory, &(stub.len() as u32).to_le_bytes()).unwrap();
    put(&mut stub_signed, directory + 4, &8_u32.to_le_bytes()).unwrap();
    assert_eq!(assemble(&parts(&stub_signed, &kernel)).unwrap(), uki);
}

#[test]
fn sbat_tables_merge_in_order_and_refuse_conflicts() {
    let merge = |tables: &[&str]| {
        sbat::merge(&tables.iter().map(|table| table.as_bytes()).collect::<Vec<_>>())
    };
    let merged = merge(&[STUB_SBAT, OUR_SBAT, STUB_SBAT, "sbat,1,x,x,x,x\r\n\0\0"]).unwrap();
    assert_eq!(merged, format!("{STUB_SBAT}ours,2,V,ours,1,u\n"));
    let other = "sbat,1,x,x,x,x\nstub,2,V,stub,1,u\n";
    let conflict = SbatError::Conflict { component: "stub".into() };
    assert_eq!(merge(&[STUB_SBAT, other]), Err(conflict));
    for line in ["a,0,b,c,d,e", "a,-1,b,c,d,e", "a,1,b", ",1,b,c,d,e", "a,1,b,c,d,e,f"] {
        let error = SbatError::Line { line: line.into() };
        assert_eq!(merge(&[&format!("sbat,1,x,x,x,x\n{line}\n")]), Err(error));
    }
    assert_eq!(merge(&["sbat,1,\u{e9}"]), Err(SbatError::NotText));
    assert_eq!(merge(&["stub,1,a,b,c,d\n"]), Err(SbatError::NoHeader));
}

#[test]
fn a_checksum_adds_carries_back_and_leaves_its_own_field_out() {
    assert_eq!(checksum(&[0xff, 0xff, 2, 0], 100), 2 + 4);
    assert_eq!(checksum(&[1, 0, 0xff, 0xff, 0xff, 0xff, 5], 2), 1 + 5 + 7);
}

#[test]
fn a_listing_says_where_everything_is() {
    let (stub, kernel) = (stub(), kernel());
    let bytes = assemble(&parts(&stub, &kernel)).unwrap();
    for entry in inspect(&bytes).unwrap() {
        let start = entry.offset_bytes as usize;
        let content = &bytes[start..start + entry.len_bytes as usize];
        assert_eq!(contract::digest::Digest::of(content), entry.digest, "{}", entry.name);
    }
}

proptest! {
    #[test]
    fn a_changed_image_is_an_image_or_an_error(
        changes in proptest::collection::vec((0_usize..0x300, any::<u8>()), 1..8)
    ) {
        let (mut changed, kernel) = (stub(), kernel());
        for (at, value) in changes {
            changed[at] = value;
        }
        if let Ok(image) = Image::parse(&changed) {
            image.sections.iter().for_each(|section| drop(image.content(section).to_vec()));
        }
        digest(&changed).ok();
        if let Ok(uki) = assemble(&parts(&changed, &kernel)) {
            prop_assert!(Image::parse(&uki).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_an_image_or_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 2..600)) {
        bytes[..2].copy_from_slice(b"MZ");
        Image::parse(&bytes).ok();
        digest(&bytes).ok();
        sbat::merge(&[&bytes]).ok();
    }
}
