//! Recipe and image declarations: text in, values or errors with line and column out.
//!
//! Declarations are written by people and read by programs, so a mistake in one is answered like
//! a compiler answers: where, what, and what to try, for all mistakes found in one go. Nothing
//! here touches a file, a clock or the environment; text comes in through a trait and everything
//! after it is plain data.

pub mod assembly;
pub mod declared;
pub mod diagnostic;
pub mod follows;
pub mod glob;
pub mod image;
pub mod keys;
pub mod load;
mod merge;
pub mod module;
mod nearest;
pub mod place;
pub mod read;
pub mod render;
pub mod shelf;
pub mod size;
pub mod sources;

pub use nearest::nearest;
