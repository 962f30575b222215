use super::sample::{self, Header, Tar};
use super::*;
use proptest::prelude::*;

const FIELDS: &str = "Package: sample\nVersion: 1:2.0-3\nArchitecture: amd64\n";

fn with_data(data: &[u8]) -> Vec<u8> {
    let data = sample::compressed(Compression::Zstd, data);
    let control = sample::control(FIELDS, &[]);
    sample::ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", &control),
        ("data.tar.zst", &data),
    ])
}

fn refused(deb: &[u8]) -> DebError {
    check(deb, Limits::ARCHIVE).unwrap_err()
}

fn refused_data(tar: Tar) -> DebError {
    refused(&with_data(&tar.end()))
}

fn everything() -> Vec<u8> {
    let capability: &[u8] = &[1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let long = format!("./usr/{}", "long/".repeat(30));
    let tar = Tar::new()
        .directory("./usr/")
        .file("./usr/one", 0o4755, b"content")
        .hardlink("./usr/two", "./usr/one")
        .symlink("./usr/three", "/one")
        .pax(&[("SCHILY.xattr.security.capability", capability), ("mtime", b"12.5")])
        .file("./usr/ping", 0o755, &[7; 1000])
        .long(b'L', &long)
        .directory("./cut")
        .file("./usr/empty", 0o644, b"");
    let control = sample::control(
        FIELDS,
        &[
            ("postinst", b"#!/bin/sh\nexit 0\n"),
            ("conffiles", b"/etc/sample.conf\nremove-on-upgrade /etc/gone\n"),
            ("md5sums", b"9a0364b9e99bb480dd25e1f0284c8555  usr/one\n"),
        ],
    );
    sample::deb(&control, &sample::compressed(Compression::Xz, &tar.end()))
}

#[test]
fn a_package_is_read_whole() {
    let deb = everything();
    let (control, mut members) = open(deb.as_slice(), Limits::ARCHIVE).unwrap();
    assert_eq!(
        (control.package(), control.version(), control.architecture()),
        ("sample", "1:2.0-3", "amd64")
    );
    let scripts: Vec<_> = control.scripts().map(|(name, _)| name).collect();
    assert_eq!(scripts, ["postinst"]);
    let conffiles: Vec<_> = control
        .conffiles()
        .iter()
        .map(|file| (file.path.as_str(), file.remove_on_upgrade))
        .collect();
    assert_eq!(conffiles, [("etc/sample.conf", false), ("etc/gone", true)]);
    assert_eq!(control.md5sums().count(), 1);
    let mut all = Vec::new();
    while let Some(member) = members.next_member().unwrap() {
        let mut content = Vec::new();
        members.read_to_end(&mut content).unwrap();
        all.push((member, content));
    }
    let paths: Vec<_> = all.iter().map(|(member, _)| member.path.as_str()).collect();
    let long = format!("usr/{}", "long/".repeat(30));
    let long = long.trim_end_matches('/');
    let expected = ["", "usr", "usr/one", "usr/two", "usr/three", "usr/ping", long, "usr/empty"];
    assert_eq!(paths, expected);
    let (one, content) = &all[2];
    assert_eq!(
        (one.mode, one.uname.as_str(), content.as_slice()),
        (0o4755, "root", &b"content"[..])
    );
    assert_eq!(all[3].0.kind, MemberKind::Hardlink("usr/one".to_owned()));
    assert_eq!(all[4].0.kind, MemberKind::Symlink("/one".to_owned()));
    let (ping, content) = &all[5];
    assert_eq!((ping.mtime, content.len()), (12, 1000));
    assert_eq!(ping.xattrs["security.capability"].len(), 20);
    assert_eq!(all[7].0.xattrs.len(), 0, "what was said of one entry is not said of the next");
}

#[test]
fn content_that_is_not_read_is_passed_over() {
    let deb = everything();
    let (_, mut members) = open(deb.as_slice(), Limits::ARCHIVE).unwrap();
    let mut count = 0;
    while let Some(member) = members.next_member().unwrap() {
        count += 1;
        if member.path == "usr/ping" {
            members.read_exact(&mut [0; 10]).unwrap();
        }
    }
    assert_eq!(count, 8);
}

#[test]
fn every_compression_is_read() {
    use Compression::{Gzip, None, Xz, Zstd};
    for (kind, ending) in [(None, ""), (Gzip, ".gz"), (Xz, ".xz"), (Zstd, ".zst")] {
        let data = sample::compressed(kind, &Tar::new().file("./a", 0o644, b"a").end());
        let name = format!("data.tar{ending}");
        let control = sample::control(FIELDS, &[]);
        let deb = sample::ar(&[
            ("debian-binary/", b"2.0\n"),
            ("control.tar.xz", &control),
            (&name, &data),
        ]);
        check(&deb, Limits::ARCHIVE).unwrap();
    }
}

#[test]
fn a_path_that_leaves_the_package_is_refused() {
    for name in ["./../x", "/etc/passwd", "../x", "./a/../../x", "./a//b", "./usr/./x", ""] {
        let error = refused_data(Tar::new().file(name, 0o644, b""));
        let DebError::Tar { source, .. } = error else { panic!("{name}: {error}") };
        assert!(matches!(source.why, TarFault::Path { .. }), "{name}: {source}");
    }
    let outside = Tar::new().file("./a", 0o644, b"").hardlink("./b", "../a");
    assert!(matches!(refused_data(outside), DebError::Tar { .. }));
}

#[test]
fn a_hard_link_needs_a_file_before_it() {
    let loose = [
        Tar::new().hardlink("./b", "./a").file("./a", 0o644, b""),
        Tar::new().hardlink("./a", "./a"),
        Tar::new().directory("./a").hardlink("./b", "./a"),
        Tar::new().symlink("./a", "b").hardlink("./b", "./a"),
    ];
    for tar in loose {
        assert!(matches!(refused_data(tar), DebError::LooseHardlink { .. }));
    }
}

#[test]
fn device_nodes_are_refused_unless_asked_for() {
    for kind in [b'3', b'4'] {
        let header = Header { kind, name: b"./null", device: (1, 3), ..Header::default() };
        let deb = with_data(&Tar::new().entry(&header, b"").end());
        assert!(matches!(refused(&deb), DebError::Device { .. }));
        let (_, mut members) =
            open(deb.as_slice(), Limits { devices: Devices::Taken, ..Limits::ARCHIVE }).unwrap();
        members.next_member().unwrap();
        let found = members.next_member().unwrap().unwrap().kind;
        assert!(matches!(found, MemberKind::CharDevice(1, 3) | MemberKind::BlockDevice(1, 3)));
    }
}

#[test]
fn the_same_path_twice_is_refused() {
    let error = refused_data(Tar::new().file("./a", 0o644, b"1").file("./a", 0o644, b"2"));
    assert!(matches!(error, DebError::Twice { path } if path == "a"));
    assert!(matches!(refused_data(Tar::new().directory("./")), DebError::Twice { .. }));
}

#[test]
fn a_member_of_ten_gibibytes_is_refused_before_it_is_read() {
    let header = Header { size: 10 << 30, ..Header::default() };
    let error = refused(&with_data(&Tar::new().entry(&header, b"").open_end()));
    assert!(matches!(error, DebError::FileTooLarge { len_bytes, .. } if len_bytes == 10 << 30));
}

#[test]
fn an_xz_bomb_is_stopped() {
    let bomb = sample::compressed(Compression::Xz, &vec![0; 70 << 20]);
    let header = Header { size: 70 << 20, ..Header::default() };
    let deb = |data: &[u8]| sample::deb(&sample::control(FIELDS, &[]), data);
    let limits = Limits { ratio: 2, ..Limits::ARCHIVE };
    let tar = Tar::new().entry(&header, &vec![0; 70 << 20]).end();
    let packed = sample::compressed(Compression::Xz, &tar);
    check(&deb(&packed), Limits { ratio: 1_000_000, ..Limits::ARCHIVE }).unwrap();
    for (data, limits) in [(&bomb, limits), (&packed, limits), (&packed, Limits::ARCHIVE)] {
        let error = check(&deb(data), limits).unwrap_err();
        let is_large = |source: &UnpackError| matches!(source, UnpackError::TooLarge { .. });
        assert!(matches!(&error, DebError::Unpack { source, .. } if is_large(source)), "{error:?}");
    }
    let limits = Limits { control_bytes: 4096, ..Limits::ARCHIVE };
    let error = check(&sample::package("sample", Tar::new()), limits);
    assert!(error.is_ok());
    let large = sample::control(FIELDS, &[("md5sums", &[b'x'; 5000])]);
    let error = check(&sample::deb(&large, &bomb), limits).unwrap_err();
    assert!(matches!(error, DebError::Unpack { part, .. } if part == "control.tar.xz"));
}

#[test]
fn too_many_entries_are_refused() {
    let limits = Limits { entries: 2, ..Limits::ARCHIVE };
    let deb = sample::package("sample", Tar::new().directory("./a"));
    check(&deb, limits).unwrap();
    let deb = sample::package("sample", Tar::new().directory("./a").directory("./b"));
    assert!(matches!(check(&deb, limits).unwrap_err(), DebError::TooManyEntries { limit: 2 }));
}

#[test]
fn the_outer_members_have_their_order() {
    let (control, data) =
        (sample::control(FIELDS, &[]), sample::compressed(Compression::Xz, &Tar::new().end()));
    let binary: (&str, &[u8]) = ("debian-binary", b"2.0\n");
    let (control, data) = (("control.tar.xz", &*control), ("data.tar.xz", &*data));
    let order = [
        vec![],
        vec![binary],
        vec![control, data],
        vec![binary, data, control],
        vec![binary, control],
        vec![binary, control, control, data],
        vec![binary, control, data, data],
        vec![binary, control, data, ("_gpgorigin", b"x")],
        vec![binary, ("control.tar.bz2", control.1), data],
    ];
    for members in order {
        let error = refused(&sample::ar(&members));
        assert!(matches!(error, DebError::Order { .. }), "{error}");
    }
    let old = sample::ar(&[("debian-binary", b"1.0\n"), control, data]);
    assert!(matches!(refused(&old), DebError::Format(_)));
}

#[test]
fn bytes_after_any_end_are_refused() {
    let tar = Tar::new().end();
    let xz = |tar: &[u8]| sample::compressed(Compression::Xz, tar);
    let deb = |data: &[u8]| sample::deb(&sample::control(FIELDS, &[]), data);
    check(&deb(&xz(&tar)), Limits::ARCHIVE).unwrap();
    check(&deb(&xz(&[&tar[..], &[0; 9216]].concat())), Limits::ARCHIVE).unwrap();
    let after_tar = [&tar[..], &[1; 512]].concat();
    assert!(matches!(refused(&deb(&xz(&after_tar))), DebError::Tar { .. }));
    let after_xz = [&xz(&tar)[..], b"\0\0\0\0"].concat();
    assert!(matches!(refused(&deb(&after_xz)), DebError::Unpack { .. }));
    let after_file = [&deb(&xz(&tar))[..], b"garbage"].concat();
    assert!(matches!(refused(&after_file), DebError::Ar(_)));
}

#[test]
fn a_control_half_must_name_its_package() {
    use ControlPartError as Part;
    let part = |control: &[u8]| {
        let deb = sample::deb(control, &sample::compressed(Compression::Xz, &Tar::new().end()));
        let DebError::Control(error) = refused(&deb) else { panic!() };
        error
    };
    let fields = |text: &str| part(&sample::control(text, &[]));
    assert!(matches!(fields(""), Part::Fields(_)));
    assert!(matches!(fields("Package: a\nPackage: b\n"), Part::Fields(_)));
    assert!(matches!(fields("Package: ab\nVersion: 1\n"), Part::NoField("Architecture")));
    assert!(matches!(fields("Package: ab\n\nVersion: 1\n"), Part::Fields(_)));
    assert!(matches!(fields("Package: ../a\nVersion: 1\nArchitecture: all\n"), Part::Name(_)));
    assert!(matches!(fields("Package: ab\nVersion: 1_\nArchitecture: all\n"), Part::Version(_)));
    let conffiles = |list: &[u8]| part(&sample::control(FIELDS, &[("conffiles", list)]));
    assert!(matches!(conffiles(b"etc/relative\n"), Part::Conffile(_)));
    assert!(matches!(conffiles(b"/etc/../x\n"), Part::Conffile(_)));
    let xz = |tar: Tar| sample::compressed(Compression::Xz, &tar.end());
    assert!(matches!(part(&xz(Tar::new())), Part::Missing));
    assert!(matches!(part(&xz(Tar::new().symlink("./control", "x"))), Part::Entry { .. }));
    assert!(matches!(part(&xz(Tar::new().directory("./DEBIAN"))), Part::Entry { .. }));
    let twice = Tar::new().file("./control", 0o644, b"").file("./control", 0o644, b"");
    assert!(matches!(part(&xz(twice)), Part::Files { .. }));
}

#[test]
fn a_package_cut_anywhere_is_refused() {
    let deb = everything();
    check(&deb, Limits::ARCHIVE).unwrap();
    for cut in 0..deb.len() {
        // A last byte that only pads may be missing.
        let padding = cut + 1 == deb.len() && deb[cut] == b'\n';
        assert!(padding || check(&deb[..cut], Limits::ARCHIVE).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_is_refused_or_changes_nothing() {
    let read = |deb: &[u8]| -> Result<_, DebError> {
        let (control, mut members) = open(deb, Limits::ARCHIVE)?;
        let mut all = Vec::new();
        while let Some(member) = members.next_member()? {
            let mut content = Vec::new();
            members.read_to_end(&mut content)?;
            all.push((member, content));
        }
        Ok((control, all))
    };
    let deb = everything();
    let whole = read(&deb).unwrap();
    for place in 0..deb.len() {
        let mut flipped = deb.clone();
        flipped[place] ^= 1 << (place % 8);
        if let Ok(other) = read(&flipped) {
            assert!(other == whole, "bit of byte {place}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_give_a_package_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(check(&bytes, Limits::ARCHIVE));
        let ar = sample::ar(&[("debian-binary", b"2.0\n"), ("control.tar", &bytes), ("data.tar", &bytes)]);
        drop(check(&ar, Limits::ARCHIVE));
        drop(check(&[b"!<arch>\n", bytes.as_slice()].concat(), Limits::ARCHIVE));
    }
}
