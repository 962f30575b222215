//! The kernel's announcements of devices (`NETLINK_KOBJECT_UEVENT`).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, setsockopt,
    socket, sockopt,
};

/// No announcement is longer: the kernel's `UEVENT_BUFFER_SIZE` is 2048, and a header.
const LONGEST_BYTES: usize = 8192;

/// Room for the burst of a cold start: what is lost is not sent again.
const ROOM_BYTES: usize = 4 << 20;

/// An open ear for announcements.
#[derive(Debug)]
pub struct Uevents {
    socket: OwnedFd,
}

/// What listening for announcements brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// One announcement: `action@path`, then `KEY=value`s, each ended by a NUL.
    Event(Vec<u8>),
    /// Some were lost for want of room: look at `/sys` again.
    Lost,
    /// There is none.
    Nothing,
}

impl Uevents {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn listen() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let protocol = SockProtocol::NetlinkKObjectUEvent;
        let socket = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol)?;
        setsockopt(&socket, sockopt::RcvBufForce, &ROOM_BYTES)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 1))?;
        Ok(Self { socket })
    }

    /// The next announcement of the kernel. Messages of anyone else are passed over.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn next(&self) -> io::Result<Heard> {
        let mut buffer = vec![0; LONGEST_BYTES];
        loop {
            match recvfrom::<NetlinkAddr>(self.socket.as_raw_fd(), &mut buffer) {
                Ok((length, Some(from))) if from.pid() == 0 => {
                    buffer.truncate(length);
                    return Ok(Heard::Event(buffer));
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(Heard::Nothing),
                Err(Errno::ENOBUFS) => return Ok(Heard::Lost),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
