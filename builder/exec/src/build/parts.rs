//! From trees to bytes: root, hash tree, initrd, UKI, disk. Each part is made from values alone;
//! the only choice, the compression, comes from the image.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::sync::Arc;

use contract::arch::Arch;
use contract::digest::{Digest, Digester};
use contract::manifest::Artefact;
use formats::disk::{self, Layout, Root, derived_guid};
use formats::erofs;
use formats::pe;
use formats::tree::{Content, ContentSource, Tree};
use formats::verity;
use recipe::image::{self, Slots};

use super::report::Stretch;
use super::session::{Level, Session};
use crate::artefact::{Artefacts, refused};
use crate::failure::Failure;
use crate::store::Cache;

const CLUSTERS: &str = "erofs-clusters-1";
const INITRDS: &str = "initrds-1";

/// zstd levels of the initrd: decompression costs the same, and firmware reads slowly.
const INITRD_LEVELS: [(Level, i32); 2] = [(Level::Development, 3), (Level::Release, 19)];

/// Files up to this size are compressed together.
const PACK_BELOW_BYTES: u32 = 64 << 10;

/// systemd-boot's settings: no menu, no editor, nothing but what the image brings.
const LOADER_SETTINGS: &str = "timeout 0\neditor no\nauto-firmware no\n";

/// What an image is called in its own parts.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The image's name.
    pub image: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its architecture.
    pub arch: Arch,
}

impl Identity<'_> {
    /// What identifiers follow from. It does not depend on the version, so that a new version
    /// changes nothing but what is new in it.
    #[must_use]
    pub fn seed(&self) -> Digest {
        Digest::of(format!("ashlar {} {}", self.image, self.arch).as_bytes())
    }
}

/// The root as it was written.
#[derive(Debug)]
pub struct WrittenRoot {
    /// The root hash.
    pub root_hash: Digest,
    /// Digests and lengths of `root.erofs`, `root.verity` and `root.roothash`.
    pub artefacts: BTreeMap<String, Artefact>,
    /// What each file takes in the root, by path.
    pub stored_bytes: BTreeMap<String, u64>,
    /// What lies where in `root.erofs`.
    pub regions: Vec<Stretch>,
    /// What lies where in `disk.raw`; empty until that is written.
    pub pieces: Vec<Stretch>,
}

/// Keeps compressed clusters in the store.
struct Clusters(Cache);

impl erofs::ClusterCache for Clusters {
    fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        self.0.get(key)
    }

    fn put(&self, key: &Digest, bytes: &[u8]) {
        // What cannot be kept is compressed again next time.
        self.0.put(key, bytes).unwrap_or_default();
    }
}

/// Writes the root and its hash tree.
///
/// # Errors
/// A content cannot be had, or the disk is full.
pub fn root(
    session: &Session<'_>,
    identity: Identity<'_>,
    tree: &Tree,
    source: &dyn ContentSource,
    compression: image::Level,
    artefacts: &Artefacts,
) -> Result<WrittenRoot, Failure> {
    let name = "root.erofs";
    let options = erofs::Options {
        codec: match compression.codec {
            image::Codec::None => erofs::Codec::None,
            image::Codec::Lz4 => erofs::Codec::Lz4,
            image::Codec::Zstd => erofs::Codec::Zstd { level: compression.level },
        },
        cluster_bytes: compression.cluster_bytes,
        pack_below_bytes: PACK_BELOW_BYTES,
        threads: session.threads,
        uuid: derived_guid(&identity.seed(), "root").to_bytes(),
        build_time_s: 0,
        label: String::new(),
    };
    let cache = Clusters(session.store.cache(CLUSTERS));
    let mut out = BufWriter::with_capacity(1 << 20, artefacts.create(name)?);
    let layout = erofs::write(tree, source, &cache, &mut out, &options)
        .map_err(|error| Failure::machine(format!("writing `{name}`")).because(error))?;
    let mut file = out.into_inner().map_err(|error| refused(name, error.into_error()))?;
    let (hashes, erofs_digest) = hash(&mut file, identity).map_err(|error| refused(name, error))?;
    let mut verity_bytes = Vec::new();
    hashes.write_to(&mut verity_bytes).map_err(|error| refused("root.verity", error))?;
    artefacts.write("root.verity", &verity_bytes)?;
    let root_hash = hashes.root_hash();
    let text = format!("{root_hash}\n");
    artefacts.write("root.roothash", text.as_bytes())?;
    let artefact = |digest, len: usize| Artefact {
        sha256: digest,
        size_bytes: u64::try_from(len).unwrap_or(u64::MAX),
    };
    let mut written = BTreeMap::from([
        ("root.verity".to_owned(), artefact(Digest::of(&verity_bytes), verity_bytes.len())),
        ("root.roothash".to_owned(), artefact(Digest::of(text.as_bytes()), text.len())),
    ]);
    written
        .insert(name.to_owned(), Artefact { sha256: erofs_digest, size_bytes: layout.len_bytes });
    Ok(WrittenRoot {
        root_hash,
        artefacts: written,
        stored_bytes: stored(&layout, tree),
        regions: layout.regions.iter().map(stretch).collect(),
        pieces: Vec::new(),
    })
}

