//! The parts of a cleartext-signed message (RFC 9580, section 7), cut out strictly.
//!
//! ```text
//! -----BEGIN PGP SIGNED MESSAGE-----
//! Hash: SHA256                          any number of such lines
//!                                       one empty line
//! text; a line that begins with `-` has `- ` before it
//! -----BEGIN PGP SIGNATURE-----
//! armor (RFC 9580, section 6.2)
//! -----END PGP SIGNATURE-----
//! ```
//!
//! Lines end with one line feed. What is signed is the text with blanks at the ends of its lines
//! taken away, lines parted by CR LF, without the last line break. That text is also what is read
//! afterwards, so nothing can be in one and not in the other. Carriage returns and zero bytes,
//! which readers have understood in several ways, are refused.

use std::fmt;

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// The longest message that is read; Debian's are below 1 MiB.
const LIMIT_BYTES: usize = 16 << 20;

/// A message cut into its parts.
#[derive(Debug)]
pub(super) struct Message<'a> {
    lines: Vec<&'a str>,
    /// The armored signatures, with the lines around them.
    pub(super) armor: &'a str,
}

impl Message<'_> {
    /// The text as it was hashed.
    pub(super) fn hashed(&self) -> String {
        self.lines.join("\r\n")
    }

    /// The same text with line feeds.
    pub(super) fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}

/// Bytes that are no cleartext-signed message and nothing but one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// Longer than any `InRelease`.
    TooLong,
    /// Not UTF-8, or with a carriage return or a zero byte in it.
    Letters,
    /// The first line is not the one that begins such a message.
    Begin,
    /// This line before the text is neither `Hash: …` nor empty.
    Header(usize),
    /// This line of the text begins with a hyphen and is not escaped.
    Hyphen(usize),
    /// The text or the signatures do not end.
    Truncated,
    /// Something follows the signatures, on this line.
    Trailing(usize),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "more than {LIMIT_BYTES} bytes"),
            Self::Letters => f.write_str("not plain UTF-8 text"),
            Self::Begin => write!(f, "does not begin with `{BEGIN}`"),
            Self::Header(line) => write!(f, "line {line}: only `Hash:` may stand before the text"),
            Self::Hyphen(line) => write!(f, "line {line}: begins with a hyphen"),
            Self::Truncated => f.write_str("ends too early"),
            Self::Trailing(line) => write!(f, "line {line}: something follows the signatures"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Cuts a message into its parts.
pub(super) fn split(bytes: &[u8]) -> Result<Message<'_>, FrameError> {
    if bytes.len() > LIMIT_BYTES {
        return Err(FrameError::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| FrameError::Letters)?;
    if text.contains(['\r', '\0']) {
        return Err(FrameError::Letters);
    }
    let mut lines = text.split('\n').enumerate().map(|(number, line)| (number + 1, line));
    if lines.next().is_none_or(|(_, line)| line != BEGIN) {
        return Err(FrameError::Begin);
    }
    loop {
        match lines.next() {
            None => return Err(FrameError::Truncated),
            Some((_, "")) => break,
            Some((_, line)) if line.starts_with("Hash: ") => {}
            Some((number, _)) => return Err(FrameError::Header(number)),
        }
    }
    let mut signed = Vec::new();
    loop {
        match lines.next() {
            None => return Err(FrameError::Truncated),
            Some((_, SIGNATURE)) => break,
            Some((number, line)) => {
                let plain = match line.strip_prefix("- ") {
                    Some(escaped) => escaped,
                    None if line.starts_with('-') => return Err(FrameError::Hyphen(number)),
                    None => line,
                };
                signed.push(plain.trim_end_matches([' ', '\t']));
            }
        }
    }
    let armor = armor(text, &mut lines)?;
    Ok(Message { lines: signed, armor })
}

/// From the line that begins the signatures to the one that ends them, and the file.
fn armor<'a>(
    text: &'a str,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<&'a str, FrameError> {
    for (number, line) in lines.by_ref() {
        if line == END {
            break;
        }
        if line.starts_with('-') {
            return Err(FrameError::Hyphen(number));
        }
    }
    let mut rest = lines.filter(|(_, line)| !line.is_empty());
    if let Some((number, _)) = rest.next() {
        return Err(FrameError::Trailing(number));
    }
    let armor = text.trim_end_matches('\n');
    let start = armor.rfind(SIGNATURE).filter(|_| armor.ends_with(END));
    if text.len() > armor.len() + 1 {
        return Err(FrameError::Trailing(armor.lines().count() + 1));
    }
    start.and_then(|start| text.get(start..)).ok_or(FrameError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\none \n- -two\n\n\
                           -----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn the_parts_are_cut_out() {
        let message = split(MESSAGE.as_bytes()).unwrap();
        assert_eq!(message.hashed(), "one\r\n-two\r\n");
        assert_eq!(message.text(), "one\n-two\n\n");
        assert_eq!(message.armor, &MESSAGE[MESSAGE.find(SIGNATURE).unwrap()..]);
        let without_end = MESSAGE.trim_end();
        assert_eq!(split(without_end.as_bytes()).unwrap().hashed(), "one\r\n-two\r\n");
    }

    #[test]
    fn not_one_byte_more_is_taken() {
        let fault = |text: &str| split(text.as_bytes()).unwrap_err();
        let changed = |from: &str, to: &str| fault(&MESSAGE.replacen(from, to, 1));
        assert_eq!(fault(""), FrameError::Begin);
        assert_eq!(fault(&format!("\n{MESSAGE}")), FrameError::Begin);
        assert_eq!(fault(&format!("evil\n{MESSAGE}")), FrameError::Begin);
        assert_eq!(fault(&format!("{MESSAGE}\n")), FrameError::Trailing(11));
        assert_eq!(fault(&format!("{MESSAGE}evil\n")), FrameError::Trailing(11));
        assert_eq!(fault(&format!("{MESSAGE}{MESSAGE}")), FrameError::Trailing(11));
        assert_eq!(changed("Hash: SHA256", "Comment: x"), FrameError::Header(2));
        assert_eq!(changed("Hash: SHA256\n", "Hash: SHA256\n \n"), FrameError::Header(3));
        assert_eq!(changed("- -two", "-two"), FrameError::Hyphen(5));
        assert_eq!(changed("- -two", "-----BEGIN PGP MESSAGE-----"), FrameError::Hyphen(5));
        assert_eq!(changed("abcd", "abcd\n-----BEGIN PGP SIGNATURE-----"), FrameError::Hyphen(10));
        assert_eq!(changed("one", "one\r"), FrameError::Letters);
        assert_eq!(changed("one", "o\0e"), FrameError::Letters);
        assert_eq!(changed(SIGNATURE, "x"), FrameError::Hyphen(10));
        assert_eq!(changed(END, "x"), FrameError::Truncated);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), place: usize, byte: u8,
        ) {
            drop(split(&bytes));
            let mut text = MESSAGE.as_bytes().to_vec();
            let place = place % text.len();
            text[place] = byte;
            drop(split(&text));
        }
    }
}
