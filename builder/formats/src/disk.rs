//! The disk image: everything a machine boots from, in one file that is mostly holes.
//!
//! | partition | label | what | identifier |
//! |---|---|---|---|
//! | 1 | `esp` | FAT32: systemd-boot, its settings, the UKI | from the seed |
//! | 2 | `root-a` | the root, EROFS | first half of the root hash |
//! | 3 | `root-a-verity` | its hash tree | second half of the root hash |
//! | 4, 5 | `root-b`, `root-b-verity` | room for the next version | from the seed |
//! | 6 | `state` | room for the node's state, where it is asked for | from the seed |
//!
//! The slots are twins, so that any version fits either: their size is that of the declaration,
//! not of today's root, and the slot of a hash tree is what a root that fills its slot needs.
//! Types and the identifiers of a filled slot are those of [`contract::partition`]; all others
//! follow from a seed digest, so two disks of one build have the same: a node that must differ
//! from its neighbour makes its own at first boot. Filled slots are marked read-only, as the
//! Discoverable Partitions Specification (UAPI.2) has it in its attribute bit 60.
//!
//! Nothing here looks into a root or a tree: that they belong to the root hash is for whoever
//! made them to know.

use std::fmt;

use contract::arch::Arch;
use contract::digest::{Digest, Digester};
use contract::partition::{Guid, Role, root_guid, verity_guid};
use contract::verity::{BLOCK_BYTES, Superblock};

use crate::fat::{self, FatError, Volume};
use crate::gpt::{ALIGNMENT_BYTES, GptError, Partition, Table};
use crate::sparse::{Piece, Sparse};
use crate::tree::{Content, Kind, Node, Tree};

/// The partition is not to be written to (UAPI.2, "Partition Flags").
const READ_ONLY: u64 = 1 << 60;
/// Label of the FAT volume.
const ESP_LABEL: &str = "ESP";

/// How large the parts of a disk are. All sizes are rounded up to whole MiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What the roots are for.
    pub arch: Arch,
    /// The EFI system partition; at least 34 MiB, better 260 and more (clusters of 4096 bytes).
    pub esp_bytes: u64,
    /// Each of the two roots.
    pub root_slot_bytes: u64,
    /// Room for state, where there is to be some.
    pub state_bytes: Option<u64>,
    /// What all identifiers but those of a filled slot follow from.
    pub seed: Digest,
}

/// What fills the first slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The file system.
    pub image: Content,
    /// Its hash tree, superblock first.
    pub verity: Content,
    /// The root hash of that tree.
    pub root_hash: Digest,
}

/// Parts that make no disk.
#[derive(Debug)]
pub enum DiskError {
    /// The root or its hash tree is larger than its slot.
    Slot {
        /// The label of the slot.
        name: String,
        /// How large the content is.
        content_bytes: u64,
        /// How large the slot is.
        slot_bytes: u64,
    },
    /// The EFI system partition cannot be written.
    Esp(FatError),
    /// The partition table cannot be written.
    Table(GptError),
    /// The sizes add up to more than a disk can have.
    Size,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot { name, content_bytes, slot_bytes } => write!(
                f,
                "`{name}` has room for {slot_bytes} bytes, its content has {content_bytes}"
            ),
            Self::Esp(_) => f.write_str("the EFI system partition cannot be written"),
            Self::Table(_) => f.write_str("the partition table cannot be written"),
            Self::Size => f.write_str("no disk is as large as the sizes add up to"),
        }
    }
}

impl std::error::Error for DiskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Esp(error) => Some(error),
            Self::Table(error) => Some(error),
            _ => None,
        }
    }
}

/// A disk image, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its partitions.
    pub table: Table,
    /// Its bytes.
    pub sparse: Sparse,
}

/// What a byte of a disk belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The partition, and how far into it; `None` before, between and after partitions.
    pub partition: Option<(&'a Partition, u64)>,
    /// What lies there (`root-a`, `esp: EFI/Linux/…`), and how far into it; `None` in a hole.
    pub content: Option<(&'a Piece, u64)>,
}

impl Disk {
    /// What the byte at this offset belongs to; `None` behind the end.
    #[must_use]
    pub fn describe(&self, offset_bytes: u64) -> Option<Place<'_>> {
        let into = |start: u64, len: u64| offset_bytes.checked_sub(start).filter(|at| *at < len);
        let partition = self.table.partitions.iter().find_map(|partition| {
            Some((partition, into(partition.offset_bytes, partition.len_bytes)?))
        });
        let content = self
            .sparse
            .piece_at(offset_bytes)
            .and_then(|piece| Some((piece, into(piece.offset_bytes, piece.content.len_bytes())?)));
        (offset_bytes < self.sparse.len_bytes()).then_some(Place { partition, content })
    }
}

/// Puts a disk together: `esp` is the content of the EFI system partition (see [`esp`]).
///
/// # Errors
/// A part does not fit its place.
pub fn assemble(layout: &Layout, esp: &Tree, root: &Root) -> Result<Disk, DiskError> {
    let table = partitions(layout, &root.root_hash)?;
    let mut pieces = table.write().map_err(DiskError::Table)?.to_vec();
    for partition in &table.partitions {
        let at = partition.offset_bytes;
        match partition.name.as_str() {
            "esp" => pieces.extend(esp_pieces(layout, esp, partition)?),
            "root-a" => pieces.push(filled(partition, &root.image, at)?),
            "root-a-verity" => pieces.push(filled(partition, &root.verity, at)?),
            _ => {}
        }
    }
    let sparse = Sparse::new(table.disk_bytes, pieces).ok_or(DiskError::Size)?;
    Ok(Disk { table, sparse })
}

