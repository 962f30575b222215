//! `ashlar-init`: PID 1 of an Ashlar node, and what it lets processes of its own do.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The kernel puts words of its command line into our arguments; PID 1 reads none of them.
    if std::process::id() == 1 {
        pid1::boot();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(pid1::worker::run(&arguments))
}
