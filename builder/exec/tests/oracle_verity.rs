//! What we write is what `veritysetup format` writes, to the byte, and `veritysetup verify` agrees.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "what fails here is to fail loudly"
)]

mod reference;

use std::fs;

use contract::digest::Digest;
use contract::partition::Guid;
use reference::{folder, run};

const UUID: Guid = Guid(0x3b2c1d0e_aabb_4cdd_8eff_001122334455);

/// Bytes with no two equal blocks.
fn data(blocks: usize) -> Vec<u8> {
    let block = |number: usize| Digest::of(&number.to_le_bytes()).as_bytes().repeat(128);
    (0..blocks).flat_map(block).collect()
}

fn check(blocks: usize, salt: &[u8]) {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let data = data(blocks);
    fs::write(at("data"), &data).unwrap();
    fs::write(at("theirs"), "").unwrap();

    let mut ours = Vec::new();
    let root_hash =
        formats::verity::write(&mut &*data, data.len() as u64, salt, UUID, &mut ours).unwrap();
    fs::write(at("ours"), &ours).unwrap();

    let salt = match salt {
        [] => "-".to_owned(),
        salt => salt.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let arguments = ["format", "data", "theirs", "--uuid", &UUID.to_string(), "--salt", &salt]
        .map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let printed = run(folder.path(), "veritysetup", &arguments);
    assert!(printed.contains(&root_hash.to_string()), "{root_hash}\n{printed}");
    assert!(fs::read(at("theirs")).unwrap() == ours, "{blocks} blocks, salt {salt}");
    run(folder.path(), "veritysetup", &["verify", "data", "ours", &root_hash.to_string()]);
}

#[test]
fn trees_of_every_depth_are_those_of_veritysetup() {
    for blocks in [1, 2, 127, 128, 129, 1000, 128 * 128, 128 * 128 + 1] {
        check(blocks, &[0x5a; 32]);
    }
}

#[test]
fn salts_of_every_length_are_those_of_veritysetup() {
    for len in [0, 1, 255, 256] {
        check(300, &vec![0xc3; len]);
    }
}
