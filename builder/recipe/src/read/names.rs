//! What names and numbers may look like.

use crate::glob::Glob;

/// A recipe, image, pack, service or lint: lower-case words with dashes.
pub(crate) fn is_plain(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len())
        && text.bytes().all(good)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A package name (Debian Policy, section 5.6.1).
pub(crate) fn is_package(text: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (2..=128).contains(&text.len())
        && text.as_bytes().first().is_some_and(first)
        && text.bytes().all(|byte| first(&byte) || b"+-.".contains(&byte))
}

/// A suite, archive or component: a path without dots in front.
pub(crate) fn is_suite(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.len() <= 128
        && text
            .split('/')
            .all(|name| !name.is_empty() && !name.starts_with('.') && name.bytes().all(good))
}

/// A user or group.
pub(crate) fn is_account(text: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let good = |byte: u8| first(&byte) || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&text.len())
        && text.as_bytes().first().is_some_and(first)
        && text.bytes().all(good)
}

/// A field of the account files: neither their separator nor a line break.
pub(crate) fn is_account_field(text: &str) -> bool {
    !text.contains(':') && !text.chars().any(char::is_control)
}

/// A path from the root to one file: what a pattern without special characters may be.
pub(crate) fn is_path(text: &str) -> bool {
    Glob::absolute(text).is_ok_and(|glob| glob.literal().is_some())
}

/// A path to a file beside a recipe.
pub(crate) fn is_relative(text: &str) -> bool {
    Glob::parse(text).is_ok_and(|glob| glob.literal().is_some())
}

/// What a symbolic link may point to; it is not followed here.
pub(crate) fn is_link_target(text: &str) -> bool {
    (1..4096).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A library by the name the loader looks for.
pub(crate) fn is_library(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(good) && text.contains(".so")
}

/// A kernel setting: names with dots between.
pub(crate) fn is_sysctl(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte);
    text.contains('.')
        && text.len() <= 255
        && text.split('.').all(|name| !name.is_empty() && name.bytes().all(good))
}

/// One kernel argument: printable ASCII, no space outside quotes, quotes closed.
pub(crate) fn is_argument(text: &str) -> bool {
    let mut in_quotes = false;
    let good = text.bytes().all(|byte| {
        in_quotes ^= byte == b'"';
        byte.is_ascii_graphic() || (in_quotes && byte == b' ')
    });
    good && !in_quotes && (1..=512).contains(&text.len()) && !text.starts_with('=')
}

/// Permission bits in octal, as text.
pub(crate) fn mode(text: &str) -> Option<u16> {
    let digits = text.len() == 4 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    digits.then(|| u16::from_str_radix(text, 8).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(good: fn(&str) -> bool, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(good(text), "{text:?} is good");
        }
        for text in no {
            assert!(!good(text), "{text:?} is not");
        }
    }

    #[test]
    fn names() {
        check(is_plain, &["base", "firmware-net"], &["", "Base", "a/b", "-a", "a-", "a_b", ".."]);
        check(is_package, &["libstdc++6", "0ad", "libc6"], &["a", "Libc6", "libc6:arm64", "+a"]);
        check(
            is_suite,
            &["trixie", "a/b", "non-free-firmware"],
            &["", "../x", "/x", "a//b", "x y"],
        );
        check(is_account, &["_apt", "libvirt-qemu"], &["", "Root", "a:b", "9p", "a b", "é"]);
        check(is_library, &["libfoo.so.1", "libnss_dns.so.2"], &["libfoo", "", "a/libfoo.so"]);
        check(is_sysctl, &["net.ipv4.ip_forward"], &["kernel", "a..b", "a.b/c", "a.b=1"]);
    }

    #[test]
    fn paths() {
        check(is_path, &["/usr/bin/nft"], &["usr/bin", "/usr/*", "/../x", "/", "", "/a/./b"]);
        check(is_relative, &["files/a.toml"], &["/etc/passwd", "../x", "a/../b", "a*", ""]);
    }

    #[test]
    fn kernel_arguments() {
        check(is_argument, &["quiet", "a.b=1,2", "x=\"a b\""], &["", "a b", "x=\"a b", "é", "=1"]);
    }

    #[test]
    fn modes_have_four_octal_digits() {
        assert_eq!(mode("0644"), Some(0o644));
        assert_eq!(mode("4755"), Some(0o4755));
        for text in ["644", "0888", "00644", "-644", "", "0x1f"] {
            assert_eq!(mode(text), None, "{text}");
        }
    }
}
