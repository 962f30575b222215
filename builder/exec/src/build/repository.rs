//! The folder that holds `images/` and `recipes/`, and what was read from it.
//!
//! Each file that is read for a build is an input, so its digest is noted as it is read: the
//! manifest then lists exactly what decided the image, neither less nor more.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use recipe::shelf::Shelf;

use crate::failure::Failure;

/// The folder of declarations.
#[derive(Debug, Clone)]
pub struct Repository {
    top: PathBuf,
}

impl Repository {
    /// The folder given, or the nearest one above `start` that has `images/` and `recipes/`.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn find(given: Option<&Path>, start: &Path) -> Result<Self, Failure> {
        let is_top =
            |folder: &Path| folder.join("images").is_dir() && folder.join("recipes").is_dir();
        match given {
            Some(folder) if is_top(folder) => Ok(Self { top: folder.to_owned() }),
            Some(folder) => Err(Failure::asked(format!(
                "`{}` has no folders images/ and recipes/",
                folder.display()
            ))),
            None => start
                .ancestors()
                .find(|folder| is_top(folder))
                .map(|folder| Self { top: folder.to_owned() })
                .ok_or_else(|| {
                    Failure::asked("no folder above this one has images/ and recipes/")
                        .hint("change into the repository, or name it with --repository DIR")
                }),
        }
    }

    /// A path below the top.
    #[must_use]
    pub fn path(&self, below: &str) -> PathBuf {
        self.top.join(below)
    }

    /// The folder itself.
    #[must_use]
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// A reader that notes what it reads.
    #[must_use]
    pub fn reader(&self) -> NotingShelf<'_> {
        NotingShelf { repository: self, read: RefCell::default() }
    }
}

/// Reads declarations, and notes the digest of each file it gave out.
#[derive(Debug)]
pub struct NotingShelf<'r> {
    repository: &'r Repository,
    read: RefCell<BTreeMap<String, Digest>>,
}

impl NotingShelf<'_> {
    /// What was read: path below the top to digest.
    #[must_use]
    pub fn noted(&self) -> BTreeMap<String, Digest> {
        self.read.borrow().clone()
    }
}

impl Shelf for NotingShelf<'_> {
    fn read(&self, path: &str, limit_bytes: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(limit_bytes).unwrap_or(u64::MAX).saturating_add(1);
        fs::File::open(self.repository.path(path))?.take(limit).read_to_end(&mut bytes)?;
        self.read.borrow_mut().insert(path.to_owned(), Digest::of(&bytes));
        Ok(bytes)
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.repository.path(directory)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_folder_with_both_is_the_repository() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        assert!(Repository::find(None, &inner).is_err());
        fs::create_dir_all(dir.path().join("images")).unwrap();
        fs::create_dir_all(dir.path().join("recipes")).unwrap();
        assert_eq!(Repository::find(None, &inner).unwrap().top(), dir.path());
        assert!(Repository::find(Some(&inner), &inner).is_err());
    }

    #[test]
    fn what_is_read_is_noted() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["images", "recipes"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("recipes/a"), b"text").unwrap();
        let repository = Repository::find(Some(dir.path()), dir.path()).unwrap();
        let shelf = repository.reader();
        assert_eq!(shelf.read("recipes/a", 10).unwrap(), b"text");
        assert!(shelf.read("recipes/b", 10).is_err());
        assert_eq!(shelf.noted(), BTreeMap::from([("recipes/a".into(), Digest::of(b"text"))]));
    }
}
