//! Extended attributes: beside the inode, or once for all who have the same.
//!
//! `struct erofs_xattr_entry`: length of the name (one byte), number of its prefix (one byte),
//! length of the value (two), the name without its prefix, the value; padded with zeros to four
//! bytes. Beside an inode a header of twelve bytes comes first: a filter we leave zero, the number
//! of shared entries, seven zeros; then the shared entries' places as 32-bit numbers that count
//! four-byte steps from the start of the shared area, then the inode's own entries.
//!
//! An entry is shared where two inodes or more have it and the places cost less than the copies.

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::{u16_at, u32_at};
use super::error::{Error, ReadError};

const HEADER: usize = 12;
/// The shared area grows no further: the root's inode comes after it and its number has 16 bits.
const MAX_AREA: usize = 1 << 20;

/// The prefixes with a number. An empty rest is meant: these names are whole.
const WHOLE_NAMES: [(&str, u8); 2] =
    [("system.posix_acl_access", 2), ("system.posix_acl_default", 3)];
const PREFIXES: [(&str, u8); 3] = [("user.", 1), ("trusted.", 4), ("security.", 6)];

/// One entry as it is stored.
fn entry(name: &str, value: &[u8]) -> Option<Vec<u8>> {
    let whole = WHOLE_NAMES.iter().find(|(whole, _)| *whole == name);
    let (number, rest) = match whole {
        Some((_, number)) => (*number, ""),
        None => PREFIXES
            .iter()
            .find_map(|(prefix, number)| Some((*number, name.strip_prefix(prefix)?)))?,
    };
    let mut out = vec![u8::try_from(rest.len()).ok()?, number];
    out.extend(u16::try_from(value.len()).ok()?.to_le_bytes());
    out.extend(rest.as_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    (!rest.is_empty() || whole.is_some()).then_some(out)
}

/// Extended attributes by their full names.
pub(super) type Xattrs = BTreeMap<String, Vec<u8>>;

/// The shared entries of an image, each with its place.
#[derive(Default)]
pub(super) struct Shared {
    places: BTreeMap<Vec<u8>, u32>,
    /// Their bytes, one after the other.
    pub(super) area: Vec<u8>,
}

impl Shared {
    /// Chooses what to share among the entries of all inodes. `first_place` is where the area
    /// starts, in steps of four bytes.
    pub(super) fn choose<'a>(
        inodes: impl Iterator<Item = &'a Vec<Vec<u8>>>,
        first_place: u32,
    ) -> Self {
        let mut users = BTreeMap::<&[u8], usize>::new();
        for entry in inodes.flatten() {
            *users.entry(entry).or_default() += 1;
        }
        let mut shared = Self::default();
        for (entry, users) in users {
            let pays = users * 4 + entry.len() < users * entry.len();
            if pays && shared.area.len() + entry.len() <= MAX_AREA {
                let steps = u32::try_from(shared.area.len() / 4).unwrap_or(u32::MAX);
                shared.places.insert(entry.to_vec(), first_place.saturating_add(steps));
                shared.area.extend(entry);
            }
        }
        shared
    }

    /// What stands beside an inode with these entries; nothing where there are none.
    pub(super) fn body(&self, entries: &[Vec<u8>]) -> Vec<u8> {
        if entries.is_empty() {
            return Vec::new();
        }
        let places: BTreeSet<u32> =
            entries.iter().filter_map(|entry| self.places.get(entry)).take(255).copied().collect();
        let mut out = vec![0; 4];
        out.push(u8::try_from(places.len()).unwrap_or(u8::MAX));
        out.resize(HEADER, 0);
        for place in &places {
            out.extend(place.to_le_bytes());
        }
        let own =
            |entry: &&Vec<u8>| self.places.get(*entry).is_none_or(|place| !places.contains(place));
        entries.iter().filter(own).for_each(|entry| out.extend(entry));
        out
    }
}

/// The entries of one inode, in the order of their names.
pub(super) fn entries(path: &str, xattrs: &Xattrs) -> Result<Vec<Vec<u8>>, Error> {
    let of = |(name, value): (&String, &Vec<u8>)| {
        entry(name, value).ok_or_else(|| Error::Xattr { path: path.to_owned(), name: name.clone() })
    };
    let entries: Vec<Vec<u8>> = xattrs.iter().map(of).collect::<Result<_, _>>()?;
    let len: usize = entries.iter().map(Vec::len).sum();
    match count(HEADER + len) {
        Some(_) => Ok(entries),
        None => Err(Error::Xattr { path: path.to_owned(), name: "all of them".to_owned() }),
    }
}

