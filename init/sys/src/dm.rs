//! Device-mapper: one device, one target, set up by ioctl (`linux/dm-ioctl.h`, interface 4).
//!
//! # Wire format
//!
//! Every request is a 312-byte header in the machine's byte order and, for a table, the one
//! target's 40-byte head and its parameters, ended by a NUL.
//!
//! | offset | size | what |
//! |---:|---:|---|
//! | 0 | 12 | interface version: 4, 0, 0 |
//! | 12 | 4 | length of the whole buffer |
//! | 16 | 4 | offset of what follows the header |
//! | 20 | 4 | number of targets |
//! | 28 | 4 | flags |
//! | 40 | 8 | device number, kernel to us |
//! | 48 | 128 | name, ended by a NUL |
//! | 176 | 129 | UUID, ended by a NUL |
//! | 312 | 8 | target: first sector |
//! | 320 | 8 | target: number of sectors |
//! | 328 | 4 | target: status |
//! | 332 | 4 | target: offset of the next |
//! | 336 | 16 | target: type, ended by a NUL |
//! | 352 | | target: parameters, ended by a NUL |

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::libc;

const HEADER_BYTES: usize = 312;
const BUFFER_BYTES: usize = 4096;
const READ_ONLY: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Create,
    Remove,
    /// "Suspend" without the suspend flag.
    Resume,
    Load,
    TableStatus,
}

impl Request {
    const fn code(self) -> libc::Ioctl {
        match self {
            Self::Create => nix::request_code_readwrite!(0xfd, 3, HEADER_BYTES),
            Self::Remove => nix::request_code_readwrite!(0xfd, 4, HEADER_BYTES),
            Self::Resume => nix::request_code_readwrite!(0xfd, 6, HEADER_BYTES),
            Self::Load => nix::request_code_readwrite!(0xfd, 9, HEADER_BYTES),
            Self::TableStatus => nix::request_code_readwrite!(0xfd, 12, HEADER_BYTES),
        }
    }
}

/// The control device.
#[derive(Debug)]
pub struct Control {
    file: File,
}

/// A mapped device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name among mapped devices.
    pub name: String,
    /// Its node in `/dev`, which devtmpfs makes.
    pub node: PathBuf,
}

/// One target over the whole device.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The target's type: `verity`.
    pub kind: &'a str,
    /// Length in sectors of 512 bytes.
    pub sectors: u64,
    /// Its parameters, as the kernel's documentation of the type gives them.
    pub parameters: &'a str,
}

impl Control {
    /// Opens `/dev/mapper/control`.
    ///
    /// # Errors
    ///
    /// The kernel's: the module `dm_mod` is not there.
    pub fn open() -> io::Result<Self> {
        let path = Path::new("/dev/mapper/control");
        Ok(Self { file: OpenOptions::new().read(true).write(true).open(path)? })
    }

    /// Makes a read-only device of one target and sets it going. If a step does not work, nothing
    /// is left behind.
    ///
    /// # Errors
    ///
    /// The kernel's: `EEXIST` for a name in use, `EINVAL` for parameters it does not take.
    pub fn create(&self, name: &str, uuid: &str, target: Target<'_>) -> io::Result<Device> {
        let created = self.call(Request::Create, encode(name, uuid, 0, None)?)?;
        let set_up = || {
            self.call(Request::Load, encode(name, "", READ_ONLY, Some(target))?)?;
            self.call(Request::Resume, encode(name, "", 0, None)?)
        };
        if let Err(error) = set_up() {
            // The first error is the one to tell; the device was never in use.
            drop(self.remove(name));
            return Err(error);
        }
        let minor = created.minor().ok_or(io::ErrorKind::InvalidData)?;
        Ok(Device { name: name.to_owned(), node: PathBuf::from(format!("/dev/dm-{minor}")) })
    }

    /// The status line of a device's target; for `verity` it is `V` while every block read was
    /// good and `C` once one was not.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn status(&self, name: &str) -> io::Result<String> {
        let answer = self.call(Request::TableStatus, encode(name, "", 0, None)?)?;
        answer.parameters().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Takes a device away.
    ///
    /// # Errors
    ///
    /// The kernel's: `EBUSY` while it is in use.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        self.call(Request::Remove, encode(name, "", 0, None)?).map(drop)
    }

    fn call(&self, request: Request, mut message: Message) -> io::Result<Message> {
        // SAFETY: the descriptor is open while `self` lives. The kernel reads and writes as many
        // bytes as the header says, which is the length of the buffer, aligned for its numbers.
        let answer = unsafe {
            libc::ioctl(self.file.as_raw_fd(), request.code(), message.words.as_mut_ptr())
        };
        if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(message) }
    }
}

