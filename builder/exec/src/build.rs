//! The build pipeline: what `ashlar check`, `lock`, `build`, `show`, `why`, `diff`, `verify` and
//! `explain` do, one module each.
//!
//! The order of a build is fixed and has no choices in it: declarations are read, the lock gives
//! versions, the store gives packages, `tree` makes the root, `formats` makes the bytes. What is
//! costly is kept in the store by the digest of what it was made from.

pub mod bill;
pub mod codecs;
pub mod compose;
pub mod declarations;
pub mod diff;
pub mod explain;
pub mod image;
pub mod kept;
pub mod knowledge;
pub mod locks;
pub mod moment;
pub mod parts;
pub mod report;
pub mod repository;
pub mod resolving;
pub mod running;
pub mod session;
pub mod summary;
pub mod tooling;
pub mod verify;
pub mod why;
