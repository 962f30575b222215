//! `ashlar lock`: from what recipes ask for and what archives have to one lock.
//!
//! Archives are believed because their keys signed what they have: `InRelease` names the lists of
//! packages by digest, those name the packages. What is looked up here is looked up once; a build
//! only reads the lock.

use std::collections::BTreeMap;
use std::io::Read;

use contract::arch::Arch;
use contract::digest::Digest;
use packages::date::Date;
use packages::index::{self, Package};
use packages::lock::{Key, Lock, Locked, Suite};
use packages::openpgp::{self, Keyring};
use packages::resolve::{Demand, Follow, SuiteOf, Universe, Wish, solve};
use recipe::assembly::Assembly;
use recipe::declared::{Dependencies, Package as Asked};
use recipe::image;

use super::session::Session;
use super::{codecs, locks};
use crate::clock;
use crate::failure::Failure;
use crate::fetch::Wanted;
use crate::mirrors::Archive;

/// Where the keys of archives are, below the repository.
const KEYS: &str = "recipes/keys";

/// How many keys of ours must have signed an `InRelease`. Archives sign with the keys of several
/// releases; a keyring that knows one of them is enough.
const SIGNATURES: usize = 1;

/// The longest `InRelease` that is read.
const INRELEASE_BYTES: u64 = 16 << 20;

/// A suite as its archive has it now.
struct Fetched {
    suite: Suite,
    /// Unpacked lists of packages, by architecture.
    lists: BTreeMap<Arch, Vec<Vec<u8>>>,
}

/// Resolves an image's packages and writes its lock.
///
/// # Errors
/// An archive cannot be reached or believed, or no set of packages meets what recipes ask for.
pub fn lock(
    session: &Session<'_>,
    assembly: &Assembly,
    before: Option<&Lock>,
) -> Result<Lock, Failure> {
    session.watcher.phase("resolving");
    let keys = keyring(session)?;
    let sets = locks::asked(assembly);
    let arches = arches(assembly);
    let mut fetched = BTreeMap::new();
    for suite in &assembly.image.suites {
        let known = before.and_then(|lock| lock.suites.get(&suite.name));
        fetched.insert(suite.name.as_str(), fetch(session, suite, &keys, &arches, known)?);
    }
    let mut packages: BTreeMap<Key, Locked> = BTreeMap::new();
    for (set, asked) in &sets {
        let arch = arch_of(set, assembly);
        packages.extend(solve_set(assembly, set, asked, arch, &fetched)?);
    }
    let suites =
        fetched.into_iter().map(|(name, fetched)| (name.to_owned(), fetched.suite)).collect();
    let lock = Lock {
        arch: assembly.arch,
        codecs: codecs::versions(),
        suites,
        left_out: locks::left_out(assembly),
        packages,
    };
    write(session, &assembly.image.name, &lock)?;
    Ok(lock)
}

/// The architectures whose lists are needed: the image's, and a tools image's targets.
fn arches(assembly: &Assembly) -> Vec<Arch> {
    let mut arches = vec![assembly.arch];
    if let image::Kind::Tools(tools) = &assembly.image.kind {
        arches.extend(tools.targets.iter().filter(|arch| **arch != assembly.arch));
    }
    arches
}

fn arch_of(set: &str, assembly: &Assembly) -> Arch {
    Arch::ALL.into_iter().find(|arch| set == locks::target(*arch)).unwrap_or(assembly.arch)
}

/// Reads the keys of archives.
fn keyring(session: &Session<'_>) -> Result<Keyring, Failure> {
    let folder = session.repository.path(KEYS);
    let failed = |error: std::io::Error| {
        Failure::machine(format!("reading the archive keys in `{KEYS}`")).because(error)
    };
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .map_err(failed)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "asc" || ending == "gpg"))
        .collect();
    names.sort();
    let mut keys = Keyring::new();
    for path in names {
        let bytes = std::fs::read(&path).map_err(failed)?;
        keys.add(&bytes).map_err(|error| {
            Failure::asked(format!("`{}` holds no usable archive key", path.display()))
                .because(error)
        })?;
    }
    Ok(keys)
}

