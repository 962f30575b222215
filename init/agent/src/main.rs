//! `ashlar-agent`: keeps the node's status current, and asks PID 1 on an operator's behalf.
//!
//! As a service it asks PID 1 how the services are and writes the answer to
//! `/run/ashlar/status.json` for whoever may read files but not ask PID 1. Called with words it
//! is a client of the same socket:
//!
//! | words | does |
//! |---|---|
//! | `run` | the service; ready after the first status |
//! | `status` | prints the status as JSON |
//! | `power off`, `power reboot` | asks for it |
//!
//! Exit status: 0 done; 2 words that mean nothing; 3 PID 1 cannot be reached or refuses; 4 it
//! answers something else.

mod ask;
mod command;
mod service;

use std::io::Write;
use std::process::ExitCode;

use ask::AskError;
use command::Command;
use contract::control::{Answer, Request};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match command::parse(&words) {
        Some(Command::Run) => service::run(),
        Some(Command::Ask(request)) => ask_and_print(request),
        None => {
            complain(command::USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

fn ask_and_print(request: Request) -> Result<(), AskError> {
    let answer = ask::ask(request)?;
    if let Answer::Status(status) = answer {
        let text = serde_json::to_string_pretty(&status).unwrap_or_default();
        writeln!(std::io::stdout(), "{text}").map_err(AskError::Output)?;
    }
    Ok(())
}

fn complain(text: &str) {
    // With nobody at the other end there is nobody to complain to.
    drop(writeln!(std::io::stderr(), "ashlar-agent: {text}"));
}
