//! A program that runs.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::group::Group;
use super::{Command, Input, LineSink, Output, RunError};

/// How long, after a program ended, its streams may stay open in somebody else's hands.
const STREAMS_GRACE: Duration = Duration::from_secs(2);

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or(0)),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// What a program that ended left.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line.
    pub command: String,
    /// How it ended.
    pub ending: Ending,
    /// What it printed, up to the bound.
    pub stdout: Vec<u8>,
    /// What it printed on its standard error, up to the bound.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Whether it ended with exit code 0.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.ending, Ending::Code(0))
    }

    /// Takes only exit code 0.
    ///
    /// # Errors
    /// It ended otherwise.
    pub fn success(self) -> Result<Self, RunError> {
        if self.is_success() {
            return Ok(self);
        }
        let said = String::from_utf8_lossy(&self.stderr).into_owned();
        Err(RunError::Failed { command: self.command, ending: self.ending, said })
    }

    /// What it printed, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it printed on its standard error, as text.
    #[must_use]
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// A stream that a thread reads. The bytes so far are shared, so that a stream that stays open
/// after its program ended costs nobody the bytes it gave.
struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    closed: Receiver<()>,
}

impl Captured {
    fn start(
        stream: Option<impl Read + Send + 'static>,
        kept_bytes: usize,
        sink: Option<LineSink>,
    ) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (sender, closed) = channel();
        if let Some(stream) = stream {
            let bytes = Arc::clone(&bytes);
            thread::spawn(move || drain(stream, &bytes, kept_bytes, sink.as_ref(), &sender));
        }
        Self { bytes, closed }
    }

    fn finish(&self, deadline: Instant) -> Vec<u8> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.closed.recv_timeout(left) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn drain(
    mut stream: impl Read,
    bytes: &Mutex<Vec<u8>>,
    kept_bytes: usize,
    sink: Option<&LineSink>,
    _closed_when_dropped: &Sender<()>,
) {
    let mut buffer = vec![0; 64 << 10];
    let mut line = Vec::new();
    loop {
        let piece = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if let Some(sink) = sink {
            lines(&mut line, piece, sink);
        }
        let mut kept = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let room = kept_bytes.saturating_sub(kept.len()).min(piece.len());
        kept.extend_from_slice(piece.get(..room).unwrap_or_default());
    }
    if let Some(sink) = sink.filter(|_| !line.is_empty()) {
        sink(&String::from_utf8_lossy(&line));
    }
}

fn lines(line: &mut Vec<u8>, piece: &[u8], sink: &LineSink) {
    for byte in piece {
        if *byte == b'\n' {
            sink(&String::from_utf8_lossy(line));
            line.clear();
        } else if line.len() < 64 << 10 {
            line.push(*byte);
        }
    }
}

/// A program that runs. Dropping it ends it.
pub struct Running {
    command: String,
    child: Child,
    group: Option<Group>,
    stdout: Captured,
    stderr: Captured,
    started: Instant,
    time_limit: Option<Duration>,
}

impl Running {
    pub(super) fn start(command: &Command) -> Result<Self, RunError> {
        let description = command.describe();
        let failed = |source| RunError::Start { command: description.clone(), source };
        let mut child = prepare(command).map_err(failed)?.spawn().map_err(failed)?;
        let pid = Pid::from_child(&child);
        let group = command.own_group.then(|| Group::of(pid));
        if let (Some(mut stdin), Input::Bytes(bytes)) = (child.stdin.take(), &command.input) {
            let bytes = Arc::clone(bytes);
            // A program may end before it has read everything; that is its own affair.
            thread::spawn(move || stdin.write_all(&bytes).unwrap_or_default());
        }
        Ok(Self {
            stdout: Captured::start(child.stdout.take(), command.kept_bytes, None),
            stderr: Captured::start(child.stderr.take(), command.kept_bytes, command.lines.clone()),
            command: description,
            child,
            group,
            started: Instant::now(),
            time_limit: command.time_limit,
        })
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, within its time limit.
    ///
    /// # Errors
    /// It took too long, and was ended.
    pub fn wait(mut self) -> Result<Finished, RunError> {
        let left = self.time_limit.map(|limit| limit.saturating_sub(self.started.elapsed()));
        let ended = self.ends_within(left).map_err(|source| self.lost(source))?;
        // The group goes before its leader is reaped.
        self.end();
        let status = self.child.wait().map_err(|source| self.lost(source))?;
        let deadline = Instant::now() + STREAMS_GRACE;
        let stdout = self.stdout.finish(deadline);
        let stderr = self.stderr.finish(deadline);
        let command = std::mem::take(&mut self.command);
        if ended {
            return Ok(Finished { command, ending: status.into(), stdout, stderr });
        }
        let said = String::from_utf8_lossy(&stderr).into_owned();
        Err(RunError::TooLong { command, limit: self.time_limit.unwrap_or_default(), said })
    }

    /// Waits for its end, at most this long; says whether it ended. It may be asked again.
    ///
    /// # Errors
    /// The system does not let us wait.
    pub fn ends_within(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        let pidfd = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())?;
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let timeout = left.map(|left| Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            });
            match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], timeout.as_ref()) {
                Ok(ready) => return Ok(ready > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends it and everything in its group, now.
    pub fn end(&mut self) {
        if self.group.take().is_none() {
            // It may have ended already.
            self.child.kill().unwrap_or_default();
        }
    }

    fn lost(&self, source: io::Error) -> RunError {
        RunError::Lost { command: self.command.clone(), source }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
        // Reaped if it was not; nothing more can be done about one that cannot be.
        self.child.wait().map(|_| ()).unwrap_or_default();
    }
}

fn prepare(command: &Command) -> io::Result<std::process::Command> {
    #[expect(clippy::disallowed_methods, reason = "this is the place that starts programs")]
    let mut prepared = std::process::Command::new(&command.program);
    prepared.args(&command.args);
    if !command.inherits {
        prepared.env_clear();
    }
    prepared.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").envs(&command.environment);
    if let Some(directory) = &command.directory {
        prepared.current_dir(directory);
    }
    if command.own_group {
        prepared.process_group(0);
    }
    prepared.stdin(match &command.input {
        Input::Nothing => Stdio::null(),
        Input::Bytes(_) => Stdio::piped(),
        Input::File(file) => Stdio::from(file.try_clone()?),
        Input::Ours => Stdio::inherit(),
    });
    prepared.stdout(stdio(&command.stdout)?);
    prepared.stderr(stdio(&command.stderr)?);
    Ok(prepared)
}

fn stdio(output: &Output) -> io::Result<Stdio> {
    Ok(match output {
        Output::Kept => Stdio::piped(),
        Output::File(file) => Stdio::from(file.try_clone()?),
        Output::Ours => Stdio::inherit(),
    })
}
