//! Reference tools see in our UKIs what we put in, and find nothing to warn of.
//!
//! systemd-boot stands in for the kernel: it is a PE image for the same machine.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "what fails here is to fail loudly"
)]

mod reference;

use std::fs;
use std::path::Path;

use contract::arch::Arch;
use formats::pe::Image;
use formats::pe::uki::{Parts, assemble, inspect};
use reference::{folder, run, tool};

const PACKAGE: &str = "systemd-boot-efi";
const STUB: &str = "usr/lib/systemd/boot/efi/linuxx64.efi.stub";
const KERNEL: &str = "usr/lib/systemd/boot/efi/systemd-bootx64.efi";
const OS_RELEASE: &str = "ID=ashlar\nPRETTY_NAME=\"Ashlar\"\nVERSION_ID=1\n";
const COMMAND_LINE: &str = "console=ttyS0 roothash=00";
const RELEASE: &str = "6.12.0-test";
const SBAT: &str = "sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n\
                    ashlar,1,Ashlar,ashlar,1,https://example.org\n";

fn uki(folder: &Path) -> Vec<u8> {
    let stub = reference::file(Arch::X86_64, PACKAGE, STUB);
    let linux = reference::file(Arch::X86_64, PACKAGE, KERNEL);
    fs::write(folder.join("stub"), &stub).unwrap();
    let initrd = vec![0x42; 1_000_001];
    let parts = Parts {
        stub: &stub,
        linux: &linux,
        os_release: OS_RELEASE,
        command_line: COMMAND_LINE,
        initrd: &initrd,
        microcode: Some(b"0707"),
        device_tree: None,
        kernel_release: RELEASE,
        sbat: SBAT,
    };
    fs::write(folder.join("linux"), &linux).unwrap();
    fs::write(folder.join("initrd"), &initrd).unwrap();
    fs::write(folder.join("sbat"), SBAT).unwrap();
    let uki = assemble(&parts).unwrap();
    fs::write(folder.join("uki.efi"), &uki).unwrap();
    uki
}

#[test]
fn ukify_sees_what_we_put_in() {
    let folder = folder();
    let bytes = uki(folder.path());
    let json = run(folder.path(), "ukify", &["--json=short", "--all", "inspect", "uki.efi"]);
    for entry in inspect(&bytes).unwrap() {
        let digest = format!("\"sha256\": \"{}\"", entry.digest);
        assert!(json.contains(&digest), "{} {digest}\n{json}", entry.name);
        assert!(json.contains(&format!("\"size\": {}", entry.len_bytes)), "{}", entry.name);
    }
}

#[test]
fn ukify_builds_the_same_sections() {
    let folder = folder();
    let ours = uki(folder.path());
    let arguments = [
        "build",
        "--linux=linux",
        "--initrd=initrd",
        "--cmdline",
        COMMAND_LINE,
        "--uname",
        RELEASE,
        "--os-release",
        OS_RELEASE,
        "--sbat=@sbat",
        "--stub=stub",
        "--output=theirs.efi",
    ];
    run(folder.path(), "ukify", &arguments);
    let theirs = fs::read(folder.path().join("theirs.efi")).unwrap();
    let (ours, theirs) = (Image::parse(&ours).unwrap(), Image::parse(&theirs).unwrap());
    for section in &theirs.sections {
        let name = section.name();
        let mine = ours.section(&name).unwrap();
        // ukify ends its SBAT table with a zero byte, and marks the kernel as code.
        let content = theirs.content(section);
        let content = if name == ".sbat" { content.strip_suffix(b"\0").unwrap() } else { content };
        assert!(ours.content(mine) == content, "{name}");
        if name != ".linux" {
            assert_eq!(mine.flags, section.flags, "{name}");
        }
    }
}

#[test]
fn objdump_sees_sections_beside_each_other() {
    let folder = folder();
    let bytes = uki(folder.path());
    let listed = run(folder.path(), "objdump", &["-h", "-w", "uki.efi"]);
    for section in Image::parse(&bytes).unwrap().sections {
        let expect = format!(" {:08x} ", section.offset_bytes);
        let line = listed.lines().find(|line| line.contains(&format!(" {} ", section.name())));
        assert!(line.unwrap().contains(&expect), "{line:?} {expect}");
    }
}

#[test]
fn sbverify_finds_no_signature_and_no_gap() {
    let folder = folder();
    uki(folder.path());
    let listed = tool(folder.path(), "sbverify").args(["--list", "uki.efi"]).finish().unwrap();
    let printed = [listed.stdout, listed.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&printed), "No signature table present\n");
}
