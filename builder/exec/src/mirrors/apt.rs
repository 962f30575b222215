//! The host's apt sources, as far as they name mirrors of Debian.
//!
//! Both formats of sources.list(5): stanzas (`*.sources`) and lines (`*.list`), and the lists of
//! addresses that `mirror+file:` names (apt-transport-mirror(1)). What is not of Debian, is
//! switched off, or cannot be asked by us (a CD-ROM) is passed over, as are lines that apt would
//! complain about: it is apt's business to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::MirrorError;

/// Suites of Debian, without `-updates` and the like. A host may run any of them: they all come
/// from the same mirrors.
const SUITES: [&str; 12] = [
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "rc-buggy",
];

/// What follows the suite's own name.
const PARTS: [&str; 7] = [
    "",
    "-updates",
    "-security",
    "-backports",
    "-backports-sloppy",
    "-proposed-updates",
    "/updates",
];

/// Mirrors of Debian that the host uses, as they come, those that are called as mirrors of Debian
/// usually are first: another archive may have suites of the same names.
pub(super) fn mirrors(root: &Path) -> Result<Vec<String>, MirrorError> {
    let mut found = Vec::new();
    for path in files(root)? {
        let Some(text) = read(&path)? else { continue };
        let stanzas = path.extension().is_some_and(|extension| extension == "sources");
        let entries = if stanzas { stanza_entries(&text) } else { line_entries(&text) };
        for (uri, suite) in entries {
            if is_debian(&suite) {
                expand(root, &uri, &mut found)?;
            }
        }
    }
    let usual = |url: &String| !url.split('/').any(|n| matches!(n, "debian" | "debian-security"));
    found.sort_by_key(usual);
    Ok(found)
}

fn is_debian(suite: &str) -> bool {
    let rest = |name: &str| suite.trim_end_matches('/').strip_prefix(name).map(str::to_owned);
    SUITES.iter().filter_map(|name| rest(name)).any(|rest| PARTS.contains(&rest.as_str()))
}

fn files(root: &Path) -> Result<Vec<PathBuf>, MirrorError> {
    let directory = root.join("etc/apt/sources.list.d");
    let failed = |source| MirrorError::Read { path: directory.clone(), source };
    let mut files = match fs::read_dir(&directory) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()
            .map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    files.retain(|path| path.extension().is_some_and(|end| end == "list" || end == "sources"));
    files.sort();
    files.insert(0, root.join("etc/apt/sources.list"));
    Ok(files)
}

/// A file's text; nothing when it is not there. What only root may read is passed over: it holds
/// a password, and is meant for apt alone.
fn read(path: &Path) -> Result<Option<String>, MirrorError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(None)
        }
        Err(source) => Err(MirrorError::Read { path: path.to_owned(), source }),
    }
}

/// `deb [options] URI SUITE COMPONENT…`
fn line_entries(text: &str) -> Vec<(String, String)> {
    let entry = |line: &str| {
        let line = line.split('#').next()?.trim();
        let rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        let mut words = rest.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    text.lines().filter_map(entry).collect()
}

/// Stanzas of fields, values folded over lines that begin with a space; every address with every
/// suite.
fn stanza_entries(text: &str) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for stanza in lines.split(|line| line.trim().is_empty()) {
        let words = |name: &str| field(stanza, name);
        let off = words("Enabled").first().is_some_and(|word| {
            matches!(word.to_ascii_lowercase().as_str(), "no" | "false" | "off" | "without" | "0")
        });
        if off || !words("Types").iter().any(|kind| kind == "deb") {
            continue;
        }
        for uri in words("URIs") {
            entries.extend(words("Suites").into_iter().map(|suite| (uri.clone(), suite)));
        }
    }
    entries
}

fn field(stanza: &[&str], name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut inside = false;
    for line in stanza {
        let value = if line.starts_with([' ', '\t']) {
            *line
        } else {
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            inside = key.eq_ignore_ascii_case(name);
            value
        };
        if inside {
            words.extend(value.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The addresses that a URI of a source means.
fn expand(root: &Path, uri: &str, found: &mut Vec<String>) -> Result<(), MirrorError> {
    let list = ["mirror+file://", "mirror+file:"].iter().find_map(|start| uri.strip_prefix(start));
    if let Some(path) = list {
        let text = read(&root.join(path.trim_start_matches('/')))?.unwrap_or_default();
        let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
        let lines = text.lines().map(|line| first(line.split('#').next().unwrap_or_default()));
        found.extend(lines.filter(|uri| can_be_asked(uri)));
        return Ok(());
    }
    // apt takes `file:/path` and `file:///path`.
    let uri = match uri.strip_prefix("file:/") {
        Some(path) => format!("file:///{}", path.trim_start_matches('/')),
        None => uri.to_owned(),
    };
    if can_be_asked(&uri) && !found.contains(&uri) {
        found.push(uri);
    }
    Ok(())
}

fn can_be_asked(uri: &str) -> bool {
    ["http://", "https://", "file:///"].iter().any(|scheme| uri.starts_with(scheme))
}
