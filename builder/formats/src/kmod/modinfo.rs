//! The strings a module says about itself.

use super::ModuleError;

/// More than any module has: the largest of Debian's kernels has 120 KiB of aliases.
pub const MAX_MODINFO_BYTES: usize = 8 << 20;

/// Reads a `.modinfo` section into its pairs, in order. Empty strings (padding) are skipped, as is
/// a last string without its zero byte, which no linker writes.
///
/// # Errors
/// A string has no `=`, or is not text, or has a control character, or there are too many bytes.
pub fn parse_modinfo(bytes: &[u8]) -> Result<Vec<(&str, &str)>, ModuleError> {
    if bytes.len() > MAX_MODINFO_BYTES {
        return Err(ModuleError::ModinfoTooLong { found_bytes: bytes.len() });
    }
    let end = bytes.iter().rposition(|byte| *byte == 0).unwrap_or(0);
    let whole = bytes.get(..end).unwrap_or_default();
    whole.split(|byte| *byte == 0).filter(|text| !text.is_empty()).filter_map(pair).collect()
}

/// The pair of one string; `None` for keys that no index and no question needs. Their values are
/// the authors' names and parameters' descriptions, in any encoding.
fn pair(bytes: &[u8]) -> Option<Result<(&str, &str), ModuleError>> {
    const KEYS: [&[u8]; 8] = [
        b"alias",
        b"depends",
        b"firmware",
        b"license",
        b"name",
        b"softdep",
        b"vermagic",
        b"weakdep",
    ];
    let shown = || String::from_utf8_lossy(bytes).chars().take(200).collect::<String>();
    let Some(split) = bytes.iter().position(|byte| *byte == b'=') else {
        return Some(Err(ModuleError::NoKey { text: shown() }));
    };
    let key = bytes.get(..split).filter(|key| KEYS.contains(key))?;
    let value = bytes.get(split + 1..).unwrap_or_default();
    let texts = std::str::from_utf8(key).ok().zip(std::str::from_utf8(value).ok());
    let plain = texts.filter(|(_, value)| !value.contains(char::is_control));
    Some(plain.ok_or_else(|| ModuleError::BadText { what: "value", text: shown() }))
}
