//! The hands of a build: store, fetch, tool trees, artefacts.
//!
//! Every effect of a build happens in this crate, and no decision: what to fetch, what goes into
//! an image and what it must look like are values made by the pure crates.

pub mod artefact;
pub mod build;
pub mod clock;
pub mod environment;
pub mod failure;
pub mod fetch;
pub mod mirrors;
pub mod qemu;
pub mod runner;
pub mod store;
pub mod toolchain;
pub mod tools;
pub mod unpacked;

#[cfg(test)]
mod test_support;