/// A request or its answer. Kept as words, so that the kernel finds its numbers aligned.
struct Message {
    words: Vec<u64>,
}

fn encode(name: &str, uuid: &str, flags: u32, target: Option<Target<'_>>) -> io::Result<Message> {
    let mut bytes = Vec::with_capacity(BUFFER_BYTES);
    for number in [4, 0, 0, length_of(BUFFER_BYTES)?, length_of(HEADER_BYTES)?] {
        bytes.extend(u32::to_ne_bytes(number));
    }
    for number in [u32::from(target.is_some()), 0, flags, 0, 0, 0, 0] {
        bytes.extend(number.to_ne_bytes());
    }
    put_text(&mut bytes, name, 128)?;
    put_text(&mut bytes, uuid, 129)?;
    bytes.resize(HEADER_BYTES, 0);
    if let Some(target) = target {
        bytes.extend(0_u64.to_ne_bytes());
        bytes.extend(target.sectors.to_ne_bytes());
        bytes.extend([0; 8]);
        put_text(&mut bytes, target.kind, 16)?;
        let room = BUFFER_BYTES.saturating_sub(bytes.len());
        put_text(&mut bytes, target.parameters, room)?;
    }
    bytes.resize(BUFFER_BYTES, 0);
    let (chunks, _) = bytes.as_chunks::<8>();
    Ok(Message { words: chunks.iter().map(|chunk| u64::from_ne_bytes(*chunk)).collect() })
}

fn length_of(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// Puts a text into a field of `room` bytes, with at least one NUL after it.
fn put_text(bytes: &mut Vec<u8>, text: &str, room: usize) -> io::Result<()> {
    if text.len() >= room || text.contains('\0') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    bytes.extend(text.as_bytes());
    bytes.resize(bytes.len() + room - text.len(), 0);
    Ok(())
}

impl Message {
    fn bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    /// The minor half of the device number: bits 0 to 7 and 20 to 31 (`new_encode_dev`).
    fn minor(&self) -> Option<u64> {
        let device = *self.words.get(5)?;
        Some((device & 0xff) | (device >> 12 & 0xf_ff00))
    }

    /// The parameters of the first target.
    fn parameters(&self) -> Option<String> {
        let bytes = self.bytes();
        let start =
            usize::try_from(u32::from_ne_bytes(bytes.get(16..20)?.try_into().ok()?)).ok()?;
        let text = bytes.get(start.checked_add(40)?..)?.split(|byte| *byte == 0).next()?;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target<'_> = Target { kind: "verity", sectors: 8, parameters: "1 2 3" };

    #[test]
    fn fields_lie_where_the_interface_says() {
        let bytes = encode("root", "uuid", READ_ONLY, Some(TARGET)).unwrap().bytes();
        assert_eq!(bytes.len(), BUFFER_BYTES);
        let number = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!([0, 4, 8, 12, 16, 20, 28].map(number), [4, 0, 0, 4096, 312, 1, 1]);
        assert_eq!(&bytes[48..53], b"root\0");
        assert_eq!(&bytes[176..181], b"uuid\0");
        assert_eq!([320, 328, 332].map(number), [8, 0, 0]);
        assert_eq!(&bytes[336..343], b"verity\0");
        assert_eq!(&bytes[352..358], b"1 2 3\0");
    }

    #[test]
    fn an_answer_is_read_where_the_interface_says() {
        let mut message = encode("root", "", 0, Some(TARGET)).unwrap();
        message.words[5] = 254 << 8 | 0x34 | 0x12 << 20;
        assert_eq!(message.minor(), Some(0x1234));
        assert_eq!(message.parameters().as_deref(), Some("1 2 3"));
        message.words[2] = u64::MAX;
        assert_eq!(message.parameters(), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let long = "a".repeat(128);
        assert!(encode(&long, "", 0, None).is_err());
        assert!(encode("a\0b", "", 0, None).is_err());
        let parameters = "a".repeat(BUFFER_BYTES);
        let target = Target { parameters: &parameters, ..TARGET };
        assert!(encode("a", "", 0, Some(target)).is_err());
    }
}
