//! From packages and declarations to the root tree and the initrd's.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::digest::Digest;
use formats::tree::{Content, Kind, Node, Tree, parent};
use recipe::assembly::Assembly;
use recipe::diagnostic::{Diagnostic, Problem, Rejected};
use recipe::image;
use tree::input::InstalledPackage;
use tree::reach::{Body, Facts, Reached};
use tree::rules::Rules;

use super::declarations::{Declared, rejected};
use super::knowledge::Knowledge;
use crate::failure::Failure;

/// Where the loader keeps where libraries are.
const LIBRARY_CACHE: &str = "etc/ld.so.cache";

/// The trees of an image.
#[derive(Debug)]
pub struct Composed {
    /// Everything that an ordinary installation would have, and what recipes add.
    pub full: Tree,
    /// What is in the image.
    pub root: Tree,
    /// What is in the initrd; none where the image has no kernel.
    pub initrd: Option<Tree>,
    /// What keeps each file.
    pub reached: Reached,
}

/// The node's own programs, by name.
pub type Programs = BTreeMap<String, Arc<[u8]>>;

/// Puts an image's trees together.
///
/// # Errors
/// The rules do not cover a script, packages and declarations do not go together, an entry point
/// reaches what is not there, or the lint finds something.
pub fn compose(
    declared: &Declared,
    packages: &[InstalledPackage],
    rules: &Rules,
    programs: &Programs,
    version: &str,
    knowledge: &Knowledge<'_>,
) -> Result<Composed, Failure> {
    let assembly = &declared.assembly;
    let elf = |content: &Content| match &knowledge.of(content)?.body {
        Body::Elf(facts) => Ok(Some((**facts).clone())),
        _ => Ok(None),
    };
    let installed = tree::install::install(tree::install::Request {
        packages,
        rules,
        arch: assembly.arch,
        users: &assembly.users,
        groups: &assembly.groups,
        source: knowledge,
        facts: &elf,
    })
    .map_err(|error| Failure::asked("the packages cannot be installed").because(error))?;
    let mut full = installed.tree;
    let mistakes =
        |diagnostics| rejected(Rejected { diagnostics, sources: declared.sources.clone() });
    let mut files = assembly.files.clone();
    files.extend(assembly.follows());
    tree::declared::put(&mut full, &installed.accounts, &files).map_err(mistakes)?;
    put_programs(&mut full, assembly, programs)?;
    put_version(&mut full, assembly, version);

    knowledge.prepare(&declared_modules(&full, assembly));
    let request = tree::reach::Request::of(assembly);
    let reached = tree::reach::reach(&full, request, knowledge).map_err(|error| {
        Failure::asked("the entry points do not reach all they need").because(error)
    })?;
    let mut root = reached
        .root_tree(&full, &|content| knowledge.uncompressed(content))
        .map_err(|error| Failure::asked("making the root tree").because(error))?;
    library_cache(&mut root, assembly, knowledge, &elf)?;
    lint(&root, assembly, knowledge)?;
    let initrd = initrd(assembly, &root, &reached, programs)?;
    Ok(Composed { full, root, initrd, reached })
}

/// The loader's cache names only libraries that are there, so it is made again for what is kept.
fn library_cache(
    root: &mut Tree,
    assembly: &Assembly,
    knowledge: &Knowledge<'_>,
    elf: &tree::derive::ld_cache::Facts<'_>,
) -> Result<(), Failure> {
    if root.get(LIBRARY_CACHE).is_none() {
        return Ok(());
    }
    let bytes = tree::derive::ld_cache::write(root, assembly.arch, knowledge, elf)
        .map_err(|error| Failure::asked("writing the loader's cache").because(error))?;
    if let Some(node) = root.get_mut(LIBRARY_CACHE) {
        node.kind = Kind::File(Content::inline(bytes));
    }
    Ok(())
}

