//! `tmpfiles.d(5)`: directories, files and links that a package declares in a file.
//!
//! Evaluated as `systemd-tmpfiles --create` would on an empty system, for what lasts: lines below
//! `/run`, `/proc`, `/sys`, `/dev` and `/tmp` are about a running system and are passed over, as
//! are lines marked `!` (only at boot), lines about the machine's identity (`%m`, `%b`, `%H`),
//! and ages. Lists of access rights and file attributes (`a`, `A`, `h`, `H`, `t`, `T`) are not
//! kept: EROFS has them, but nothing on a node relies on them.
//!
//! A type that is not known is an error, so that nothing is passed over unseen.

use std::fmt;
use std::str::FromStr;

use formats::tree::{Content, Kind, Node};
use recipe::glob::Glob;

use crate::edit::{Edit, EditError, Look};
use crate::words;

#[cfg(test)]
mod tests;

/// Directories whose content is not part of an image.
const VOLATILE: [&str; 5] = ["run", "proc", "sys", "dev", "tmp"];

/// Why a file cannot be evaluated.
#[derive(Debug)]
pub struct TmpfilesError {
    /// The file.
    pub file: String,
    /// The line's number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What is wrong.
    pub why: Box<TmpfilesFault>,
}

/// What is wrong with a line.
#[derive(Debug)]
pub enum TmpfilesFault {
    /// It is not of the form that `tmpfiles.d` has.
    Shape,
    /// Its type is not known here.
    Type,
    /// It has a specifier that is not known here.
    Specifier,
    /// The tree does not allow it.
    Edit(EditError),
}

