//! Numbers at fixed offsets of a byte slice, for the formats whose headers are tables of them.
//!
//! Reading outside the slice is `None` and writing there is refused, so that a length or an offset
//! that came from outside cannot do more harm than that.

/// The bytes at `at`, where there are that many.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The little-endian number of 16 bits at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

/// The little-endian number of 32 bits at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

/// Puts `value` at `at`, where there is room for it.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    let place = at.checked_add(value.len()).and_then(|end| bytes.get_mut(at..end))?;
    place.copy_from_slice(value);
    Some(())
}

/// How many bytes there are.
#[expect(clippy::as_conversions, reason = "no slice is longer than 64 bits can say")]
pub(crate) const fn len(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}
