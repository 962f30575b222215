//! Debian archives: signatures, indices, resolution, locks, .deb reading.
//!
//! Bytes in, values out: nothing here opens a file, a connection or a clock. Every parser takes
//! what came from outside and answers with a value or an error, in bounded memory; each is a plain
//! function of bytes.

pub mod compression;
pub mod control;
pub mod copyright;
pub mod date;
pub mod deb;
pub mod index;
pub mod lock;
pub mod openpgp;
pub mod reason;
pub mod relation;
pub mod release;
pub mod resolve;
pub mod version;
