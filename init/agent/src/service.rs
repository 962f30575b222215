//! The service: keeps [`STATUS_PATH`] current.

use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use contract::control::{Answer, Request, STATUS_PATH, Status};

use crate::ask::{AskError, ask};

/// How old the status may be.
const EVERY: Duration = Duration::from_secs(5);

/// Runs until it is ended from outside.
pub(crate) fn run() -> Result<(), AskError> {
    let mut last = None;
    let mut told = false;
    loop {
        // PID 1 may be busy for a moment; until it answers the old status stays.
        match ask(Request::Status) {
            Ok(Answer::Status(status)) => {
                keep(&status, &mut last).map_err(AskError::Output)?;
                if !told {
                    tell_ready().map_err(AskError::Output)?;
                    told = true;
                }
            }
            Ok(Answer::Ok | Answer::Refused(_)) => return Err(AskError::Nonsense),
            Err(error) if !told => return Err(error),
            Err(error) => crate::complain(&error.to_string()),
        }
        thread::sleep(EVERY);
    }
}

/// Writes the status, if it is another one, under a temporary name first.
fn keep(status: &Status, last: &mut Option<Status>) -> io::Result<()> {
    if last.as_ref() == Some(status) {
        return Ok(());
    }
    let mut text = serde_json::to_string_pretty(status)?;
    text.push('\n');
    let new = format!("{STATUS_PATH}.new");
    fs::write(&new, text)?;
    fs::rename(new, STATUS_PATH)?;
    *last = Some(status.clone());
    Ok(())
}

/// Tells PID 1 that we are ready, as `sd_notify(3)` does. Started by hand there is nobody to tell.
fn tell_ready() -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the protocol hands the socket over this way")]
    let path = std::env::var_os("NOTIFY_SOCKET");
    if let Some(path) = path {
        UnixDatagram::unbound()?.send_to(b"READY=1", path)?;
    }
    Ok(())
}
