//! Packages to one file tree: maintainer rules, users, reach, lint.

pub mod accounts;
mod alternatives;
pub mod declared;
pub mod derive;
mod edit;
pub mod initrd;
pub mod input;
pub mod install;
pub mod lint;
pub mod merge;
pub mod reach;
mod resolve;
pub mod rules;
pub mod script;
pub mod tmpfiles;
pub mod why;
mod words;
