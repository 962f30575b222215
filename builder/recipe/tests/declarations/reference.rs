//! `docs/RECIPES.md` names every key and word, and its examples are right.

use std::path::Path;

use recipe::declared::{Part, Purpose};
use recipe::image::{Codec, Output};
use recipe::keys::SECTIONS;
use recipe::load::{parse_image, parse_recipe};

use crate::world::Files;

fn reference() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/RECIPES.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_key_is_in_the_reference() {
    let text = reference();
    for section in SECTIONS {
        for key in section.keys {
            let rows = text.lines().filter(|line| line.starts_with("| `"));
            let cells = rows.filter_map(|line| line.split('|').nth(1));
            let mut cells = cells.filter(|cell| cell.contains(&format!("`{key}`")));
            assert!(cells.next().is_some(), "`{key}` of {} has no row", section.title);
        }
    }
}

#[test]
fn every_table_is_in_the_reference() {
    let text = reference();
    for section in SECTIONS.iter().filter(|section| section.header.starts_with('[')) {
        assert!(text.contains(&format!("`{}`", section.header)), "{} is missing", section.header);
    }
}

#[test]
fn every_word_is_in_the_reference() {
    let text = reference();
    let words = Purpose::ALL.iter().map(|(word, _)| *word);
    let words = words.chain(Part::ALL.iter().map(|(word, _)| *word));
    let words = words.chain(Output::ALL.iter().map(|(word, _)| *word));
    let words = words.chain(Codec::ALL.iter().map(|(word, _)| *word));
    for word in words {
        assert!(text.contains(&format!("`\"{word}\"`")), "the word \"{word}\" is missing");
    }
}

#[test]
fn every_example_is_right() {
    let beside = "recipes/example/files/config.toml".to_owned();
    let shelf = Files::from([(beside, b"x".to_vec())]);
    let text = reference();
    let examples: Vec<&str> =
        text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > 8);
    for example in examples {
        let summary = if example.starts_with("summary") { "" } else { "summary = \"x\"\n" };
        let bytes = format!("{summary}{example}").into_bytes();
        let answer = if example.contains("\nkind = ") {
            parse_image("example", &bytes).map(|_| ())
        } else {
            parse_recipe("example", &bytes, &shelf).map(|_| ())
        };
        answer.unwrap_or_else(|rejected| panic!("\n{}", rejected.render()));
    }
}
