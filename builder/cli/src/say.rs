//! The only printer: results to standard output, everything else to standard error.
//!
//! A reader that closes the pipe early is no mistake of anybody's: writing stops quietly.

use std::error::Error;
use std::io::{self, Write};

use exec::failure::{Class, Failure};
use serde::Serialize;

use crate::arguments::Format;

/// Writes a result: `text` for people, `value` for programs.
///
/// # Errors
/// Standard output refuses, other than by being closed.
pub(crate) fn result<T: Serialize>(format: Format, value: &T, text: &str) -> Result<(), Failure> {
    match format {
        Format::Text => plain(text),
        Format::Json => {
            let json = serde_json::to_string_pretty(value)
                .map_err(|error| Failure::ours("writing the result as JSON").because(error))?;
            plain(&json)
        }
    }
}

/// Writes text to standard output, with a line feed at its end.
///
/// # Errors
/// Standard output refuses, other than by being closed.
pub(crate) fn plain(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::machine("writing to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Writes one line to standard error.
pub(crate) fn note(text: &str) {
    let mut err = io::stderr().lock();
    // Nobody is left to tell when standard error refuses.
    drop(writeln!(err, "{text}"));
}

/// Shows a failure: what, why, what to try. Its exit code is the answer.
pub(crate) fn failure(failure: &Failure, format: Format) -> u8 {
    match format {
        Format::Text => note(&words(failure)),
        Format::Json => note(&json(failure).to_string()),
    }
    failure.class.exit_code()
}

fn chain(failure: &Failure) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut next = failure.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

fn words(failure: &Failure) -> String {
    let excerpt = failure.excerpt.as_deref().unwrap_or_default();
    let mut text = format!("{excerpt}error: {}", failure.doing);
    for cause in chain(failure) {
        text.push_str("\n  because: ");
        text.push_str(&cause.replace('\n', "\n           "));
    }
    if let Some(hint) = &failure.hint {
        text.push_str("\n  try: ");
        text.push_str(hint);
    } else if failure.class == Class::Ours {
        text.push_str("\n  try: report this with the command that you gave; it is our mistake");
    }
    text
}

fn json(failure: &Failure) -> serde_json::Value {
    serde_json::json!({
        "error": failure.doing,
        "because": chain(failure),
        "try": failure.hint,
        "facts": failure.facts,
        "exit_code": failure.class.exit_code(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_why_and_what_to_try() {
        let failure = Failure::machine("reading `a`").because(io::Error::other("no")).hint("again");
        assert_eq!(words(&failure), "error: reading `a`\n  because: no\n  try: again");
        assert_eq!(json(&failure)["exit_code"], 3);
    }
}