/// Refuses what must not be in an image.
fn lint(root: &Tree, assembly: &Assembly, knowledge: &Knowledge<'_>) -> Result<(), Failure> {
    let policy = tree::lint::Policy::of(assembly);
    let findings = tree::lint::lint(root, knowledge, policy)
        .map_err(|error| Failure::promise("reading files for the lint").because(error))?;
    if findings.is_empty() {
        return Ok(());
    }
    let line = |finding: &tree::lint::Finding| {
        let tree::lint::Finding { path, check, origin, message, hint } = finding;
        format!("{check}: /{path} ({origin}): {message}; {hint}")
    };
    let lines: Vec<String> = findings.iter().map(line).collect();
    Err(Failure::asked(format!("the lint refuses {} files of the image", findings.len()))
        .because(lines.join("\n"))
        .hint("leave the file out, or accept the finding in a recipe with [[exception]] and a why"))
}

/// The modules that are declared by name or path, so that they can be read in parallel before the
/// walk asks for them one by one.
fn declared_modules<'t>(full: &'t Tree, assembly: &Assembly) -> Vec<&'t Content> {
    let below = |path: &'t str| Some(path.split_once("/kernel/")?.1);
    full.below("usr/lib/modules")
        .filter_map(|(path, node)| Some((below(path)?, node.content()?)))
        .filter(|(path, _)| assembly.modules.iter().any(|each| each.pattern.matches(path)))
        .map(|(_, content)| content)
        .collect()
}

fn put_programs(full: &mut Tree, assembly: &Assembly, programs: &Programs) -> Result<(), Failure> {
    for program in &assembly.programs {
        let wrong = |message: String| {
            let place = program.place.clone();
            let diagnostics = vec![Diagnostic::at(place, Problem::Found { message })];
            rejected(Rejected { diagnostics, sources: recipe::sources::Sources::default() })
        };
        let bytes = programs
            .get(&program.name)
            .ok_or_else(|| wrong(format!("this repository has no program `{}`", program.name)))?;
        let recipe = parent(&program.place.file).trim_start_matches("recipes/");
        let origin = format!("recipe:{recipe}");
        let node = Node::new(Kind::File(Content::inline(Arc::clone(bytes))), 0o755, &origin);
        let fits = |error: formats::tree::TreeError| wrong(error.to_string());
        full.make_parents(&program.path, &origin).map_err(fits)?;
        full.insert(&program.path, node).map_err(fits)?;
    }
    Ok(())
}

/// Adds image and version to `os-release` (os-release(5)).
fn put_version(full: &mut Tree, assembly: &Assembly, version: &str) {
    let Some(node) = full.get_mut("usr/lib/os-release") else { return };
    let Some(content) = node.content() else { return };
    let Ok(bytes) = content.load(&formats::tree::NoContent) else { return };
    let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
    let text = format!(
        "{text}\nVERSION_ID={version}\nIMAGE_ID={}\nIMAGE_VERSION={version}\n",
        assembly.image.name
    );
    node.kind = Kind::File(Content::inline(text.into_bytes()));
}

fn initrd(
    assembly: &Assembly,
    root: &Tree,
    reached: &Reached,
    programs: &Programs,
) -> Result<Option<Tree>, Failure> {
    let image::Kind::Bootable(_) = &assembly.image.kind else { return Ok(None) };
    let modules = reached.modules.as_ref().ok_or_else(|| {
        Failure::asked(format!("the image `{}` declares no kernel modules", assembly.image.name))
    })?;
    let program = assembly.programs.iter().find(|program| program.initrd);
    let init = program.and_then(|program| programs.get(&program.name)).ok_or_else(|| {
        Failure::asked(format!(
            "no recipe of `{}` has a program with `initrd`",
            assembly.image.name
        ))
    })?;
    let init = Content::inline(Arc::clone(init));
    tree::initrd::initrd(root, modules, &init, &assembly.initrd_loads())
        .map(Some)
        .map_err(|error| Failure::asked("making the initrd").because(error))
}

/// One digest over everything that decides a tree of packages; for keys of caches.
#[must_use]
pub fn digest_of<'d>(parts: impl IntoIterator<Item = (&'d str, &'d Digest)>) -> Digest {
    let mut text = String::new();
    for (name, digest) in parts {
        text.push_str(&format!("{name} {digest}\n"));
    }
    Digest::of(text.as_bytes())
}
