//! `ashlar build`: one image for one architecture, from declarations to artefacts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::arch::Arch;
use contract::digest::Digest;
use contract::manifest::{self, Artefact, Inputs, Manifest};
use formats::tree::ContentSource;
use packages::lock::Lock;
use recipe::declared::Part;
use recipe::image::{Bootable, Kind};
use recipe::shelf::Shelf;
use tree::rules::Rules;

use super::compose::{Composed, Programs, compose};
use super::declarations::{self, Declared};
use super::knowledge::Knowledge;
use super::parts::{self, BootFiles, Identity, WrittenRoot};
use super::report::{self, Report};
use super::session::{How, Level, Phases, Session};
use super::{bill, codecs, kept, locks, moment, summary, tooling};
use crate::artefact::Artefacts;
use crate::failure::Failure;
use crate::unpacked::Unpacked;

/// What a build left.
#[derive(Debug)]
pub struct Built {
    /// The folder with the artefacts.
    pub folder: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
    /// What it weighs.
    pub report: Report,
}

/// Everything that decides an image, before the first byte of it is made.
pub struct Prepared {
    /// The declarations.
    pub declared: Declared,
    /// The lock.
    pub lock: Lock,
    /// The rule table.
    pub rules: Rules,
    /// The node's programs.
    pub programs: Programs,
    /// How it is built.
    pub how: How,
    /// The manifest's inputs.
    pub inputs: Inputs,
    /// One digest over them.
    pub inputs_digest: Digest,
    /// The image's version.
    pub version: String,
}

/// Where an image's artefacts are.
#[must_use]
pub fn folder(out: &Path, image: &str, arch: Arch) -> PathBuf {
    out.join(image).join(arch.name())
}

/// Builds an image.
///
/// # Errors
/// The declarations are wrong, packages are not to be had, or a part is over its budget. What was
/// in the folder before is there still.
pub fn build(session: &Session<'_>, image: &str, arch: Arch, how: How) -> Result<Built, Failure> {
    let mut phases = Phases::new(session.watcher);
    phases.begin("inputs");
    let prepared = prepare(session, image, arch, how)?;
    let bootable = bootable(&prepared.declared)?.clone();
    let folder = folder(session.out, image, arch);
    if let Some(built) = kept::unchanged(session, &prepared, &folder) {
        return Ok(built);
    }
    phases.begin("packages");
    let assembly = &prepared.declared.assembly;
    let takes = |set: &str| matches!(set, locks::IMAGE | locks::BUILD);
    let lock = locks::fetch(session, assembly, prepared.lock.clone(), &takes)?;
    let prepared = if lock == prepared.lock { prepared } else { with_lock(prepared, lock) };
    let work = Work { session, prepared: &prepared, bootable: &bootable };
    let built = work.make(phases, &folder)?;
    kept::keep(session, &prepared, &built);
    Ok(built)
}

/// The bootable part of an image's declaration.
///
/// # Errors
/// It is a tools image.
pub fn bootable(declared: &Declared) -> Result<&Bootable, Failure> {
    match &declared.assembly.image.kind {
        Kind::Bootable(bootable) => Ok(bootable),
        Kind::Tools(_) => {
            let name = &declared.assembly.image.name;
            Err(Failure::asked(format!("`{name}` is a tree of tools, not an image to boot"))
                .hint("its packages are fetched when a command needs them"))
        }
    }
}

/// Reads everything that decides an image.
///
/// # Errors
/// The declarations are wrong, there is no lock, or the programs cannot be compiled.
pub fn prepare(
    session: &Session<'_>,
    image: &str,
    arch: Arch,
    how: How,
) -> Result<Prepared, Failure> {
    let mut declared = declarations::read(session.repository, image, arch)?;
    bootable(&declared)?;
    let rules = rules(session, &mut declared)?;
    let lock = locks::ensure(session, &declared.assembly)?;
    let programs = match declared.assembly.programs.is_empty() {
        true => Programs::new(),
        false => tooling::programs(session, arch, how.compiler)?,
    };
    Ok(settle(declared, lock, rules, programs, how))
}

