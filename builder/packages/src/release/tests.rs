use super::*;
use proptest::prelude::*;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn release(more: &str) -> String {
    format!(
        "Origin: Debian\nLabel: Debian\nSuite: stable\nCodename: trixie\nVersion: 13.8\n\
         Date: Sat, 21 Nov 2026 09:15:44 UTC\nAcquire-By-Hash: yes\n\
         Architectures: all amd64 arm64\nComponents: main contrib\nSHA256:\n\
         \x20{EMPTY} 0 main/binary-amd64/Packages\n{more}"
    )
}

#[test]
fn the_fields_and_the_table_are_read() {
    let packed = liblzma::encode_all(&b""[..], 0).unwrap();
    let text = release(&format!(
        " {} {} main/binary-amd64/Packages.xz\n",
        Digest::of(&packed),
        packed.len()
    ));
    let release = Release::parse(text.as_bytes()).unwrap();
    assert_eq!((release.suite.as_str(), release.codename.as_str()), ("stable", "trixie"));
    assert_eq!(release.date, Date(1_795_252_544));
    assert_eq!(release.valid_until, None);
    assert_eq!(release.architectures, ["all", "amd64", "arm64"]);
    assert!(release.by_hash);
    let path = release.packages_path("main", "amd64").unwrap();
    assert_eq!(path, "main/binary-amd64/Packages.xz");
    assert_eq!(release.unpack(&path, &packed).unwrap(), b"");
    assert_eq!(release.packages_path("main", "arm64"), None);
    assert!(matches!(release.unpack("other", b""), Err(IndexBytesError::NotListed(_))));
    let mut flipped = packed.clone();
    flipped[7] ^= 1;
    assert!(matches!(release.unpack(&path, &flipped), Err(IndexBytesError::Differs { .. })));
    let longer = [&packed[..], b"more"].concat();
    assert!(matches!(release.unpack(&path, &longer), Err(IndexBytesError::Differs { .. })));
}

#[test]
fn an_index_that_unpacks_to_something_else_is_refused() {
    let packed = liblzma::encode_all(&b"Package: evil\n"[..], 0).unwrap();
    let line = format!(" {} {} main/binary-amd64/Packages.xz\n", Digest::of(&packed), packed.len());
    let release = Release::parse(release(&line).as_bytes()).unwrap();
    let error = release.unpack("main/binary-amd64/Packages.xz", &packed).unwrap_err();
    assert!(
        matches!(error, IndexBytesError::Differs { path, .. } if path == "main/binary-amd64/Packages")
    );
}

#[test]
fn a_wrong_line_is_named() {
    let why = |line: &str| match Release::parse(release(line).as_bytes()).unwrap_err() {
        ReleaseError::Line { line, why } => (line, why),
        other => panic!("{other}"),
    };
    assert_eq!(why(&format!(" {EMPTY} 0\n")), (12, LineFault::Form));
    assert_eq!(why(&format!(" {EMPTY} -1 a\n")), (12, LineFault::Form));
    assert_eq!(why(&format!(" {EMPTY} 0 a b\n")), (12, LineFault::Form));
    assert!(matches!(why(" e3b0 0 a\n"), (12, LineFault::Digest(_))));
    for path in ["/etc/passwd", "../a", "a/../b", "a//b", "a/", "./a", "a%2f..", "a?b"] {
        let line = format!(" {EMPTY} 0 {path}\n");
        assert_eq!(why(&line), (12, LineFault::Path(path.to_owned())));
    }
    let twice = format!(" {EMPTY} 0 main/binary-amd64/Packages\n");
    assert!(matches!(why(&twice), (12, LineFault::Twice(_))));
}

#[test]
fn missing_fields_and_dates_are_named() {
    let whole = release("");
    for field in ["Codename", "Date", "SHA256"] {
        let without: String = if field == "SHA256" {
            whole.split("SHA256").next().unwrap().to_owned()
        } else {
            whole
                .lines()
                .filter(|line| !line.starts_with(field))
                .map(|l| format!("{l}\n"))
                .collect()
        };
        let error = Release::parse(without.as_bytes()).unwrap_err();
        assert!(matches!(error, ReleaseError::NoField(name) if name == field), "{error}");
    }
    let wrong = whole.replace("Sat, 21", "Sun, 21");
    assert!(matches!(Release::parse(wrong.as_bytes()), Err(ReleaseError::Date { .. })));
    let wrong = whole.replace("Version", "Valid-Until");
    assert!(matches!(
        Release::parse(wrong.as_bytes()),
        Err(ReleaseError::Date { field: "Valid-Until", .. })
    ));
}

proptest! {
    #[test]
    fn any_bytes_give_a_release_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), place: usize, byte: u8,
    ) {
        drop(Release::parse(&bytes));
        let mut text = release("").into_bytes();
        let place = place % text.len();
        text[place] = byte;
        drop(Release::parse(&text));
    }
}