/// How an inode says that so many bytes of attributes follow it.
pub(super) fn count(body_len: usize) -> Option<u16> {
    match body_len {
        0 => Some(0),
        len => u16::try_from((len - HEADER) / 4 + 1).ok(),
    }
}

/// How many bytes of attributes follow an inode that says so.
pub(super) fn body_len(count: u16) -> usize {
    match usize::from(count) {
        0 => 0,
        count => HEADER + (count - 1) * 4,
    }
}

/// Reads the attributes of an inode. `shared` gives the bytes of the shared area from a place on.
pub(super) fn parse(
    body: &[u8],
    mut shared: impl FnMut(u32, usize) -> Result<Vec<u8>, ReadError>,
) -> Result<Xattrs, ReadError> {
    let mut out = BTreeMap::new();
    if body.is_empty() {
        return Ok(out);
    }
    let broken = || ReadError::Broken { what: "extended attributes", at: 0 };
    let places = usize::from(*body.get(4).ok_or_else(broken)?);
    for number in 0..places {
        let place = u32_at(body, HEADER + number * 4).ok_or_else(broken)?;
        let head = shared(place, 4)?;
        let bytes = shared(place, entry_len(&head).ok_or_else(broken)?)?;
        let (name, value) = parse_entry(&bytes).ok_or_else(broken)?;
        out.insert(name, value);
    }
    let mut rest = body.get(HEADER + places * 4..).ok_or_else(broken)?;
    while rest.len() >= 4 {
        let (name, value) = parse_entry(rest).ok_or_else(broken)?;
        out.insert(name, value);
        let len = entry_len(rest).ok_or_else(broken)?.next_multiple_of(4);
        rest = rest.get(len..).unwrap_or_default();
    }
    Ok(out)
}

fn entry_len(bytes: &[u8]) -> Option<usize> {
    Some(4 + usize::from(*bytes.first()?) + usize::from(u16_at(bytes, 2)?))
}

fn parse_entry(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let (name_len, number) = (usize::from(*bytes.first()?), *bytes.get(1)?);
    let rest = std::str::from_utf8(bytes.get(4..4 + name_len)?).ok()?;
    let prefix = WHOLE_NAMES.iter().chain(&PREFIXES).find(|(_, known)| *known == number)?.0;
    let value = bytes.get(4 + name_len..entry_len(bytes)?)?;
    Some((format!("{prefix}{rest}"), value.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xattrs(pairs: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
    }

    #[test]
    fn what_is_common_is_stored_once_and_all_is_read_back() {
        let capability = [1_u8; 20];
        let files = [
            xattrs(&[("security.capability", &capability), ("user.a", b"1")]),
            xattrs(&[("security.capability", &capability)]),
            xattrs(&[("system.posix_acl_access", b"acl"), ("trusted.overlay.opaque", b"y")]),
            xattrs(&[]),
        ];
        let entries: Vec<_> = files.iter().map(|file| entries("f", file).unwrap()).collect();
        let shared = Shared::choose(entries.iter(), 5);
        assert_eq!(shared.area.len(), 4 + 10 + 20 + 2);
        for (file, entries) in files.iter().zip(&entries) {
            let body = shared.body(entries);
            assert_eq!(body_len(count(body.len()).unwrap()), body.len());
            let area = |place: u32, len: usize| {
                let start = usize::try_from(place - 5).unwrap() * 4;
                Ok(shared.area[start..start + len].to_vec())
            };
            assert_eq!(parse(&body, area).unwrap(), *file);
        }
    }

    #[test]
    fn names_without_a_number_are_refused() {
        for name in ["system.other", "usr.x", "user.", "plain", ""] {
            let error = entries("f", &xattrs(&[(name, b"")])).unwrap_err();
            assert!(matches!(error, Error::Xattr { .. }), "{name}");
        }
        let large = vec![0; 70_000];
        assert!(entries("f", &xattrs(&[("user.large", &large)])).is_err());
    }
}
