//! Unpacking one package, once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use contract::digest::{Digest, Digester};
use packages::deb::{self, Control, Limits, MemberKind, Members};

use super::index::{Index, Owner, Row, RowKind};
use super::{INDICES, UnpackedError};
use crate::store::Store;

/// How much of a file is read at once.
const PIECE_BYTES: usize = 256 << 10;

/// The index and the contents of one package, unpacking it where that was not done yet.
pub(super) fn open(
    store: &Store,
    area: &Path,
    name: &str,
    digest: &Digest,
) -> Result<(Index, File), UnpackedError> {
    let path = area.join(digest.to_string());
    let known = store.cache(INDICES).get(digest);
    let known = known.and_then(|bytes| serde_json::from_slice::<Index>(&bytes).ok());
    let index = match (known, File::open(&path)) {
        (Some(index), Ok(file)) => (index, file),
        _ => unpack(store, area, name, digest)?,
    };
    if index.0.name == name {
        Ok(index)
    } else {
        Err(UnpackedError::Name { name: name.to_owned(), found: index.0.name })
    }
}

fn unpack(
    store: &Store,
    area: &Path,
    name: &str,
    digest: &Digest,
) -> Result<(Index, File), UnpackedError> {
    let object = store.get(digest).map_err(UnpackedError::Store)?;
    let object =
        object.ok_or_else(|| UnpackedError::Missing { name: name.to_owned(), digest: *digest })?;
    let wrong = |source| UnpackedError::Deb { name: name.to_owned(), source };
    let failed = |source| UnpackedError::Io { name: name.to_owned(), source };
    let (control, mut members) =
        deb::open(BufReader::new(object.file), Limits::ARCHIVE).map_err(wrong)?;
    let mut contents = tempfile::NamedTempFile::new_in(area).map_err(failed)?;
    let mut rows = Vec::new();
    let mut offset_bytes = 0;
    while let Some(member) = members.next_member().map_err(wrong)? {
        let kind = match member.kind {
            MemberKind::File { len_bytes } => {
                let digest = copy(&mut members, contents.as_file_mut()).map_err(failed)?;
                let kind = RowKind::File(digest, offset_bytes, len_bytes);
                offset_bytes += len_bytes;
                kind
            }
            MemberKind::Directory => RowKind::Directory,
            MemberKind::Symlink(target) => RowKind::Symlink(target),
            MemberKind::Hardlink(target) => RowKind::Hardlink(target),
            MemberKind::CharDevice(..) | MemberKind::BlockDevice(..) | MemberKind::Fifo => {
                RowKind::Special
            }
        };
        let owner = Owner(member.uid, member.gid, member.uname, member.gname);
        let (path, mode, xattrs) = (member.path, member.mode, member.xattrs);
        rows.push(Row { path, kind, mode, owner, xattrs });
    }
    let index = index_of(&control, rows);
    let file = contents.persist(area.join(digest.to_string())).map_err(|e| failed(e.error))?;
    let bytes = serde_json::to_vec(&index).map_err(|error| failed(error.into()))?;
    store.cache(INDICES).put(digest, &bytes).map_err(failed)?;
    Ok((index, file))
}

/// Copies the content of the current member. What is wrong with the package comes out of the
/// reader as an error with the package's fault inside.
fn copy<R: io::BufRead>(members: &mut Members<R>, to: &mut File) -> io::Result<Digest> {
    let mut digester = Digester::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let len = members.read(&mut piece)?;
        let Some(read) = piece.get(..len).filter(|read| !read.is_empty()) else {
            return Ok(digester.finish());
        };
        digester.update(read);
        to.write_all(read)?;
    }
}

fn index_of(control: &Control, rows: Vec<Row>) -> Index {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let field = |name: &str| control.fields().get(name).unwrap_or_default().to_owned();
    // `Source: NAME (VERSION)`; none where source and binary package have one name.
    let source = field("Source");
    let source = source.split(' ').next().unwrap_or_default();
    let source = if source.is_empty() { control.package() } else { source };
    let scripts: BTreeMap<String, String> =
        control.scripts().map(|(name, bytes)| (name.to_owned(), text(bytes))).collect();
    Index {
        name: control.package().to_owned(),
        version: control.version().to_owned(),
        arch: control.architecture().to_owned(),
        source: source.to_owned(),
        replaces: field("Replaces"),
        triggers: control.file("triggers").map(text).unwrap_or_default(),
        conffiles: control.conffiles().iter().map(|each| format!("/{}", each.path)).collect(),
        scripts,
        rows,
    }
}
