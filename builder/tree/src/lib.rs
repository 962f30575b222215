//! Packages to one file tree: maintainer rules, users, reach, lint.

pub mod accounts;
pub mod initrd;
pub mod input;
pub mod merge;
mod resolve;
mod words;
