//! What licences a package is under, from its `usr/share/doc/PACKAGE/copyright`.
//!
//! Debian keeps no licence field: the copyright file is the only record. Most are machine-readable
//! (DEP 5, "Machine-readable debian/copyright file" 1.0): there each `License:` short name is
//! translated to an SPDX licence expression (SPDX 2.3, annex D). Of prose only references to
//! `/usr/share/common-licenses/` are taken, because they are exact; nothing is guessed from words.
//! A name that SPDX does not know becomes a `LicenseRef-…`, so nothing is lost.

use std::collections::BTreeSet;

/// What one copyright file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Licences {
    /// SPDX identifiers and `LicenseRef-…` names that occur, sorted.
    pub ids: Vec<String>,
    /// All of them as one SPDX expression; `NOASSERTION` when the file names none.
    pub expression: String,
    /// Whether the file is machine-readable, so that `expression` is declared, not collected.
    pub machine_readable: bool,
}

/// The longest copyright file that is read; the largest in Debian is below 4 MiB.
const LIMIT_BYTES: usize = 8 << 20;

/// Debian's short names (DEP 5, section 7.1, and common usage) and SPDX's. A trailing `+` is
/// looked at before this table is.
const NAMES: &[(&str, &str)] = &[
    ("apache-2", "Apache-2.0"),
    ("apache-2.0", "Apache-2.0"),
    ("artistic", "Artistic-1.0-Perl"),
    ("artistic-1.0", "Artistic-1.0"),
    ("artistic-2.0", "Artistic-2.0"),
    ("bsd", "BSD-3-Clause"),
    ("bsd-2-clause", "BSD-2-Clause"),
    ("bsd-3-clause", "BSD-3-Clause"),
    ("bsd-4-clause", "BSD-4-Clause"),
    ("bsl-1.0", "BSL-1.0"),
    ("cc-by-3.0", "CC-BY-3.0"),
    ("cc-by-4.0", "CC-BY-4.0"),
    ("cc-by-sa-3.0", "CC-BY-SA-3.0"),
    ("cc-by-sa-4.0", "CC-BY-SA-4.0"),
    ("cc0-1.0", "CC0-1.0"),
    ("curl", "curl"),
    ("epl-1.0", "EPL-1.0"),
    ("expat", "MIT"),
    ("fsfap", "FSFAP"),
    ("fsful", "FSFUL"),
    ("fsfullr", "FSFULLR"),
    ("isc", "ISC"),
    ("mit", "MIT"),
    ("mpl-1.1", "MPL-1.1"),
    ("mpl-2.0", "MPL-2.0"),
    ("ofl-1.1", "OFL-1.1"),
    ("openldap-2.8", "OLDAP-2.8"),
    ("openssl", "OpenSSL"),
    ("psf-2", "PSF-2.0"),
    ("python-2.0", "Python-2.0"),
    ("sleepycat", "Sleepycat"),
    ("unlicense", "Unlicense"),
    ("w3c", "W3C"),
    ("x11", "X11"),
    ("zlib", "Zlib"),
    ("zlib/libpng", "Zlib"),
];

/// The GNU families, whose SPDX names end in `-only` or `-or-later`.
const GNU: &[(&str, &str, &[&str])] = &[
    ("agpl-", "AGPL-", &["1.0", "3.0"]),
    ("lgpl-", "LGPL-", &["2.0", "2.1", "3.0"]),
    ("gpl-", "GPL-", &["1.0", "2.0", "3.0"]),
    ("gfdl-niv-", "GFDL-NIV-", &["1.1", "1.2", "1.3"]),
    ("gfdl-", "GFDL-", &["1.1", "1.2", "1.3"]),
];

/// Exceptions that SPDX names, by a word of Debian's text.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("autoconf", "Autoconf-exception-2.0"),
    ("bison", "Bison-exception-2.2"),
    ("classpath", "Classpath-exception-2.0"),
    ("font", "Font-exception-2.0"),
    ("gcc", "GCC-exception-3.1"),
    ("libtool", "Libtool-exception"),
    ("linux-syscall-note", "Linux-syscall-note"),
    ("openssl", "openvpn-openssl-exception"),
];

/// Reads a copyright file. Any bytes give an answer; what cannot be read says `NOASSERTION`.
#[must_use]
pub fn read(bytes: &[u8]) -> Licences {
    let text = String::from_utf8_lossy(bytes.get(..LIMIT_BYTES.min(bytes.len())).unwrap_or(bytes));
    let machine_readable = text.lines().take(20).any(|line| {
        line.starts_with("Format:") && (line.contains("copyright-format") || line.contains("dep5"))
    });
    let expressions = if machine_readable { declared(&text) } else { referenced(&text) };
    let mut ids = BTreeSet::new();
    for expression in &expressions {
        ids.extend(
            expression
                .split([' ', '(', ')'])
                .filter(|word| !matches!(*word, "" | "AND" | "OR" | "WITH"))
                .map(str::to_owned),
        );
    }
    let expression = match expressions.len() {
        0 => "NOASSERTION".to_owned(),
        _ => expressions.iter().map(|each| bracket(each)).collect::<Vec<_>>().join(" AND "),
    };
    Licences { ids: ids.into_iter().collect(), expression, machine_readable }
}

