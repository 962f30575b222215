//! `/etc/ld.so.conf`: further directories with libraries, one a line, `#` for comments, and
//! `include PATTERN` for more files (ldconfig(8)).

use formats::tree::Tree;
use recipe::glob::Glob;

use super::super::{Facts, ReachError, matching};
use super::content;

/// How deep files may include one another.
const MAX_DEPTH: usize = 8;

/// The directories, in order, as written and without the leading slash.
pub(super) fn directories(tree: &Tree, facts: &dyn Facts) -> Result<Vec<String>, ReachError> {
    let mut found = Vec::new();
    take_file(tree, facts, "etc/ld.so.conf", MAX_DEPTH, &mut found)?;
    Ok(found)
}

fn take_file(
    tree: &Tree,
    facts: &dyn Facts,
    path: &str,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), ReachError> {
    let Some(content) = content(tree, path).filter(|_| depth > 0) else { return Ok(()) };
    let bytes = content.load(facts).map_err(|error| ReachError::facts(path, &error))?;
    for line in String::from_utf8_lossy(&bytes).lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(pattern) = line.strip_prefix("include") {
            for path in included(tree, pattern.trim()) {
                take_file(tree, facts, &path, depth - 1, found)?;
            }
        } else if let Some(directory) =
            line.split('=').next().and_then(|path| path.strip_prefix('/'))
        {
            found.push(directory.trim_end_matches('/').to_owned());
        }
    }
    Ok(())
}

/// The files of an `include` line, sorted; a relative pattern is below `/etc`.
fn included(tree: &Tree, pattern: &str) -> Vec<String> {
    let pattern = match pattern.strip_prefix('/') {
        Some(pattern) => pattern.to_owned(),
        None => format!("etc/{pattern}"),
    };
    let Ok(glob) = Glob::parse(&pattern) else { return Vec::new() };
    matching(tree, &glob)
}