fn filled(partition: &Partition, content: &Content, at: u64) -> Result<Piece, DiskError> {
    if content.len_bytes() > partition.len_bytes {
        return Err(DiskError::Slot {
            name: partition.name.clone(),
            content_bytes: content.len_bytes(),
            slot_bytes: partition.len_bytes,
        });
    }
    let name = partition.name.clone();
    Ok(Piece { offset_bytes: at, content: content.clone(), name })
}

fn esp_pieces(
    layout: &Layout,
    tree: &Tree,
    partition: &Partition,
) -> Result<Vec<Piece>, DiskError> {
    let seed = derived(&layout.seed, "esp volume");
    let volume = Volume::from_seed(partition.len_bytes, &seed, ESP_LABEL);
    let sparse = fat::write(tree, &volume).map_err(DiskError::Esp)?;
    let placed = |piece: &Piece| Piece {
        offset_bytes: piece.offset_bytes.saturating_add(partition.offset_bytes),
        content: piece.content.clone(),
        name: format!("{}: {}", partition.name, piece.name),
    };
    Ok(sparse.pieces().iter().map(placed).collect())
}

fn partitions(layout: &Layout, root_hash: &Digest) -> Result<Table, DiskError> {
    let verity_bytes = verity_slot_bytes(layout.root_slot_bytes).ok_or(DiskError::Size)?;
    let root = Role::Root(layout.arch);
    let verity = Role::RootVerity(layout.arch);
    let (root_bytes, seed) = (layout.root_slot_bytes, &layout.seed);
    let own = |name| derived_guid(seed, name);
    let rows = [
        ("esp", Role::Esp, own("esp"), Some(layout.esp_bytes), 0),
        ("root-a", root, root_guid(root_hash), Some(root_bytes), READ_ONLY),
        ("root-a-verity", verity, verity_guid(root_hash), Some(verity_bytes), READ_ONLY),
        ("root-b", root, own("root-b"), Some(root_bytes), 0),
        ("root-b-verity", verity, own("root-b-verity"), Some(verity_bytes), 0),
        ("state", Role::State, own("state"), layout.state_bytes, 0),
    ];
    let mut at = ALIGNMENT_BYTES;
    let mut partitions = Vec::new();
    for (name, role, guid, len_bytes, attributes) in rows {
        let Some(len_bytes) = len_bytes else { continue };
        let len_bytes = len_bytes.checked_next_multiple_of(ALIGNMENT_BYTES);
        let len_bytes = len_bytes.ok_or(DiskError::Size)?;
        let (name, type_guid, offset_bytes) = (name.to_owned(), role.type_guid(), at);
        partitions.push(Partition { type_guid, guid, name, offset_bytes, len_bytes, attributes });
        at = at.checked_add(len_bytes).ok_or(DiskError::Size)?;
    }
    // The second copy of the table takes a MiB for itself, so that the disk is whole MiB long.
    let disk_bytes = at.checked_add(ALIGNMENT_BYTES).ok_or(DiskError::Size)?;
    Ok(Table { disk_guid: own("disk"), disk_bytes, partitions })
}

/// How large the hash tree of a root that fills such a slot is; `None` for a slot no disk has.
#[must_use]
pub fn verity_slot_bytes(root_slot_bytes: u64) -> Option<u64> {
    let rounded = root_slot_bytes.checked_next_multiple_of(ALIGNMENT_BYTES)?;
    let blocks = rounded / u64::from(BLOCK_BYTES);
    let superblock = Superblock::new(Guid(0), blocks, &[]).ok()?;
    superblock.hash_device_bytes().checked_next_multiple_of(ALIGNMENT_BYTES)
}

fn derived(seed: &Digest, name: &str) -> Digest {
    let mut digester = Digester::new();
    digester.update(seed.as_bytes());
    digester.update(name.as_bytes());
    digester.finish()
}

/// An identifier that follows from a seed and a name: a GUID of version 8 (RFC 9562, 5.8).
#[must_use]
pub fn derived_guid(seed: &Digest, name: &str) -> Guid {
    let digest = derived(seed, name);
    let bytes = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    let version = 0xf << 76;
    let variant = 0x3 << 62;
    Guid(u128::from_be_bytes(bytes) & !version & !variant | 0x8 << 76 | 0x2 << 62)
}

/// The content of an EFI system partition: systemd-boot where firmware looks on a disk it knows
/// nothing about (UEFI 2.10, 3.5.1.1), its settings, and UKIs by file name (Boot Loader
/// Specification, UAPI.1, "Type #2"; a name may end in a count of tries, `+3`, before `.efi`).
///
/// # Errors
/// A UKI's name is no file name.
pub fn esp(
    arch: Arch,
    systemd_boot: Content,
    settings: &str,
    ukis: Vec<(String, Content)>,
) -> Result<Tree, crate::tree::TreeError> {
    let suffix = arch.efi_suffix().to_uppercase();
    let mut files = vec![
        (format!("EFI/BOOT/BOOT{suffix}.EFI"), systemd_boot),
        ("loader/loader.conf".to_owned(), Content::inline(settings.as_bytes())),
    ];
    files.extend(ukis.into_iter().map(|(name, uki)| (format!("EFI/Linux/{name}"), uki)));
    let mut tree = Tree::new();
    for (path, content) in files {
        tree.make_parents(&path, "ashlar")?;
        tree.insert(&path, Node::new(Kind::File(content), 0o644, "ashlar"))?;
    }
    Ok(tree)
}

#[cfg(test)]
mod tests;
