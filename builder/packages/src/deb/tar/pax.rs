//! What headers before an entry say of it: pax records and GNU's long names.
//!
//! A pax header is a list of `LENGTH KEYWORD=VALUE\n`, the length counting the whole record. Only
//! keywords that are understood, or change nothing of what is installed, are taken: an access list
//! or a sparse map that was passed over would be an entry with another meaning.

use std::collections::BTreeMap;

use super::TarFault;

/// The longest pax header that is read.
pub(super) const LIMIT_BYTES: u64 = 1 << 20;

/// Keywords that say nothing of what is installed.
const WITHOUT_EFFECT: &[&str] = &[
    "LIBARCHIVE.creationtime",
    "SCHILY.dev",
    "SCHILY.ino",
    "SCHILY.nlink",
    "atime",
    "comment",
    "ctime",
];

/// What was said of the entry that follows.
#[derive(Default)]
pub(super) struct Extended {
    pub(super) path: Option<String>,
    pub(super) target: Option<String>,
    pub(super) uname: Option<String>,
    pub(super) gname: Option<String>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) size: Option<u64>,
    pub(super) mtime: Option<u64>,
    pub(super) xattrs: BTreeMap<String, Vec<u8>>,
    any: bool,
    pax: bool,
}

impl Extended {
    /// At the end of the stream nothing may have been said of an entry that never came.
    pub(super) const fn must_be_empty(&self) -> Result<(), TarFault> {
        if self.any { Err(TarFault::StrayMeta) } else { Ok(()) }
    }

    pub(super) fn take_name(&mut self, bytes: Vec<u8>) -> Result<(), TarFault> {
        self.any = true;
        once(&mut self.path, long_name(bytes, "name")?)
    }

    pub(super) fn take_target(&mut self, bytes: Vec<u8>) -> Result<(), TarFault> {
        self.any = true;
        once(&mut self.target, long_name(bytes, "linkname")?)
    }

    pub(super) fn take_pax(&mut self, mut bytes: &[u8]) -> Result<(), TarFault> {
        if std::mem::replace(&mut self.pax, true) {
            return Err(TarFault::StrayMeta);
        }
        self.any = true;
        while !bytes.is_empty() {
            let (keyword, value, rest) = record(bytes).ok_or(TarFault::PaxRecord)?;
            self.take_record(keyword, value)?;
            bytes = rest;
        }
        Ok(())
    }

    fn take_record(&mut self, keyword: &str, value: &[u8]) -> Result<(), TarFault> {
        let unknown = || TarFault::PaxKeyword(keyword.chars().take(80).collect());
        match keyword {
            "path" => once(&mut self.path, text(value, "path")?),
            "linkpath" => once(&mut self.target, text(value, "linkpath")?),
            "uname" => once(&mut self.uname, text(value, "uname")?),
            "gname" => once(&mut self.gname, text(value, "gname")?),
            "uid" => once(&mut self.uid, number(value, "uid")?),
            "gid" => once(&mut self.gid, number(value, "gid")?),
            "size" => once(&mut self.size, number(value, "size")?),
            "mtime" => once(&mut self.mtime, seconds(value)?),
            _ if WITHOUT_EFFECT.contains(&keyword) => Ok(()),
            _ => {
                let name = keyword.strip_prefix("SCHILY.xattr.").ok_or_else(unknown)?;
                let fresh = !name.is_empty()
                    && self.xattrs.insert(name.to_owned(), value.to_vec()).is_none();
                if fresh { Ok(()) } else { Err(unknown()) }
            }
        }
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), TarFault> {
    if place.replace(value).is_some() { Err(TarFault::StrayMeta) } else { Ok(()) }
}

/// The first record: keyword, value, and what follows it.
fn record(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let digits = std::str::from_utf8(bytes.get(..blank)?).ok()?;
    let length: usize =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)?.parse().ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let body = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    let keyword = std::str::from_utf8(body.get(..equals)?).ok()?;
    Some((keyword, body.get(equals + 1..)?, rest))
}

/// GNU ends its long names with a zero byte.
fn long_name(mut bytes: Vec<u8>, field: &'static str) -> Result<String, TarFault> {
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| TarFault::NotUtf8(field))
}

fn text(value: &[u8], field: &'static str) -> Result<String, TarFault> {
    std::str::from_utf8(value).map(str::to_owned).map_err(|_| TarFault::NotUtf8(field))
}

fn number(value: &[u8], field: &'static str) -> Result<u64, TarFault> {
    let digits = std::str::from_utf8(value).unwrap_or_default();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).ok_or(TarFault::Number(field))
}

/// Times may have a fraction, which packages have no use for.
fn seconds(value: &[u8]) -> Result<u64, TarFault> {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TarFault::Number("mtime"));
    }
    number(whole.as_bytes(), "mtime")
}
