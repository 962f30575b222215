//! Debian archives: signatures, indices, resolution, locks, .deb reading.

pub mod copyright;
