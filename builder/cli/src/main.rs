//! Build, run, explain and compare Ashlar node images.

fn main() {}
