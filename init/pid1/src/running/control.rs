//! The control socket, as `contract::control` describes it.
//!
//! A few connections at a time, each with a time limit, none ever waited for. Only root can open
//! the socket; it is made before there is anybody else.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use contract::control::{Answer, REQUEST_LIMIT_BYTES, Request, SOCKET, Status};
use sys::poll::Interest;

use super::Ending;

/// How many may speak at a time; further ones wait in the kernel.
const CONNECTIONS: usize = 8;

/// How long one may take.
const WITHIN_US: u64 = 5_000_000;

/// Where something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Somebody wants to speak.
    Listener,
    /// Somebody speaks, or takes in the answer.
    Connection(u64),
}

#[derive(Debug)]
struct Connection {
    id: u64,
    stream: UnixStream,
    until_us: u64,
    request: Vec<u8>,
    /// What is still to be sent, once the request was whole.
    answer: Option<Vec<u8>>,
}

/// The socket and who speaks over it.
#[derive(Debug)]
pub(super) struct Control {
    listener: UnixListener,
    connections: Vec<Connection>,
    next_id: u64,
}

impl Control {
    pub(super) fn open() -> std::io::Result<Self> {
        let listener = UnixListener::bind(SOCKET)?;
        fs::set_permissions(SOCKET, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, connections: Vec::new(), next_id: 0 })
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = (Place, BorrowedFd<'_>, Interest)> {
        let room = self.connections.len() < CONNECTIONS;
        let listener = room.then(|| (Place::Listener, self.listener.as_fd(), Interest::Read));
        let connections = self.connections.iter().map(|connection| {
            let interest =
                if connection.answer.is_some() { Interest::Write } else { Interest::Read };
            (Place::Connection(connection.id), connection.stream.as_fd(), interest)
        });
        listener.into_iter().chain(connections)
    }

    /// Closes what took too long, so that those who wait in the kernel get their turn.
    pub(super) fn expire(&mut self, now_us: u64) {
        self.connections.retain(|connection| now_us < connection.until_us);
    }

    /// Goes on with what happened; answers with what was asked of the machine.
    pub(super) fn hear(
        &mut self,
        place: Place,
        now_us: u64,
        status: impl FnOnce() -> Status,
    ) -> Option<Ending> {
        let id = match place {
            Place::Listener => {
                self.accept(now_us);
                return None;
            }
            Place::Connection(id) => id,
        };
        let at = self.connections.iter().position(|connection| connection.id == id)?;
        let mut asked = None;
        let more = self.connections.get_mut(at)?.go_on(status, &mut asked);
        if !more {
            self.connections.remove(at);
        }
        asked
    }

    fn accept(&mut self, now_us: u64) {
        let Ok((stream, _)) = self.listener.accept() else { return };
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let until_us = now_us.saturating_add(WITHIN_US);
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let (request, answer) = (Vec::new(), None);
        self.connections.push(Connection { id, stream, until_us, request, answer });
    }
}

impl Connection {
    /// Reads or writes a piece; whether there is more to do.
    fn go_on(&mut self, status: impl FnOnce() -> Status, asked: &mut Option<Ending>) -> bool {
        if self.answer.is_some() {
            return self.send();
        }
        let mut piece = [0; REQUEST_LIMIT_BYTES];
        match self.stream.read(&mut piece) {
            Ok(0) => return false,
            Ok(count) => self.request.extend(piece.get(..count).unwrap_or_default()),
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
        let Some(answer) = answer_to(&self.request, status, asked) else { return true };
        self.answer = Some(answer.line().into_bytes());
        self.send()
    }

    fn send(&mut self) -> bool {
        let Some(answer) = &mut self.answer else { return false };
        match self.stream.write(answer) {
            Ok(count) => {
                answer.drain(..count.min(answer.len()));
                !answer.is_empty()
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// The answer to what was read so far; `None`: it is not whole yet.
fn answer_to(
    bytes: &[u8],
    status: impl FnOnce() -> Status,
    asked: &mut Option<Ending>,
) -> Option<Answer> {
    let line = match bytes.split_inclusive(|byte| *byte == b'\n').next() {
        Some(line) if line.ends_with(b"\n") => line,
        _ if bytes.len() < REQUEST_LIMIT_BYTES => return None,
        _ => return Some(Answer::Refused("the request is too long".to_owned())),
    };
    let answer = match Request::parse(line) {
        Some(Request::Status) => Answer::Status(Box::new(status())),
        Some(Request::PowerOff) => {
            *asked = Some(Ending::PowerOff);
            Answer::Ok
        }
        Some(Request::Reboot) => {
            *asked = Some(Ending::Reboot);
            Answer::Ok
        }
        None => Answer::Refused("there is no such request".to_owned()),
    };
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expect: Option<&str>, wish: Option<Ending>) {
        let mut asked = None;
        let status =
            || Status { boot: contract::boot::BootRecord::default(), services: Vec::new() };
        let line = answer_to(bytes, status, &mut asked).map(|answer| answer.line());
        assert_eq!(line.as_deref().map(|line| line.get(..6).unwrap_or(line)), expect);
        assert_eq!(asked, wish);
    }

    #[test]
    fn a_request_is_answered_when_it_is_whole() {
        check(b"power o", None, None);
        check(b"power off\n", Some("ok\n"), Some(Ending::PowerOff));
        check(b"power reboot\nmore", Some("ok\n"), Some(Ending::Reboot));
        check(b"status\n", Some("ok {\"b"), None);
        check(b"hello\n", Some("refuse"), None);
        check(&[b'x'; REQUEST_LIMIT_BYTES], Some("refuse"), None);
    }
}