fn stretch(region: &erofs::Region) -> Stretch {
    let what = match &region.owner {
        erofs::Owner::Superblock => "superblock".to_owned(),
        erofs::Owner::File(path) => format!("file {path}"),
        erofs::Owner::Files(paths) => format!("files {}", paths.join("|")),
        erofs::Owner::Directory(path) => format!("directory {path}"),
        erofs::Owner::Symlink(path) => format!("symlink {path}"),
        erofs::Owner::Xattrs => "extended attributes".to_owned(),
        erofs::Owner::Inode(path) => format!("inode {path}"),
        erofs::Owner::PackedInode => "index of small files".to_owned(),
        erofs::Owner::Padding => "padding".to_owned(),
    };
    Stretch { offset_bytes: region.offset, len_bytes: region.len, what }
}

/// What each file takes. Files that are compressed together share what they take by their length.
fn stored(layout: &erofs::Layout, tree: &Tree) -> BTreeMap<String, u64> {
    let mut stored: BTreeMap<String, u64> = BTreeMap::new();
    let content =
        |path: &str| tree.get(path).and_then(|node| node.content()).map_or(0, Content::len_bytes);
    for region in &layout.regions {
        match &region.owner {
            erofs::Owner::File(path)
            | erofs::Owner::Inode(path)
            | erofs::Owner::Symlink(path)
            | erofs::Owner::Directory(path) => {
                *stored.entry(path.to_string()).or_default() += region.len;
            }
            erofs::Owner::Files(paths) => {
                let all: u64 = paths.iter().map(|path| content(path)).sum();
                for path in paths {
                    let share = u128::from(region.len) * u128::from(content(path));
                    let share = share.checked_div(u128::from(all)).unwrap_or(0);
                    let share = u64::try_from(share).unwrap_or(u64::MAX);
                    *stored.entry(path.to_string()).or_default() += share;
                }
            }
            erofs::Owner::Superblock
            | erofs::Owner::Xattrs
            | erofs::Owner::PackedInode
            | erofs::Owner::Padding => {}
        }
    }
    stored
}

/// Hashes the root twice in one pass: for the hash tree and for the manifest.
fn hash(file: &mut File, identity: Identity<'_>) -> io::Result<(verity::HashTree, Digest)> {
    let salt = Digest::of(format!("verity salt {}", identity.seed()).as_bytes());
    let mut hasher = verity::Hasher::new(salt.as_bytes());
    let mut digester = Digester::new();
    file.rewind()?;
    let mut reader = BufReader::with_capacity(1 << 20, &mut *file);
    let mut piece = vec![0; 1 << 20];
    loop {
        let len = reader.read(&mut piece)?;
        let Some(read) = piece.get(..len).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
        digester.update(read);
    }
    let uuid = derived_guid(&identity.seed(), "root verity");
    let tree = hasher.finish(uuid).map_err(io::Error::other)?;
    Ok((tree, digester.finish()))
}

/// The initrd, compressed; what was compressed before is taken from the store.
///
/// # Errors
/// A content cannot be had.
pub fn initrd(
    session: &Session<'_>,
    tree: &Tree,
    source: &dyn ContentSource,
    level: Level,
) -> Result<Vec<u8>, Failure> {
    let zstd = INITRD_LEVELS.iter().find(|(of, _)| *of == level).map_or(3, |(_, zstd)| *zstd);
    let wrong =
        |error: formats::cpio::WriteError| Failure::machine("writing the initrd").because(error);
    let mut archive = Vec::new();
    formats::cpio::write(tree, source, &mut archive).map_err(wrong)?;
    let key = format!("{} zstd {zstd} {}", Digest::of(&archive), super::codecs::zstd_version());
    let (cache, key) = (session.store.cache(INITRDS), Digest::of(key.as_bytes()));
    if let Some(initrd) = cache.get(&key) {
        return Ok(initrd);
    }
    let initrd = formats::cpio::compress_initrd(&archive, zstd)
        .map_err(|error| Failure::ours("compressing the initrd").because(error))?;
    // What cannot be kept is compressed again next time.
    cache.put(&key, &initrd).unwrap_or_default();
    Ok(initrd)
}

