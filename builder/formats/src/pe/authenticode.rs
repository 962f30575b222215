//! The Authenticode digest: the name by which firmware knows an image.
//!
//! It covers everything but what signing changes. A signature is made over it, the firmware's
//! allow and deny lists hold it, and it is what an image is measured by. Nothing here signs.
//!
//! Microsoft, "Windows Authenticode Portable Executable Signature Format" (2008), "Calculating the
//! PE Image Hash": the headers without the checksum and without the directory entry of the
//! certificate table; the content of the sections by their offset in the file; what follows up to
//! the certificate table. A file is padded with zeros to a multiple of 8 when certificates are put
//! behind it, and the digest is the one it then has.

use contract::digest::{Digest, Digester};

use super::{CERTIFICATES, DIRECTORIES_AT, Image, PeError, optional};

/// The digest of an image, signed or not: the same before and after.
///
/// # Errors
/// It is no image, or has no directory entry for certificates.
pub fn digest(bytes: &[u8]) -> Result<Digest, PeError> {
    let image = Image::parse(bytes)?;
    let checksum_at = image.optional_at + optional::CHECKSUM;
    let certificates_at = image.optional_at + DIRECTORIES_AT + CERTIFICATES * 8;
    image.directory(CERTIFICATES).ok_or(PeError::Certificates)?;
    let headers_end = usize::try_from(image.headers_bytes).map_err(|_| PeError::Truncated)?;
    let end = bytes.len() - image.certificates()?;
    let mut digester = Digester::new();
    for part in [0..checksum_at, checksum_at + 4..certificates_at, certificates_at + 8..headers_end]
    {
        digester.update(bytes.get(part).ok_or(PeError::Truncated)?);
    }
    let mut sections: Vec<_> = image.sections.iter().filter(|s| s.file_bytes > 0).collect();
    sections.sort_by_key(|section| section.offset_bytes);
    let mut covered = headers_end;
    for section in sections {
        let content = image.range(section.offset_bytes, section.file_bytes);
        digester.update(content);
        covered += content.len();
    }
    // The format counts the bytes it has seen; it does not look where the last section ends. In an
    // image with gaps between sections the two differ, and firmware counts.
    digester.update(bytes.get(covered..end).unwrap_or_default());
    if !image.is_signed() {
        let padding = end.next_multiple_of(8) - end;
        digester.update([0; 8].get(..padding).unwrap_or_default());
    }
    Ok(digester.finish())
}
