//! Recipes → one [`Assembly`] for one architecture, or every way in which they contradict one
//! another.
//!
//! What two recipes say of the same thing must agree; then it counts once. Where saying it twice
//! adds up (an entry point with further libraries, a module that is also needed in the initrd) it
//! is added up. Nothing is decided by which recipe comes first.

mod accounts;
mod declared;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use contract::arch::Arch;

use crate::assembly::Assembly;
use crate::declared::{Argument, Purpose, Recipe};
use crate::diagnostic::{Diagnostic, Findings, Problem};
use crate::image::Image;
use crate::place::Place;
use declared::Declared;

/// Arguments that may be there several times, because each adds to the others.
const REPEATABLE_ARGUMENTS: &[&str] = &["console", "earlycon", "module_blacklist"];

/// Puts the recipes together.
pub(crate) fn assemble(
    image: &Image,
    recipes: &BTreeMap<String, Recipe>,
    arch: Arch,
) -> Result<Assembly, Vec<Diagnostic>> {
    let order = in_order(image, recipes, arch);
    let mut merge = Merge { arch, recipes: order.clone(), found: Findings::default() };
    let (mut packages, mut build_packages, mut target_packages) = Default::default();
    for package in merge.each(|recipe| &recipe.packages) {
        let list: &mut Vec<_> = match package.purpose {
            Purpose::Image => &mut packages,
            Purpose::Build => &mut build_packages,
            Purpose::Target => &mut target_packages,
        };
        list.push(package);
    }
    let mut assembly = Assembly {
        image: image.clone(),
        arch,
        recipes: order.iter().map(|recipe| recipe.name.clone()).collect(),
        packages,
        build_packages,
        target_packages,
        entries: merge.each(|recipe| &recipe.entries),
        files: merge.each(|recipe| &recipe.files),
        programs: merge.each(|recipe| &recipe.programs),
        users: merge.each(|recipe| &recipe.users),
        groups: merge.each(|recipe| &recipe.groups),
        modules: merge.each(|recipe| &recipe.modules),
        arguments: merge.arguments(),
        boot: merge.each(|recipe| &recipe.boot),
        sysctls: merge.each(|recipe| &recipe.sysctls),
        services: merge.each(|recipe| &recipe.services),
        leave_out: merge.each(|recipe| &recipe.leave_out),
        privileged: merge.each(|recipe| &recipe.privileged),
        exceptions: merge.each(|recipe| &recipe.exceptions),
    };
    assembly.users.sort_by_key(|user| user.uid);
    assembly.groups.sort_by_key(|group| group.gid);
    let mut found = merge.found;
    accounts::check(&assembly, &mut found);
    whole::check(&assembly, &mut found);
    if found.is_empty() { Ok(assembly) } else { Err(found.sorted()) }
}

/// The recipes of an image for one architecture, each after those it needs, else by name.
fn in_order<'r>(
    image: &Image,
    recipes: &'r BTreeMap<String, Recipe>,
    arch: Arch,
) -> Vec<&'r Recipe> {
    let packs = image.firmware.iter().map(|named| format!("firmware-{}", named.name));
    let named = image.recipes.iter().map(|named| named.name.clone());
    let mut todo: Vec<String> = named.chain(packs).collect();
    let mut wanted: BTreeMap<&str, &Recipe> = BTreeMap::new();
    while let Some(name) = todo.pop() {
        let Some((name, recipe)) = recipes.get_key_value(&name) else { continue };
        if wanted.insert(name, recipe).is_none() {
            todo.extend(needs(recipe, arch).map(str::to_owned));
        }
    }
    let mut order: Vec<&Recipe> = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    while let Some(name) = wanted.iter().find_map(|(name, recipe)| {
        needs(recipe, arch).all(|need| !wanted.contains_key(need)).then_some(*name)
    }) {
        done.insert(name);
        order.extend(wanted.remove(name));
    }
    order
}

fn needs(recipe: &Recipe, arch: Arch) -> impl Iterator<Item = &str> {
    let here = move |of: Option<Arch>| of.is_none_or(|of| of == arch);
    recipe.needs.iter().filter(move |need| here(need.arch)).map(|need| need.name.as_str())
}

