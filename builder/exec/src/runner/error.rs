//! Why a program did not do what it was started for.

use std::fmt;
use std::io;
use std::time::Duration;

use super::Ending;

/// How many of the last lines of its standard error an error quotes.
const QUOTED_LINES: usize = 12;

/// Why a program did not do what it was started for.
#[derive(Debug)]
pub enum RunError {
    /// It could not be started.
    Start {
        /// The command line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ran for too long and was ended.
    TooLong {
        /// The command line.
        command: String,
        /// How long it may take.
        limit: Duration,
        /// The end of what it printed on its standard error.
        said: String,
    },
    /// It ended otherwise than with exit code 0.
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        ending: Ending,
        /// The end of what it printed on its standard error.
        said: String,
    },
    /// It could not be followed to its end.
    Lost {
        /// The command line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { command, .. } => write!(f, "cannot start `{command}`"),
            Self::TooLong { command, limit, said } => {
                write!(f, "`{command}` was ended after {} s", limit.as_secs_f32())?;
                quote(f, said)
            }
            Self::Failed { command, ending, said } => {
                write!(f, "`{command}` ended with {ending}")?;
                quote(f, said)
            }
            Self::Lost { command, .. } => write!(f, "cannot follow `{command}`"),
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, said: &str) -> fmt::Result {
    let lines: Vec<&str> = said.lines().collect();
    let skip = lines.len().saturating_sub(QUOTED_LINES);
    lines.iter().skip(skip).try_for_each(|line| write!(f, "\n  | {line}"))
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } | Self::Lost { source, .. } => Some(source),
            Self::TooLong { .. } | Self::Failed { .. } => None,
        }
    }
}
