//! `ashlar`: arguments, one library call, words.
//!
//! Each command is a file in [`commands`] that reads its inputs, calls one function of the
//! executor and renders the answer. Results go to standard output, everything else to standard
//! error; the exit code says whose turn it is (see [`exec::failure::Class`]).

mod arguments;
mod commands;
mod context;
mod progress;
mod say;

use std::process::ExitCode;

use clap::Parser;
use exec::failure::Failure;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    let format = arguments.common.format;
    let outcome = exec::runner::end_children_on_signals()
        .map_err(|error| Failure::machine("watching for signals").because(error))
        .and_then(|_| commands::run(&arguments));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(say::failure(&failure, format)),
    }
}
