//! What a program says it may load at run time.
//!
//! A library opened by `dlopen` is in no `DT_NEEDED`. Since 2024 there is a note in which a
//! program declares it: "ELF dlopen metadata" of the UAPI group, version 1.0. The note's owner is
//! `FDO`, its type `0x407c0c0a`, its description a JSON array of objects with `soname` (names in
//! order of preference, one of which is enough), and optional `feature`, `description` and
//! `priority` (`required`, `recommended` or `suggested`; absent means `recommended`).
//!
//! Unknown keys are skipped, as the specification asks; an unknown priority or a wrong shape is
//! an error, because guessing would leave out what a program needs.

use serde::{Deserialize, Serialize};

use super::ElfError;
use super::raw::MAX_STRING_BYTES;

/// The note's owner, with its terminating zero.
pub(crate) const OWNER: &[u8] = b"FDO\0";
/// The note's type.
pub(crate) const TYPE: u32 = 0x407c_0c0a;

/// How badly a declared library is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// The program cannot do its work without.
    Required,
    /// Its usual work needs it.
    #[default]
    Recommended,
    /// A rare feature needs it.
    Suggested,
}

/// One feature that loads a library at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dlopen {
    /// Names of the library, the preferred one first; the program takes the first it finds.
    pub soname: Vec<String>,
    /// The feature's name; empty where none is given.
    #[serde(default)]
    pub feature: String,
    /// What the feature is; empty where nothing is said.
    #[serde(default)]
    pub description: String,
    /// How badly it is wanted.
    #[serde(default)]
    pub priority: Priority,
}

/// Reads the description of one dlopen note.
///
/// # Errors
/// It is not the JSON that the specification describes, or names no library.
pub fn parse_dlopen(description: &[u8]) -> Result<Vec<Dlopen>, ElfError> {
    let end = description.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let text = description.get(..end).unwrap_or_default();
    let entries: Vec<Dlopen> = serde_json::from_slice(text)
        .map_err(|error| ElfError::BadDlopen { reason: error.to_string() })?;
    for entry in &entries {
        let usable = |name: &String| {
            !name.is_empty() && name.len() <= MAX_STRING_BYTES && !name.contains(char::is_control)
        };
        if entry.soname.is_empty() || !entry.soname.iter().all(usable) {
            let reason = format!("no usable `soname` for the feature `{}`", entry.feature);
            return Err(ElfError::BadDlopen { reason });
        }
    }
    Ok(entries)
}
