//! `ashlar why`: what keeps a file or a package in an image.

use contract::arch::Arch;
use serde::Serialize;

use super::image::{self, Prepared};
use super::knowledge::Knowledge;
use super::locks;
use super::session::{How, Session};
use crate::failure::Failure;

/// A chain from what a recipe asks for to what was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// What was asked about.
    pub what: String,
    /// The chain: each link and why it is there.
    pub links: Vec<Link>,
}

/// A link of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// A package or a path.
    pub name: String,
    /// Why it is there.
    pub why: String,
}

impl Chain {
    /// As text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let link = |(depth, link): (usize, &Link)| {
            format!("{:indent$}{}: {}\n", "", link.name, link.why, indent = depth * 2)
        };
        self.links.iter().enumerate().map(link).collect()
    }
}

/// Says what keeps a path (with a slash) or a package in an image.
///
/// # Errors
/// It is not in the image.
pub fn why(
    session: &Session<'_>,
    what: &str,
    image: &str,
    arch: Arch,
    how: How,
) -> Result<Chain, Failure> {
    let prepared = image::prepare(session, image, arch, how)?;
    if what.contains('/') {
        file(session, &prepared, what.trim_start_matches('/'))
    } else {
        package(&prepared, what)
    }
}

fn package(prepared: &Prepared, name: &str) -> Result<Chain, Failure> {
    let links = [locks::IMAGE, locks::BUILD]
        .iter()
        .map(|set| prepared.lock.explain(set, name))
        .find(|chain| !chain.is_empty());
    let links = links.ok_or_else(|| {
        let near = prepared.lock.packages.keys().find(|key| key.name.contains(name));
        let failure = Failure::asked(format!("no package `{name}` is installed for the image"));
        match near {
            Some(key) => failure.hint(format!("is `{}` meant?", key.name)),
            None => failure,
        }
    })?;
    let link =
        |(name, reason): (String, packages::reason::Reason)| Link { name, why: reason.to_string() };
    Ok(Chain { what: name.to_owned(), links: links.into_iter().map(link).collect() })
}

fn file(session: &Session<'_>, prepared: &Prepared, path: &str) -> Result<Chain, Failure> {
    let takes = |set: &str| matches!(set, locks::IMAGE | locks::BUILD);
    let assembly = &prepared.declared.assembly;
    let lock = locks::fetch(session, assembly, prepared.lock.clone(), &takes)?;
    let unpacked = image::unpack(session, &lock)?;
    let knowledge = Knowledge::open(session.store, &unpacked, &assembly.image.name, assembly.arch);
    let composed =
        image::pool(session)?.install(|| image::compose_image(prepared, &unpacked, &knowledge))?;
    let mut links = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let Some(reason) = composed.reached.keep.get(&path) else { break };
        let origin = composed.root.get(&path).map(|node| node.origin.to_string());
        let origin = origin.map_or_else(String::new, |origin| format!(" ({origin})"));
        links.push(Link { name: format!("/{path}{origin}"), why: reason.to_string() });
        next = reason.from().map(str::to_owned).filter(|from| *from != path);
    }
    if links.is_empty() {
        let there = composed.full.get(path).is_some();
        let failure = Failure::asked(format!("`/{path}` is not in the image"));
        return Err(match there {
            true => failure.hint("a package has it, but no entry point reaches it"),
            false => failure.hint("no package of the image has it either"),
        });
    }
    links.reverse();
    Ok(Chain { what: format!("/{path}"), links })
}
