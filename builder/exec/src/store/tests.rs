use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

/// Every file below `tmp` and `partial`.
fn unfinished(store: &Store) -> usize {
    let count = |area| fs::read_dir(store.root().join(area)).unwrap().count();
    count(TMP) + count(PARTIAL)
}

#[test]
fn what_was_put_is_handed_out() {
    let (_dir, store) = store();
    let digest = store.put(b"stone").unwrap();
    assert!(store.has(&digest));
    assert_eq!(store.get(&digest).unwrap().unwrap().read().unwrap(), b"stone");
    assert!(store.get(&Digest::of(b"other")).unwrap().is_none());
    assert_eq!(unfinished(&store), 0);
}

#[test]
fn damaged_content_is_not_handed_out_and_can_be_put_again() {
    for damage in [&b"stonE"[..], b"", b"stone and more"] {
        let (_dir, store) = store();
        let digest = store.put(b"stone").unwrap();
        let path = store.get(&digest).unwrap().unwrap().path;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&path, damage).unwrap();
        assert!(store.get(&digest).unwrap().is_none(), "{damage:?}");
        assert!(!store.has(&digest));
        store.put(b"stone").unwrap();
        assert_eq!(store.get(&digest).unwrap().unwrap().read().unwrap(), b"stone");
    }
}

#[test]
fn a_download_is_continued_by_the_next_command() {
    let dir = tempfile::tempdir().unwrap();
    let digest = Digest::of(b"half and half");
    {
        let store = Store::open(dir.path()).unwrap();
        store.partial(&digest).unwrap().append(b"half and").unwrap();
    }
    let store = Store::open(dir.path()).unwrap();
    let mut partial = store.partial(&digest).unwrap();
    assert_eq!(partial.len_bytes(), 8);
    partial.append(b" half").unwrap();
    store.finish(partial).unwrap();
    assert_eq!(store.get(&digest).unwrap().unwrap().read().unwrap(), b"half and half");
    assert_eq!(unfinished(&store), 0);
}

#[test]
fn other_content_than_promised_is_thrown_away() {
    let (_dir, store) = store();
    let digest = Digest::of(b"promised");
    let mut partial = store.partial(&digest).unwrap();
    partial.append(b"delivered").unwrap();
    let error = store.finish(partial).unwrap_err();
    let found = Digest::of(b"delivered");
    assert!(matches!(error, StoreError::Mismatch { expected, found: f, len_bytes: 9 }
        if expected == digest && f == found));
    assert_eq!(unfinished(&store), 0);
    assert!(!store.has(&digest));
}

#[test]
fn two_builds_at_once_share_one_download() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let digest = Digest::of(&bytes);
    let work = || {
        // Each has its own store, as two processes would; the locks are on open files.
        let store = Store::open(dir.path()).unwrap();
        let mut partial = store.partial(&digest).unwrap();
        if store.get(&digest).unwrap().is_some() {
            partial.discard();
            return 0;
        }
        assert_eq!(partial.len_bytes(), 0, "somebody else writes the same file");
        for piece in bytes.chunks(1000) {
            partial.append(piece).unwrap();
        }
        store.finish(partial).unwrap();
        1
    };
    let downloads: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(downloads, 1);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.get(&digest).unwrap().unwrap().read().unwrap(), bytes);
    assert_eq!(unfinished(&store), 0);
}

#[test]
fn a_damaged_cache_entry_is_no_entry() {
    let (_dir, store) = store();
    let cache = store.cache("test-1");
    let (key, other) = (Digest::of(b"key"), Digest::of(b"other"));
    assert_eq!(cache.get(&key), None);
    cache.put(&key, b"made").unwrap();
    assert_eq!(cache.get(&key).unwrap(), b"made");
    let path = place(&store.root().join("test-1"), &key);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(cache.get(&key), None, "flipped at {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(cache.get(&key), None, "cut at {at}");
    }
    // Moved under another key, it is not that key's.
    fs::write(&path, &whole).unwrap();
    fs::create_dir_all(place(&store.root().join("test-1"), &other).parent().unwrap()).unwrap();
    fs::rename(&path, place(&store.root().join("test-1"), &other)).unwrap();
    assert_eq!(cache.get(&other), None);
}

#[test]
fn only_what_was_not_used_for_long_is_collected() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = {
        let store = Store::open(dir.path()).unwrap();
        let pair = (store.put(b"old").unwrap(), store.put(b"new").unwrap());
        store.partial(&Digest::of(b"under way")).unwrap().append(b"under").unwrap();
        let path = store.get(&pair.0).unwrap().unwrap().path;
        age(&path, 10);
        assert!(matches!(
            Store::collect(dir.path(), Duration::ZERO).unwrap_err(),
            StoreError::Busy { .. }
        ));
        pair
    };
    let collected = Store::collect(dir.path(), Duration::from_secs(5 * 86_400)).unwrap();
    assert_eq!(collected.files, 2);
    let store = Store::open(dir.path()).unwrap();
    assert!(!store.has(&old) && store.has(&new));
    assert_eq!(store.usage().unwrap()["objects"].files, 1);
}

#[test]
fn a_use_renews_what_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let digest = Store::open(dir.path()).unwrap().put(b"old").unwrap();
    age(&place(&dir.path().join(OBJECTS), &digest), 10);
    assert!(Store::open(dir.path()).unwrap().get(&digest).unwrap().is_some());
    let collected = Store::collect(dir.path(), Duration::from_secs(5 * 86_400)).unwrap();
    assert_eq!(collected.files, 0);
}

/// Makes a file look as if it was last used so many days ago.
fn age(path: &Path, days: u64) {
    let file = File::options().write(true).open(path).unwrap();
    let past =
        std::time::UNIX_EPOCH + Duration::from_secs(crate::clock::unix_seconds() - days * 86_400);
    file.set_modified(past).unwrap();
}

/// Runs in a process of its own, in which a file may not grow beyond 64 KiB: the same refusal in
/// the middle of a write that a full disk gives.
#[test]
fn a_disk_that_is_full_leaves_nothing_half_written() {
    const INSIDE: &str = "ASHLAR_TEST_FULL_DISK";
    let inside = crate::environment::tests::variable(INSIDE);
    let Some(dir) = inside else {
        let dir = tempfile::tempdir().unwrap();
        let name = "store::tests::a_disk_that_is_full_leaves_nothing_half_written";
        let this = std::env::current_exe().unwrap();
        let run = crate::runner::Command::new(this).args(["--exact", name, "--nocapture"]);
        let done = run.env(INSIDE, dir.path()).run().unwrap();
        assert!(done.text().contains("1 passed"), "{}", done.text());
        return;
    };
    crate::test_support::limit_file_size(64 << 10);
    let store = Store::open(Path::new(&dir)).unwrap();
    let large = vec![7; 100 << 10];
    assert!(matches!(store.put(&large).unwrap_err(), StoreError::Use { .. }));
    assert!(store.cache("test-1").put(&Digest::of(b"key"), &large).is_err());
    assert_eq!(store.cache("test-1").get(&Digest::of(b"key")), None);
    assert!(!store.has(&Digest::of(&large)));
    assert_eq!(fs::read_dir(store.root().join(TMP)).unwrap().count(), 0);
    let mut partial = store.partial(&Digest::of(&large)).unwrap();
    partial.append(&large[..50 << 10]).unwrap();
    assert!(partial.append(&large[50 << 10..]).is_err());
    // What came before is kept, to the byte, and can be continued.
    drop(partial);
    assert_eq!(store.partial(&Digest::of(&large)).unwrap().len_bytes(), 50 << 10);
}
