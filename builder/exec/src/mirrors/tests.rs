use super::*;

/// A machine with these files, and what is found on it.
fn found(files: &[(&str, &str)], given: &[&str]) -> Result<Mirrors, MirrorError> {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let given: Vec<String> = given.iter().map(|url| (*url).to_owned()).collect();
    Mirrors::find(&given, &root.path().join("config.toml"), root.path())
}

fn lists(mirrors: &Mirrors) -> (Vec<&str>, Vec<&str>) {
    let list = |archive| mirrors.of_archive(archive).iter().map(String::as_str).collect();
    (list(Archive::General), list(Archive::Security))
}

const STANZAS: &str = "Types: deb deb-src\n# a comment\nURIs: http://one.test/debian/\n \
    https://two.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\n\
    Types: deb\nURIs: http://sec.test/debian-security\nSuites: bookworm-security\n\n\
    Enabled: no\nTypes: deb\nURIs: http://off.test/debian\nSuites: sid\n\n\
    Types: deb-src\nURIs: http://source.test/debian\nSuites: sid\n\n\
    Types: deb\nURIs: http://other.test/ubuntu\nSuites: noble\n";

#[test]
fn stanzas_of_the_host_are_read() {
    let mirrors = found(&[("etc/apt/sources.list.d/debian.sources", STANZAS)], &[]).unwrap();
    let (general, security) = lists(&mirrors);
    assert_eq!(general, ["http://one.test/debian", "https://two.test/debian"]);
    assert_eq!(
        security,
        [
            "http://sec.test/debian-security",
            "http://one.test/debian-security",
            "https://two.test/debian-security"
        ]
    );
}

#[test]
fn lines_of_the_host_are_read() {
    let lines = "# deb http://no.test/debian trixie main\n\
        deb [arch=amd64 signed-by=/a b] http://foreign.test/apt trixie main\n\
        deb cdrom:[Debian]/ trixie main\n  deb http://a.test/debian trixie main # yes\n\
        deb-src http://b.test/debian trixie main\ndeb http://c.test/debian focal main\n\
        deb mirror+file:/etc/apt/mirrors.list stable main\ndeb file:/srv/debian sid main\ndeb\n";
    let files = [
        ("etc/apt/sources.list", lines),
        ("etc/apt/mirrors.list", "http://m.test/debian priority:1\n# no\n\nftp://n.test\n"),
        ("etc/apt/sources.list.d/old.list.save", "deb http://d.test/debian sid main\n"),
    ];
    let mirrors = found(&files, &[]).unwrap();
    assert_eq!(
        lists(&mirrors).0,
        [
            "http://a.test/debian",
            "http://m.test/debian",
            "file:///srv/debian",
            "http://foreign.test/apt"
        ]
    );
}

#[test]
fn what_is_given_comes_before_what_is_configured_and_that_before_the_host() {
    let host = ("etc/apt/sources.list", "deb http://host.test/debian trixie main\n");
    let config = ("config.toml", "mirrors = [\"http://config.test/debian\"]\n");
    let given = ["http://b.test/debian", "http://a.test/debian"];
    assert_eq!(lists(&found(&[host, config], &given).unwrap()).0, given);
    let mirrors = found(&[host, config], &[]).unwrap();
    assert_eq!(lists(&mirrors).0, ["http://config.test/debian"]);
    assert_eq!(lists(&found(&[host], &[]).unwrap()).0, ["http://host.test/debian"]);
}

#[test]
fn no_mirror_is_guessed() {
    let error = found(&[], &[]).unwrap_err().to_string();
    assert!(error.contains("--mirror URL") && error.contains("config.toml"), "{error}");
}

#[test]
fn what_is_no_mirror_is_refused_where_somebody_wrote_it() {
    for url in ["ftp://a.test/debian", "deb.test/debian", "http://", ""] {
        assert!(matches!(found(&[], &[url]).unwrap_err(), MirrorError::Address { .. }), "{url}");
    }
    let error = found(&[("config.toml", "mirror = []\n")], &[]).unwrap_err().to_string();
    assert!(error.contains("unknown field `mirror`") && error.contains("line 1"), "{error}");
}

#[test]
fn the_security_archive_is_looked_for_beside_the_general_one() {
    for (url, expect) in [
        ("http://m.test/debian", Some("http://m.test/debian-security")),
        (
            "http://snapshot.test/archive/debian/20260101T000000Z",
            Some("http://snapshot.test/archive/debian-security/20260101T000000Z"),
        ),
        ("http://debian/pub", None),
    ] {
        assert_eq!(security_beside(url).as_deref(), expect, "{url}");
    }
    assert_eq!(Archive::of_suite("trixie-security"), Archive::Security);
    assert_eq!(Archive::of_suite("trixie-updates"), Archive::General);
}
