//! Asking PID 1 over its socket.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use contract::control::{ANSWER_LIMIT_BYTES, Answer, Request, SOCKET};

/// PID 1 answers at once or is in trouble.
const WITHIN: Duration = Duration::from_secs(5);

/// Why there is no answer to use.
#[derive(Debug)]
pub(crate) enum AskError {
    /// The socket cannot be spoken over.
    Unreachable(io::Error),
    /// PID 1 will not do it.
    Refused(String),
    /// What came is no answer.
    Nonsense,
    /// Our own output cannot be written.
    Output(io::Error),
}

impl AskError {
    /// The exit status for it.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable(_) | Self::Refused(_) | Self::Output(_) => 3,
            Self::Nonsense => 4,
        }
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "PID 1 does not answer on {SOCKET}: {error}"),
            Self::Refused(why) => write!(f, "PID 1 refuses: {why}"),
            Self::Nonsense => write!(f, "what came from {SOCKET} is no answer"),
            Self::Output(error) => write!(f, "write the answer: {error}"),
        }
    }
}

/// Asks PID 1.
pub(crate) fn ask(request: Request) -> Result<Answer, AskError> {
    let line = exchange(request).map_err(AskError::Unreachable)?;
    match Answer::parse(&line).ok_or(AskError::Nonsense)? {
        Answer::Refused(why) => Err(AskError::Refused(why)),
        answer @ (Answer::Ok | Answer::Status(_)) => Ok(answer),
    }
}

fn exchange(request: Request) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(SOCKET)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    stream.write_all(format!("{}\n", request.line()).as_bytes())?;
    let limit = u64::try_from(ANSWER_LIMIT_BYTES).unwrap_or(u64::MAX);
    let mut line = Vec::new();
    stream.take(limit).read_to_end(&mut line)?;
    Ok(line)
}
