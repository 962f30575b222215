//! Nothing changed: knowing that a folder holds what a build would make.
//!
//! What a build left is noted under the digest of its inputs, of the builder itself and of the
//! folder. A later build with the same inputs compares length, time and inode of each file with
//! the note; a file that somebody touched makes it build again. The note lies in the store, so a
//! folder that was moved or removed is only built again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use contract::digest::{Digest, Digester};
use serde::{Deserialize, Serialize};

use super::image::{Built, Prepared};
use super::session::Session;

const BUILT: &str = "built-1";

/// What a build left.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    files: BTreeMap<String, Stamp>,
}

/// What changes when a file does.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    len_bytes: u64,
    inode: u64,
    modified: (i64, i64),
}

fn stamps(folder: &Path) -> Option<BTreeMap<String, Stamp>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok()?;
        let stamp = Stamp {
            len_bytes: metadata.len(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        };
        files.insert(entry.file_name().into_string().ok()?, stamp);
    }
    Some(files)
}

/// The builder is an input too: another program may make other bytes of the same inputs.
fn key(prepared: &Prepared, folder: &Path) -> Option<Digest> {
    let builder = fs::read("/proc/self/exe").ok()?;
    let folder = folder.canonicalize().ok()?;
    let mut digester = Digester::new();
    digester.update(Digest::of(&builder).as_bytes());
    digester.update(prepared.inputs_digest.as_bytes());
    digester.update(folder.as_os_str().as_encoded_bytes());
    Some(digester.finish())
}

/// What is in the folder, when a build would make the same.
#[must_use]
pub fn unchanged(session: &Session<'_>, prepared: &Prepared, folder: &Path) -> Option<Built> {
    let bytes = session.store.cache(BUILT).get(&key(prepared, folder)?)?;
    let note: Note = serde_json::from_slice(&bytes).ok()?;
    if stamps(folder)? != note.files {
        return None;
    }
    let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let manifest = serde_json::from_str(&text("manifest.json")?).ok()?;
    let mut report: super::report::Report = serde_json::from_str(&text("report.json")?).ok()?;
    report.unchanged = true;
    report.phases.clear();
    Some(Built { folder: folder.to_owned(), manifest, report })
}

/// Notes what a build left. That it cannot be noted only costs time.
pub fn keep(session: &Session<'_>, prepared: &Prepared, built: &Built) {
    let note = stamps(&built.folder).map(|files| Note { files });
    let key = key(prepared, &built.folder);
    if let (Some(note), Some(key)) = (note, key)
        && let Ok(bytes) = serde_json::to_vec(&note)
    {
        session.store.cache(BUILT).put(&key, &bytes).unwrap_or_default();
    }
}
