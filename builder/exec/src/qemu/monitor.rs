//! QEMU's machine monitor (QMP): what presses the power button.
//!
//! One JSON object a line (QEMU documentation, "QMP protocol specification"). Events between a
//! command and its answer are passed over.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(20);

/// A connection to a running machine's monitor.
#[derive(Debug)]
pub struct Monitor {
    stream: BufReader<UnixStream>,
}

impl Monitor {
    /// Connects, waiting for QEMU to make the socket.
    ///
    /// # Errors
    /// The socket is not there in time, or does not speak QMP.
    pub fn connect(path: &Path, patience: Duration) -> io::Result<Self> {
        let start = Instant::now();
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(error) if start.elapsed() >= patience => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream.set_read_timeout(Some(ANSWER))?;
        let mut monitor = Self { stream: BufReader::new(stream) };
        monitor.line()?;
        monitor.ask("qmp_capabilities", json!({}))?;
        Ok(monitor)
    }

    /// Presses the power button.
    ///
    /// # Errors
    /// The monitor does not answer, or refuses.
    pub fn press_power_button(&mut self) -> io::Result<()> {
        self.ask("system_powerdown", json!({})).map(drop)
    }

    /// Presses Ctrl-Alt-Del.
    ///
    /// # Errors
    /// The monitor does not answer, or refuses.
    pub fn press_ctrl_alt_del(&mut self) -> io::Result<()> {
        let key = |name: &str| json!({ "type": "qcode", "data": name });
        let keys = json!({ "keys": [key("ctrl"), key("alt"), key("delete")] });
        self.ask("send-key", keys).map(drop)
    }

    /// Gives a command and waits for its answer.
    ///
    /// # Errors
    /// The monitor does not answer, or refuses.
    pub fn ask(&mut self, command: &str, arguments: Value) -> io::Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.stream.get_mut(), "{request}")?;
        loop {
            let mut answer = self.line()?;
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get("error") {
                return Err(io::Error::other(format!("{command}: {error}")));
            }
        }
    }

    fn line(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_str(&line).map_err(io::Error::other)
    }
}
