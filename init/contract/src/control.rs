//! How PID 1 is spoken to: lines over the Unix socket [`SOCKET`], which only root may open.
//!
//! One request, one answer, then the connection closes. A request is one line: `power off`,
//! `power reboot` or `status`. The answer is one line: `ok`, for `status` followed by a blank and
//! the [`Status`] as JSON; or `refused` followed by a blank and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::boot::BootRecord;
use crate::service::ServiceName;

/// PID 1's socket.
pub const SOCKET: &str = "/run/ashlar/control";

/// No request is longer.
pub const REQUEST_LIMIT_BYTES: usize = 64;

/// No answer is longer; a reader may stop here.
pub const ANSWER_LIMIT_BYTES: usize = 1 << 20;

/// Where the agent keeps the last [`Status`] for whoever may read files only.
pub const STATUS_PATH: &str = "/run/ashlar/status.json";

/// What may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Stop everything and switch the machine off.
    PowerOff,
    /// Stop everything and start again.
    Reboot,
    /// Say how the services are.
    Status,
}

impl Request {
    /// Every request.
    pub const ALL: [Self; 3] = [Self::PowerOff, Self::Reboot, Self::Status];

    /// The request's line, without its end.
    #[must_use]
    pub const fn line(self) -> &'static str {
        match self {
            Self::PowerOff => "power off",
            Self::Reboot => "power reboot",
            Self::Status => "status",
        }
    }

    /// Reads a line, with or without its end.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Self::ALL.into_iter().find(|request| request.line().as_bytes() == line)
    }
}

/// How the node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// How the boot went.
    pub boot: BootRecord,
    /// The services, by name.
    pub services: Vec<ServiceStatus>,
}

/// How one service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its name.
    pub name: ServiceName,
    /// What it is doing.
    pub state: ServiceState,
    /// Whether the boot is ready only when it is.
    pub required: bool,
    /// Its process.
    pub pid: Option<u32>,
    /// How often it was started again since it was last steady.
    pub restarts: u32,
    /// Why it is not ready.
    pub why: Option<String>,
}

/// What a service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceState {
    /// It waits for others.
    Waiting,
    /// It runs and is not ready yet.
    Starting,
    /// It is ready.
    Ready,
    /// It did its one thing.
    Done,
    /// It failed and will be started again.
    Pausing,
    /// It is being stopped.
    Stopping,
    /// It was stopped.
    Stopped,
    /// It was given up.
    Failed,
}

impl ServiceState {
    /// Whether those who need it may start.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Ready | Self::Done)
    }
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Done => "done",
            Self::Pausing => "pausing",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        })
    }
}

/// PID 1's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It will be done.
    Ok,
    /// How the node is.
    Status(Box<Status>),
    /// It will not be done.
    Refused(String),
}

impl Answer {
    /// The answer's line, with its end.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Ok => "ok\n".to_owned(),
            Self::Status(status) => {
                format!("ok {}\n", serde_json::to_string(status).unwrap_or_default())
            }
            Self::Refused(why) => format!("refused {}\n", why.replace('\n', " ")),
        }
    }

    /// Reads an answer. `None`: it is none.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n")?;
        if line == b"ok" {
            return Some(Self::Ok);
        }
        if let Some(json) = line.strip_prefix(b"ok ") {
            return serde_json::from_slice(json).ok().map(|status| Self::Status(Box::new(status)));
        }
        let why = std::str::from_utf8(line.strip_prefix(b"refused ")?).ok()?;
        Some(Self::Refused(why.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_request_is_read_as_it_was_written() {
        for request in Request::ALL {
            assert_eq!(Request::parse(request.line().as_bytes()), Some(request));
            assert_eq!(Request::parse(format!("{}\n", request.line()).as_bytes()), Some(request));
        }
        assert_eq!(Request::parse(b"power off now\n"), None);
        assert_eq!(Request::parse(b"power off\n\n"), None);
    }

    #[test]
    fn every_answer_is_read_as_it_was_written() {
        let service = ServiceStatus {
            name: "agent".parse().unwrap(),
            state: ServiceState::Pausing,
            required: true,
            pid: None,
            restarts: 2,
            why: Some("ended with status 1\nand more".into()),
        };
        let status = Status { boot: BootRecord::default(), services: vec![service] };
        for answer in [Answer::Ok, Answer::Status(Box::new(status)), Answer::Refused("x y".into())]
        {
            let line = answer.line();
            assert_eq!(line.find('\n'), Some(line.len() - 1));
            assert_eq!(Answer::parse(line.as_bytes()), Some(answer));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _request = Request::parse(&bytes);
            let _answer = Answer::parse(&bytes);
            let _status = Answer::parse(&[b"ok ", bytes.as_slice(), b"\n"].concat());
        }
    }
}
