//! The text of an `image.toml` → [`Image`].

use std::collections::BTreeSet;

use contract::arch::Arch;

use super::names;
use super::recipe::arch_words;
use super::table::{Reader, Table, short};
use crate::diagnostic::Problem;
use crate::image::{
    Bootable, Budgets, Codec, Compression, Image, Kind, Level, Named, Output, Slots, Suite, Tools,
};
use crate::keys::{self, Section};

const MIB: u64 = 1 << 20;

/// Keys that only one kind of image has.
const BOOTABLE_KEYS: &[&str] = &["outputs", "slots", "budgets", "compression", "firmware"];
const TOOLS_KEYS: &[&str] = &["targets"];

#[derive(Clone, Copy)]
enum Word {
    Bootable,
    Tools,
}

/// Reads the top table of an image.
pub(crate) fn image(reader: &mut Reader<'_>, top: Table<'_>, name: &str) -> Image {
    let word = reader
        .need_text(top, "kind")
        .and_then(|text| {
            reader.word("kind", &text, &[("bootable", Word::Bootable), ("tools", Word::Tools)])
        })
        .unwrap_or(Word::Tools);
    if top.get("kind").is_some() {
        foreign_keys(reader, top, word);
    }
    let kind = match word {
        Word::Bootable => Kind::Bootable(bootable(reader, top)),
        Word::Tools => Kind::Tools(Tools { targets: architectures(reader, top, "targets") }),
    };
    if top.get("architectures").is_none() {
        reader.missing(top, "architectures");
    }
    Image {
        name: name.to_owned(),
        summary: reader.sentence(top, "summary"),
        kind,
        recipes: named(reader, top, "recipes"),
        firmware: named(reader, top, "firmware"),
        architectures: architectures(reader, top, "architectures"),
        suites: suites(reader, top),
        place: reader.place(0..0),
    }
}

fn foreign_keys(reader: &mut Reader<'_>, top: Table<'_>, word: Word) {
    let (foreign, other) = match word {
        Word::Bootable => (TOOLS_KEYS, "kind = \"bootable\""),
        Word::Tools => (BOOTABLE_KEYS, "kind = \"tools\""),
    };
    for key in foreign {
        if let Some(value) = top.get(key) {
            let problem = Problem::NotBeside { key: (*key).into(), other: other.into() };
            reader.report(value.span(), problem, Some(format!("leave `{key}` out")));
        }
    }
}

fn named(reader: &mut Reader<'_>, top: Table<'_>, key: &'static str) -> Vec<Named> {
    let texts = match key {
        "recipes" => reader.need_texts(top, key),
        _ => reader.texts(top, key),
    };
    let named = |text: super::Text<'_>| Named {
        place: reader.place(text.span.clone()),
        name: reader.checked(&text, "a recipe's name", names::is_plain),
    };
    texts.into_iter().map(named).collect()
}

fn architectures(reader: &mut Reader<'_>, top: Table<'_>, key: &'static str) -> Vec<Arch> {
    let texts = reader.texts(top, key);
    let mut list: Vec<Arch> =
        texts.iter().filter_map(|text| reader.word(key, text, &arch_words())).collect();
    list.sort_unstable();
    list
}

fn bootable(reader: &mut Reader<'_>, top: Table<'_>) -> Bootable {
    let mut outputs: Vec<Output> = reader
        .need_texts(top, "outputs")
        .iter()
        .filter_map(|text| reader.word("outputs", text, &Output::ALL))
        .collect();
    outputs.sort_unstable();
    let slots = below(reader, top, "slots", &keys::SLOTS).map(|table| slots(reader, table));
    let slots =
        slots.unwrap_or(Slots { root_bytes: 0, verity_bytes: 0, esp_bytes: 0, state_bytes: 0 });
    let budgets = below(reader, top, "budgets", &keys::BUDGETS).map(|table| {
        let budgets = Budgets {
            root_bytes: reader.size(table, "root"),
            uki_bytes: reader.size(table, "uki"),
            uki_aarch64_bytes: table.get("uki-aarch64").map(|_| reader.size(table, "uki-aarch64")),
            init_bytes: reader.size(table, "init"),
        };
        room(reader, table, slots, budgets);
        budgets
    });
    let budgets = budgets.unwrap_or(Budgets {
        root_bytes: 0,
        uki_bytes: 0,
        uki_aarch64_bytes: None,
        init_bytes: 0,
    });
    let compression = below(reader, top, "compression", &keys::COMPRESSION)
        .map(|table| Compression {
            dev: level(reader, table, "dev"),
            release: level(reader, table, "release"),
        })
        .unwrap_or(Compression { dev: NO_LEVEL, release: NO_LEVEL });
    Bootable { outputs, slots, budgets, compression }
}

/// A table that must be there.
fn below<'a>(
    reader: &mut Reader<'_>,
    table: Table<'a>,
    key: &'static str,
    section: &'static Section,
) -> Option<Table<'a>> {
    match table.get(key) {
        Some(value) => reader.as_table(key, value, section),
        None => {
            reader.missing(table, key);
            None
        }
    }
}

