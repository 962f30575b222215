//! `/etc/ld.so.cache`, which tells the dynamic loader where each library is.
//!
//! Stands in for `ldconfig`. Without the file the loader searches its built-in directories, so
//! what must never happen is a cache that names something else than the loader would find:
//! whoever takes libraries out of a tree makes the cache again ([`write`] on the smaller tree).
//!
//! # Format (glibc, `sysdeps/generic/dl-cache.h`), all numbers little-endian
//!
//! | bytes | what |
//! |---|---|
//! | 20 | `glibc-ld.so.cache1.1` |
//! | 4 | number of entries |
//! | 4 | length of the strings |
//! | 1 + 3 | byte order (2: little), padding |
//! | 4 | offset of the extension |
//! | 12 | zero |
//! | 24 each | flags (3: ELF with libc 6; 0x300: x86-64, 0xa00: AArch64), offset of the name, offset of the path, zero, zero (8: hardware capabilities) |
//! | | strings, each ended by a zero byte; a string that ends another shares its bytes |
//! | | aligned to 4: 0xeaa42174, number of sections (1), then tag 0, flags 0, offset, length: who wrote the cache |
//!
//! Entries fall by name, where runs of digits compare as numbers and a digit is greater than any
//! other character; the loader searches by halves and relies on it. Directories come in the order
//! of `/etc/ld.so.conf`, then `/lib` and `/usr/lib`; one that is reached a second time by another
//! name is passed over. Subdirectories for newer processors (`glibc-hwcaps`) are not entered: the
//! loader uses the ordinary library then.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io;

use contract::arch::Arch;
use formats::elf::{ElfFacts, Machine, ObjectType};
use formats::tree::{Content, ContentSource, Kind, Tree, name};

use crate::edit::EditError;
use crate::resolve::{Last, walk};

#[cfg(test)]
mod tests;

const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
const HEADER_BYTES: usize = 48;
const ENTRY_BYTES: usize = 24;
const LITTLE_ENDIAN: u32 = 2;
/// Who wrote the cache, as `ldconfig -p` shows it.
const GENERATOR: &str = "ashlar";
/// Files that `ld.so.conf` may include, one inside the other.
const MAX_DEPTH: usize = 8;

/// What a library's file says of itself; whoever has read it before need not open it again.
pub type Facts<'a> = dyn Fn(&Content) -> io::Result<Option<ElfFacts>> + 'a;

/// Reads the facts from the content each time.
///
/// # Errors
/// The content cannot be had. A broken ELF file is no library, as for `ldconfig`.
pub fn read_facts(content: &Content, source: &dyn ContentSource) -> io::Result<Option<ElfFacts>> {
    Ok(ElfFacts::read(&content.load(source)?).unwrap_or(None))
}

/// One library.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    path: String,
}

/// The bytes of the cache for this tree.
///
/// # Errors
/// `ld.so.conf` or a library cannot be read, or a path in it leads out of the tree.
pub fn write(
    tree: &Tree,
    arch: Arch,
    source: &dyn ContentSource,
    facts: &Facts<'_>,
) -> Result<Vec<u8>, EditError> {
    let mut directories = Vec::new();
    configured(tree, source, "etc/ld.so.conf", &mut directories, 0)?;
    directories.extend(["/lib".to_owned(), "/usr/lib".to_owned()]);
    let mut seen = BTreeSet::new();
    let mut entries: Vec<Entry> = Vec::new();
    for directory in directories {
        let place = walk(&directory, tree, Last::Follow)?.place;
        if seen.insert(place.clone()) {
            libraries(tree, arch, &directory, &place, facts, &mut entries)?;
        }
    }
    // Stable, so that the first directory wins for a name that several have.
    entries.sort_by(|one, other| compare(&other.name, &one.name));
    Ok(encoded(&entries, arch))
}

/// Directories that `ld.so.conf` names, with the files it includes.
fn configured(
    tree: &Tree,
    source: &dyn ContentSource,
    path: &str,
    directories: &mut Vec<String>,
    depth: usize,
) -> Result<(), EditError> {
    let place = walk(path, tree, Last::Follow)?.place;
    let Some(content) = tree.get(&place).and_then(|node| node.content()) else { return Ok(()) };
    if depth > MAX_DEPTH {
        return Err(EditError::Other { path: place, expected: "configuration that ends" });
    }
    let bytes =
        content.load(source).map_err(|why| EditError::Content { path: place.clone(), why })?;
    let text = String::from_utf8_lossy(&bytes);
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.strip_prefix("include").filter(|rest| rest.starts_with([' ', '\t'])) {
            None if line.is_empty() => {}
            None => directories.push(line.trim_end_matches('/').to_owned()),
            Some(pattern) => {
                let pattern = pattern.trim().trim_start_matches('/');
                let (directory, file) = pattern.rsplit_once('/').unwrap_or(("etc", pattern));
                let (before, after) = file.split_once('*').unwrap_or((file, ""));
                let matches = |path: &&str| {
                    let rest = name(path).strip_prefix(before);
                    formats::tree::parent(path) == directory
                        && rest.is_some_and(|rest| rest.ends_with(after))
                        && !name(path).starts_with('.')
                };
                let below = tree.below(directory).map(|(path, _)| path);
                let files: Vec<&str> = below.filter(matches).collect();
                for file in files {
                    configured(tree, source, file, directories, depth + 1)?;
                }
            }
        }
    }
    Ok(())
}

