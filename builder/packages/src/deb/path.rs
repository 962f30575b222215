//! Names in archives, made into paths below the root.

/// The longest path; Linux takes 4096 bytes with the final zero.
const PATH_BYTES: usize = 4095;

/// The longest name between two slashes that Linux file systems take.
const NAME_BYTES: usize = 255;

/// The path below the root that a name in a tar means: `./usr/bin/` becomes `usr/bin`, `./` the
/// empty path. `None` for one that is absolute, has an empty, `.` or `..` name in it, a zero byte,
/// or is too long.
pub(super) fn inside(name: &str) -> Option<String> {
    if matches!(name, "." | "./") {
        return Some(String::new());
    }
    let path = name.strip_prefix("./").unwrap_or(name);
    let path = path.strip_suffix('/').unwrap_or(path);
    let sound = path.len() <= PATH_BYTES && path.split('/').all(is_name);
    sound.then(|| path.to_owned())
}

fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= NAME_BYTES && !name.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths_below_the_root() {
        for (name, path) in [
            ("./", ""),
            (".", ""),
            ("./usr/", "usr"),
            ("./usr/bin/a b", "usr/bin/a b"),
            ("usr/bin", "usr/bin"),
            ("./...", "..."),
        ] {
            assert_eq!(inside(name).as_deref(), Some(path), "{name}");
        }
    }

    #[test]
    fn what_leaves_the_root_is_no_path() {
        let long = "a".repeat(256);
        let deep = "a/".repeat(2100);
        for name in [
            "", "/", "/etc", "..", "../x", "./../x", "a/../b", "a/..", "a//b", "a/./b", ".//a",
            "./.", "a//", "a\0b", &long, &deep,
        ] {
            assert_eq!(inside(name), None, "{name}");
        }
    }
}
