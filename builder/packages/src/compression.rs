//! Unpacking what the archive compressed: indices and the two halves of a `.deb`.
//!
//! A small file can unpack to the size of a disk, so nothing is unpacked without a limit on what
//! comes out and on the memory that the decoder may ask for; and a stream has to end where its
//! container says: bytes after it are an error, not ignored. One stream (xz), one frame (zstd), one
//! member (gzip): the archive writes no others.
//!
//! Formats: xz 1.2.0, RFC 8878 (zstd), RFC 1952 (gzip).

use std::fmt;
use std::io::{self, BufRead, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{Stream, TELL_UNSUPPORTED_CHECK};

#[cfg(test)]
mod tests;

/// What an xz decoder may allocate. `xz -9` needs 65 MiB to unpack.
const XZ_MEMORY_BYTES: u64 = 192 << 20;

/// The largest zstd window, as a power of two. `zstd --ultra -22` uses 2²⁷.
const ZSTD_WINDOW_LOG: u32 = 27;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip
    Gzip,
    /// xz
    Xz,
    /// Zstandard
    Zstd,
}

impl Compression {
    /// The compression that the end of a file's name tells, with the name before it. A name with
    /// another ending, or none, is taken as not compressed.
    #[must_use]
    pub fn of_name(name: &str) -> (&str, Self) {
        match name.rsplit_once('.') {
            Some((stem, "gz")) => (stem, Self::Gzip),
            Some((stem, "xz")) => (stem, Self::Xz),
            Some((stem, "zst")) => (stem, Self::Zstd),
            _ => (name, Self::None),
        }
    }
}

/// Why a compressed stream did not give its content.
#[derive(Debug)]
pub enum UnpackError {
    /// The bytes could not be read.
    Read(io::Error),
    /// The bytes are not what a compressor wrote, or not all of it; the decoder's words.
    Corrupt(String),
    /// More would come out than the caller takes.
    TooLarge {
        /// What the caller takes.
        limit_bytes: u64,
    },
    /// Bytes follow the end of the stream.
    Trailing,
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("reading the compressed bytes"),
            Self::Corrupt(why) => write!(f, "corrupt compressed data ({why})"),
            Self::TooLarge { limit_bytes } => write!(f, "unpacks to more than {limit_bytes} bytes"),
            Self::Trailing => f.write_str("bytes follow the end of the compressed data"),
        }
    }
}

impl std::error::Error for UnpackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Corrupt(_) | Self::TooLarge { .. } | Self::Trailing => None,
        }
    }
}

impl From<UnpackError> for io::Error {
    fn from(error: UnpackError) -> Self {
        match error {
            UnpackError::Read(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}

impl From<io::Error> for UnpackError {
    fn from(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Read)
    }
}

/// A stream being unpacked, up to a limit.
pub struct Unpacker<R: BufRead> {
    decoder: Decoder<R>,
    limit_bytes: u64,
    left_bytes: u64,
}

enum Decoder<R: BufRead> {
    None(Source<R>),
    Gzip(Box<flate2::bufread::GzDecoder<Source<R>>>),
    Xz(XzDecoder<Source<R>>),
    Zstd(zstd::stream::read::Decoder<'static, Source<R>>),
}

/// The compressed bytes. It remembers whether reading them was refused, so that the machine's
/// errors are told apart from the file's.
struct Source<R> {
    inner: R,
    refused: bool,
}

impl<R: BufRead> Unpacker<R> {
    /// Begins to unpack. No more than `limit_bytes` will come out.
    ///
    /// # Errors
    /// The decoder cannot be had.
    pub fn new(kind: Compression, inner: R, limit_bytes: u64) -> Result<Self, UnpackError> {
        let source = Source { inner, refused: false };
        let decoder = match kind {
            Compression::None => Decoder::None(source),
            Compression::Gzip => Decoder::Gzip(Box::new(flate2::bufread::GzDecoder::new(source))),
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY_BYTES, TELL_UNSUPPORTED_CHECK)
                    .map_err(|error| UnpackError::Corrupt(error.to_string()))?;
                Decoder::Xz(XzDecoder::new_stream(source, stream))
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?.single_frame();
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Decoder::Zstd(decoder)
            }
        };
        Ok(Self { decoder, limit_bytes, left_bytes: limit_bytes })
    }

    /// Checks that the stream ends here and nothing follows it, and gives the reader back.
    ///
    /// # Errors
    /// There is more to unpack, or bytes follow the stream.
    pub fn finish(mut self) -> Result<R, UnpackError> {
        let more = self.pull(&mut [0])?;
        let mut source = match self.decoder {
            Decoder::None(source) => source,
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Xz(decoder) => decoder.into_inner(),
            Decoder::Zstd(decoder) => decoder.finish(),
        };
        if more > 0 || !source.fill_buf().map_err(UnpackError::Read)?.is_empty() {
            return Err(UnpackError::Trailing);
        }
        Ok(source.inner)
    }

    fn pull(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        let read = match &mut self.decoder {
            Decoder::None(source) => source.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Xz(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
        };
        read.map_err(|error| {
            let refused = match &self.decoder {
                Decoder::None(source) => source.refused,
                Decoder::Gzip(decoder) => decoder.get_ref().refused,
                Decoder::Xz(decoder) => decoder.get_ref().refused,
                Decoder::Zstd(decoder) => decoder.get_ref().refused,
            };
            if refused { UnpackError::Read(error) } else { UnpackError::Corrupt(error.to_string()) }
        })
    }
}

impl<R: BufRead> Read for Unpacker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.pull(buffer)?;
        let length = u64::try_from(read).unwrap_or(u64::MAX);
        match self.left_bytes.checked_sub(length) {
            Some(left) => self.left_bytes = left,
            None => return Err(UnpackError::TooLarge { limit_bytes: self.limit_bytes }.into()),
        }
        Ok(read)
    }
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|_| self.refused = true)
    }
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Self { inner, refused } = self;
        inner.fill_buf().inspect_err(|_| *refused = true)
    }

    fn consume(&mut self, amount: usize) {
        self.inner.consume(amount);
    }
}

/// Unpacks a whole file in memory.
///
/// # Errors
/// The bytes are corrupt, or more than `limit_bytes` come out of them.
pub fn unpack(kind: Compression, bytes: &[u8], limit_bytes: u64) -> Result<Vec<u8>, UnpackError> {
    let mut unpacker = Unpacker::new(kind, bytes, limit_bytes)?;
    let mut content = Vec::new();
    unpacker.read_to_end(&mut content)?;
    unpacker.finish()?;
    Ok(content)
}
