//! `Rooted`: the verified root is the root.
//!
//! dm-verity checks each block when it is read, against a tree whose top is the root hash of the
//! command line. A block that does not fit is never given to anyone: the read fails with `EIO`.
//! `restart_on_corruption` and `panic_on_corruption` would give up every guest of a running node
//! for one bad sector, say nothing (the first) or only to pstore (the second), and leave PID 1 no
//! way to write down which block it was. While the node boots a failed read is the end of the
//! boot: here, when the root is mounted, and in the service `root-check`, which reads all of it
//! before the boot counts as good.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use contract::boot::PhaseName;
use contract::verity::{Check, OnCorruption, Options, SUPERBLOCK_BYTES, Superblock};
use sys::dm::{Control, Device, Target};
use sys::mount::{Flags, mount};

use super::{Ended, Grounded, Node, switch};
use crate::devices::Partition;
use crate::guard::Guard;
use crate::halt::{Halt, OrHalt, Reason};
use crate::record::read_os_release;

/// The verified device's name among mapped devices.
pub const ROOT_DEVICE: &str = "root";

/// Where the root is mounted before it is one.
const NEW_ROOT: &str = "/sysroot";

/// Holding one proves: `/` is a read-only file system of which every block is checked against the
/// root hash when it is read. Not that every block was read.
#[derive(Debug)]
pub struct Rooted {
    /// The node.
    pub node: Node,
    /// The verified device.
    pub device: Device,
}

impl Grounded {
    /// Sets up verification, mounts the root, makes it the root and empties the initramfs.
    ///
    /// # Errors
    ///
    /// What ended the boot.
    pub fn become_root(self, guard: &Guard) -> Result<Rooted, Box<Ended>> {
        let Self { mut node, root_hash, data, tree } = self;
        guard.enter(PhaseName::Rooted);
        node.record.enter(PhaseName::Rooted, sys::clock::boot_us());
        let (node, device) = super::step(node, |node| {
            let superblock = read_superblock(&tree, &data)?;
            let options =
                Options { on_corruption: OnCorruption::FailRead, check: Check::EveryRead };
            let names = (data.node().display().to_string(), tree.node().display().to_string());
            let table = superblock.table(&names.0, &names.1, &root_hash, options);
            let device = verify(&superblock, &table)?;
            mount_root(&device)?;
            node.feed();
            switch::to(Path::new(NEW_ROOT), node)?;
            let release = fs::read_to_string("/usr/lib/os-release").unwrap_or_default();
            read_os_release(node.record.boot_mut(), &release);
            Ok(device)
        })?;
        Ok(Rooted { node, device })
    }
}

/// Reads the shape of the hash tree and checks that both partitions have room for it.
fn read_superblock(tree: &Partition, data: &Partition) -> Result<Superblock, Halt> {
    let mut bytes = [0; SUPERBLOCK_BYTES];
    let doing = || format!("read the verity superblock of {}", tree.name);
    let mut file = File::open(tree.node()).or_halt(Reason::VeritySuperblock, doing)?;
    file.read_exact(&mut bytes).or_halt(Reason::VeritySuperblock, doing)?;
    let superblock = Superblock::parse(&bytes).or_halt(Reason::VeritySuperblock, doing)?;
    for (partition, needed_bytes) in
        [(data, superblock.data_bytes()), (tree, superblock.hash_device_bytes())]
    {
        let sizes = fs::read_to_string(format!("/sys/class/block/{}/size", partition.name));
        let has_bytes = sizes.ok().and_then(|text| bytes_of_sectors(&text)).unwrap_or_default();
        if has_bytes < needed_bytes {
            let name = &partition.name;
            let what =
                format!("{name} has {has_bytes} bytes and the superblock asks for {needed_bytes}");
            return Err(Halt::new(Reason::VeritySuperblock, what));
        }
    }
    Ok(superblock)
}

fn bytes_of_sectors(text: &str) -> Option<u64> {
    text.trim().parse::<u64>().ok()?.checked_mul(512)
}

fn verify(superblock: &Superblock, table: &str) -> Result<Device, Halt> {
    let doing = || format!("set up verification with `verity {table}`");
    let control =
        Control::open().or_halt(Reason::VerityDevice, || "open /dev/mapper/control".to_owned())?;
    let sectors = superblock.data_bytes() / 512;
    let target = Target { kind: "verity", sectors, parameters: table };
    let uuid = format!("CRYPT-VERITY-{:032x}-{ROOT_DEVICE}", superblock.uuid.0);
    control.create(ROOT_DEVICE, &uuid, target).or_halt(Reason::VerityDevice, doing)
}

/// Mounts the root; a failed read of its first blocks shows here.
fn mount_root(device: &Device) -> Result<(), Halt> {
    let flags = Flags { read_only: true, no_dev: true, ..Flags::default() };
    let node = device.node.display().to_string();
    let mounted = fs::create_dir_all(NEW_ROOT)
        .and_then(|()| mount(&node, Path::new(NEW_ROOT), "erofs", flags, ""));
    let reason = if is_corrupt() { Reason::RootCorrupt } else { Reason::RootMount };
    mounted.or_halt(reason, || format!("mount {node} as EROFS ({})", verdict()))
}

/// Whether dm-verity has seen a block that did not fit.
#[must_use]
pub fn is_corrupt() -> bool {
    let status = Control::open().and_then(|control| control.status(ROOT_DEVICE));
    status.is_ok_and(|status| status.trim() == "C")
}

fn verdict() -> &'static str {
    if is_corrupt() {
        "dm-verity found a block that does not fit the root hash"
    } else {
        "no block was found damaged"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_as_long_as_its_sectors() {
        assert_eq!(bytes_of_sectors("16\n"), Some(8192));
        assert_eq!(bytes_of_sectors(""), None);
        assert_eq!(bytes_of_sectors(&u64::MAX.to_string()), None);
    }
}