impl fmt::Display for TmpfilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: `{}`: ", self.file, self.line, self.text)?;
        match &*self.why {
            TmpfilesFault::Shape => f.write_str("not of the form of a line"),
            TmpfilesFault::Type => f.write_str("no type that is known here"),
            TmpfilesFault::Specifier => f.write_str("no specifier that is known here"),
            TmpfilesFault::Edit(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for TmpfilesError {}

impl From<EditError> for TmpfilesFault {
    fn from(why: EditError) -> Self {
        Self::Edit(why)
    }
}

/// One line in parts.
struct Line {
    kind: char,
    replace: bool,
    path: String,
    mode: Option<Mode>,
    user: Option<String>,
    group: Option<String>,
    argument: Option<String>,
}

/// The third field: bits, only for what is new (`:`), masked by what is there (`~`).
#[derive(Clone, Copy)]
struct Mode {
    bits: u16,
    only_new: bool,
    masked: bool,
}

/// Does what `systemd-tmpfiles --create` would with this file.
pub(crate) fn apply(edit: &mut Edit<'_>, file: &str, text: &str) -> Result<(), TmpfilesError> {
    for (at, raw) in text.lines().enumerate() {
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let evaluated = match line(trimmed) {
            Ok(Some(line)) => perform(edit, &line),
            Ok(None) => Ok(()),
            Err(why) => Err(why),
        };
        evaluated.map_err(|why| TmpfilesError {
            file: file.to_owned(),
            line: at + 1,
            text: trimmed.chars().take(200).collect(),
            why: Box::new(why),
        })?;
    }
    Ok(())
}

/// Reads a line; `None` when it is about a running system.
fn line(text: &str) -> Result<Option<Line>, TmpfilesFault> {
    let mut words = words::split(text).map_err(|_| TmpfilesFault::Shape)?;
    if words.len() > 7 {
        let argument = words.split_off(6).join(" ");
        words.push(argument);
    }
    let mut words = words.into_iter();
    let (Some(kind), Some(path)) = (words.next(), words.next()) else {
        return Err(TmpfilesFault::Shape);
    };
    let mut field = || words.next().filter(|word| word != "-");
    let (mode, user, group) = (field(), field(), field());
    let (_age, argument) = (field(), field());
    let mut letters = kind.chars();
    let first = letters.next().ok_or(TmpfilesFault::Shape)?;
    let flags: String = letters.collect();
    if !flags.chars().all(|flag| "!-+=~^$?".contains(flag)) {
        return Err(TmpfilesFault::Type);
    }
    if flags.contains(['!', '^']) {
        return Ok(None);
    }
    let Some(path) = expanded(&path)? else { return Ok(None) };
    let argument = match argument {
        None => None,
        Some(text) => match expanded(&text)? {
            None => return Ok(None),
            some => some,
        },
    };
    let below = path.trim_start_matches('/');
    let top = below.split('/').next().unwrap_or_default();
    if below.contains('/') && VOLATILE.contains(&top) || matches!(top, "proc" | "sys") {
        return Ok(None);
    }
    let mode = mode.map(|mode| mode.parse()).transpose()?;
    let replace = flags.contains('+');
    let (user, group) = (user.map(|name| bare(&name)), group.map(|name| bare(&name)));
    Ok(Some(Line { kind: first, replace, path, mode, user, group, argument }))
}

/// An owner without the mark that it is only for what is new.
fn bare(name: &str) -> String {
    name.trim_start_matches(':').to_owned()
}

impl FromStr for Mode {
    type Err = TmpfilesFault;

    fn from_str(text: &str) -> Result<Self, TmpfilesFault> {
        let digits = text.trim_start_matches([':', '~']);
        let marks = text.get(..text.len() - digits.len()).unwrap_or_default();
        let bits = u16::from_str_radix(digits, 8).ok().filter(|bits| *bits <= 0o7777);
        let bits = bits.ok_or(TmpfilesFault::Shape)?;
        Ok(Self { bits, only_new: marks.contains(':'), masked: marks.contains('~') })
    }
}

/// The path with its specifiers in words; `None` when it depends on the machine.
fn expanded(path: &str) -> Result<Option<String>, TmpfilesFault> {
    let mut out = String::new();
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some('S') => out.push_str("/var/lib"),
            Some('C') => out.push_str("/var/cache"),
            Some('L') => out.push_str("/var/log"),
            Some('t') => out.push_str("/run"),
            Some('T') => out.push_str("/tmp"),
            Some('V') => out.push_str("/var/tmp"),
            Some('b' | 'H' | 'l' | 'm' | 'q' | 'v') => return Ok(None),
            _ => return Err(TmpfilesFault::Specifier),
        }
    }
    Ok(Some(out))
}

fn perform(edit: &mut Edit<'_>, line: &Line) -> Result<(), TmpfilesFault> {
    let bits = |default: u16| line.mode.map_or(default, |mode| mode.bits);
    let look = |default: u16| Look {
        mode: bits(default),
        user: line.user.as_deref().unwrap_or("root"),
        group: line.group.as_deref().unwrap_or("root"),
    };
    match line.kind {
        'd' | 'D' | 'v' | 'q' | 'Q' => {
            if !edit.directory(&line.path, look(0o755))? {
                adjust(edit, line, &line.path)?;
            }
        }
        'f' | 'F' => {
            let text = line.argument.clone().unwrap_or_default();
            if !edit.file(&line.path, Content::inline(text.into_bytes()), look(0o644))? {
                adjust(edit, line, &line.path)?;
            }
        }
        'L' => link(edit, line)?,
        'C' => copy(edit, line)?,
        'e' | 'z' | 'Z' => {
            for place in matching(edit, &line.path, line.kind == 'Z')? {
                adjust(edit, line, &place)?;
            }
        }
        // Cleaning, attributes and lists of access rights.
        'x' | 'X' | 'r' | 'R' | 'a' | 'A' | 'h' | 'H' | 't' | 'T' => {}
        _ => return Err(TmpfilesFault::Type),
    }
    Ok(())
}