/// Libraries right in a directory, each under the name it gives itself.
fn libraries(
    tree: &Tree,
    arch: Arch,
    directory: &str,
    place: &str,
    facts: &Facts<'_>,
    entries: &mut Vec<Entry>,
) -> Result<(), EditError> {
    let mut known = BTreeSet::new();
    let inside = tree.below(place).map(|(path, _)| path);
    let inside = inside.filter(|path| formats::tree::parent(path) == place);
    for path in inside.filter(|path| is_library(name(path))) {
        let Ok(walked) = walk(path, tree, Last::Follow) else { continue };
        let Some(content) = content(tree, &walked.place) else { continue };
        let found = facts(content)
            .map_err(|why| EditError::Content { path: path.to_owned(), why })?
            .filter(|facts| facts.machine == Machine::of(arch))
            .filter(|facts| facts.object == ObjectType::Shared);
        let Some(found) = found else { continue };
        let soname = found.soname.unwrap_or_else(|| name(path).to_owned());
        let is_link = matches!(tree.get(path).map(|node| &node.kind), Some(Kind::Symlink(_)));
        let listed = if is_link && is_for_linking(name(path), &soname) {
            name(path).to_owned()
        } else {
            soname
        };
        if known.insert(listed.clone()) {
            let path = format!("{directory}/{listed}");
            entries.push(Entry { name: listed, path });
        }
    }
    Ok(())
}

fn content<'a>(tree: &'a Tree, place: &str) -> Option<&'a Content> {
    match &tree.get(place)?.kind {
        Kind::File(content) => Some(content),
        Kind::Hardlink(first) => tree.get(first)?.content(),
        _ => None,
    }
}

fn is_library(name: &str) -> bool {
    (name.starts_with("lib") || name.starts_with("ld-")) && name.contains(".so")
}

/// `libx.so` beside the name `libx.so.1`: what compilers ask for.
fn is_for_linking(link: &str, soname: &str) -> bool {
    link.ends_with(".so") && soname.starts_with(link) && soname != link
}

/// The order the loader searches by.
fn compare(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        let (Some(a), Some(b)) = (one.first(), other.first()) else {
            return one.len().cmp(&other.len());
        };
        match (a.is_ascii_digit(), b.is_ascii_digit()) {
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) if a != b => return a.cmp(b),
            (false, false) => {
                one = one.get(1..).unwrap_or_default();
                other = other.get(1..).unwrap_or_default();
            }
            (true, true) => {
                let (left, right) = (number(&mut one), number(&mut other));
                if left != right {
                    return left.cmp(&right);
                }
            }
        }
    }
}

fn number(text: &mut &[u8]) -> u64 {
    let mut value = 0_u64;
    while let Some((digit, rest)) = text.split_first().filter(|(digit, _)| digit.is_ascii_digit()) {
        value = value.saturating_mul(10).saturating_add(u64::from(*digit - b'0'));
        *text = rest;
    }
    value
}

/// Strings with shared ends, and where each begins.
struct Strings {
    bytes: Vec<u8>,
    offsets: std::collections::BTreeMap<String, usize>,
}

impl Strings {
    /// Strings in falling order when read from the end, so that one that ends another comes right
    /// after it.
    fn of<'a>(strings: impl Iterator<Item = &'a str>) -> Self {
        let backwards = |text: &str| text.bytes().rev().collect::<Vec<u8>>();
        let mut sorted: Vec<&str> = strings.collect::<BTreeSet<_>>().into_iter().collect();
        sorted.sort_by_key(|text| std::cmp::Reverse(backwards(text)));
        let mut all = Self { bytes: Vec::new(), offsets: std::collections::BTreeMap::new() };
        let mut last: Option<&str> = None;
        for text in sorted {
            let shared = last
                .filter(|last| last.ends_with(text))
                .map(|_| all.bytes.len().saturating_sub(text.len() + 1));
            let offset = shared.unwrap_or_else(|| {
                let offset = all.bytes.len();
                all.bytes.extend_from_slice(text.as_bytes());
                all.bytes.push(0);
                offset
            });
            all.offsets.insert(text.to_owned(), offset);
            last = Some(text);
        }
        all
    }
}

fn encoded(entries: &[Entry], arch: Arch) -> Vec<u8> {
    let flags: u32 = match arch {
        Arch::X86_64 => 0x303,
        Arch::Aarch64 => 0xa03,
    };
    let texts = entries.iter().flat_map(|entry| [entry.name.as_str(), entry.path.as_str()]);
    let strings = Strings::of(texts);
    let start = HEADER_BYTES + ENTRY_BYTES * entries.len();
    let end = start + strings.bytes.len();
    let extension = end.next_multiple_of(4);

    let mut out = Vec::with_capacity(extension + 32 + GENERATOR.len());
    let word = |out: &mut Vec<u8>, value: usize| {
        out.extend(u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    };
    out.extend_from_slice(MAGIC);
    word(&mut out, entries.len());
    word(&mut out, strings.bytes.len());
    out.extend(LITTLE_ENDIAN.to_le_bytes());
    word(&mut out, extension);
    out.extend([0; 12]);
    let offset = |text: &str| start + strings.offsets.get(text).copied().unwrap_or(0);
    for entry in entries {
        out.extend(flags.to_le_bytes());
        word(&mut out, offset(&entry.name));
        word(&mut out, offset(&entry.path));
        out.extend([0; 12]);
    }
    out.extend_from_slice(&strings.bytes);
    out.resize(extension, 0);
    out.extend(EXTENSION_MAGIC.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend([0; 8]);
    word(&mut out, extension + 24);
    word(&mut out, GENERATOR.len());
    out.extend_from_slice(GENERATOR.as_bytes());
    out
}
