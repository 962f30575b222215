//! Running a program and watching what it takes.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What a program took.
pub(crate) struct Taken {
    /// From start to end.
    pub(crate) time: Duration,
    /// The most memory it held, as far as it was seen.
    pub(crate) peak_kib: u64,
    /// What it printed.
    pub(crate) stdout: String,
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<Taken, Box<dyn std::error::Error>> {
    #[expect(clippy::disallowed_methods, reason = "what is measured should have no runner above")]
    let mut command = std::process::Command::new(program);
    let start = Instant::now();
    let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut peak_kib = 0;
    let status = loop {
        peak_kib = peak_kib.max(memory_kib(&child));
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(LOOK),
        }
    };
    let time = start.elapsed();
    let output = child.wait_with_output()?;
    if !status.success() {
        return Err(format!("{program} ended with {status}").into());
    }
    Ok(Taken { time, peak_kib, stdout: String::from_utf8_lossy(&output.stdout).into_owned() })
}

fn memory_kib(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
