//! Debian archives: signatures, indices, resolution, locks, .deb reading.

pub mod compression;
pub mod control;
pub mod copyright;
pub mod deb;
pub mod relation;
pub mod version;
