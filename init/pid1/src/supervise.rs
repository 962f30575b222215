//! Services: what happens to each, in which order, and when the node counts as ready.
//!
//! Everything here decides and nothing acts: no clock, no process, no file. The loop that acts is
//! in [`crate::running`].

pub mod machine;
pub mod order;
