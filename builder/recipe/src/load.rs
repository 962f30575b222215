//! From the name of an image to its declaration and all recipes that belong to it.

use std::collections::BTreeMap;

use contract::arch::Arch;

use crate::assembly::Assembly;
use crate::declared::Recipe;
use crate::diagnostic::{Diagnostic, Findings, Problem, Rejected};
use crate::image::Image;
use crate::keys;
use crate::merge;
use crate::nearest::nearest;
use crate::place::Place;
use crate::read::{self, MAX_DECLARATION_BYTES, names};
use crate::shelf::Shelf;
use crate::sources::Sources;

/// An image with its recipes. Each was read without a mistake, and every recipe that is named is
/// here; whether they go together is what [`Loaded::assemble`] answers.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The image.
    pub image: Image,
    /// Its recipes by name, with those they need.
    pub recipes: BTreeMap<String, Recipe>,
    /// The texts, for showing what is found later.
    pub sources: Sources,
}

impl Loaded {
    /// Puts the recipes together for one architecture.
    ///
    /// # Errors
    /// Every contradiction between the recipes.
    pub fn assemble(&self, arch: Arch) -> Result<Assembly, Rejected> {
        merge::assemble(&self.image, &self.recipes, arch)
            .map_err(|diagnostics| Rejected { diagnostics, sources: self.sources.clone() })
    }
}

/// Reads an image and its recipes.
///
/// # Errors
/// Every mistake in any of the files, and every name that nothing has.
pub fn load(shelf: &dyn Shelf, image: &str) -> Result<Loaded, Rejected> {
    let mut sources = Sources::default();
    let image = read_image(shelf, image, &mut sources)
        .map_err(|diagnostics| Rejected { diagnostics, sources: sources.clone() })?;
    let mut walk = Walk { shelf, sources, recipes: BTreeMap::new(), found: Findings::default() };
    walk.all(&image);
    let mut diagnostics = walk.found.sorted();
    if diagnostics.is_empty() {
        diagnostics = merge::circles(&walk.recipes);
    }
    if diagnostics.is_empty() {
        let recipes = walk.recipes.into_iter().filter_map(|(name, r)| Some((name, r?))).collect();
        Ok(Loaded { image, recipes, sources: walk.sources })
    } else {
        Err(Rejected { diagnostics, sources: walk.sources })
    }
}

/// Reads the text of a recipe. Files beside it come from `shelf`.
///
/// # Errors
/// Every mistake in it.
pub fn parse_recipe(
    name: &str,
    bytes: &[u8],
    shelf: &dyn Shelf,
) -> Result<(Recipe, Sources), Rejected> {
    let file = format!("recipes/{name}/recipe.toml");
    read::file(&file, bytes, &keys::RECIPE, |reader, top| {
        read::recipe::recipe(reader, top, name, shelf)
    })
}

/// Reads the text of an image.
///
/// # Errors
/// Every mistake in it.
pub fn parse_image(name: &str, bytes: &[u8]) -> Result<(Image, Sources), Rejected> {
    let file = format!("images/{name}/image.toml");
    read::file(&file, bytes, &keys::IMAGE, |reader, top| read::image::image(reader, top, name))
}

fn read_image(
    shelf: &dyn Shelf,
    name: &str,
    sources: &mut Sources,
) -> Result<Image, Vec<Diagnostic>> {
    let file = format!("images/{name}/image.toml");
    let place = Place { file: file.clone(), line: 1, column: 1, length: 1 };
    if !names::is_plain(name) {
        return Err(vec![not_there(shelf, "image", "images", name, "", place)]);
    }
    let bytes = shelf.read(&file, MAX_DECLARATION_BYTES).map_err(|error| {
        vec![match error.kind() {
            std::io::ErrorKind::NotFound => not_there(shelf, "image", "images", name, "", place),
            _ => Diagnostic::at(place, Problem::Unreadable { reason: error.to_string() }),
        }]
    })?;
    match parse_image(name, &bytes) {
        Ok((image, texts)) => {
            sources.extend(texts);
            Ok(image)
        }
        Err(rejected) => {
            sources.extend(rejected.sources);
            Err(rejected.diagnostics)
        }
    }
}

/// Something is named that the shelf does not have. `prefix` is what all names of its kind begin
/// with there and is not written.
fn not_there(
    shelf: &dyn Shelf,
    what: &'static str,
    directory: &str,
    name: &str,
    prefix: &str,
    place: Place,
) -> Diagnostic {
    let there = shelf.names(directory);
    let file = if directory == "images" { "image.toml" } else { "recipe.toml" };
    let is_one = |name: &&String| shelf.read(&format!("{directory}/{name}/{file}"), 0).is_ok();
    let there = there.iter().filter(is_one);
    let known: Vec<&str> = there.filter_map(|known| known.strip_prefix(prefix)).collect();
    let advice = match nearest(name, known.iter().copied()) {
        Some(known) => format!("`{known}`"),
        None if known.is_empty() => format!("there is no {what} at all in `{directory}`"),
        None => format!("one of these: {}", known.join(", ")),
    };
    let name = name.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    Diagnostic::at(place, Problem::NotThere { what, name }).advise(advice)
}

/// The walk from an image over all recipes that it reaches.
struct Walk<'s> {
    shelf: &'s dyn Shelf,
    sources: Sources,
    /// `None` for one that has mistakes, so that it is read once.
    recipes: BTreeMap<String, Option<Recipe>>,
    found: Findings,
}

/// A recipe that is still to be read: what it is called where it is named, and the prefix of its
/// directory.
struct Wanted {
    what: &'static str,
    prefix: &'static str,
    name: String,
    place: Place,
}

impl Walk<'_> {
    fn all(&mut self, image: &Image) {
        let wanted = |what, prefix| {
            move |named: &crate::image::Named| Wanted {
                what,
                prefix,
                name: named.name.clone(),
                place: named.place.clone(),
            }
        };
        let mut todo: Vec<Wanted> = image.recipes.iter().map(wanted("recipe", "")).collect();
        todo.extend(image.firmware.iter().map(wanted("firmware pack", "firmware-")));
        while let Some(next) = todo.pop() {
            if self.found.full() {
                break;
            }
            let name = format!("{}{}", next.prefix, next.name);
            if self.recipes.contains_key(&name) {
                continue;
            }
            let recipe = self.one(&name, next);
            let needs = recipe.iter().flat_map(|recipe| &recipe.needs).map(|need| Wanted {
                what: "recipe",
                prefix: "",
                name: need.name.clone(),
                place: need.place.clone(),
            });
            todo.extend(needs);
            self.recipes.insert(name, recipe);
        }
    }

    fn one(&mut self, name: &str, wanted: Wanted) -> Option<Recipe> {
        let file = format!("recipes/{name}/recipe.toml");
        let bytes = match self.shelf.read(&file, MAX_DECLARATION_BYTES) {
            Ok(bytes) => bytes,
            Err(error) => {
                let Wanted { what, prefix, name, place } = wanted;
                self.found.push(match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        not_there(self.shelf, what, "recipes", &name, prefix, place)
                    }
                    _ => Diagnostic::at(place, Problem::Unreadable { reason: error.to_string() }),
                });
                return None;
            }
        };
        match parse_recipe(name, &bytes, self.shelf) {
            Ok((recipe, texts)) => {
                self.sources.extend(texts);
                Some(recipe)
            }
            Err(rejected) => {
                self.sources.extend(rejected.sources);
                rejected.diagnostics.into_iter().for_each(|one| self.found.push(one));
                None
            }
        }
    }
}