/// A link, where nothing is; `L+` puts it in the place of what is there.
fn link(edit: &mut Edit<'_>, line: &Line) -> Result<(), TmpfilesFault> {
    let factory = format!("/usr/share/factory{}", line.path);
    let target = line.argument.as_deref().unwrap_or(&factory);
    let place = edit.place(&line.path)?;
    if edit.tree.get(&place).is_some() {
        if !line.replace {
            return Ok(());
        }
        edit.tree.remove(&place);
    }
    Ok(edit.symlink(&place, target)?)
}

/// A file or tree from elsewhere in the image, where nothing is.
fn copy(edit: &mut Edit<'_>, line: &Line) -> Result<(), TmpfilesFault> {
    let factory = format!("/usr/share/factory{}", line.path);
    let from = line.argument.as_deref().unwrap_or(&factory);
    let Some(from) = edit.target(from)? else { return Ok(()) };
    let place = edit.place(&line.path)?;
    if edit.tree.get(&place).is_some() {
        return Ok(());
    }
    let mut copies: Vec<(String, Node)> = Vec::new();
    copies.extend(edit.tree.get(&from).map(|node| (place.clone(), node.clone())));
    for (path, node) in edit.tree.below(&from) {
        let rest = path.get(from.len()..).unwrap_or_default();
        copies.push((format!("{place}{rest}"), node.clone()));
    }
    edit.tree.make_parents(&place, edit.origin).map_err(EditError::Tree)?;
    for (path, mut node) in copies {
        if let Kind::Hardlink(first) = &node.kind {
            node.kind = Kind::File(edit.content(first)?.clone());
        }
        node.origin = edit.origin.into();
        edit.tree.insert(&path, node).map_err(EditError::Tree)?;
    }
    adjust(edit, line, &place)
}

/// What is there and matches the pattern; with everything below when `deep`.
fn matching(edit: &Edit<'_>, pattern: &str, deep: bool) -> Result<Vec<String>, TmpfilesFault> {
    let pattern = pattern.trim_matches('/');
    let mut found: Vec<String> = if pattern.contains(['*', '?', '[']) {
        let glob: Glob = pattern.parse().map_err(|_| TmpfilesFault::Shape)?;
        let places = edit.tree.iter().map(|(path, _)| path.to_owned());
        places.filter(|path| glob.matches(path)).collect()
    } else {
        let place = edit.place(pattern)?;
        edit.tree.get(&place).map(|_| place).into_iter().collect()
    };
    if deep {
        let below = |path: &String| -> Vec<String> {
            edit.tree.below(path).map(|(path, _)| path.to_owned()).collect()
        };
        let more: Vec<String> = found.iter().flat_map(below).collect();
        found.extend(more);
    }
    Ok(found)
}

/// Mode and owner of something that is there.
fn adjust(edit: &mut Edit<'_>, line: &Line, path: &str) -> Result<(), TmpfilesFault> {
    let Some(place) = edit.target(path)? else { return Ok(()) };
    let user = line.user.as_deref().map(|name| edit.accounts.uid(name)).transpose();
    let group = line.group.as_deref().map(|name| edit.accounts.gid(name)).transpose();
    let (user, group) = (user.map_err(EditError::Account)?, group.map_err(EditError::Account)?);
    let Some(node) = edit.tree.get_mut(&place) else { return Ok(()) };
    if matches!(node.kind, Kind::Symlink(_)) {
        return Ok(());
    }
    if let Some(mode) = line.mode.filter(|mode| !mode.only_new) {
        node.mode = if mode.masked { masked(node, mode.bits) } else { mode.bits };
    }
    node.uid = user.unwrap_or(node.uid);
    node.gid = group.unwrap_or(node.gid);
    Ok(())
}

/// Bits that are asked for, less those whose kind (read, write, execute) the node has nowhere.
fn masked(node: &Node, bits: u16) -> u16 {
    let mut bits = bits;
    for kind in [0o111, 0o222, 0o444] {
        if node.mode & kind == 0 {
            bits &= !kind;
        }
    }
    let directory = matches!(node.kind, Kind::Directory);
    if directory { bits } else { bits & 0o777 }
}
