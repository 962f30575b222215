//! What a node does, from power on to power off, on a real kernel.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and this one tells how long a boot took"
)]

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use contract::arch::Arch;
use exec::qemu::Bus;
use qemu_tests::{Bench, Image};

fn bench() -> &'static Bench {
    Bench::get().unwrap_or_else(|failure| panic!("{failure:?}"))
}

fn image(name: &str, arch: Arch) -> Image {
    bench().image(name, arch).unwrap_or_else(|failure| panic!("{failure:?}"))
}

/// Boots an image, waits until it is ready, presses the power button and waits until it is off.
fn boots_and_stops(name: &str, arch: Arch, bus: Bus) {
    let image = image(name, arch);
    let machine = bench().boot_with(arch, &image.disk(), bus, |_| {}).unwrap();
    let ready = machine.says("ashlar: ready in").unwrap();
    for phase in ["firmware", "kernel", "initrd", "root", "services"] {
        assert!(ready.contains(phase), "{ready} does not time {phase}");
    }
    println!("{name} for {arch}: {ready}");
    machine.monitor().unwrap().press_power_button().unwrap();
    let console = machine.ended().unwrap();
    assert!(!console.contains("HALT"), "{console}");
}

#[test]
fn minimal_for_x86_64_boots_to_ready_and_stops_at_the_power_button() {
    boots_and_stops("minimal", Arch::X86_64, Bus::Virtio);
}

#[test]
fn minimal_for_aarch64_boots_to_ready_and_stops_at_the_power_button() {
    boots_and_stops("minimal", Arch::Aarch64, Bus::Virtio);
}

#[test]
fn hypervisor_for_x86_64_boots_to_ready_and_stops_at_the_power_button() {
    boots_and_stops("hypervisor", Arch::X86_64, Bus::Virtio);
}

#[test]
fn hypervisor_for_aarch64_boots_to_ready_and_stops_at_the_power_button() {
    boots_and_stops("hypervisor", Arch::Aarch64, Bus::Virtio);
}

#[test]
fn a_root_on_nvme_is_found() {
    boots_and_stops("minimal", Arch::X86_64, Bus::Nvme);
}

#[test]
fn a_root_on_sata_is_found() {
    boots_and_stops("minimal", Arch::X86_64, Bus::Ahci);
}

/// Boots a disk that must not come up, and answers what the console said until it gave up.
fn refuses(arch: Arch, disk: &Path, reason: &str) {
    // It would restart for ever; QEMU ends at the first restart instead.
    let machine = bench()
        .boot_with(arch, disk, Bus::Virtio, |machine| machine.further.push("-no-reboot".into()))
        .unwrap();
    machine.says("HALT in phase").unwrap();
    let console = machine.ended().unwrap();
    assert!(console.contains(reason), "the reason should be {reason}:\n{console}");
    assert!(!console.contains("ashlar: ready in"), "{console}");
}

/// Where a piece of the disk is, by the build's own report.
fn piece(image: &Image, name: &str) -> (u64, u64) {
    let (_, report) = exec::build::explain::records(&image.folder).unwrap();
    let piece = report.disk_layout.iter().find(|piece| piece.what == name);
    let piece = piece.unwrap_or_else(|| panic!("no {name} in {:?}", report.disk_layout));
    (piece.offset_bytes, piece.len_bytes)
}

fn flip(disk: &Path, offset: u64) {
    let file = File::options().read(true).write(true).open(disk).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

#[test]
fn a_flipped_bit_anywhere_in_the_root_is_refused() {
    let image = image("minimal", Arch::X86_64);
    let (offset, len) = piece(&image, "root-a");
    for into in [1024, len / 2, len - 1] {
        let folder = tempfile::tempdir().unwrap();
        let disk = image.copy(folder.path()).unwrap();
        flip(&disk, offset + into);
        refuses(Arch::X86_64, &disk, "root-");
    }
}

#[test]
fn a_flipped_bit_in_the_root_of_an_arm_node_is_refused() {
    let image = image("minimal", Arch::Aarch64);
    let (offset, len) = piece(&image, "root-a");
    let folder = tempfile::tempdir().unwrap();
    let disk = image.copy(folder.path()).unwrap();
    flip(&disk, offset + len / 3);
    refuses(Arch::Aarch64, &disk, "root-");
}

#[test]
fn a_wrong_root_hash_is_refused() {
    let image = image("minimal", Arch::X86_64);
    let folder = tempfile::tempdir().unwrap();
    let disk = image.copy(folder.path()).unwrap();
    let word = format!("roothash={}", image.manifest.root_hash);
    let at = find(&disk, word.as_bytes());
    flip(&disk, at + u64::try_from(word.len()).unwrap() - 1);
    refuses(Arch::X86_64, &disk, "root-not-found");
}

/// Where these bytes are on the disk; they must be there once.
fn find(disk: &Path, bytes: &[u8]) -> u64 {
    let mut file = File::open(disk).unwrap();
    let len = fs::metadata(disk).unwrap().len();
    let mut found = Vec::new();
    let step = 16 << 20;
    let mut piece = vec![0; step + bytes.len()];
    for start in (0..len).step_by(step) {
        file.seek(SeekFrom::Start(start)).unwrap();
        let mut filled = 0;
        while filled < piece.len() {
            match file.read(&mut piece[filled..]).unwrap() {
                0 => break,
                read => filled += read,
            }
        }
        let hits = piece[..filled].windows(bytes.len()).enumerate();
        let hits = hits.filter(|(at, window)| *at < step && *window == bytes);
        found.extend(hits.map(|(at, _)| start + u64::try_from(at).unwrap()));
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

#[test]
fn a_missing_serial_port_and_network_card_do_not_stop_the_boot() {
    let image = image("minimal", Arch::X86_64);
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("debug");
    // Without a serial port the story is told by the power button: only a node that runs stops.
    let machine = bench()
        .boot_with(Arch::X86_64, &image.disk(), Bus::Virtio, |machine| {
            machine.network = exec::qemu::Network::None;
            machine.serial = exec::qemu::Serial::None;
            let device = format!("file:{}", log.display());
            machine.further.extend(["-debugcon".to_owned(), device]);
        })
        .unwrap();
    let mut monitor = machine.monitor().unwrap();
    let press = std::thread::spawn(move || {
        // Pressed before anybody listens it is lost, so it is pressed until the machine is off.
        while monitor.press_power_button().is_ok() {
            std::thread::sleep(std::time::Duration::from_secs(2));
        }
    });
    machine.ended().unwrap();
    press.join().unwrap();
}
