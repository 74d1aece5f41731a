//! Everything a store does, in an object store.

use std::collections::BTreeMap;

use stc::NodeSeed;
use stt_store::{Address, Damage, OpenError, ReadError, StoreKey};

use crate::server::{Server, bytes};

#[test]
fn objects_come_back_after_closing_and_without_the_index() {
    let server = Server::start();
    let here = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let sizes = [0, 1, 65_535, 65_537, (1 << 20) + 1, 9 << 20];
    let store = server.open(here.path()).unwrap();
    let mut objects = BTreeMap::new();
    for (number, size) in (0..).zip(sizes) {
        let object = bytes(number, size);
        objects.insert(store.store(&object).unwrap().address, object);
    }
    let gone = store.store(b"gone").unwrap().address;
    store.remove(gone).unwrap();
    store.pin(*objects.keys().next().unwrap()).unwrap();
    store.close().unwrap();
    // Once with the index, once on another machine without.
    for index in [here.path(), elsewhere.path()] {
        let store = server.open(index).unwrap();
        assert_eq!(store.list().count(), objects.len());
        assert_eq!(store.stats().unwrap().pinned, 1);
        assert!(matches!(
            store.retrieve(gone),
            Err(ReadError::Unknown { .. })
        ));
        for (address, object) in &objects {
            assert!(store.retrieve(*address).unwrap() == *object);
            let end = object.len() as u64;
            let range = store.retrieve_range(*address, end / 2..end).unwrap();
            assert!(range == object[object.len() / 2..]);
        }
        assert!(store.verify().unwrap().is_well());
        store.close().unwrap();
    }
}

#[test]
fn space_is_given_back_and_keys_are_rotated() {
    let server = Server::start();
    let index = tempfile::tempdir().unwrap();
    let store = server.open(index.path()).unwrap();
    let addresses: Vec<_> = (0..40)
        .map(|number| store.store(&bytes(number, 30_000)).unwrap().address)
        .collect();
    for address in &addresses[2..] {
        store.remove(*address).unwrap();
    }
    store.compact().unwrap();
    assert!(store.stats().unwrap().segment_bytes < 256 << 10);
    let (one, other) = (NodeSeed::from_bytes([1; 32]), NodeSeed::from_bytes([2; 32]));
    store.add_seed(StoreKey::Node(&other)).unwrap();
    let rotated = store.rotate_key(&[StoreKey::Node(&one)]).unwrap();
    assert_eq!((rotated.slots_dropped, rotated.segments_left), (1, 0));
    store.close().unwrap();
    let store = server.open(tempfile::tempdir().unwrap().path()).unwrap();
    assert_eq!(store.stats().unwrap().key_generation, 2);
    assert!(store.retrieve(addresses[1]).unwrap() == bytes(1, 30_000));
    assert!(store.verify().unwrap().is_well());
}

#[test]
fn part_that_is_gone_or_changed_in_the_object_store_is_named() {
    let server = Server::start();
    let index = tempfile::tempdir().unwrap();
    let store = server.open(index.path()).unwrap();
    let addresses = [1, 2, 3].map(|number| store.store(&bytes(number, 20_000)).unwrap().address);
    store.close().unwrap();
    let segment = server.bucket().join("a/store/seg-0000000000000001");
    let mut parts: Vec<_> = std::fs::read_dir(segment)
        .unwrap()
        .map(|part| part.unwrap().path())
        .collect();
    parts.sort();
    let object_of = |address: Address, damage: &Damage| matches!(damage, Damage::Object { address: named, .. } if *named == address);
    // The header, then one part an object.
    let mut bad = std::fs::read(&parts[1]).unwrap();
    bad[5_000] ^= 1;
    std::fs::write(&parts[1], bad).unwrap();
    std::fs::remove_file(&parts[2]).unwrap();
    let store = server.open(index.path()).unwrap();
    assert!(matches!(
        store.retrieve(addresses[0]),
        Err(ReadError::Damaged { .. })
    ));
    assert!(matches!(
        store.retrieve(addresses[1]),
        Err(ReadError::Damaged { .. })
    ));
    assert!(store.retrieve(addresses[2]).unwrap() == bytes(3, 20_000));
    let damage = store.verify().unwrap().damage;
    assert!(damage.iter().any(|damage| object_of(addresses[0], damage)));
    assert!(damage.iter().any(|damage| object_of(addresses[1], damage)));
    assert!(!damage.iter().any(|damage| object_of(addresses[2], damage)));
    store.store(&bytes(1, 20_000)).unwrap();
    assert!(store.retrieve(addresses[0]).unwrap() == bytes(1, 20_000));
}

#[test]
fn another_seed_opens_nothing_in_the_object_store_either() {
    let server = Server::start();
    let index = tempfile::tempdir().unwrap();
    server.open(index.path()).unwrap().store(b"secret").unwrap();
    let backend = server
        .backend(index.path(), stt_store::Takeover::Refuse)
        .unwrap();
    let other = NodeSeed::from_bytes([9; 32]);
    let options = stt_store::StorageOptions::default();
    let refused = options.open_backend(
        std::sync::Arc::new(backend),
        StoreKey::Node(&other),
        Box::new(crate::server::System),
    );
    assert!(matches!(refused, Err(OpenError::WrongSeed)));
}
