//! What the agent was called to do.

use contract::control::Request;

/// What is said to words that mean nothing.
pub(crate) const USAGE: &str = "the words are `run`, `status`, `power off` and `power reboot`";

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Be the service.
    Run,
    /// Ask PID 1.
    Ask(Request),
}

/// Reads the words after the program's name: a request is written as in the control protocol.
pub(crate) fn parse(words: &[&str]) -> Option<Command> {
    match words {
        ["run"] => Some(Command::Run),
        _ => Request::parse(words.join(" ").as_bytes()).map(Command::Ask),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_commands_or_nothing() {
        assert_eq!(parse(&["run"]), Some(Command::Run));
        assert_eq!(parse(&["status"]), Some(Command::Ask(Request::Status)));
        assert_eq!(parse(&["power", "off"]), Some(Command::Ask(Request::PowerOff)));
        assert_eq!(parse(&["power", "reboot"]), Some(Command::Ask(Request::Reboot)));
        for words in [[].as_slice(), &["power"], &["run", "status"], &["Status"], &[""]] {
            assert_eq!(parse(words), None, "{words:?}");
        }
    }
}
