//! Bringing up the loopback interface, by one rtnetlink message (`rtnetlink(7)`).
//!
//! It is the whole of the network that PID 1 knows: programs expect `127.0.0.1` to be there, and
//! no cable is needed for it.

use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

/// `lo` is the first interface of every network namespace.
const LOOPBACK_INDEX: u32 = 1;

/// Sets `IFF_UP` on the loopback interface; the kernel then gives it its addresses.
///
/// # Errors
///
/// The kernel's, or [`io::ErrorKind::InvalidData`] for an answer that is none.
pub fn up() -> io::Result<()> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let protocol = SockProtocol::NetlinkRoute;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
    send(socket.as_raw_fd(), &request(), MsgFlags::empty())?;
    let mut answer = [0; 256];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    match answer.get(..length).and_then(verdict) {
        Some(0) => Ok(()),
        Some(negated) => Err(Errno::from_raw(negated.saturating_neg()).into()),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// `nlmsghdr` and `ifinfomsg`, in the machine's byte order.
fn request() -> Vec<u8> {
    const RTM_NEWLINK: u16 = 16;
    const NLM_F_REQUEST_ACK: u16 = 1 | 4;
    const IFF_UP: u32 = 1;
    let mut bytes = Vec::with_capacity(32);
    bytes.extend(32_u32.to_ne_bytes()); // length
    bytes.extend(RTM_NEWLINK.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    bytes.extend(1_u32.to_ne_bytes()); // sequence
    bytes.extend(0_u32.to_ne_bytes()); // port: the kernel
    bytes.extend([0; 4]); // family, padding, device type
    bytes.extend(LOOPBACK_INDEX.to_ne_bytes());
    bytes.extend(IFF_UP.to_ne_bytes()); // flags
    bytes.extend(IFF_UP.to_ne_bytes()); // which of them to change
    bytes
}

/// The error number in an `NLMSG_ERROR` message; 0 is "done".
fn verdict(answer: &[u8]) -> Option<i32> {
    const NLMSG_ERROR: u16 = 2;
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let number = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == NLMSG_ERROR).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_long_as_it_says() {
        assert_eq!(request().len(), 32);
    }

    #[test]
    fn short_and_foreign_answers_are_no_verdict() {
        assert_eq!(verdict(&[]), None);
        assert_eq!(verdict(&[0; 36]), None);
        let mut done = [0; 36];
        done[4..6].copy_from_slice(&2_u16.to_ne_bytes());
        assert_eq!(verdict(&done), Some(0));
    }
}
