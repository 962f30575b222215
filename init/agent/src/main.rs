//! The agent of an Ashlar node.

fn main() {}
