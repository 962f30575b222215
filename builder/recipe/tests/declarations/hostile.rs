//! Declarations that nobody wrote in good faith: an answer, in bounded time and memory.

use crate::world::{IMAGE, files, mistakes};
use proptest::prelude::*;

/// The answer to these bytes as recipe `one`.
fn answer(bytes: &[u8]) -> String {
    let mut files = files("", "");
    files.insert("recipes/one/recipe.toml".into(), bytes.into());
    mistakes(&files)
}

#[test]
fn binary_and_other_encodings() {
    assert!(answer(b"summary = '\xff'").contains("recipe.toml:1:12"));
    assert!(answer(b"summary = '\xff'").contains("try: save the file as UTF-8"));
    assert!(answer(b"\x7fELF\0\0\0").contains("this is no TOML"));
    let utf16: Vec<u8> = "summary".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(answer(&utf16).contains("error"));
}

#[test]
fn a_file_of_64_mib() {
    let found = answer(&vec![b'#'; 64 << 20]);
    assert!(found.contains("more than 1048576 bytes"), "{found}");
}

#[test]
fn deep_nesting() {
    for text in ["packages = ".to_owned() + &"[".repeat(100_000), "a.".repeat(100_000) + "b = 1"] {
        let found = answer(text.as_bytes());
        assert!(found.contains("recurs"), "{}", found.get(..2000).unwrap_or(&found));
    }
}

#[test]
fn many_values_in_one_line() {
    let list: String = (0..20_000).map(|n| format!("'é=b{n}',")).collect();
    let found = answer(format!("summary = 'x'\nkernel.arguments = [{list}]").as_bytes());
    assert!(found.contains("more than 100 mistakes"));
    let list: String = (0..20_000).map(|n| format!("'p{n}',")).collect();
    let text = format!("summary = 'é'\npackages = [{list}]");
    let assembly = crate::world::build(&files(&text, ""), contract::arch::Arch::X86_64).unwrap();
    assert_eq!(assembly.packages.len(), 20_000);
}

#[test]
fn many_mistakes_are_not_all_told() {
    let text: String = (0..20_000).map(|n| format!("a{n}=1\n")).collect();
    let found = answer(text.as_bytes());
    assert!(found.matches("error: ").count() <= 101);
    assert!(found.contains("more than 100 mistakes"));
}

#[test]
fn nothing_in_a_file_moves_the_cursor_of_a_terminal() {
    let found = answer("summary = 'x'\n'\u{202e}\u{9b}2J\t' = 1".as_bytes());
    assert!(!found.chars().any(|c| c.is_control() && c != '\n'), "{found:?}");
    assert!(!found.contains('\u{202e}'), "{found:?}");
}

#[test]
fn a_long_line_is_cut_around_the_mistake() {
    let long = "a".repeat(1000);
    let found = answer(format!("summary = 'x'\npackages = ['{long}', 'B', 'cc']").as_bytes());
    assert!(found.lines().all(|line| line.chars().count() < 130), "{found}");
    assert!(found.contains("^^^"), "{found}");
}

#[test]
fn a_shelf_that_cannot_be_read() {
    struct Broken;
    impl recipe::shelf::Shelf for Broken {
        fn read(&self, path: &str, _: usize) -> std::io::Result<Vec<u8>> {
            match path {
                "images/test/image.toml" => Ok(IMAGE.into()),
                _ => Err(std::io::ErrorKind::PermissionDenied.into()),
            }
        }
        fn names(&self, _: &str) -> Vec<String> {
            Vec::new()
        }
    }
    let found = recipe::load::load(&Broken, "test").unwrap_err().render();
    assert!(found.contains("the file cannot be read: permission denied"), "{found}");
    assert!(found.contains("image.toml:3:12"), "{found}");
}

const SAMPLE: &str = r#"summary = "a sample"
needs = [{ name = "two", arch = "x86_64" }]
packages = ["ab", { name = "cd", suite = "trixie", for = "build", dependencies = false }]
[[entry]]
paths = ["/usr/**/x[a-c]*"]
why = "because"
dlopen = ["libx.so.1"]
[[file]]
path = "/etc/x"
content = "é"
mode = "0600"
[[user]]
name = "u"
uid = 900
group = "sys"
[kernel]
arguments = ["quiet", { text = "a=\"b c\"" }]
[[kernel.modules]]
names = ["a-b", "c/**"]
why = "w"
[sysctl]
"a.b" = 1
[service.s]
command = "/x"
stop = { signal = "INT" }
[[leave-out]]
paths = ["/x"]
why = "w"
"#;

#[test]
fn the_sample_is_right() {
    crate::world::build(&files(SAMPLE, ""), contract::arch::Arch::X86_64).unwrap();
}

proptest! {
    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let shelf = crate::world::Files::new();
        if let Err(rejected) = recipe::load::parse_recipe("x", &bytes, &shelf) {
            prop_assert!(rejected.render().starts_with("error: "));
        }
        if let Err(rejected) = recipe::load::parse_image("x", &bytes) {
            prop_assert!(rejected.render().starts_with("error: "));
        }
    }

    #[test]
    fn a_changed_sample_is_a_value_or_an_error(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        for text in [SAMPLE, IMAGE] {
            let mut bytes = text.as_bytes().to_vec();
            for (index, byte) in &changes {
                let at = index.index(bytes.len());
                bytes[at] = *byte;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            let mut files = files("", "");
            let path = if text == IMAGE { "images/test/image.toml" } else { "recipes/one/recipe.toml" };
            files.insert(path.into(), bytes);
            if let Err(rejected) = crate::world::build(&files, contract::arch::Arch::Aarch64) {
                prop_assert!(!rejected.diagnostics.is_empty());
                prop_assert!(rejected.render().starts_with("error: "));
            }
        }
    }
}
