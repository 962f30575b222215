//! Benchmarks that print their figures beside their peers.
//!
//! One file each; this one only chooses. Run them with `cargo run --release -p bench -- NAME …`.
//! Times are of this machine at this hour, so what matters is the ratio to the peer beside them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are what it is for")]

mod directory;
mod erofs;
mod measure;

use std::process::ExitCode;

/// What a benchmark answers: nothing, or why it could not run.
type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A benchmark takes the words after its name.
type Benchmark = fn(&[String]) -> Outcome;

/// Name, what follows it, and what runs.
const BENCHMARKS: [(&str, &str, Benchmark); 2] = [
    ("erofs", "TREE_DIR LEVEL CLUSTER_KIB THREADS MKFS [ARGUMENT…]", erofs::compare),
    ("erofs-write", "TREE_DIR LEVEL CLUSTER_KIB PACK_KIB THREADS IMAGE [CACHE_DIR]", erofs::write),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let name = words.first().map_or("", String::as_str);
    let Some((.., run)) = BENCHMARKS.iter().find(|(known, ..)| *known == name) else {
        for (name, rest, _) in BENCHMARKS {
            eprintln!("bench {name} {rest}");
        }
        return ExitCode::from(2);
    };
    match run(words.get(1..).unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