/// Names the inputs and what follows from them.
fn settle(declared: Declared, lock: Lock, rules: Rules, programs: Programs, how: How) -> Prepared {
    let package = |(key, locked): (&packages::lock::Key, &packages::lock::Locked)| {
        let package = manifest::Package {
            version: key.version.clone(),
            suite: locked.suite.clone(),
            sha256: locked.digest,
        };
        (key.name.clone(), package)
    };
    let suite = |(name, suite): (&String, &packages::lock::Suite)| {
        let suite = manifest::Suite {
            inrelease: suite.inrelease,
            date: moment::rfc3339(i64::try_from(suite.date.0).unwrap_or(0)),
            signed_by: suite.signed_by.clone(),
        };
        (name.clone(), suite)
    };
    let inputs = Inputs {
        builder: env!("CARGO_PKG_VERSION").to_owned(),
        codecs: codecs::versions(),
        declarations: declared.files.clone(),
        node_binaries: programs
            .iter()
            .map(|(name, bytes)| (name.clone(), Digest::of(bytes)))
            .collect(),
        suites: lock.suites.iter().map(suite).collect(),
        packages: lock.packages.iter().map(package).collect(),
    };
    let assembly = &declared.assembly;
    let text = serde_json::to_string(&inputs).unwrap_or_default();
    let what = format!("{} {} {}\n", assembly.image.name, assembly.arch, how.level.word());
    let inputs_digest = Digest::of(format!("{what}{text}").as_bytes());
    let short: String = inputs_digest.to_string().chars().take(8).collect();
    let version = format!("{}-{short}", moment::day(date(&lock)));
    Prepared { declared, lock, rules, programs, how, inputs, inputs_digest, version }
}

/// When the newest index of the lock was made.
#[must_use]
pub fn date(lock: &Lock) -> i64 {
    lock.date().and_then(|date| i64::try_from(date.0).ok()).unwrap_or(0)
}

fn with_lock(prepared: Prepared, lock: Lock) -> Prepared {
    let Prepared { declared, rules, programs, how, .. } = prepared;
    settle(declared, lock, rules, programs, how)
}

/// Reads the rule table; its files are inputs like any other.
fn rules(session: &Session<'_>, declared: &mut Declared) -> Result<Rules, Failure> {
    let shelf = session.repository.reader();
    let folder = "recipes/rules";
    let mut texts = BTreeMap::new();
    for name in shelf.names(folder).into_iter().filter(|name| name.ends_with(".toml")) {
        let path = format!("{folder}/{name}");
        let bytes = shelf
            .read(&path, 1 << 20)
            .map_err(|error| Failure::machine(format!("reading `{path}`")).because(error))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| Failure::asked(format!("`{path}` is no UTF-8")).because(error))?;
        texts.insert(path, text);
    }
    declared.files.extend(shelf.noted());
    Rules::read(&texts)
        .map_err(|error| Failure::asked("reading the rules for maintainer scripts").because(error))
}

/// A build under way.
struct Work<'a> {
    session: &'a Session<'a>,
    prepared: &'a Prepared,
    bootable: &'a Bootable,
}

