//! A large file given by its pieces; all else is zero.
//!
//! A disk image is mostly holes: slots that wait for an update, clusters nothing was written to.
//! What fills it is known before a byte is written, so the writers here answer a list of pieces
//! instead of writing zeros: the executor can copy a root it has as a file within the kernel, and
//! leave the holes to the file system. Every piece bears the name of what it is, which is how a
//! byte of an image is explained later.
//!
//! Pieces ascend and do not overlap; their content is in memory, or is named by digest and handed
//! out by a [`ContentSource`].

use std::io::{self, Seek, SeekFrom, Write};

use contract::digest::{Digest, Digester};

use crate::layout::len;
use crate::tree::{Content, ContentSource};

/// Some bytes at their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where they start.
    pub offset_bytes: u64,
    /// What they are.
    pub content: Content,
    /// What they are for: `GPT`, `root-a`, `esp: EFI/Linux/ashlar.efi`.
    pub name: String,
}

impl Piece {
    /// A piece that is in memory.
    #[must_use]
    pub fn inline(offset_bytes: u64, bytes: Vec<u8>, name: &str) -> Self {
        Self { offset_bytes, content: Content::inline(bytes), name: name.to_owned() }
    }

    /// Where it ends.
    #[must_use]
    pub const fn end_bytes(&self) -> u64 {
        self.offset_bytes.saturating_add(self.content.len_bytes())
    }
}

/// A file of a certain length, zero where no piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sparse {
    len_bytes: u64,
    pieces: Vec<Piece>,
}

impl Sparse {
    /// Puts pieces together, in any order; those without content are left out. `None` where two
    /// overlap or one ends after the file does.
    #[must_use]
    pub fn new(len_bytes: u64, mut pieces: Vec<Piece>) -> Option<Self> {
        pieces.retain(|piece| piece.content.len_bytes() > 0);
        pieces.sort_by_key(|piece| piece.offset_bytes);
        let mut end = 0;
        for piece in &pieces {
            if piece.offset_bytes < end {
                return None;
            }
            end = piece.end_bytes();
        }
        (end <= len_bytes).then_some(Self { len_bytes, pieces })
    }

    /// How long the file is, holes included.
    #[must_use]
    pub const fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The pieces, in ascending order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// How many bytes are not in holes.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.content.len_bytes()).sum()
    }

    /// The piece that holds this byte; `None` in a hole.
    #[must_use]
    pub fn piece_at(&self, offset_bytes: u64) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.offset_bytes <= offset_bytes);
        let piece = self.pieces.get(after.checked_sub(1)?)?;
        (offset_bytes < piece.end_bytes()).then_some(piece)
    }

    /// Writes the pieces into `out`, which must be empty, and its length by its last byte where
    /// that lies in a hole.
    ///
    /// # Errors
    /// What `source` or `out` answers, and `InvalidData` when a content has another length than it
    /// was said to have.
    pub fn write_to(
        &self,
        source: &dyn ContentSource,
        out: &mut (impl Write + Seek),
    ) -> io::Result<()> {
        for piece in &self.pieces {
            out.seek(SeekFrom::Start(piece.offset_bytes))?;
            out.write_all(&load(piece, source)?)?;
        }
        match self.len_bytes.checked_sub(1) {
            Some(last) if self.piece_at(last).is_none() => {
                out.seek(SeekFrom::Start(last))?;
                out.write_all(&[0])
            }
            _ => Ok(()),
        }
    }

    /// The digest of the whole file, holes read as zeros. Costs a pass over the holes too.
    ///
    /// # Errors
    /// What `source` answers, and `InvalidData` when a content has another length than it was said
    /// to have.
    pub fn digest(&self, source: &dyn ContentSource) -> io::Result<Digest> {
        let mut digester = Digester::new();
        let mut at = 0;
        for piece in &self.pieces {
            zeros(&mut digester, piece.offset_bytes - at);
            digester.update(&load(piece, source)?);
            at = piece.end_bytes();
        }
        zeros(&mut digester, self.len_bytes - at);
        Ok(digester.finish())
    }
}

fn load(piece: &Piece, source: &dyn ContentSource) -> io::Result<std::sync::Arc<[u8]>> {
    let bytes = piece.content.load(source)?;
    if len(&bytes) == piece.content.len_bytes() {
        return Ok(bytes);
    }
    let (found, promised) = (bytes.len(), piece.content.len_bytes());
    let problem = format!("`{}` has {found} bytes, {promised} were promised", piece.name);
    Err(io::Error::new(io::ErrorKind::InvalidData, problem))
}

fn zeros(digester: &mut Digester, mut count: u64) {
    let block = [0; 65536];
    while count > 0 {
        let now = block.get(..usize::try_from(count).unwrap_or(block.len())).unwrap_or(&block);
        digester.update(now);
        count -= len(now);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::tree::NoContent;

    fn piece(offset_bytes: u64, bytes: &[u8]) -> Piece {
        Piece::inline(offset_bytes, bytes.to_vec(), "test")
    }

    #[test]
    fn holes_are_zeros() {
        let sparse =
            Sparse::new(10, vec![piece(6, b"cd"), piece(1, b"ab"), piece(4, b"")]).unwrap();
        let mut out = Cursor::new(Vec::new());
        sparse.write_to(&NoContent, &mut out).unwrap();
        assert_eq!(out.into_inner(), b"\0ab\0\0\0cd\0\0");
        assert_eq!(sparse.digest(&NoContent).unwrap(), Digest::of(b"\0ab\0\0\0cd\0\0"));
        assert_eq!(sparse.content_bytes(), 4);
    }

    #[test]
    fn every_byte_has_its_piece_or_is_in_a_hole() {
        let sparse = Sparse::new(9, vec![piece(1, b"ab"), piece(3, b"c")]).unwrap();
        let starts = |at| sparse.piece_at(at).map(|piece| piece.offset_bytes);
        let found: Vec<_> = (0..6).map(starts).collect();
        assert_eq!(found, [None, Some(1), Some(1), Some(3), None, None]);
    }

    #[test]
    fn pieces_that_overlap_or_stick_out_are_refused() {
        assert_eq!(Sparse::new(9, vec![piece(1, b"ab"), piece(2, b"c")]), None);
        assert_eq!(Sparse::new(3, vec![piece(2, b"ab")]), None);
        assert_eq!(Sparse::new(9, vec![piece(u64::MAX, b"ab")]), None);
    }

    #[test]
    fn content_of_another_length_is_refused() {
        struct Liar;
        impl ContentSource for Liar {
            fn load(&self, _: &Digest) -> io::Result<std::sync::Arc<[u8]>> {
                Ok([1, 2, 3].into())
            }
        }
        let content = Content::stored(Digest::of(b""), 2);
        let sparse =
            Sparse::new(9, vec![Piece { offset_bytes: 0, content, name: "x".into() }]).unwrap();
        let error = sparse.write_to(&Liar, &mut Cursor::new(Vec::new())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
