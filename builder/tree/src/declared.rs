//! Files that recipes declare, put into the full tree.
//!
//! They come after everything packages bring, so that a recipe has the last word; but it must say
//! so (`replaces`), because a file that silently hides a package's is found by nobody.

use formats::tree::{Content, Kind, Node, Tree, parent};
use recipe::declared::{FileDecl, FileKind};
use recipe::diagnostic::{Diagnostic, Problem};

use crate::accounts::Accounts;
use crate::resolve::{Last, walk};

/// Puts the files into the tree; `recipe_of` names the recipe of each.
///
/// # Errors
/// Every file that does not fit: an unknown owner, something that is there and not said to be
/// replaced, a path below something that is no directory.
pub fn put(
    tree: &mut Tree,
    accounts: &Accounts,
    files: &[FileDecl],
) -> Result<(), Vec<Diagnostic>> {
    // Directories first, so that a file may be declared below one in any order.
    let (directories, others): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| matches!(file.kind, FileKind::Directory));
    let wrong: Vec<Diagnostic> = directories
        .into_iter()
        .chain(others)
        .filter_map(|file| put_one(tree, accounts, file).err().map(|wrong| *wrong))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn put_one(tree: &mut Tree, accounts: &Accounts, file: &FileDecl) -> Result<(), Box<Diagnostic>> {
    let wrong =
        |message: String| Box::new(Diagnostic::at(file.place.clone(), Problem::Found { message }));
    let place = walk(&file.path, tree, Last::Keep)
        .map_err(|error| wrong(format!("`/{}` does not fit the tree: {error}", file.path)))?
        .place;
    let owner = |error| wrong(format!("the owner of `/{}`: {error}", file.path));
    let origin = origin(file);
    let mut node = Node::new(kind(&file.kind), file.mode, &origin);
    node.uid = accounts.uid(&file.user).map_err(owner)?;
    node.gid = accounts.gid(&file.group).map_err(owner)?;
    let there = tree.get(&place);
    let both_directories =
        there.is_some_and(|there| there.kind == Kind::Directory) && node.kind == Kind::Directory;
    match (there.is_some(), file.replaces) {
        (true, false) if !both_directories => {
            let by = there.map(|there| there.origin.to_string()).unwrap_or_default();
            let found = wrong(format!("`/{}` is there already, from {by}", file.path));
            let advice = "write `replaces = true` if the recipe's is meant to be the one";
            return Err(Box::new(found.advise(advice)));
        }
        _ => {}
    }
    if !both_directories {
        tree.remove(&place);
    }
    let fits = |error| wrong(format!("`/{}` does not fit the tree: {error}", file.path));
    tree.make_parents(&place, &origin).map_err(fits)?;
    tree.insert(&place, node).map_err(fits)?;
    Ok(())
}

/// `recipe:NAME`, from the place where the file is declared.
fn origin(file: &FileDecl) -> String {
    format!("recipe:{}", parent(&file.place.file).trim_start_matches("recipes/"))
}

fn kind(kind: &FileKind) -> Kind {
    match kind {
        FileKind::Regular(bytes) => Kind::File(Content::inline(bytes.clone())),
        FileKind::Symlink(target) => Kind::Symlink(target.clone()),
        FileKind::Directory => Kind::Directory,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recipe::place::Place;

    use super::*;

    fn file(path: &str, replaces: bool) -> FileDecl {
        FileDecl {
            path: path.to_owned(),
            kind: FileKind::Regular(Arc::from(b"x".as_slice())),
            mode: 0o644,
            user: "root".into(),
            group: "root".into(),
            replaces,
            arch: None,
            place: Place { file: "recipes/base/recipe.toml".into(), line: 1, column: 1, length: 1 },
        }
    }

    fn accounts() -> Accounts {
        let mut accounts = Accounts::new();
        accounts.add_masters("root:*:0:0:root:/root:/bin/sh\n", "root:*:0:\n").unwrap();
        accounts
    }

    #[test]
    fn replacing_must_be_said() {
        let mut tree = Tree::new();
        put(&mut tree, &accounts(), &[file("etc/a", false)]).unwrap();
        assert_eq!(&*tree.get("etc/a").unwrap().origin, "recipe:base");
        assert_eq!(put(&mut tree, &accounts(), &[file("etc/a", false)]).unwrap_err().len(), 1);
        put(&mut tree, &accounts(), &[file("etc/a", true)]).unwrap();
    }

    #[test]
    fn an_unknown_owner_is_a_mistake_in_the_recipe() {
        let nobody = FileDecl { user: "nobody-here".into(), ..file("etc/a", false) };
        assert_eq!(put(&mut Tree::new(), &accounts(), &[nobody]).unwrap_err().len(), 1);
    }
}
