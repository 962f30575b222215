//! `ashlar verify`: build again from a manifest and compare every digest.
//!
//! Two questions, asked in this order: are the artefacts those that the manifest names, and does
//! building from the same inputs give them again? A difference in the inputs is said before
//! anything is built, because it would explain every later difference.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use contract::digest::{Digest, Digester};
use contract::manifest::{Artefact, Inputs, Manifest};
use serde::Serialize;

use super::explain::records;
use super::image::{self, Prepared};
use super::session::{Compiler, How, Level, Session};
use crate::failure::Failure;

/// What verifying found; it is only given when everything agrees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The image.
    pub image: String,
    /// Its version.
    pub version: String,
    /// Every artefact that was built again with the same digest.
    pub artefacts: BTreeMap<String, Artefact>,
}

/// Verifies a built image's folder.
///
/// # Errors
/// An artefact is not the manifest's, the inputs here are not the manifest's, or building again
/// gives other bytes.
pub fn verify(
    session: &Session<'_>,
    folder: &Path,
    compiler: Compiler,
) -> Result<Verified, Failure> {
    let (manifest, _) = records(folder)?;
    session.watcher.phase("comparing artefacts with the manifest");
    for (name, artefact) in &manifest.artefacts {
        let found = digest(&folder.join(name)).map_err(|error| {
            Failure::machine(format!("reading `{}`", folder.join(name).display())).because(error)
        })?;
        if found != artefact.sha256 {
            return Err(Failure::promise(format!(
                "`{name}` has digest {found}, the manifest says {}",
                artefact.sha256
            ))
            .hint("the file was changed or damaged after it was built"));
        }
    }
    let level = Level::of_word(&manifest.level).ok_or_else(|| {
        Failure::promise(format!("the manifest names the level `{}`", manifest.level))
    })?;
    let how = How { level, compiler };
    let prepared = image::prepare(session, &manifest.image, manifest.arch, how)?;
    same_inputs(&manifest, &prepared)?;
    let out = session
        .store
        .temporary_directory()
        .map_err(|error| Failure::machine("making a folder to build in").because(error))?;
    let again = Session { out: out.path(), ..*session };
    let built = image::build(&again, &manifest.image, manifest.arch, how)?;
    compare(&manifest, &built.manifest)?;
    Ok(Verified { image: manifest.image, version: manifest.version, artefacts: manifest.artefacts })
}

fn digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut digester = Digester::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let len = file.read(&mut piece)?;
        match piece.get(..len) {
            Some([]) | None => return Ok(digester.finish()),
            Some(read) => digester.update(read),
        }
    }
}

fn same_inputs(manifest: &Manifest, prepared: &Prepared) -> Result<(), Failure> {
    let differ = differences(&manifest.inputs, &prepared.inputs);
    if differ.is_empty() && manifest.inputs_digest == prepared.inputs_digest {
        return Ok(());
    }
    Err(Failure::promise(format!(
        "the inputs here are not those of the manifest: {}",
        differ.join(", ")
    ))
    .hint("check out the revision that the image was built from, with its lock"))
}

/// What differs between two sets of inputs, by name.
fn differences(before: &Inputs, now: &Inputs) -> Vec<String> {
    fn keys<V: PartialEq>(
        kind: &str,
        before: &BTreeMap<String, V>,
        now: &BTreeMap<String, V>,
    ) -> Vec<String> {
        let all: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        all.into_iter()
            .filter(|key| before.get(*key) != now.get(*key))
            .map(|key| format!("{kind} {key}"))
            .collect()
    }
    let mut found = Vec::new();
    if before.builder != now.builder {
        found.push(format!("builder {} and {}", before.builder, now.builder));
    }
    found.extend(keys("codec", &before.codecs, &now.codecs));
    found.extend(keys("declaration", &before.declarations, &now.declarations));
    found.extend(keys("program", &before.node_binaries, &now.node_binaries));
    found.extend(keys("suite", &before.suites, &now.suites));
    found.extend(keys("package", &before.packages, &now.packages));
    found
}

fn compare(before: &Manifest, now: &Manifest) -> Result<(), Failure> {
    let differ: Vec<String> = before
        .artefacts
        .iter()
        .filter_map(|(name, artefact)| {
            let found = now.artefacts.get(name).map(|each| each.sha256);
            (found != Some(artefact.sha256)).then(|| {
                let found = found.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string());
                format!("{name}: {} was, {found} is built now", artefact.sha256)
            })
        })
        .collect();
    if differ.is_empty() {
        return Ok(());
    }
    Err(Failure::promise("building from the same inputs gives other bytes")
        .because(differ.join("\n"))
        .hint("if the builder is the same revision, this is a mistake in it: report it"))
}
