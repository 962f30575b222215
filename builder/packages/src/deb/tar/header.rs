//! The header block of an entry: fields at fixed places, numbers in octal or GNU's base 256.

use super::pax::Extended;
use super::{BLOCK, TarFault};

/// A header whose sum and magic are right. Its fields are read when they are asked for.
pub(super) struct Header<'a> {
    block: &'a [u8; BLOCK],
    /// The letter that says what the entry is.
    pub(super) kind: u8,
    posix: bool,
}

impl<'a> Header<'a> {
    pub(super) fn parse(block: &'a [u8; BLOCK]) -> Result<Self, TarFault> {
        let header = |posix| Self { block, kind: block.get(156).copied().unwrap_or(0), posix };
        let header = match block.get(257..263) {
            Some(b"ustar\0") => header(true),
            Some(b"ustar ") => header(false),
            _ => return Err(TarFault::Magic),
        };
        let own = header.number("sum", 148, 8)?;
        let field = header.bytes(148, 8).iter().map(|byte| u64::from(*byte)).sum::<u64>();
        let all = block.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        // The sum is taken with blanks in its own place.
        if all - field + 8 * u64::from(b' ') != own {
            return Err(TarFault::Sum);
        }
        Ok(header)
    }

    fn bytes(&self, start: usize, length: usize) -> &'a [u8] {
        self.block.get(start..start + length).unwrap_or_default()
    }

    fn text(&self, field: &'static str, start: usize, length: usize) -> Result<&'a str, TarFault> {
        let bytes = self.bytes(start, length);
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        std::str::from_utf8(bytes.get(..end).unwrap_or_default())
            .map_err(|_| TarFault::NotUtf8(field))
    }

    fn number(&self, field: &'static str, start: usize, length: usize) -> Result<u64, TarFault> {
        let bytes = self.bytes(start, length);
        match bytes.split_first() {
            Some((0x80, rest)) => base_256(rest),
            _ => octal(bytes),
        }
        .ok_or(TarFault::Number(field))
    }

    pub(super) fn size(&self) -> Result<u64, TarFault> {
        self.number("size", 124, 12)
    }

    /// The name, with the prefix that ustar may have put elsewhere.
    pub(super) fn name(&self) -> Result<String, TarFault> {
        let name = self.text("name", 0, 100)?;
        let prefix = if self.posix { self.text("prefix", 345, 155)? } else { "" };
        Ok(if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") })
    }

    pub(super) fn target(&self) -> Result<String, TarFault> {
        self.text("linkname", 157, 100).map(str::to_owned)
    }

    pub(super) fn uname(&self) -> Result<String, TarFault> {
        self.text("uname", 265, 32).map(str::to_owned)
    }

    pub(super) fn gname(&self) -> Result<String, TarFault> {
        self.text("gname", 297, 32).map(str::to_owned)
    }

    pub(super) fn major(&self) -> Result<u32, TarFault> {
        narrow("devmajor", self.number("devmajor", 329, 8)?)
    }

    pub(super) fn minor(&self) -> Result<u32, TarFault> {
        narrow("devminor", self.number("devminor", 337, 8)?)
    }
}

/// The numbers of an entry, from the pax header where it has them.
pub(super) struct Numbers {
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    pub(super) mtime: u64,
}

impl Numbers {
    pub(super) fn of(header: &Header<'_>, extended: &Extended) -> Result<Self, TarFault> {
        let or = |given: Option<u64>, field, start, length| {
            given.map_or_else(|| header.number(field, start, length), Ok)
        };
        // Old writers put the kind into the bits above the permissions.
        let mode = header.number("mode", 100, 8)?;
        if mode > 0o177_777 {
            return Err(TarFault::Number("mode"));
        }
        Ok(Self {
            mode: u16::try_from(mode & 0o7777).map_err(|_| TarFault::Number("mode"))?,
            uid: narrow("uid", or(extended.uid, "uid", 108, 8)?)?,
            gid: narrow("gid", or(extended.gid, "gid", 116, 8)?)?,
            size: or(extended.size, "size", 124, 12)?,
            mtime: or(extended.mtime, "mtime", 136, 12)?,
        })
    }
}

fn narrow(field: &'static str, number: u64) -> Result<u32, TarFault> {
    u32::try_from(number).map_err(|_| TarFault::Number(field))
}

/// Octal digits, with blanks before and blanks or zero bytes after; nothing at all is 0.
fn octal(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let digits = text.trim_end_matches(['\0', ' ']).trim_start_matches(' ');
    if digits.is_empty() {
        return Some(0);
    }
    let plain = digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    u64::from_str_radix(digits, 8).ok().filter(|_| plain)
}

/// GNU's way for numbers that octal has no room for: big-endian after a first byte of 0x80.
/// Negative numbers (0xff) are none of ours.
fn base_256(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0_u64, |number, byte| {
        number.checked_mul(256).and_then(|shifted| shifted.checked_add(u64::from(*byte)))
    })
}