fn fetch(
    session: &Session<'_>,
    suite: &image::Suite,
    keys: &Keyring,
    arches: &[Arch],
    known: Option<&Suite>,
) -> Result<Fetched, Failure> {
    let archive = Archive::of_suite(&suite.name);
    let path = format!("dists/{}/InRelease", suite.name);
    let now = Date(clock::unix_seconds());
    let accept = |bytes: Vec<u8>| {
        let verified = openpgp::verify(&bytes, keys, SIGNATURES, now)?;
        let found = &verified.value().codename;
        if *found != suite.name {
            return Err(format!("it is the Release of `{found}`").into());
        }
        Ok(verified.fresh(now, known.map(|suite| suite.date))?)
    };
    let verified =
        session.fetcher.document(archive, &path, INRELEASE_BYTES, accept).map_err(|error| {
            Failure::promise(format!("no mirror has a `{path}` that can be believed"))
                .because(error)
                .hint("name another mirror with --mirror URL; the keys are in recipes/keys/")
        })?;
    let release = verified.value();
    let mut wanted = Vec::new();
    for arch in arches {
        for component in &suite.components {
            let lacks =
                || Failure::asked(format!("`{}` has no {component} for {arch}", suite.name));
            let list = release.packages_path(component, arch.debian()).ok_or_else(lacks)?;
            let listed = *release.file(&list).ok_or_else(lacks)?;
            wanted.push((*arch, list, listed));
        }
    }
    let ask: Vec<Wanted> = wanted
        .iter()
        .map(|(_, list, listed)| {
            let (folder, _) = list.rsplit_once('/').unwrap_or(("", list));
            let top = format!("dists/{}", suite.name);
            Wanted {
                name: format!("{} {list}", suite.name),
                archive,
                paths: vec![
                    format!("{top}/{folder}/by-hash/SHA256/{}", listed.digest),
                    format!("{top}/{list}"),
                ],
                len_bytes: listed.len_bytes,
                digest: listed.digest,
            }
        })
        .collect();
    session.fetcher.fetch(session.store, &ask, session.watcher).map_err(locks::unavailable)?;
    let mut lists: BTreeMap<Arch, Vec<Vec<u8>>> = BTreeMap::new();
    for (arch, list, listed) in &wanted {
        let bytes = object(session, &listed.digest)?;
        let unpacked = verified.unpack(list, &bytes).map_err(|error| {
            Failure::promise(format!("reading `{list}` of {}", suite.name)).because(error)
        })?;
        lists.entry(*arch).or_default().push(unpacked);
    }
    let suite = Suite {
        archive: suite.archive.clone(),
        date: release.date,
        inrelease: *verified.digest(),
        signed_by: verified.signed_by().iter().map(|key| key.as_str().to_owned()).collect(),
        indices: wanted.into_iter().map(|(_, list, listed)| (list, listed)).collect(),
    };
    Ok(Fetched { suite, lists })
}

fn object(session: &Session<'_>, digest: &Digest) -> Result<Vec<u8>, Failure> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::machine("reading a list of packages from the store").because(error)
    };
    let object = session.store.get(digest).map_err(|error| failed(error.into()))?;
    let mut object = object.ok_or_else(|| failed("it is gone".into()))?;
    let mut bytes = Vec::new();
    object.file.read_to_end(&mut bytes).map_err(|error| failed(error.into()))?;
    Ok(bytes)
}

fn solve_set(
    assembly: &Assembly,
    set: &str,
    asked: &[&Asked],
    arch: Arch,
    fetched: &BTreeMap<&str, Fetched>,
) -> Result<BTreeMap<Key, Locked>, Failure> {
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::promise(format!("reading the lists of packages for {arch}")).because(error)
    };
    let mut lists: Vec<Vec<Package<'_>>> = Vec::new();
    for suite in &assembly.image.suites {
        let of_suite = fetched.get(suite.name.as_str()).and_then(|each| each.lists.get(&arch));
        let mut packages = Vec::new();
        for list in of_suite.into_iter().flatten() {
            packages.extend(index::read(list, arch.debian()).map_err(|error| wrong(error.into()))?);
        }
        lists.push(packages);
    }
    let suites: Vec<SuiteOf<'_>> = assembly
        .image
        .suites
        .iter()
        .zip(&lists)
        .map(|(suite, packages)| SuiteOf {
            name: &suite.name,
            only_by_name: suite.only_by_name,
            packages,
        })
        .collect();
    let universe = Universe::new(arch, &suites).map_err(|error| wrong(error.into()))?;
    let demand = Demand {
        wishes: asked.iter().map(|asked| wish(asked)).collect(),
        left_out: locks::left_out(assembly),
    };
    let solution = solve(&universe, &demand).map_err(|error| {
        let image = &assembly.image.name;
        Failure::asked(format!("no set of packages meets what `{image}` asks for ({set})"))
            .because(error)
            .hint("change what the recipes ask for, or leave a package out with a reason")
    })?;
    Ok(solution.locked(set))
}

fn wish(asked: &Asked) -> Wish {
    let recipe = asked.place.file.trim_start_matches("recipes/");
    let recipe = recipe.split('/').next().unwrap_or_default();
    Wish {
        recipe: recipe.to_owned(),
        package: asked.name.clone(),
        suite: asked.suite.clone(),
        follow: match asked.dependencies {
            Dependencies::Follow => Follow::Dependencies,
            Dependencies::Leave => Follow::Nothing,
        },
    }
}

/// Writes the lock where it belongs, whole or not at all.
fn write(session: &Session<'_>, image: &str, lock: &Lock) -> Result<(), Failure> {
    let below = locks::path(image, lock.arch);
    let path = session.repository.path(&below);
    crate::artefact::write_whole(&path, lock.to_string().as_bytes())
        .map_err(|error| Failure::machine(format!("writing `{below}`")).because(error))
}
