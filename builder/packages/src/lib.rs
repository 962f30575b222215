//! Debian archives: signatures, indices, resolution, locks, .deb reading.
