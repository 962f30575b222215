//! Texts and bytes the kernel gives: read here, acted on elsewhere.
//!
//! Every function takes what was read and answers any bytes with a value. A line that has not the
//! expected form is passed over: a newer kernel may say more than we know.

pub mod input;
pub mod sockets;
pub mod uevent;
