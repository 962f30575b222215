//! Waiting for any of several files.

use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What a file is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// There is something to read, or it ended.
    Read,
    /// There is room to write, or nobody reads any more.
    Write,
}

/// Waits until one of `files` is as asked, or the time is over. Answers for each file whether it
/// is; a signal that interrupts the wait makes every answer `false`.
///
/// # Errors
///
/// The kernel's.
pub fn wait(files: &[(BorrowedFd<'_>, Interest)], timeout_ms: u32) -> io::Result<Vec<bool>> {
    let mut fds: Vec<_> = files
        .iter()
        .map(|(fd, interest)| {
            let events = match interest {
                Interest::Read => PollFlags::POLLIN,
                Interest::Write => PollFlags::POLLOUT,
            };
            PollFd::new(*fd, events)
        })
        .collect();
    let timeout = PollTimeout::try_from(timeout_ms).unwrap_or(PollTimeout::MAX);
    match poll(&mut fds, timeout) {
        // Errors and hang-ups count as "as asked": the read or write that follows tells.
        Ok(_) => Ok(fds.iter().map(|fd| fd.any().unwrap_or(true)).collect()),
        Err(Errno::EINTR) => Ok(vec![false; files.len()]),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    #[test]
    fn only_what_is_ready_is_said_to_be() {
        let (quiet, _keep) = io::pipe().unwrap();
        let (heard, mut speaker) = io::pipe().unwrap();
        speaker.write_all(b"x").unwrap();
        let files = [(quiet.as_fd(), Interest::Read), (heard.as_fd(), Interest::Read)];
        assert_eq!(wait(&files, 1000).unwrap(), [false, true]);
    }

    #[test]
    fn an_ended_pipe_is_ready() {
        let (reader, writer) = io::pipe().unwrap();
        drop(writer);
        assert_eq!(wait(&[(reader.as_fd(), Interest::Read)], 1000).unwrap(), [true]);
    }

    #[test]
    fn nothing_is_ready_when_the_time_is_over() {
        let (reader, _keep) = io::pipe().unwrap();
        assert_eq!(wait(&[(reader.as_fd(), Interest::Read)], 1).unwrap(), [false]);
    }
}