fn slots(reader: &mut Reader<'_>, table: Table<'_>) -> Slots {
    let mut size = |key: &'static str| {
        let bytes = reader.size(table, key);
        if !bytes.is_multiple_of(MIB) {
            let span = table.get(key).map_or(table.span(), toml::Spanned::span);
            let found = format!("{bytes} bytes");
            let what = "a whole number of MiB, as partitions are aligned";
            reader.report(span, Problem::Malformed { what, found }, None);
        }
        bytes
    };
    Slots {
        root_bytes: size("root"),
        verity_bytes: size("verity"),
        esp_bytes: size("esp"),
        state_bytes: size("state"),
    }
}

/// Whether what the budgets allow has room in the slots.
fn room(reader: &mut Reader<'_>, table: Table<'_>, slots: Slots, budgets: Budgets) {
    // One hash of 32 bytes for each 4 KiB, and one for each 4 KiB of hashes, and so on: less than
    // a 127th in all, and one block for the superblock.
    let verity_bytes = slots.root_bytes.div_ceil(127) + 4096;
    // The kernel that runs, the one being written, and the boot loader.
    let uki_bytes = budgets.uki_bytes.max(budgets.uki_aarch64_bytes.unwrap_or(0));
    let esp_bytes = uki_bytes.saturating_mul(2).saturating_add(MIB);
    let checks = [
        ("the root's budget does not fit the slot", budgets.root_bytes, slots.root_bytes),
        ("a full root's hash tree does not fit the slot", verity_bytes, slots.verity_bytes),
        ("two kernels of the budget do not fit the system partition", esp_bytes, slots.esp_bytes),
    ];
    for (what, found_bytes, bound_bytes) in checks {
        if found_bytes > bound_bytes && bound_bytes > 0 {
            let problem = Problem::DoesNotFit { what, found_bytes, bound_bytes };
            reader.report(table.span(), problem, Some("a larger slot in `[slots]`".into()));
        }
    }
}

const NO_LEVEL: Level = Level { codec: Codec::None, level: 0, cluster_bytes: 4096 };

fn level(reader: &mut Reader<'_>, table: Table<'_>, key: &'static str) -> Level {
    let Some(table) = below(reader, table, key, &keys::LEVEL) else { return NO_LEVEL };
    let codec = reader
        .need_text(table, "codec")
        .and_then(|text| reader.word("codec", &text, &Codec::ALL))
        .unwrap_or(Codec::None);
    let most = match codec {
        Codec::None => 0,
        Codec::Lz4 => 12,
        Codec::Zstd => 22,
    };
    let level = reader.integer(table, "level", (0, most)).unwrap_or(0);
    let cluster = match table.get("cluster") {
        Some(_) => reader.size(table, "cluster"),
        None => 4096,
    };
    let cluster_bytes = u32::try_from(cluster).unwrap_or(u32::MAX);
    if !cluster_bytes.is_power_of_two() || !(4096..=1 << 20).contains(&cluster_bytes) {
        let span = table.get("cluster").map_or(table.span(), toml::Spanned::span);
        let what = "a power of two from 4 KiB to 1 MiB";
        let found = format!("{cluster} bytes");
        reader.report(span, Problem::Malformed { what, found }, None);
    }
    Level { codec, level: i32::try_from(level).unwrap_or(0), cluster_bytes }
}

fn suites(reader: &mut Reader<'_>, top: Table<'_>) -> Vec<Suite> {
    if top.get("suite").is_none() {
        reader.missing(top, "suite");
    }
    let tables = reader.tables(top, "suite", &keys::SUITE);
    let mut suites: Vec<Suite> = Vec::new();
    let mut names = BTreeSet::new();
    for table in tables {
        let Some(suite) = suite(reader, table) else { continue };
        if !names.insert(suite.name.clone()) {
            let problem = Problem::Repeated { what: "suite", name: short(&suite.name) };
            reader.report(table.span(), problem, Some("put the components in one".into()));
        }
        suites.push(suite);
    }
    suites
}

fn suite(reader: &mut Reader<'_>, table: Table<'_>) -> Option<Suite> {
    let name = reader.need_text(table, "name");
    let archive = reader.text(table, "archive");
    let components = reader.need_texts(table, "components");
    let components = components
        .iter()
        .map(|text| reader.checked(text, "a component's name", names::is_suite))
        .collect();
    let only_by_name = reader.flag(table, "only-by-name").unwrap_or(false);
    let name = name?;
    let place = reader.place(name.span.clone());
    let name = reader.checked(&name, "a suite's name", names::is_suite);
    let usual = if name.ends_with("-security") { "debian-security" } else { "debian" };
    let archive = match archive {
        None => usual.to_owned(),
        Some(text) => reader.checked(&text, "an archive's name", names::is_suite),
    };
    Some(Suite { name, archive, components, only_by_name, place })
}
