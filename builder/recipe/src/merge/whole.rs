//! What can only be seen of an image as a whole.

use std::collections::BTreeMap;

use contract::service::{Graph, GraphError};

use crate::assembly::Assembly;
use crate::declared::{FileKind, Omission, Package, Part};
use crate::diagnostic::{Diagnostic, Findings, Problem};
use crate::image::Kind;
use crate::nearest::nearest;
use crate::place::Place;

pub(super) fn check(assembly: &Assembly, found: &mut Findings) {
    packages(assembly, found);
    services(assembly, found);
    paths(assembly, found);
    if matches!(assembly.image.kind, Kind::Bootable(_)) {
        bootable(assembly, found);
    }
}

/// Suites are the image's, nothing is both installed and left out.
fn packages(assembly: &Assembly, found: &mut Findings) {
    let suites = &assembly.image.suites;
    let all = [&assembly.packages, &assembly.build_packages, &assembly.target_packages];
    for package in all.into_iter().flatten() {
        if let Some(name) = &package.suite
            && !suites.iter().any(|suite| suite.name == *name)
        {
            let problem = Problem::NotThere { what: "suite of the image", name: name.clone() };
            let known = nearest(name, suites.iter().map(|suite| suite.name.as_str()));
            let advice = match known {
                Some(known) => format!("`{known}`"),
                None => format!("a `[[suite]]` with this name in {}", assembly.image.place.file),
            };
            found.push(Diagnostic::at(package.place.clone(), problem).advise(advice));
        }
    }
    let installed: BTreeMap<&str, &Package> =
        assembly.packages.iter().map(|package| (package.name.as_str(), package)).collect();
    for omission in &assembly.leave_out {
        let Omission::Package(name) = &omission.what else { continue };
        if let Some(package) = installed.get(name.as_str()) {
            let problem = Problem::Conflict { what: "package", name: name.clone() };
            found.push(
                Diagnostic::at(omission.place.clone(), problem)
                    .advise("either install it or leave it out")
                    .note(&package.place, "installed here"),
            );
        }
    }
}

/// Services can all be started in some order: the node's own check.
fn services(assembly: &Assembly, found: &mut Findings) {
    let declared = assembly.services.iter();
    let graph = Graph::new(
        declared.map(|service| (service.name.clone(), service.declaration.clone())).collect(),
    );
    let Err(error) = graph else { return };
    let name = match &error {
        GraphError::MissingNeed { service, .. } | GraphError::Reserved { service } => Some(service),
        GraphError::Cycle { ring } => ring.first(),
    };
    let service = assembly.services.iter().find(|service| Some(&service.name) == name);
    let place = service.map_or(&assembly.image.place, |service| &service.place);
    let advice = match &error {
        GraphError::MissingNeed { need, .. } => {
            let known = assembly.services.iter().map(|service| service.name.as_str());
            nearest(need.as_str(), known).map_or_else(
                || format!("a recipe with `[service.{need}]`"),
                |known| format!("`{known}`"),
            )
        }
        GraphError::Cycle { .. } => "leave one of the `needs` out".to_owned(),
        GraphError::Reserved { .. } => "another name".to_owned(),
    };
    let problem = Problem::Found { message: error.to_string() };
    found.push(Diagnostic::at(place.clone(), problem).advise(advice));
}

/// No two things have one path, and nothing is below a file.
fn paths(assembly: &Assembly, found: &mut Findings) {
    let mut taken: BTreeMap<String, (&Place, bool)> = BTreeMap::new();
    for file in &assembly.files {
        let directory = matches!(file.kind, FileKind::Directory);
        taken.insert(file.path.clone(), (&file.place, directory));
    }
    let programs = assembly.programs.iter().map(|program| (program.path.clone(), &program.place));
    let follows = assembly.follows();
    let follows = follows.iter().map(|file| (file.path.clone(), &file.place));
    for (path, place) in programs.chain(follows) {
        if let Some((first, _)) = taken.insert(path.clone(), (place, false)) {
            found.push(clash(place, &path, first, "something else is there"));
        }
    }
    for (path, (place, _)) in &taken {
        let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        for above in above {
            if let Some((first, false)) = taken.get(above) {
                found.push(clash(place, path, first, "this is no directory"));
            }
        }
    }
}

fn clash(place: &Place, path: &str, first: &Place, text: &str) -> Diagnostic {
    let problem = Problem::Conflict { what: "path", name: format!("/{path}") };
    Diagnostic::at(place.clone(), problem).advise("another path").note(first, text)
}

/// A machine can boot it.
fn bootable(assembly: &Assembly, found: &mut Findings) {
    let image = &assembly.image;
    for (part, value) in Part::ALL {
        if !assembly.boot.iter().any(|declared| declared.part == value) {
            let problem = Problem::NoBootPart { part, arch: assembly.arch.name() };
            let advice = format!("a recipe with `[[boot]]` and `part = \"{part}\"`");
            found.push(Diagnostic::at(image.place.clone(), problem).advise(advice));
        }
    }
    let mut initrd = assembly.programs.iter().filter(|program| program.initrd);
    match (initrd.next(), initrd.next()) {
        (Some(_), None) => {}
        (None, _) => {
            let problem = Problem::NoBootPart { part: "init", arch: assembly.arch.name() };
            let advice = "a recipe with a `[[program]]` that has `initrd = true`";
            found.push(Diagnostic::at(image.place.clone(), problem).advise(advice));
        }
        (Some(first), Some(second)) => {
            let problem =
                Problem::Conflict { what: "program of the initrd", name: second.name.clone() };
            found.push(
                Diagnostic::at(second.place.clone(), problem)
                    .advise("one program with `initrd = true`")
                    .note(&first.place, "declared here first"),
            );
        }
    }
    for package in &assembly.target_packages {
        let other = format!("kind = \"bootable\" of the image `{}`", image.name);
        let problem = Problem::NotBeside { key: "for = \"target\"".into(), other };
        found.push(Diagnostic::at(package.place.clone(), problem));
    }
}
