use super::super::sample::{Header as Sample, Tar};
use super::*;
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, TarError> {
    let mut reader = Reader::new(bytes);
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut content = Vec::new();
        let mut buffer = [0; 100];
        loop {
            match reader.read_content(&mut buffer)? {
                0 => break,
                read => content.extend_from_slice(&buffer[..read]),
            }
        }
        all.push((entry, content));
    }
    Ok(all)
}

fn fault(tar: Tar) -> TarFault {
    read(&tar.end()).unwrap_err().why
}

/// The block of an entry, changed at one place, with a fitting sum.
fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut block = Sample::default().block();
    block.splice(at..at + bytes.len(), bytes.iter().copied());
    block.splice(148..156, *b"        ");
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block.splice(148..155, format!("{sum:06o}\0").into_bytes());
    block
}

#[test]
fn numbers_are_octal_or_base_256() {
    let large = changed(108, &[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe]);
    let all = read(&Tar::default().raw(&large).end()).unwrap();
    assert_eq!(all[0].0.uid, 0xffff_fffe);
    let blank = changed(116, b"   17 \0\0");
    assert_eq!(read(&Tar::default().raw(&blank).end()).unwrap()[0].0.gid, 0o17);
    let negative: &[u8] = &[0xff; 8];
    let wide: &[u8] = &[0x80, 0, 0, 1, 0, 0, 0, 0];
    for wrong in [negative, wide, b"0000018\0", b"+000017\0", b"-1\0\0\0\0\0\0"] {
        let error = fault(Tar::default().raw(&changed(108, wrong)));
        assert!(matches!(error, TarFault::Number("uid")), "{error}");
    }
    let mode = fault(Tar::default().raw(&changed(100, b"1000000\0")));
    assert!(matches!(mode, TarFault::Number("mode")));
    let huge = fault(
        Tar::default().raw(&changed(124, &[0x80, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255])),
    );
    assert!(matches!(huge, TarFault::Number("size")));
}

#[test]
fn a_ustar_prefix_comes_before_the_name() {
    let mut block = changed(345, b"usr/share");
    block.splice(257..265, *b"ustar\x0000");
    block.splice(0..7, *b"doc/x\0\0");
    block.splice(148..156, *b"        ");
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block.splice(148..155, format!("{sum:06o}\0").into_bytes());
    assert_eq!(read(&Tar::default().raw(&block).end()).unwrap()[0].0.path, "usr/share/doc/x");
}

#[test]
fn a_wrong_sum_or_magic_is_refused() {
    let mut block = Sample::default().block();
    block[0] ^= 1;
    assert!(matches!(fault(Tar::default().raw(&block)), TarFault::Sum));
    assert!(matches!(fault(Tar::default().raw(&changed(257, b"x"))), TarFault::Magic));
}

#[test]
fn pax_records_replace_the_header() {
    let long = format!("./{}", "a/".repeat(200));
    let target = "t".repeat(300);
    let tar = Tar::default()
        .pax(&[
            ("path", long.as_bytes()),
            ("linkpath", target.as_bytes()),
            ("uid", b"4000000000"),
            ("gid", b"7"),
            ("uname", b"who"),
            ("gname", b"group"),
            ("atime", b"1.5"),
            ("comment", b"with = and\nbreak"),
        ])
        .symlink("./short", "short");
    let (entry, _) = read(&tar.end()).unwrap().remove(0);
    assert_eq!(entry.path, long.trim_start_matches("./").trim_end_matches('/'));
    assert_eq!(entry.kind, EntryKind::Symlink(target));
    assert_eq!((entry.uid, entry.gid), (4_000_000_000, 7));
    assert_eq!((entry.uname.as_str(), entry.gname.as_str()), ("who", "group"));
    let sized = Tar::default().pax(&[("size", b"3")]).entry(&Sample::default(), b"abc");
    assert_eq!(read(&sized.end()).unwrap()[0].1, b"abc");
}