/// Recipes that need one another, one finding for each circle that is met first.
pub(crate) fn circles(recipes: &BTreeMap<String, Option<Recipe>>) -> Vec<Diagnostic> {
    let mut left: BTreeMap<&str, &Recipe> = recipes
        .iter()
        .filter_map(|(name, recipe)| Some((name.as_str(), recipe.as_ref()?)))
        .collect();
    while let Some(name) = left.iter().find_map(|(name, recipe)| {
        recipe.needs.iter().all(|need| !left.contains_key(need.name.as_str())).then_some(*name)
    }) {
        left.remove(name);
    }
    // Each recipe that is left needs another that is left, so the walk comes back to itself.
    let Some(mut at) = left.keys().next().copied() else { return Vec::new() };
    let mut path: Vec<&str> = Vec::new();
    while !path.contains(&at) {
        path.push(at);
        let needs = left.get(at).map(|recipe| recipe.needs.as_slice()).unwrap_or_default();
        let Some(next) = needs.iter().find(|need| left.contains_key(need.name.as_str())) else {
            return Vec::new();
        };
        at = &next.name;
    }
    let start = path.iter().position(|name| *name == at).unwrap_or(0);
    let circle: Vec<&str> = path.iter().skip(start).copied().chain([at]).collect();
    let [.., last, first] = circle.as_slice() else { return Vec::new() };
    let need = left.get(last).and_then(|r| r.needs.iter().find(|need| need.name == **first));
    let names = circle.iter().map(|name| (*name).to_owned()).collect();
    let finding = |place: &Place| {
        Diagnostic::at(place.clone(), Problem::Circle { names })
            .advise("move what both need into a recipe of its own")
    };
    need.map(|need| finding(&need.place)).into_iter().collect()
}

struct Merge<'r> {
    arch: Arch,
    recipes: Vec<&'r Recipe>,
    found: Findings,
}

impl Merge<'_> {
    /// One of each thing of a kind, by name; a finding where two do not agree.
    fn each<T: Declared>(&mut self, list: impl Fn(&Recipe) -> &Vec<T>) -> Vec<T> {
        let mut things: BTreeMap<String, T> = BTreeMap::new();
        for thing in self.recipes.iter().flat_map(|recipe| list(recipe)) {
            if thing.arch().is_some_and(|arch| arch != self.arch) {
                continue;
            }
            let Some(first) = things.get_mut(&thing.key()) else {
                things.insert(thing.key(), thing.clone());
                continue;
            };
            if !first.join(thing) {
                let problem = Problem::Conflict { what: T::WHAT, name: thing.name() };
                self.found.push(
                    Diagnostic::at(thing.place().clone(), problem)
                        .advise("declare it once, or the same in both places")
                        .note(first.place(), "declared here first"),
                );
            }
        }
        things.into_values().collect()
    }

    /// The kernel arguments in the order of the recipes.
    fn arguments(&mut self) -> Vec<Argument> {
        let mut list: Vec<Argument> = Vec::new();
        let mut texts: BTreeSet<&str> = BTreeSet::new();
        let mut keys: BTreeMap<&str, &Place> = BTreeMap::new();
        for argument in self.recipes.iter().flat_map(|recipe| &recipe.arguments) {
            if argument.arch.is_some_and(|arch| arch != self.arch) || !texts.insert(&argument.text)
            {
                continue;
            }
            let key = key_of(argument);
            match keys.insert(key, &argument.place) {
                Some(first) if !REPEATABLE_ARGUMENTS.contains(&key) => {
                    let problem =
                        Problem::Conflict { what: "kernel argument", name: key.to_owned() };
                    self.found.push(
                        Diagnostic::at(argument.place.clone(), problem)
                            .advise("declare it in one recipe")
                            .note(first, "declared here first"),
                    );
                }
                _ => list.push(argument.clone()),
            }
        }
        list
    }
}

fn key_of(argument: &Argument) -> &str {
    argument.text.split_once('=').map_or(argument.text.as_str(), |(key, _)| key)
}
