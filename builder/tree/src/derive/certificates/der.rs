//! As much of DER (ITU-T X.690) as it takes to find a certificate's subject and rewrite it.

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8: u8 = 0x0c;
const VERSION: u8 = 0xa0;

/// A value, and what follows it.
struct Value<'a> {
    tag: u8,
    body: &'a [u8],
    rest: &'a [u8],
}

fn read(bytes: &[u8]) -> Option<Value<'_>> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        // The length in this many bytes; four are more than any certificate needs.
        long @ 0x81..=0x84 => {
            let (number, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (number.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (body, rest) = rest.split_at_checked(len)?;
    Some(Value { tag: *tag, body, rest })
}

fn of_tag(bytes: &[u8], tag: u8) -> Option<Value<'_>> {
    read(bytes).filter(|value| value.tag == tag)
}

fn write(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(body.len()) {
        Ok(short @ 0..=0x7f) => out.push(short),
        _ => {
            let len = body.len().to_be_bytes();
            let zeros = len.iter().take_while(|byte| **byte == 0).count();
            let len = len.get(zeros..).unwrap_or_default();
            out.push(0x80 | u8::try_from(len.len()).unwrap_or(0));
            out.extend_from_slice(len);
        }
    }
    out.extend_from_slice(body);
    out
}

/// The subject in canonical form, without the header of the outer sequence.
pub(super) fn canonical_subject(certificate: &[u8]) -> Option<Vec<u8>> {
    let signed = of_tag(of_tag(certificate, SEQUENCE)?.body, SEQUENCE)?;
    let mut rest = signed.body;
    if let Some(version) = of_tag(rest, VERSION) {
        rest = version.rest;
    }
    // Serial number, algorithm, issuer, validity.
    for _ in 0..4 {
        rest = read(rest)?.rest;
    }
    let mut names = of_tag(rest, SEQUENCE)?.body;
    let mut out = Vec::new();
    while !names.is_empty() {
        let set = of_tag(names, SET)?;
        out.extend(canonical_set(set.body)?);
        names = set.rest;
    }
    Some(out)
}

fn canonical_set(mut attributes: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while !attributes.is_empty() {
        let attribute = of_tag(attributes, SEQUENCE)?;
        let kind = read(attribute.body)?;
        let value = read(kind.rest)?;
        let mut body = write(kind.tag, kind.body);
        match text(&value)? {
            Some(text) => body.extend(write(UTF8, folded(&text).as_bytes())),
            None => body.extend(write(value.tag, value.body)),
        }
        all.push(write(SEQUENCE, &body));
        attributes = attribute.rest;
    }
    all.sort();
    Some(write(SET, &all.concat()))
}

/// The text of a string type; the inner `None` for types that are no strings, the outer for
/// strings that are broken.
fn text(value: &Value<'_>) -> Option<Option<String>> {
    let latin = || value.body.iter().map(|byte| char::from(*byte)).collect();
    Some(match value.tag {
        UTF8 => Some(std::str::from_utf8(value.body).ok()?.to_owned()),
        // PrintableString, IA5String and VisibleString are ASCII; T61String is read as Latin-1,
        // as OpenSSL does.
        0x13 | 0x14 | 0x16 | 0x1a => Some(latin()),
        // BMPString
        0x1e => {
            let units = value.body.chunks_exact(2).filter_map(|pair| match pair {
                [high, low] => Some(u32::from(*high) << 8 | u32::from(*low)),
                _ => None,
            });
            Some(units.map(char::from_u32).collect::<Option<String>>()?)
        }
        // UniversalString
        0x1c => {
            let units = value.body.chunks_exact(4).filter_map(|four| four.try_into().ok());
            let chars = units.map(|four| char::from_u32(u32::from_be_bytes(four)));
            Some(chars.collect::<Option<String>>()?)
        }
        _ => None,
    })
}

/// Lower case, blanks folded; both only within ASCII.
fn folded(text: &str) -> String {
    let blank = |c: char| matches!(c, ' ' | '\t'..='\r');
    let words: Vec<&str> = text.split(blank).filter(|word| !word.is_empty()).collect();
    words.join(" ").to_ascii_lowercase()
}
