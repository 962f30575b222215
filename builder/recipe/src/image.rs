//! What an image's declaration says, as plain values: `images/NAME/image.toml`.

use contract::arch::Arch;

use crate::place::Place;

/// An image: which recipes, for which architectures, and how large it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The directory it is in.
    pub name: String,
    /// One line on what it is.
    pub summary: String,
    /// What comes out.
    pub kind: Kind,
    /// The recipes it is made of; what they need comes too.
    pub recipes: Vec<Named>,
    /// Firmware packs: `NAME` is the recipe `firmware-NAME`.
    pub firmware: Vec<Named>,
    /// The architectures it is built for.
    pub architectures: Vec<Arch>,
    /// Where packages come from, in the order of preference when versions are equal.
    pub suites: Vec<Suite>,
    /// The start of the file.
    pub place: Place,
}

/// A recipe that an image names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name of the recipe, or of the pack.
    pub name: String,
    /// Where it is written.
    pub place: Place,
}

/// What an image is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A machine boots it.
    Bootable(Bootable),
    /// A tree of programs for the operator's side. Nothing is pruned.
    Tools(Tools),
}

/// What only a bootable image has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootable {
    /// What is written.
    pub outputs: Vec<Output>,
    /// Sizes of the partitions.
    pub slots: Slots,
    /// Sizes that are errors when passed.
    pub budgets: Budgets,
    /// How the root is compressed.
    pub compression: Compression,
}

/// What only a tools image has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// Architectures that the tools work for: each gets a tree of the packages of
    /// [`crate::declared::Purpose::Target`].
    pub targets: Vec<Arch>,
}

/// An artefact that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// The whole disk.
    Disk,
    /// The unified kernel image.
    Uki,
    /// The root file system with its hash tree.
    Root,
}

impl Output {
    /// All outputs with their words in declarations.
    pub const ALL: [(&'static str, Self); 3] =
        [("disk", Self::Disk), ("uki", Self::Uki), ("root", Self::Root)];
}

/// Sizes of partitions, in whole MiB. Two roots and two hash trees are made, so that an update has
/// a place beside what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// One root.
    pub root_bytes: u64,
    /// One hash tree.
    pub verity_bytes: u64,
    /// The EFI system partition.
    pub esp_bytes: u64,
    /// The node's state, as the disk image has it; it may be grown on the machine.
    pub state_bytes: u64,
}

/// Sizes that make the build fail when passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// The compressed root.
    pub root_bytes: u64,
    /// The unified kernel image.
    pub uki_bytes: u64,
    /// The same for ARM64, where it differs: the stub starts only uncompressed kernels there.
    pub uki_aarch64_bytes: Option<u64>,
    /// The program that runs as the first process.
    pub init_bytes: u64,
}

impl Budgets {
    /// What a unified kernel image for this architecture may be.
    #[must_use]
    pub fn uki_bytes(&self, arch: Arch) -> u64 {
        match arch {
            Arch::X86_64 => self.uki_bytes,
            Arch::Aarch64 => self.uki_aarch64_bytes.unwrap_or(self.uki_bytes),
        }
    }
}

/// How the root is compressed, by level of the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// While developing: quick.
    pub dev: Level,
    /// For release: small.
    pub release: Level,
}

/// One way to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The codec.
    pub codec: Codec,
    /// Its level, in its own counting; 0 for codecs without levels.
    pub level: i32,
    /// The largest piece compressed at once.
    pub cluster_bytes: u32,
}

/// A codec of the root file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// Nothing is compressed.
    None,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Codec {
    /// All codecs with their words in declarations.
    pub const ALL: [(&'static str, Self); 3] =
        [("none", Self::None), ("lz4", Self::Lz4), ("zstd", Self::Zstd)];
}

/// A place in the archive that packages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Its name below `dists`: `trixie`, `trixie-security`.
    pub name: String,
    /// The archive it belongs to, as mirrors name the directory: `debian`, `debian-security`.
    pub archive: String,
    /// The components that are used: `main`.
    pub components: Vec<String>,
    /// Whether packages come from it only when a recipe names it. So it is for backports.
    pub only_by_name: bool,
    /// Where it is written.
    pub place: Place,
}
