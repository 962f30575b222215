//! Kernel settings from `sysctl.d(5)` files.
//!
//! A line is `name = value`; `-` before the name forgives a setting that is not there. Dots in a
//! name are slashes below `/proc/sys`, unless its first separator is a slash: then it is the other
//! way round, so that an interface with a dot in its name can be written. `*` stands for any one
//! part of the path.

use std::fs;
use std::path::{Path, PathBuf};

use contract::modules::matches;

/// One line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The path below `/proc/sys`, in which parts may be patterns.
    pub path: String,
    /// The value.
    pub value: String,
    /// Whether it may be missing.
    pub forgiving: bool,
}

/// Reads a file. Lines without a `=` and comments are passed over.
#[must_use]
pub fn parse(text: &str) -> Vec<Setting> {
    text.lines().map(str::trim).filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Setting> {
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let (forgiving, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
    let path = path_of(name);
    let safe = !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    safe.then(|| Setting { path, value: value.trim().to_owned(), forgiving })
}

fn path_of(name: &str) -> String {
    match name.find(['.', '/']).and_then(|at| name.as_bytes().get(at)) {
        Some(b'/') => name.to_owned(),
        _ => name
            .chars()
            .map(|c| {
                if c == '.' {
                    '/'
                } else if c == '/' {
                    '.'
                } else {
                    c
                }
            })
            .collect(),
    }
}

/// Sets every setting, in order; answers with what did not work.
#[must_use]
pub fn apply(settings: &[Setting]) -> Vec<String> {
    settings.iter().flat_map(apply_one).collect()
}

fn apply_one(setting: &Setting) -> Vec<String> {
    let paths = expand(Path::new("/proc/sys"), &setting.path);
    if paths.is_empty() && !setting.forgiving {
        return vec![format!("sysctl {}: there is none of this name", setting.path)];
    }
    let attempt = |path: &PathBuf| fs::write(path, &setting.value).err();
    let failed = paths.iter().filter_map(|path| Some((path, attempt(path)?)));
    failed
        .filter(|_| !setting.forgiving)
        .map(|(path, error)| format!("sysctl {}: {error}", path.display()))
        .collect()
}

/// The paths below `directory` that a pattern stands for, by name.
fn expand(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let (part, rest) = pattern.split_once('/').map_or((pattern, None), |(a, b)| (a, Some(b)));
    let mut found = Vec::new();
    if part.contains(['*', '?', '[']) {
        let names = fs::read_dir(directory).into_iter().flatten().filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            matches(part, &name).then_some(name)
        });
        found.extend(names.map(|name| directory.join(name)));
        found.sort();
    } else if crate::loading::exists(&directory.join(part)) {
        found.push(directory.join(part));
    }
    match rest {
        Some(rest) => found.iter().flat_map(|path| expand(path, rest)).collect(),
        None => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_settings() {
        let check = |line: &str, expect: Option<(&str, &str, bool)>| {
            let found = parse(line);
            let found = found.first().map(|s| (s.path.as_str(), s.value.as_str(), s.forgiving));
            assert_eq!(found, expect, "{line}");
        };
        check("kernel.panic = 10", Some(("kernel/panic", "10", false)));
        check("-net.core.bpf_jit_harden=2", Some(("net/core/bpf_jit_harden", "2", true)));
        check(
            "net/ipv4/conf/eth0.1/forwarding = 1",
            Some(("net/ipv4/conf/eth0.1/forwarding", "1", false)),
        );
        check(
            "net.ipv4.conf.eth0/1.forwarding = 1",
            Some(("net/ipv4/conf/eth0.1/forwarding", "1", false)),
        );
        check(
            "kernel.core_pattern = |/bin/false a=b",
            Some(("kernel/core_pattern", "|/bin/false a=b", false)),
        );
        check("# a = b", None);
        check("kernel.panic", None);
        check("/etc/passwd = x", None);
        check("../../etc/passwd = x", None);
    }

    #[test]
    fn patterns_stand_for_what_is_there() {
        let directory = std::env::temp_dir().join(format!("pid1-sysctl-{}", std::process::id()));
        for name in ["b", "a", "c.1"] {
            fs::create_dir_all(directory.join("conf").join(name)).unwrap();
            fs::write(directory.join("conf").join(name).join("x"), "").unwrap();
        }
        let names = |pattern: &str| expand(&directory, pattern).len();
        assert_eq!(names("conf/*/x"), 3);
        assert_eq!(names("conf/a/x"), 1);
        assert_eq!(names("conf/*/y"), 0);
        fs::remove_dir_all(directory).unwrap();
    }

    proptest! {
        #[test]
        fn no_text_leads_out_of_the_directory(text in "([./=a-c-]|.){0,60}") {
            for setting in parse(&text) {
                prop_assert!(setting.path.split('/').all(|part| !part.is_empty() && part != ".."));
            }
        }
    }
}
