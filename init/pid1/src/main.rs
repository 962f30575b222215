//! PID 1 of an Ashlar node.

fn main() {}
