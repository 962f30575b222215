//! Packages to one file tree: maintainer rules, users, reach, lint.

pub mod input;