impl Work<'_> {
    fn identity(&self) -> Identity<'_> {
        let assembly = &self.prepared.declared.assembly;
        Identity {
            image: &assembly.image.name,
            version: &self.prepared.version,
            arch: assembly.arch,
        }
    }

    fn make(&self, mut phases: Phases<'_>, folder: &Path) -> Result<Built, Failure> {
        let Self { session, prepared, bootable } = self;
        let identity = self.identity();
        let artefacts = Artefacts::begin(folder)?;
        phases.begin("unpacking");
        let unpacked = unpack(session, &prepared.lock)?;
        let pool = pool(session)?;
        phases.begin("tree");
        let knowledge = Knowledge::open(session.store, &unpacked, identity.image, identity.arch);
        let composed = pool.install(|| compose_image(prepared, &unpacked, &knowledge))?;
        phases.begin("root");
        let compression = match prepared.how.level {
            Level::Development => bootable.compression.dev,
            Level::Release => bootable.compression.release,
        };
        let mut written = pool.install(|| {
            parts::root(session, identity, &composed.root, &knowledge, compression, &artefacts)
        })?;
        phases.begin("boot");
        let boot = boot_files(prepared, &composed, &unpacked, &knowledge)?;
        let (uki, command_line) = self.uki(&composed, &written, &boot, &knowledge)?;
        artefacts.write("uki.efi", &uki)?;
        written.artefacts.insert("uki.efi".to_owned(), artefact(&uki));
        phases.begin("disk");
        let (disk, pieces) =
            parts::disk(identity, &bootable.slots, &written, &boot, &uki, &artefacts)?;
        written.artefacts.insert("disk.raw".to_owned(), disk);
        written.pieces = pieces;
        phases.begin("bills");
        let bill = pool.install(|| bill::bill(prepared, &composed, &knowledge))?;
        let texts = [
            ("sbom.spdx.json", formats::sbom::spdx(&bill)),
            ("sbom.cdx.json", formats::sbom::cyclonedx(&bill)),
        ];
        for (name, text) in &texts {
            artefacts.write(name, text.as_bytes())?;
            written.artefacts.insert((*name).to_owned(), artefact(text.as_bytes()));
        }
        let manifest = self.manifest(&composed, &written, command_line);
        artefacts.write("manifest.json", json(&manifest).as_bytes())?;
        knowledge.keep();
        let parts = self.weigh(&written);
        let report = summary::report(prepared, &composed, &written, parts, phases.finish());
        artefacts.write("report.json", json(&report).as_bytes())?;
        within_budget(&report)?;
        Ok(Built { folder: artefacts.finish()?, manifest, report })
    }

    fn uki(
        &self,
        composed: &Composed,
        written: &WrittenRoot,
        boot: &BootFiles,
        source: &dyn ContentSource,
    ) -> Result<(Arc<[u8]>, String), Failure> {
        let none = || Failure::ours("a bootable image without an initrd");
        let initrd = composed.initrd.as_ref().ok_or_else(none)?;
        let initrd = parts::initrd(self.session, initrd, source, self.prepared.how.level)?;
        let assembly = &self.prepared.declared.assembly;
        let mut words: Vec<&str> =
            assembly.arguments.iter().map(|each| each.text.as_str()).collect();
        let root = format!("roothash={}", written.root_hash);
        words.push(&root);
        let command_line = words.join(" ");
        let os_release = composed.root.get("usr/lib/os-release").and_then(|node| node.content());
        let os_release = os_release.and_then(|content| content.load(source).ok());
        let os_release =
            String::from_utf8_lossy(os_release.as_deref().unwrap_or_default()).into_owned();
        let release = kernel_release(composed);
        let uki = parts::uki(self.identity(), boot, &initrd, &command_line, &release, &os_release)?;
        Ok((uki.into(), command_line))
    }

    fn manifest(
        &self,
        composed: &Composed,
        written: &WrittenRoot,
        kernel_command_line: String,
    ) -> Manifest {
        let assembly = &self.prepared.declared.assembly;
        Manifest {
            format: manifest::FORMAT,
            image: assembly.image.name.clone(),
            version: self.prepared.version.clone(),
            arch: assembly.arch,
            level: self.prepared.how.level.word().to_owned(),
            root_hash: written.root_hash,
            kernel_release: kernel_release(composed),
            kernel_command_line,
            inputs_digest: self.prepared.inputs_digest,
            inputs: self.prepared.inputs.clone(),
            artefacts: written.artefacts.clone(),
        }
    }

    /// The parts that have a budget, and those worth knowing.
    fn weigh(&self, written: &WrittenRoot) -> Vec<report::Part> {
        let budgets = &self.bootable.budgets;
        let size = |name: &str| written.artefacts.get(name).map_or(0, |each| each.size_bytes);
        let init = self.prepared.programs.get("ashlar-init").map_or(0, |bytes| bytes.len());
        let part = |name: &str, size_bytes, budget_bytes| report::Part {
            name: name.to_owned(),
            size_bytes,
            budget_bytes,
        };
        vec![
            part("root.erofs", size("root.erofs"), Some(budgets.root_bytes)),
            part("root.verity", size("root.verity"), None),
            part("uki.efi", size("uki.efi"), Some(budgets.uki_bytes(self.identity().arch))),
            part("ashlar-init", u64::try_from(init).unwrap_or(u64::MAX), Some(budgets.init_bytes)),
            part("disk.raw", size("disk.raw"), None),
        ]
    }
}