#[test]
fn a_keyword_that_would_change_the_meaning_is_refused() {
    for keyword in ["GNU.sparse.size", "SCHILY.acl.access", "hdrcharset", "", "SCHILY.xattr."] {
        let error = fault(Tar::default().pax(&[(keyword, b"1")]).directory("./a"));
        assert!(matches!(error, TarFault::PaxKeyword(_)), "{keyword}: {error}");
    }
    let twice = Tar::default().pax(&[("uid", b"1"), ("uid", b"2")]).directory("./a");
    assert!(matches!(fault(twice), TarFault::StrayMeta));
    let twice = Tar::default().pax(&[("uid", b"1")]).pax(&[("gid", b"2")]).directory("./a");
    assert!(matches!(fault(twice), TarFault::StrayMeta));
    let twice = Tar::default().pax(&[("path", b"b")]).long(b'L', "c").directory("./a");
    assert!(matches!(fault(twice), TarFault::StrayMeta));
    assert!(matches!(fault(Tar::default().long(b'L', "c")), TarFault::StrayMeta));
    let number = fault(Tar::default().pax(&[("uid", b"-1")]).directory("./a"));
    assert!(matches!(number, TarFault::Number("uid")));
}

#[test]
fn a_record_that_is_none_is_refused() {
    for content in [&b"x"[..], b"99 a=b\n", b"6 a=bc", b"4 a\n", b"+6 a=b\n", b"0 a=b\n"] {
        let size = u64::try_from(content.len()).unwrap();
        let header = Sample { kind: b'x', size, ..Sample::default() };
        let error = fault(Tar::default().entry(&header, content).directory("./a"));
        assert!(matches!(error, TarFault::PaxRecord), "{content:?}: {error}");
    }
}

#[test]
fn long_metadata_is_refused_before_it_is_read() {
    for kind in [b'x', b'L', b'K'] {
        let header = Sample { kind, size: 1 << 40, ..Sample::default() };
        let error = fault(Tar::default().raw(&header.block()));
        assert!(matches!(error, TarFault::LongMeta { .. }), "{error}");
    }
}

#[test]
fn kinds_without_a_use_are_refused() {
    for kind in *b"g7SVMDNX" {
        let error = fault(Tar::default().entry(&Sample { kind, ..Sample::default() }, b""));
        assert!(matches!(error, TarFault::Kind { .. }), "{kind}");
    }
    for kind in *b"123456" {
        let (size, target) = (1, b"./a".as_slice());
        let header = Sample { kind, size, target, ..Sample::default() };
        assert!(matches!(
            fault(Tar::default().entry(&header, b"x")),
            TarFault::ContentOfNonFile { .. }
        ));
    }
    let fifo = Tar::default().entry(&Sample { kind: b'6', ..Sample::default() }, b"");
    assert_eq!(read(&fifo.end()).unwrap()[0].0.kind, EntryKind::Fifo);
    assert!(matches!(fault(Tar::default().symlink("./a", "")), TarFault::Target { .. }));
}

#[test]
fn names_are_utf8() {
    let error = fault(Tar::default().entry(&Sample { name: b"./\xff", ..Sample::default() }, b""));
    assert!(matches!(error, TarFault::NotUtf8("name")));
    let error = fault(Tar::default().pax(&[("path", b"\xff")]).directory("./a"));
    assert!(matches!(error, TarFault::NotUtf8("path")));
}

#[test]
fn the_end_is_two_blocks_of_zeros_and_nothing_after_them() {
    let open = Tar::new().open_end();
    let with = |zeros: usize| [&open[..], &vec![0; zeros]].concat();
    for zeros in [0, 511, 512, 1000, 1025] {
        assert!(matches!(read(&with(zeros)).unwrap_err().why, TarFault::Truncated), "{zeros}");
    }
    for zeros in [1024, 1536, 10240] {
        assert_eq!(read(&with(zeros)).unwrap().len(), 1);
    }
    let error = read(&[with(1024), vec![1; 512]].concat()).unwrap_err();
    assert!(matches!(error.why, TarFault::Trailing));
}

proptest! {
    #[test]
    fn any_bytes_give_entries_or_an_error(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..3000),
        places in proptest::collection::vec((0_usize..3000, any::<u8>()), 0..4),
    ) {
        drop(read(&bytes));
        bytes = Tar::new().pax(&[("uid", b"1")]).file("./a", 0o644, b"a").long(b'L', "./b").directory("./b").end();
        for (place, byte) in places {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        drop(read(&bytes));
    }
}
