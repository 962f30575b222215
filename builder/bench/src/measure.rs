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
    /// Seconds of processor it used, to the hundredth; on a busy machine what to look at.
    pub(crate) cpu_s: f64,
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
    let (mut peak_kib, mut cpu_s) = (0, 0.0_f64);
    let status = loop {
        peak_kib = peak_kib.max(memory_kib(&child));
        cpu_s = cpu_s.max(cpu_seconds(&child.id().to_string()));
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
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(Taken { time, cpu_s, peak_kib, stdout })
}

/// Seconds of processor that a process has used so far, by the kernel's hundredths.
pub(crate) fn cpu_seconds(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold anything; user and system time are the 12th and 13th after.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks =
        after.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn memory_kib(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
