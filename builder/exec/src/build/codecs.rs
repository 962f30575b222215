//! Versions of what decides bytes: another version of a codec may write other bytes for the same
//! content, so a lock and a manifest name them.

use std::collections::BTreeMap;

/// The version of libzstd that is built in.
#[must_use]
pub fn zstd_version() -> &'static str {
    zstd::zstd_safe::version_string()
}

/// All of them, by name.
#[must_use]
pub fn versions() -> BTreeMap<String, String> {
    [("zstd", zstd_version().to_owned())]
        .into_iter()
        .map(|(name, version)| (name.to_owned(), version))
        .collect()
}
