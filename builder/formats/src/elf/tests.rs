#![allow(
    clippy::as_conversions,
    clippy::let_underscore_must_use,
    reason = "samples are laid out byte by byte, and some parsers are only asked not to panic"
)]

use proptest::prelude::*;

use super::*;

/// Writes ELF files as a linker would, small: headers, then one loaded segment with everything.
struct Linker {
    wide: bool,
    big_endian: bool,
    object: u16,
    machine: u16,
    interpreter: Option<&'static str>,
    dynamic: Option<Vec<(u64, u64)>>,
    strings: Vec<u8>,
    notes: Vec<(&'static [u8], u32, Vec<u8>)>,
}

impl Linker {
    fn new() -> Self {
        Self {
            wide: true,
            big_endian: false,
            object: 3,
            machine: 62,
            interpreter: None,
            dynamic: None,
            strings: vec![0],
            notes: Vec::new(),
        }
    }

    fn text(mut self, tag: u64, text: &str) -> Self {
        let value = self.strings.len() as u64;
        self.strings.extend(text.bytes().chain([0]));
        self.tag(tag, value)
    }

    fn tag(mut self, tag: u64, value: u64) -> Self {
        self.dynamic.get_or_insert_default().push((tag, value));
        self
    }

    fn note(mut self, owner: &'static [u8], kind: u32, description: &[u8]) -> Self {
        self.notes.push((owner, kind, description.to_vec()));
        self
    }

    fn number(&self, value: u64, width: usize) -> Vec<u8> {
        if self.big_endian {
            value.to_be_bytes()[8 - width..].to_vec()
        } else {
            value.to_le_bytes()[..width].to_vec()
        }
    }

    fn word(&self, value: u64) -> Vec<u8> {
        self.number(value, if self.wide { 8 } else { 4 })
    }

    fn segment(&self, kind: u64, at: u64, size: u64) -> Vec<u8> {
        let (kind, flags) = (self.number(kind, 4), self.number(4, 4));
        let place = [at, at, at, size, size].map(|value| self.word(value)).concat();
        let align = self.word(4);
        match self.wide {
            true => [kind, flags, place, align].concat(),
            false => [kind, place, flags, align].concat(),
        }
    }

    fn note_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (owner, kind, description) in &self.notes {
            for number in [owner.len() as u64, description.len() as u64, u64::from(*kind)] {
                bytes.extend(self.number(number, 4));
            }
            for part in [*owner, description] {
                bytes.extend(part);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
        }
        bytes
    }