fn within_budget(report: &Report) -> Result<(), Failure> {
    let over: Vec<String> = report
        .over_budget()
        // What is built quickly is larger; only what is shipped has to fit.
        .filter(|_| report.level == Level::Release.word())
        .map(|part| {
            let most = part.budget_bytes.unwrap_or(0);
            format!(
                "{} has {}, {} are allowed",
                part.name,
                report::size(part.size_bytes),
                report::size(most)
            )
        })
        .collect();
    if over.is_empty() {
        return Ok(());
    }
    Err(Failure::asked(format!("`{}` is over its budget: {}", report.image, over.join("; "))).hint(
        format!(
            "leave something out (`ashlar show {}` lists sizes), or raise the budget",
            report.image
        ),
    ))
}

/// Opens the packages of an image.
///
/// # Errors
/// One is missing or damaged.
pub fn unpack(session: &Session<'_>, lock: &Lock) -> Result<Unpacked, Failure> {
    let mut debs = locks::names(lock, locks::IMAGE);
    debs.extend(locks::names(lock, locks::BUILD));
    Unpacked::open(session.store, &debs, session.threads)
        .map_err(|error| Failure::promise("unpacking the packages").because(error))
}

/// A pool of the session's number of threads.
///
/// # Errors
/// The machine gives no threads.
pub fn pool(session: &Session<'_>) -> Result<rayon::ThreadPool, Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(session.threads.get())
        .build()
        .map_err(|error| Failure::machine("starting threads").because(error))
}

/// Puts the trees of a prepared image together.
///
/// # Errors
/// As [`compose`].
pub fn compose_image(
    prepared: &Prepared,
    unpacked: &Unpacked,
    knowledge: &Knowledge<'_>,
) -> Result<Composed, Failure> {
    let of_image = prepared.lock.set(locks::IMAGE).count();
    let packages = unpacked.packages().get(..of_image).unwrap_or_default();
    let Prepared { declared, rules, programs, version, .. } = prepared;
    compose(declared, packages, rules, programs, version, knowledge)
}

/// The kernel's release, from the name of its modules' directory.
#[must_use]
pub fn kernel_release(composed: &Composed) -> String {
    composed.reached.modules.as_ref().map_or_else(String::new, |modules| modules.version.clone())
}

/// The files that the boot is put together from: kernel, stub and loader.
fn boot_files(
    prepared: &Prepared,
    composed: &Composed,
    unpacked: &Unpacked,
    source: &dyn ContentSource,
) -> Result<BootFiles, Failure> {
    let find = |part: Part| -> Result<Arc<[u8]>, Failure> {
        let (path, content) = bill::boot_part(prepared, &composed.full, unpacked, part)?;
        content
            .load(source)
            .map_err(|error| Failure::promise(format!("reading `/{path}`")).because(error))
    };
    Ok(BootFiles {
        stub: find(Part::Stub)?,
        kernel: find(Part::Kernel)?,
        loader: find(Part::Loader)?,
    })
}

fn artefact(bytes: &[u8]) -> Artefact {
    let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Artefact { sha256: Digest::of(bytes), size_bytes }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).map_or_else(|_| String::new(), |text| format!("{text}\n"))
}
