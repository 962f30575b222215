//! What depends on more than one package: caches, bundles and lists that triggers keep up to date
//! on an ordinary system.
//!
//! Each part has one input (the tree) and one output, and says in its module which tool it stands
//! in for. They run after everything else, so that they see the whole tree.

pub mod certificates;
pub mod ld_cache;
pub(crate) mod pam;
pub(crate) mod shells;