    fn link(&self) -> Vec<u8> {
        let header_bytes = if self.wide { 64 } else { 52 };
        let row_bytes = if self.wide { 56 } else { 32 };
        let body = header_bytes + 4 * row_bytes;
        let interpreter: Vec<u8> =
            self.interpreter.iter().flat_map(|text| text.bytes().chain([0])).collect();
        let notes = self.note_bytes();
        let strings_at = (body + interpreter.len() + notes.len()) as u64;
        let mut pairs = self.dynamic.clone().unwrap_or_default();
        pairs.extend([(5, strings_at), (10, self.strings.len() as u64), (0, 0)]);
        let dynamic: Vec<u8> = pairs
            .iter()
            .flat_map(|(tag, value)| [self.word(*tag), self.word(*value)].concat())
            .collect();
        let dynamic_at = strings_at + self.strings.len() as u64;
        let end = dynamic_at + dynamic.len() as u64;
        let absent = |there: bool, kind: u64| if there { kind } else { 0 };
        let body = body as u64;
        let rows = [
            self.segment(1, 0, end),
            self.segment(absent(self.interpreter.is_some(), 3), body, interpreter.len() as u64),
            self.segment(4, body + interpreter.len() as u64, notes.len() as u64),
            self.segment(absent(self.dynamic.is_some(), 2), dynamic_at, dynamic.len() as u64),
        ];
        let class = if self.wide { 2 } else { 1 };
        let order = if self.big_endian { 2 } else { 1 };
        let mut file = vec![0x7f, b'E', b'L', b'F', class, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for value in [self.object, self.machine] {
            file.extend(self.number(value.into(), 2));
        }
        file.extend(self.number(1, 4));
        for value in [0, header_bytes as u64, 0] {
            file.extend(self.word(value));
        }
        file.extend(self.number(0, 4));
        for value in [header_bytes as u64, row_bytes as u64, 4, 0, 0, 0] {
            file.extend(self.number(value, 2));
        }
        assert_eq!(file.len(), header_bytes);
        [file, rows.concat(), interpreter, notes, self.strings.clone(), dynamic].concat()
    }

    fn read(&self) -> ElfFacts {
        ElfFacts::read(&self.link()).unwrap().unwrap()
    }
}

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

fn program() -> Linker {
    Linker { interpreter: Some(LOADER), ..Linker::new() }
        .text(NEEDED, "liba.so.1")
        .text(NEEDED, "libc.so.6")
        .text(RUNPATH, "$ORIGIN/../lib")
        .tag(FLAGS_1, POSITION_INDEPENDENT_PROGRAM)
}

#[test]
fn a_program_names_its_loader_and_its_libraries_in_order() {
    let facts = program().read();
    assert_eq!(facts.machine, Machine::of(Arch::X86_64));
    assert_eq!(facts.object, ObjectType::Shared);
    assert_eq!(facts.linkage, Linkage::Dynamic);
    assert_eq!(facts.interpreter.as_deref(), Some(LOADER));
    assert_eq!(facts.needed, ["liba.so.1", "libc.so.6"]);
    assert_eq!(facts.runpath.as_deref(), Some("$ORIGIN/../lib"));
}

#[test]
fn a_library_has_its_name_and_search_path() {
    let linker = Linker::new().text(SONAME, "libx.so.3").text(RPATH, "/opt/lib");
    let facts = linker.tag(FLAGS_1, NO_DEFAULT_LIBRARIES).read();
    assert_eq!(facts.soname.as_deref(), Some("libx.so.3"));
    assert_eq!(facts.rpath.as_deref(), Some("/opt/lib"));
    assert!(facts.no_default_directories);
    assert!(!facts.is_dynamic_program());
}

#[test]
fn a_static_program_is_told_from_one_that_relocates_itself() {
    assert_eq!(Linker { object: 2, ..Linker::new() }.read().linkage, Linkage::Static);
    let pie = Linker::new().tag(FLAGS_1, POSITION_INDEPENDENT_PROGRAM);
    assert_eq!(pie.read().linkage, Linkage::StaticPie);
    assert_eq!(Linker::new().text(SONAME, "libx.so").read().linkage, Linkage::Dynamic);
}

#[test]
fn both_classes_and_byte_orders_are_read() {
    for (wide, big_endian) in [(true, false), (true, true), (false, false), (false, true)] {
        let facts = Linker { wide, big_endian, machine: 20, ..program() }.read();
        assert_eq!(facts.machine, Machine { number: 20, wide, big_endian });
        assert_eq!(facts.needed.len(), 2, "{wide} {big_endian}");
    }
}

#[test]
fn the_build_id_is_hexadecimal() {
    let linker = Linker::new().note(b"GNU\0", 1, &[1; 16]).note(b"GNU\0", 3, &[0xde, 0xad, 1]);
    assert_eq!(linker.read().build_id.as_deref(), Some("dead01"));
}

#[test]
fn dlopen_notes_are_read_with_their_priority() {
    let text = br#"[{"soname":["liblz4.so.1"],"feature":"lz4","priority":"suggested"},
                    {"soname":["libz.so.2","libz.so.1"],"x":[1]}]"#;
    let linker = Linker::new().note(dlopen::OWNER, dlopen::TYPE, text);
    let found = linker.read().dlopen;
    assert_eq!(found[0].feature, "lz4");
    assert_eq!(found[0].priority, Priority::Suggested);
    assert_eq!(found[1].soname, ["libz.so.2", "libz.so.1"]);
    assert_eq!(found[1].priority, Priority::Recommended);
}

#[test]
fn dlopen_notes_of_another_shape_are_refused() {
    let texts = [
        "",
        "{}",
        "[{}]",
        r#"[{"soname":[]}]"#,
        r#"[{"soname":["a\u0000b"]}]"#,
        r#"[{"soname":["a"],"priority":"urgent"}]"#,
        &"[".repeat(100_000),
    ];
    for text in texts {
        let result = parse_dlopen(text.as_bytes());
        assert!(matches!(result, Err(ElfError::BadDlopen { .. })), "{text:.40}");
    }
}

#[test]
fn other_files_are_none() {
    for bytes in [b"".as_slice(), b"\x7fEL", b"#!/bin/sh\n", &[0; 200]] {
        assert_eq!(ElfFacts::read(bytes), Ok(None));
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let whole = program().note(b"GNU\0", 3, &[1; 20]).link();
    for len in 4..whole.len() {
        let result = ElfFacts::read(&whole[..len]);
        assert!(result.is_err(), "{len} of {} bytes: {result:?}", whole.len());
    }
}

#[test]
fn a_string_without_its_end_is_an_error() {
    let mut linker = program();
    linker.strings.pop();
    assert_eq!(ElfFacts::read(&linker.link()), Err(ElfError::Short { what: "string" }));
}

#[test]
fn facts_survive_being_kept() {
    let note = br#"[{"soname":["liba.so"],"priority":"required"}]"#;
    let facts = program().note(dlopen::OWNER, dlopen::TYPE, note).read();
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<ElfFacts>(&text).unwrap(), facts);
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer(mut bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = ElfFacts::read(&bytes);
        bytes.splice(0..0, *b"\x7fELF\x02\x01");
        let _ = ElfFacts::read(&bytes);
    }

    #[test]
    fn any_change_of_a_real_file_is_an_answer(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let note = br#"[{"soname":["liba.so"],"priority":"required"}]"#;
        let mut bytes = program().note(dlopen::OWNER, dlopen::TYPE, note).link();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = ElfFacts::read(&bytes);
    }

    #[test]
    fn any_bytes_as_a_dlopen_note_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_dlopen(&bytes);
    }
}
