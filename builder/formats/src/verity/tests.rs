use proptest::prelude::*;

use super::*;

const UUID: Guid = Guid(0x11111111_2222_3333_4444_555555555555);

/// Data that differs in every block.
fn data(blocks: usize) -> Vec<u8> {
    let block = |number: usize| number.to_le_bytes().repeat(BLOCK / size_of::<usize>());
    (0..blocks).flat_map(block).collect()
}

fn tree(data: &[u8], salt: &[u8]) -> (Vec<u8>, Digest) {
    let mut out = Vec::new();
    let root_hash = write(&mut &*data, data.len() as u64, salt, UUID, &mut out).unwrap();
    (out, root_hash)
}

fn check(data: &[u8], tree: &[u8], root_hash: &Digest) -> Result<Superblock, Error> {
    verify(&mut &*data, data.len() as u64, &mut &*tree, root_hash)
}

#[test]
fn one_block_needs_no_levels() {
    let data = data(1);
    let (tree, root_hash) = tree(&data, b"salt");
    assert_eq!(tree.len(), BLOCK);
    assert_eq!(root_hash, Digest::of(&[b"salt", data.as_slice()].concat()));
    check(&data, &tree, &root_hash).unwrap();
}

#[test]
fn a_tree_has_the_length_its_superblock_says() {
    for blocks in [2, 128, 129, 1025] {
        let data = data(blocks);
        let (tree, root_hash) = tree(&data, &[9; 32]);
        let superblock = check(&data, &tree, &root_hash).unwrap();
        assert_eq!(superblock.hash_device_bytes(), tree.len() as u64);
        assert_eq!(superblock.uuid, UUID);
    }
}

#[test]
fn the_first_damaged_block_is_named() {
    let data = data(300);
    let (tree, root_hash) = tree(&data, b"");
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let error = check(&flipped(&data, 200 * BLOCK + 5), &tree, &root_hash).unwrap_err();
    assert!(matches!(error, Error::DataBlock { block: 200 }), "{error}");
    let error = check(&data, &flipped(&tree, BLOCK + 1), &root_hash).unwrap_err();
    assert!(matches!(error, Error::RootHash { .. }), "{error}");
    let error = check(&data, &flipped(&tree, 3 * BLOCK + 1), &root_hash).unwrap_err();
    assert!(matches!(error, Error::TreeBlock { level: 1, block: 1 }), "{error}");
    let error = check(&data, &flipped(&tree, 2000), &root_hash).unwrap_err();
    assert!(matches!(error, Error::Superblock(VerityError::Reserved { .. })), "{error}");
    let error = check(&data, &tree, &Digest::of(b"another")).unwrap_err();
    assert!(matches!(error, Error::RootHash { .. }), "{error}");
}

#[test]
fn data_of_another_length_is_refused() {
    let data = data(4);
    let (tree, root_hash) = tree(&data, b"");
    let error = check(&data[..3 * BLOCK], &tree, &root_hash).unwrap_err();
    assert!(matches!(error, Error::Coverage { .. }), "{error}");
    let error = verify(&mut &data[..9], 4 * BLOCK as u64, &mut &*tree, &root_hash).unwrap_err();
    assert!(matches!(error, Error::Data(_)), "{error}");
    let error = check(&data, &tree[..tree.len() - 1], &root_hash).unwrap_err();
    assert!(matches!(error, Error::RootHash { .. } | Error::Tree(_)), "{error}");
}

#[test]
fn what_is_no_whole_number_of_blocks_is_refused() {
    let refused = |len: usize| write(&mut &*data(2), len as u64, b"", UUID, &mut io::sink());
    assert!(matches!(refused(4097), Err(Error::PartialBlock { len_bytes: 4097 })));
    assert!(matches!(refused(0), Err(Error::Superblock(VerityError::DataBlocks { found: 0 }))));
    assert!(matches!(refused(3 * BLOCK), Err(Error::Data(_))));
}

#[test]
fn the_tree_is_the_same_for_any_number_of_threads_and_any_pieces() {
    let data = data(2500);
    let (one, root_hash) = tree(&data, b"salt");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| tree(&data, b"salt")), (one.clone(), root_hash));
    let mut hasher = Hasher::new(b"salt");
    data.chunks(70_001).for_each(|piece| hasher.update(piece));
    let tree = hasher.finish(UUID).unwrap();
    let mut again = Vec::new();
    tree.write_to(&mut again).unwrap();
    assert!(again == one && tree.root_hash() == root_hash);
}

proptest! {
    #[test]
    fn any_bytes_as_a_tree_are_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
        let data = data(2);
        prop_assert!(check(&data, &bytes, &Digest::of(b"")).is_err());
    }

    #[test]
    fn a_flipped_bit_is_found(at in 0_usize..(4 + 2) * BLOCK, bit in 0_u8..8) {
        let mut data = data(4);
        let (mut tree, root_hash) = tree(&data, b"s");
        match at.checked_sub(4 * BLOCK) {
            None => data[at] ^= 1 << bit,
            Some(at) => tree[at] ^= 1 << bit,
        }
        // The UUID is the one thing that nothing depends on.
        let uuid = (4 * BLOCK + 16..4 * BLOCK + 32).contains(&at);
        prop_assert_eq!(check(&data, &tree, &root_hash).is_ok(), uuid);
    }
}
