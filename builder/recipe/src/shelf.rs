//! Where declarations come from.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Something that hands out the files of declarations by their path from the top: a directory, a
/// repository, or a map in a test.
pub trait Shelf {
    /// The bytes of a file, or the first `limit_bytes + 1` of them when it is longer: what is too
    /// long is refused by who asks, and must not fill the memory first.
    ///
    /// # Errors
    /// `NotFound` when there is no such file; any other error when reading it is refused.
    fn read(&self, path: &str, limit_bytes: usize) -> io::Result<Vec<u8>>;

    /// The names of what is in a directory, sorted; empty when there is none. Only used to say
    /// what may have been meant, and to find all images.
    fn names(&self, directory: &str) -> Vec<String>;
}

impl Shelf for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str, limit_bytes: usize) -> io::Result<Vec<u8>> {
        let bytes = self.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(bytes.iter().copied().take(limit_bytes.saturating_add(1)).collect())
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let below = format!("{directory}/");
        let name = |path: &String| Some(path.strip_prefix(&below)?.split('/').next()?.to_owned());
        self.keys().filter_map(name).collect::<BTreeSet<_>>().into_iter().collect()
    }
}
