//! The text of a lock.

use std::fmt::Write;

use contract::digest::Digest;

use super::{FORMAT, Key, Lock, Locked, Suite};

/// One line `name: value`. Writing to a text cannot be refused.
fn field(text: &mut String, name: &str, value: impl std::fmt::Display) {
    writeln!(text, "{name}: {value}").unwrap_or(());
}

fn list<T: std::fmt::Display>(text: &mut String, name: &str, items: impl Iterator<Item = T>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    writeln!(text, "{name}:").unwrap_or(());
    for item in items {
        writeln!(text, " {item}").unwrap_or(());
    }
}

/// Everything before the last line.
pub(super) fn body(lock: &Lock) -> String {
    let mut text = String::new();
    field(&mut text, "Ashlar-Lock", FORMAT);
    field(&mut text, "Architecture", lock.arch);
    list(
        &mut text,
        "Codecs",
        lock.codecs.iter().map(|(name, version)| format!("{name} {version}")),
    );
    text.push('\n');
    for (name, suite) in &lock.suites {
        self::suite(&mut text, name, suite);
    }
    for (name, reason) in &lock.left_out {
        field(&mut text, "Left-Out", name);
        field(&mut text, "Reason", reason);
        text.push('\n');
    }
    for (key, locked) in &lock.packages {
        package(&mut text, key, locked);
    }
    text
}

/// The last line.
pub(super) fn end(text: &mut String) {
    let digest = Digest::of(text.as_bytes());
    field(text, "End", digest);
}

fn suite(text: &mut String, name: &str, suite: &Suite) {
    field(text, "Suite", name);
    field(text, "Archive", &suite.archive);
    field(text, "Date", suite.date.in_archive_form());
    field(text, "InRelease", suite.inrelease);
    list(text, "Signed-By", suite.signed_by.iter());
    let line = |(path, listed): (&String, &super::Listed)| {
        format!("{} {} {path}", listed.digest, listed.len_bytes)
    };
    list(text, "Indices", suite.indices.iter().map(line));
    text.push('\n');
}

fn package(text: &mut String, key: &Key, locked: &Locked) {
    field(text, "Set", &key.set);
    field(text, "Package", &key.name);
    field(text, "Version", &key.version);
    field(text, "Architecture", &locked.architecture);
    field(text, "Suite", &locked.suite);
    field(text, "Path", &locked.path);
    field(text, "Size", locked.len_bytes);
    field(text, "SHA256", locked.digest);
    field(text, "Source", format_args!("{} {}", locked.source, locked.source_version));
    list(text, "Why", locked.why.iter());
    text.push('\n');
}
