use formats::tree::ContentSource;
use packages::deb::sample;

use super::*;

fn threads() -> NonZeroUsize {
    NonZeroUsize::new(2).unwrap()
}

fn package(name: &str, text: &[u8]) -> Vec<u8> {
    let data = sample::Tar::new()
        .directory("./usr/")
        .file("./usr/a", 0o644, text)
        .file("./usr/b", 0o755, b"second")
        .hardlink("./usr/c", "./usr/a")
        .symlink("./usr/d", "a");
    sample::package(name, data)
}

#[test]
fn a_package_is_unpacked_once_and_then_read_from_its_index() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let deb = store.put(&package("one", b"first")).unwrap();
    let ask = [("one".to_owned(), deb)];
    let first = Unpacked::open(&store, &ask, threads()).unwrap();
    let content = first.file_of("one", "usr/a").unwrap().clone();
    assert_eq!(&*content.load(&first).unwrap(), b"first");

    let objects = dir.path().join("objects");
    std::fs::remove_dir_all(&objects).unwrap();
    std::fs::create_dir_all(&objects).unwrap();
    let second = Unpacked::open(&store, &ask, threads()).unwrap();
    assert_eq!(second.packages(), first.packages());
    assert_eq!(&*content.load(&second).unwrap(), b"first");
}

#[test]
fn a_content_that_was_changed_in_the_cache_is_not_handed_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let deb = store.put(&package("one", b"first")).unwrap();
    let unpacked = Unpacked::open(&store, &[("one".to_owned(), deb)], threads()).unwrap();
    std::fs::write(dir.path().join(CONTENTS).join(deb.to_string()), b"fir5tsecond").unwrap();
    let error = unpacked.load(&Digest::of(b"first")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(unpacked.load(&Digest::of(b"third")).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_damaged_package_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut bytes = package("one", b"first");
    bytes.truncate(bytes.len() - 40);
    let deb = store.put(&bytes).unwrap();
    let error = Unpacked::open(&store, &[("one".to_owned(), deb)], threads()).unwrap_err();
    assert!(matches!(error, UnpackedError::Deb { .. } | UnpackedError::Io { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(dir.path().join(CONTENTS)).unwrap().count(), 0);
}

#[test]
fn a_package_under_another_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let deb = store.put(&package("two", b"first")).unwrap();
    let error = Unpacked::open(&store, &[("one".to_owned(), deb)], threads()).unwrap_err();
    assert!(matches!(error, UnpackedError::Name { .. }), "{error:?}");
    let error = Unpacked::open(&store, &[("x".to_owned(), Digest::of(b""))], threads());
    assert!(matches!(error.unwrap_err(), UnpackedError::Missing { .. }));
}
