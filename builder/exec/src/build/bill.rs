//! The bill of materials of an image: every file under its package, every package with its source
//! and licence.

use std::collections::BTreeMap;

use formats::sbom::{Bill, Component, File, Origin};
use formats::tree::{Content, ContentSource, Kind, Tree, parent};
use packages::copyright;
use packages::lock::Locked;
use recipe::declared::Part;
use tree::input::MemberKind;

use super::compose::Composed;
use super::image::{Prepared, date};
use super::knowledge::Knowledge;
use super::{locks, moment};
use crate::failure::Failure;
use crate::unpacked::Unpacked;

/// Where Debian keeps what it has to say about a package.
const DOCUMENTS: &str = "usr/share/doc";

/// Lists what an image is made of.
///
/// # Errors
/// A content cannot be read.
pub fn bill(
    prepared: &Prepared,
    composed: &Composed,
    knowledge: &Knowledge<'_>,
) -> Result<Bill, Failure> {
    let mut files: BTreeMap<String, Vec<File>> = BTreeMap::new();
    let contents = composed.root.iter().filter_map(|(path, node)| {
        Some((path.to_owned(), component_of(&node.origin), node.content()?))
    });
    let boot = boot_contents(prepared, &composed.full, knowledge.unpacked())?;
    let boot = boot.iter().map(|(path, package, content)| (path.clone(), package.clone(), content));
    for (path, component, content) in contents.chain(boot) {
        let sha1 = knowledge
            .sha1(content)
            .map_err(|error| Failure::promise(format!("reading `/{path}`")).because(error))?;
        let file = File { path, sha256: *content.digest(), sha1 };
        files.entry(component).or_default().push(file);
    }
    let locked: BTreeMap<&str, (&str, &Locked)> = prepared
        .lock
        .packages
        .iter()
        .map(|(key, locked)| (key.name.as_str(), (key.version.as_str(), locked)))
        .collect();
    let components = files
        .into_iter()
        .map(|(name, files)| match locked.get(name.as_str()) {
            Some((version, locked)) => {
                let licence = licence(&composed.full, &name, knowledge);
                debian(name, version, locked, licence, files)
            }
            None => ours(prepared, name, files),
        })
        .collect();
    Ok(Bill {
        image: prepared.declared.assembly.image.name.clone(),
        version: prepared.version.clone(),
        identity: prepared.inputs_digest,
        created: moment::rfc3339(date(&prepared.lock)),
        builder: prepared.inputs.builder.clone(),
        components,
    })
}

/// The name of the component a file belongs to: its package, or this project.
fn component_of(origin: &str) -> String {
    origin.strip_prefix("package:").unwrap_or("ashlar").to_owned()
}

fn debian(
    name: String,
    version: &str,
    locked: &Locked,
    licence: String,
    files: Vec<File>,
) -> Component {
    let origin = Origin::Debian {
        architecture: locked.architecture.clone(),
        source: locked.source.clone(),
        source_version: locked.source_version.clone(),
        distribution: locked.suite.split('-').next().unwrap_or_default().to_owned(),
        sha256: locked.digest,
    };
    Component { name, version: version.to_owned(), origin, licence, files }
}

fn ours(prepared: &Prepared, name: String, files: Vec<File>) -> Component {
    Component {
        name,
        version: prepared.inputs.builder.clone(),
        origin: Origin::Ashlar,
        licence: "Apache-2.0".to_owned(),
        files,
    }
}

/// A package's licence, from its copyright file; that may be another package's, to which the
/// package's folder is a link.
fn licence(full: &Tree, name: &str, source: &dyn ContentSource) -> String {
    let folder = format!("{DOCUMENTS}/{name}");
    let folder = match full.get(&folder).map(|node| &node.kind) {
        Some(Kind::Symlink(target)) => match target.strip_prefix('/') {
            Some(target) => target.to_owned(),
            None => format!("{}/{target}", parent(&folder)),
        },
        _ => folder,
    };
    let content = full.get(&format!("{folder}/copyright")).and_then(|node| node.content());
    match content.and_then(|content| content.load(source).ok()) {
        Some(bytes) => copyright::read(&bytes).expression,
        None => "NOASSERTION".to_owned(),
    }
}

/// The files of boot loader and kernel: path, package and content.
fn boot_contents(
    prepared: &Prepared,
    full: &Tree,
    unpacked: &Unpacked,
) -> Result<Vec<(String, String, Content)>, Failure> {
    let mut contents = Vec::new();
    for boot in &prepared.declared.assembly.boot {
        let (path, content) = boot_part(prepared, full, unpacked, boot.part)?;
        let package = package_of(unpacked, &path);
        contents.push((path, package, content));
    }
    Ok(contents)
}

fn package_of(unpacked: &Unpacked, path: &str) -> String {
    let has = |package: &&tree::input::InstalledPackage| {
        package.members.iter().any(|member| member.path == path)
    };
    let package = unpacked.packages().iter().find(has);
    package.map_or_else(|| "ashlar".to_owned(), |package| package.name.clone())
}

/// The one file that is this part of the boot, with its path.
///
/// # Errors
/// No recipe declares the part, or not exactly one file is it.
pub fn boot_part(
    prepared: &Prepared,
    full: &Tree,
    unpacked: &Unpacked,
    part: Part,
) -> Result<(String, Content), Failure> {
    let boot = prepared.declared.assembly.boot.iter().find(|boot| boot.part == part);
    let boot = boot.ok_or_else(|| {
        Failure::asked(format!("no recipe of the image says which file is the {}", part.word()))
    })?;
    let of_image = prepared.lock.set(locks::IMAGE).count();
    let in_root = full.iter().filter_map(|(path, node)| Some((path, node.content()?)));
    let of_build = unpacked.packages().get(of_image..).unwrap_or_default();
    let in_build = of_build.iter().flat_map(|package| &package.members).filter_map(|member| {
        match &member.kind {
            MemberKind::File(content) => Some((member.path.as_str(), content)),
            _ => None,
        }
    });
    let found: Vec<_> =
        in_root.chain(in_build).filter(|(path, _)| boot.path.matches(path)).collect();
    match found.as_slice() {
        [(path, content)] => Ok(((*path).to_owned(), (*content).clone())),
        others => {
            let paths: Vec<&str> = others.iter().map(|(path, _)| *path).collect();
            Err(Failure::asked(format!(
                "{}: `{}` should be one file and is {}: {}",
                boot.place,
                boot.path,
                paths.len(),
                paths.join(", ")
            )))
        }
    }
}
