#![allow(clippy::as_conversions, reason = "lengths of a few bytes")]

use std::fs;
use std::sync::atomic::AtomicI64;
use std::time::Instant;

use super::*;

mod server;

use server::{Does, Server};

const QUICK: Limits = Limits {
    connect: Duration::from_secs(5),
    silence: Duration::from_millis(400),
    window: Duration::from_millis(600),
    least_bytes: 1000,
    connections: 4,
};

/// Bytes of which no two pieces are alike.
fn stone(len: usize) -> Vec<u8> {
    (0..u64::MAX).flat_map(|n| *Digest::of(&n.to_le_bytes()).as_bytes()).take(len).collect()
}

fn wanted(bytes: &[u8]) -> Wanted {
    Wanted {
        name: "stone".into(),
        archive: Archive::General,
        paths: vec!["pool/s/stone_1.0+b1_all.deb".into()],
        len_bytes: bytes.len() as u64,
        digest: Digest::of(bytes),
    }
}

fn fetcher(urls: &[&str], network: Network) -> Fetcher {
    let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
    let mirrors = Mirrors::of(&urls, "a test").unwrap();
    Fetcher::with(mirrors, network, Proxies::default(), None, QUICK).unwrap()
}

struct World {
    dir: tempfile::TempDir,
    bytes: Vec<u8>,
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), bytes: stone(300_000) }
    }

    fn store(&self) -> Store {
        Store::open(self.dir.path()).unwrap()
    }

    fn server(&self, does: &[Does]) -> Server {
        Server::start(&self.bytes, does)
    }

    /// Fetches the stone from servers in order; the bytes in the store afterwards are it.
    fn fetch(&self, servers: &[&Server]) -> Result<(), FetchError> {
        let urls: Vec<&str> = servers.iter().map(|server| server.url.as_str()).collect();
        let store = self.store();
        let result = fetcher(&urls, Network::Online).fetch(&store, &[wanted(&self.bytes)], &Unseen);
        let object = store.get(&Digest::of(&self.bytes)).unwrap();
        assert_eq!(object.is_some(), result.is_ok());
        if let Some(object) = object {
            assert_eq!(object.read().unwrap(), self.bytes);
        }
        result
    }

    /// Why one server that does this is of no use, at the last attempt.
    fn trouble(&self, does: Does) -> Why {
        match self.fetch(&[&self.server(&[does])]).unwrap_err() {
            FetchError::Nowhere { mut attempts, .. } => attempts.pop().unwrap().why,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn what_is_wanted_comes_into_the_store_once() {
    let world = World::new();
    let server = world.server(&[Does::Serve]);
    world.fetch(&[&server]).unwrap();
    world.fetch(&[&server]).unwrap();
    assert_eq!(server.asked(), ["/debian/pool/s/stone_1.0%2Bb1_all.deb 0"]);
}

#[test]
fn a_download_that_breaks_off_is_continued() {
    let world = World::new();
    let server = world.server(&[Does::BreakAfter(100_000), Does::Serve]);
    world.fetch(&[&server]).unwrap();
    let asked = server.asked();
    let from: usize = asked[1].rsplit(' ').next().unwrap().parse().unwrap();
    assert!(asked.len() == 2 && from > 0 && from <= 100_000, "{asked:?}");
}

#[test]
fn the_next_command_continues_at_another_mirror() {
    let world = World::new();
    let first = world.server(&[Does::BreakAfter(100_000), Does::Status(404)]);
    world.fetch(&[&first]).unwrap_err();
    let second = world.server(&[Does::Serve]);
    world.fetch(&[&second]).unwrap();
    assert!(!second.asked()[0].ends_with(" 0"), "{:?}", second.asked());
}

#[test]
fn a_mirror_without_ranges_sends_everything_again() {
    for does in [Does::IgnoreRange, Does::OtherRange] {
        let world = World::new();
        let server = world.server(&[Does::BreakAfter(100_000), does, Does::Serve]);
        world.fetch(&[&server]).unwrap();
    }
}

#[test]
fn a_mirror_that_hangs_is_given_up_and_the_next_one_asked() {
    for does in [Does::Hang, Does::HangHalfway] {
        let world = World::new();
        let start = Instant::now();
        assert!(matches!(world.trouble(does), Why::Silent(_)), "{does:?}");
        assert!(start.elapsed() < Duration::from_secs(6), "{does:?}");
        world.fetch(&[&world.server(&[does]), &world.server(&[Does::Serve])]).unwrap();
    }
}

#[test]
fn a_mirror_that_drips_is_given_up() {
    let start = Instant::now();
    assert!(matches!(World::new().trouble(Does::Drip(50)), Why::Slow { .. }));
    assert!(start.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_mirror_that_announces_another_length_is_not_read() {
    for by in [-1, 1, 1 << 20] {
        let why = World::new().trouble(Does::Announce(by));
        let announced = 300_000_u64.checked_add_signed(by as i64).unwrap();
        assert!(
            matches!(why, Why::Length { expected: 300_000, found } if found == announced),
            "{why}"
        );
    }
}

#[test]
fn a_mirror_that_sends_more_or_less_than_promised_gives_nothing() {
    let world = World::new();
    assert!(matches!(world.trouble(Does::Unannounced(1)), Why::More { expected: 300_000 }));
    // Nothing of it is kept, as nobody knows which part is sound.
    let partial = world.store().partial(&Digest::of(&world.bytes)).unwrap();
    assert_eq!(partial.len_bytes(), 0);
    drop(partial);
    let why = World::new().trouble(Does::Unannounced(-7));
    assert!(matches!(why, Why::Short { expected: 300_000, .. } | Why::Length { .. }), "{why}");
}

#[test]
fn a_mirror_that_lies_is_named_and_the_next_one_asked() {
    let world = World::new();
    let liar = world.server(&[Does::Lie]);
    let error = world.fetch(&[&liar]).unwrap_err().to_string();
    let expected = Digest::of(&world.bytes).to_string();
    assert!(error.contains(&liar.url) && error.contains(&expected), "{error}");
    assert_eq!(liar.asked().len(), 1);
    world.fetch(&[&liar, &world.server(&[Does::Serve])]).unwrap();
}

#[test]
fn what_a_liar_began_is_begun_again() {
    let world = World::new();
    let mut partial = world.store().partial(&Digest::of(&world.bytes)).unwrap();
    partial.append(b"a lie").unwrap();
    drop(partial);
    let server = world.server(&[Does::Serve]);
    world.fetch(&[&server]).unwrap();
    let starts: Vec<String> =
        server.asked().iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(starts, ["5", "0"]);
}

#[test]
fn statuses_and_babble_are_told() {
    assert!(matches!(World::new().trouble(Does::Status(404)), Why::Status(404)));
    assert!(matches!(World::new().trouble(Does::Status(503)), Why::Status(503)));
    assert!(matches!(World::new().trouble(Does::Babble), Why::Connection(_)));
    let gone = "http://127.0.0.1:1/debian";
    let world = World::new();
    let fetcher = fetcher(&[gone], Network::Online);
    let error = fetcher.fetch(&world.store(), &[wanted(b"x")], &Unseen);
    assert!(matches!(error.unwrap_err(), FetchError::Nowhere { .. }));
}

#[test]
fn a_server_that_stumbles_is_asked_again() {
    let world = World::new();
    world.fetch(&[&world.server(&[Does::Status(503), Does::Serve])]).unwrap();
}

#[test]
fn offline_says_what_is_missing_and_asks_nobody() {
    let world = World::new();
    let server = world.server(&[Does::Serve]);
    let offline = fetcher(&[&server.url], Network::Offline);
    let error = offline.fetch(&world.store(), &[wanted(&world.bytes)], &Unseen).unwrap_err();
    assert!(error.to_string().starts_with("stone not in the store"), "{error}");
    world.store().put(&world.bytes).unwrap();
    offline.fetch(&world.store(), &[wanted(&world.bytes)], &Unseen).unwrap();
    assert!(server.asked().is_empty());
}

#[test]
fn many_things_come_at_once_and_one_that_does_not_stops_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("mirror/pool")).unwrap();
    let things: Vec<Vec<u8>> = (1..50).map(|n| stone(n * 1000)).collect();
    let mut all: Vec<Wanted> = things.iter().map(|bytes| wanted(bytes)).collect();
    for (number, (thing, bytes)) in all.iter_mut().zip(&things).enumerate() {
        thing.paths = vec!["pool/none".into(), format!("pool/{number}")];
        fs::write(dir.path().join(format!("mirror/pool/{number}")), bytes).unwrap();
    }
    let url = format!("file://{}/mirror", dir.path().display());
    let store = Store::open(&dir.path().join("store")).unwrap();
    let fetcher = fetcher(&[&url], Network::Online);
    fetcher.fetch(&store, &all, &Unseen).unwrap();
    assert!(all.iter().all(|thing| store.get(&thing.digest).unwrap().is_some()));
    let gone = Wanted { name: "gone".into(), ..wanted(b"gone") };
    let error = fetcher.fetch(&store, &[all[0].clone(), gone], &Unseen).unwrap_err();
    assert!(matches!(error, FetchError::Nowhere { name, .. } if name == "gone"));
}

#[test]
fn progress_adds_up_whatever_happens() {
    #[derive(Default)]
    struct Sum(AtomicI64);
    impl Progress for Sum {
        fn came(&self, len_bytes: u64) {
            self.0.fetch_add(len_bytes as i64, Ordering::SeqCst);
        }
        fn lost(&self, len_bytes: u64) {
            self.0.fetch_sub(len_bytes as i64, Ordering::SeqCst);
        }
    }
    for does in [Does::Serve, Does::BreakAfter(9999), Does::IgnoreRange, Does::Lie, Does::Hang] {
        let world = World::new();
        let first = world.server(&[Does::BreakAfter(100_000), does, Does::Unannounced(1)]);
        let second = world.server(&[Does::Serve]);
        let sum = Sum::default();
        let fetcher = fetcher(&[&first.url, &second.url], Network::Online);
        fetcher.fetch(&world.store(), &[wanted(&world.bytes)], &sum).unwrap();
        assert_eq!(sum.0.into_inner(), 300_000, "{does:?}");
    }
}

#[test]
fn a_document_is_taken_from_the_first_mirror_whose_bytes_are_accepted() {
    let world = World::new();
    let (liar, good) = (world.server(&[Does::Lie]), world.server(&[Does::Serve]));
    let fetcher = fetcher(&[&liar.url, &good.url], Network::Online);
    let accept = |bytes: Vec<u8>| {
        if bytes == world.bytes { Ok(bytes.len()) } else { Err("not signed".into()) }
    };
    let path = "dists/trixie/InRelease";
    assert_eq!(fetcher.document(Archive::General, path, 1 << 20, accept).unwrap(), 300_000);
    let error = fetcher.document(Archive::General, path, 1000, accept).unwrap_err().to_string();
    assert!(error.contains("sends more than 1000 bytes"), "{error}");
    let refuse = |_| Err::<(), _>("not signed".into());
    let error = fetcher.document(Archive::General, path, 1 << 20, refuse).unwrap_err().to_string();
    assert!(error.contains("not signed") && error.contains(&liar.url), "{error}");
}

#[test]
fn a_password_of_a_mirror_is_not_shown() {
    assert_eq!(shown("https://me:secret@m.test/debian", "pool/x"), "https://m.test/debian/pool/x");
    assert_eq!(shown("file:///srv/debian", "x"), "file:///srv/debian/x");
    assert_eq!(shown("http://m.test", "x"), "http://m.test/x");
}

#[test]
fn a_proxy_is_asked_instead() {
    let world = World::new();
    let proxy = world.server(&[Does::Serve]);
    let address = proxy.url.strip_suffix("/debian").unwrap().to_owned();
    let proxies = Proxies { http: Some(address), ..Proxies::default() };
    let mirrors = Mirrors::of(&["http://mirror.invalid/debian".into()], "a test").unwrap();
    let fetcher = Fetcher::with(mirrors, Network::Online, proxies, None, QUICK).unwrap();
    fetcher.fetch(&world.store(), &[wanted(&world.bytes)], &Unseen).unwrap();
    let path = "/debian/pool/s/stone_1.0%2Bb1_all.deb 0";
    assert_eq!(proxy.asked(), ["mirror.invalid:80 0", path]);
}

#[test]
fn authorities_that_are_none_are_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mirrors = Mirrors::default();
    let made =
        Fetcher::with(mirrors, Network::Online, Proxies::default(), Some(file.path()), QUICK);
    assert!(matches!(made.err().unwrap(), FetchError::Authorities { .. }));
}
