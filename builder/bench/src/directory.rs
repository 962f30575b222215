//! A directory as a tree, for benchmarks: names, kinds, modes, and where the content is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::digest::Digest;
use formats::tree::{Content, ContentSource, Kind, Node, Tree};

/// Content by digest, read from the files it was found in.
#[derive(Default)]
pub(crate) struct Files(BTreeMap<Digest, PathBuf>);

impl ContentSource for Files {
    fn load(&self, digest: &Digest) -> io::Result<Arc<[u8]>> {
        let path = self.0.get(digest).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::from(fs::read(path)?))
    }
}

/// Reads a directory, everything owned by root. All files are read once for their digests.
pub(crate) fn read(root: &Path) -> io::Result<(Tree, Files)> {
    let (mut tree, mut files) = (Tree::new(), Files::default());
    let mut todo = vec![(String::new(), root.to_owned())];
    while let Some((path, directory)) = todo.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name().into_string().map_err(|_| io::ErrorKind::InvalidData)?;
            let below = if path.is_empty() { name } else { format!("{path}/{name}") };
            let metadata = entry.metadata()?;
            let kind = kind(&entry.path(), &metadata, &mut files)?;
            if kind == Kind::Directory {
                todo.push((below.clone(), entry.path()));
            }
            let mode = u16::try_from(metadata.permissions().mode() & 0o7777).unwrap_or_default();
            tree.insert(&below, Node::new(kind, mode, "package:all")).map_err(io::Error::other)?;
        }
    }
    Ok((tree, files))
}

fn kind(path: &Path, metadata: &fs::Metadata, files: &mut Files) -> io::Result<Kind> {
    let file_type = metadata.file_type();
    let device = (
        u32::try_from(metadata.rdev() >> 8 & 0xFFF).unwrap_or_default(),
        u32::try_from(metadata.rdev() & 0xFF).unwrap_or_default(),
    );
    if file_type.is_dir() {
        return Ok(Kind::Directory);
    }
    if file_type.is_symlink() {
        let target = fs::read_link(path)?.into_os_string().into_string();
        return Ok(Kind::Symlink(target.map_err(|_| io::ErrorKind::InvalidData)?));
    }
    if file_type.is_file() {
        let bytes = fs::read(path)?;
        let digest = Digest::of(&bytes);
        files.0.insert(digest, path.to_owned());
        return Ok(Kind::File(Content::stored(digest, metadata.len())));
    }
    Ok(match () {
        () if file_type.is_char_device() => Kind::CharDevice(device.0, device.1),
        () if file_type.is_block_device() => Kind::BlockDevice(device.0, device.1),
        () if file_type.is_fifo() => Kind::Fifo,
        () => Kind::Socket,
    })
}