fn bracket(expression: &str) -> String {
    if expression.contains(" OR ") { format!("({expression})") } else { expression.to_owned() }
}

fn declared(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("License:"))
        .map(str::trim)
        .filter(|short| !short.is_empty())
        .map(translate)
        .collect()
}

fn referenced(text: &str) -> BTreeSet<String> {
    text.split("/usr/share/common-licenses/")
        .skip(1)
        .map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-.+".contains(c)));
            rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().trim_end_matches('.')
        })
        .filter(|name| !name.is_empty())
        .map(translate_name)
        .collect()
}

/// Translates a short-name expression: names joined by `or`, `and` and `,` (DEP 5, section 7.2).
fn translate(short: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut name: Vec<&str> = Vec::new();
    for word in short.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        let joiner = match word.to_ascii_lowercase().as_str() {
            "or" => "OR",
            "and" | "and/or" => "AND",
            _ => {
                name.push(word);
                continue;
            }
        };
        if !name.is_empty() {
            out.push(translate_licence(&name));
            out.push(joiner.to_owned());
            name.clear();
        }
    }
    if name.is_empty() {
        out.pop();
    } else {
        out.push(translate_licence(&name));
    }
    if out.is_empty() { "NOASSERTION".to_owned() } else { out.join(" ") }
}

/// One licence with its exception: `GPL-2+ with OpenSSL exception`.
fn translate_licence(words: &[&str]) -> String {
    let with = words.iter().position(|word| word.eq_ignore_ascii_case("with"));
    let (name, exception) = words.split_at(with.unwrap_or(words.len()));
    let base = translate_name(&name.join("-"));
    if exception.is_empty() {
        return base;
    }
    let text = exception.join(" ").to_ascii_lowercase();
    match EXCEPTIONS.iter().find(|(word, _)| text.contains(word)) {
        Some((_, id)) if !base.starts_with("LicenseRef") => format!("{base} WITH {id}"),
        _ => reference(&words.join("-")),
    }
}

fn translate_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    if let Some(id) = gnu(&lower) {
        return id;
    }
    match NAMES.iter().find(|(debian, _)| *debian == lower) {
        Some((_, spdx)) => (*spdx).to_owned(),
        None => reference(name),
    }
}

fn gnu(lower: &str) -> Option<String> {
    let (_, family, versions) = GNU.iter().find(|(prefix, ..)| lower.starts_with(prefix))?;
    let rest = lower.get(family.len()..)?;
    let (version, later) = match rest.strip_suffix('+') {
        Some(version) => (version, true),
        None => (rest, false),
    };
    let full = if version.contains('.') { version.to_owned() } else { format!("{version}.0") };
    let full = versions.iter().find(|known| **known == full)?;
    let ending = if later { "or-later" } else { "only" };
    Some(match family.strip_suffix("NIV-") {
        Some(plain) => format!("{plain}{full}-no-invariants-{ending}"),
        None => format!("{family}{full}-{ending}"),
    })
}

/// A name that SPDX does not know, in the letters that a `LicenseRef` may have.
fn reference(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .take(64)
        .collect();
    format!("LicenseRef-{}", safe.trim_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(licence: &str, expression: &str) {
        let file = format!(
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
             Files: *\nCopyright: 2026 Somebody\nLicense: {licence}\n Text.\n"
        );
        assert_eq!(read(file.as_bytes()).expression, expression, "{licence}");
    }

    #[test]
    fn short_names_become_spdx_expressions() {
        check("GPL-2+", "GPL-2.0-or-later");
        check("GPL-3", "GPL-3.0-only");
        check("LGPL-2.1+", "LGPL-2.1-or-later");
        check("Expat", "MIT");
        check("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later");
        check("GPL-2+ or Artistic", "(GPL-2.0-or-later OR Artistic-1.0-Perl)");
        check("GPL-2 with Linux-syscall-note exception", "GPL-2.0-only WITH Linux-syscall-note");
    }

    #[test]
    fn an_unknown_name_is_kept_as_a_reference() {
        check("Somebody's own", "LicenseRef-Somebody-s-own");
        check("GPL-7", "LicenseRef-GPL-7");
    }

    #[test]
    fn prose_gives_only_what_it_refers_to() {
        let text = b"On Debian systems, see `/usr/share/common-licenses/GPL-2'.\n";
        let licences = read(text);
        assert_eq!(licences.expression, "GPL-2.0-only");
        assert!(!licences.machine_readable);
        assert_eq!(read(b"all rights reserved").expression, "NOASSERTION");
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut file = b"Format: copyright-format\nLicense: ".to_vec();
            file.extend(&bytes);
            prop_assert!(!read(&file).expression.is_empty());
            prop_assert!(!read(&bytes).expression.is_empty());
        }
    }
}