/// Files of packages that the boot is put together from.
#[derive(Debug, Clone)]
pub struct BootFiles {
    /// systemd-stub.
    pub stub: Arc<[u8]>,
    /// The kernel.
    pub kernel: Arc<[u8]>,
    /// systemd-boot.
    pub loader: Arc<[u8]>,
}

/// The unified kernel image.
///
/// # Errors
/// The parts do not go together.
pub fn uki(
    identity: Identity<'_>,
    boot: &BootFiles,
    initrd: &[u8],
    command_line: &str,
    kernel_release: &str,
    os_release: &str,
) -> Result<Vec<u8>, Failure> {
    let Identity { image, version, .. } = identity;
    let sbat = format!(
        "sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n\
         ashlar,1,Ashlar,{image},{version},https://ashlar.invalid/\n"
    );
    pe::uki::assemble(&pe::uki::Parts {
        stub: &boot.stub,
        linux: &boot.kernel,
        os_release,
        command_line,
        initrd,
        microcode: None,
        device_tree: None,
        kernel_release,
        sbat: &sbat,
    })
    .map_err(|error| Failure::promise("putting the unified kernel image together").because(error))
}

/// Reads parts of the disk that are files already.
struct Files<'a> {
    artefacts: &'a Artefacts,
    names: BTreeMap<Digest, &'static str>,
}

impl ContentSource for Files<'_> {
    fn load(&self, digest: &Digest) -> io::Result<Arc<[u8]>> {
        let name = self.names.get(digest).ok_or(io::ErrorKind::NotFound)?;
        Ok(std::fs::read(self.artefacts.path(name))?.into())
    }
}

/// Writes the disk and answers what it is.
///
/// # Errors
/// A part does not fit its slot, or the machine's disk is full.
pub fn disk(
    identity: Identity<'_>,
    slots: &Slots,
    written: &WrittenRoot,
    boot: &BootFiles,
    uki: &Arc<[u8]>,
    artefacts: &Artefacts,
) -> Result<(Artefact, Vec<Stretch>), Failure> {
    let Identity { image, version, arch } = identity;
    let does_not_fit = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::asked("putting the disk together")
            .because(error)
            .hint(format!("enlarge the slots in images/{image}/image.toml"))
    };
    let name = format!("{image}_{version}.efi");
    let loader = Content::inline(Arc::clone(&boot.loader));
    let ukis = vec![(name, Content::inline(Arc::clone(uki)))];
    let esp = disk::esp(arch, loader, LOADER_SETTINGS, ukis)
        .map_err(|error| Failure::ours("laying out the EFI system partition").because(error))?;
    let layout = Layout {
        arch,
        esp_bytes: slots.esp_bytes,
        root_slot_bytes: slots.root_bytes,
        state_bytes: (slots.state_bytes > 0).then_some(slots.state_bytes),
        seed: identity.seed(),
    };
    let part = |name: &str| written.artefacts.get(name).cloned();
    let content = |name: &str| {
        let artefact = part(name).unwrap_or(Artefact { sha256: Digest::of(b""), size_bytes: 0 });
        Content::stored(artefact.sha256, artefact.size_bytes)
    };
    let (image, verity) = (content("root.erofs"), content("root.verity"));
    let names =
        BTreeMap::from([(*image.digest(), "root.erofs"), (*verity.digest(), "root.verity")]);
    let root = Root { image, verity, root_hash: written.root_hash };
    let disk = disk::assemble(&layout, &esp, &root).map_err(|error| does_not_fit(error.into()))?;
    let files = Files { artefacts, names };
    let name = "disk.raw";
    let mut out = artefacts.create(name)?;
    let (written, digest) = std::thread::scope(|scope| {
        let digest = scope.spawn(|| disk.sparse.digest(&files));
        let written = disk.sparse.write_to(&files, &mut out).and_then(|()| out.flush());
        (written, digest.join())
    });
    written.map_err(|error| refused(name, error))?;
    let sha256 = digest
        .map_err(|_| Failure::ours("a thread that hashes the disk ended early"))?
        .map_err(|error| refused(name, error))?;
    let pieces = disk.sparse.pieces().iter().map(|piece| Stretch {
        offset_bytes: piece.offset_bytes,
        len_bytes: piece.content.len_bytes(),
        what: piece.name.clone(),
    });
    Ok((Artefact { sha256, size_bytes: disk.sparse.len_bytes() }, pieces.collect()))
}
