//! Seeds open the store, and others do not.

use std::sync::Arc;

use stc::{Group, NodeSeed};
use stt_store::{
    Backend, BinaryStorage, KeyError, MemoryBackend, OpenError, StorageOptions, StoreKey,
};

use crate::support::{System, bytes, open, seed, small};

fn open_key(backend: &MemoryBackend, key: StoreKey<'_>) -> Result<BinaryStorage, OpenError> {
    small().open_backend(Arc::new(backend.clone()), key, Box::new(System))
}

fn image(backend: &MemoryBackend) -> Vec<(String, Vec<u8>)> {
    let mut names = backend.names().unwrap();
    names.sort();
    let read = |name: String| {
        let file = backend.open(&name).unwrap();
        let mut content = vec![0; file.size().unwrap() as usize];
        file.read_at(0, &mut content).unwrap();
        (name, content)
    };
    names.into_iter().map(read).collect()
}

#[test]
fn another_seed_opens_nothing_and_writes_nothing() {
    let backend = MemoryBackend::new();
    open(&backend).store(b"secret").unwrap();
    let before = image(&backend);
    let group = Group::generate(&mut System);
    for key in [StoreKey::Node(&seed(2)), StoreKey::Group(&group)] {
        let refused = open_key(&backend, key);
        assert!(matches!(refused, Err(OpenError::WrongSeed)));
    }
    assert_eq!(image(&backend), before);
}

#[test]
fn added_seed_opens_and_removed_seed_does_not() {
    let backend = MemoryBackend::new();
    let mut group = Group::generate(&mut System);
    let store = open(&backend);
    let address = store.store(b"secret").unwrap().address;
    store.add_seed(StoreKey::Group(&group)).unwrap();
    assert!(matches!(
        store.add_seed(StoreKey::Group(&group)),
        Err(KeyError::Present)
    ));
    drop(store);
    group.next_epoch(&mut System).unwrap();
    let store = open_key(&backend, StoreKey::Group(&group)).unwrap();
    assert_eq!(store.retrieve(address).unwrap(), b"secret");
    store.remove_seed(StoreKey::Node(&seed(1))).unwrap();
    assert!(matches!(
        store.remove_seed(StoreKey::Node(&seed(1))),
        Err(KeyError::Absent)
    ));
    assert!(matches!(
        store.remove_seed(StoreKey::Group(&group)),
        Err(KeyError::Last)
    ));
    drop(store);
    assert!(matches!(
        open_key(&backend, StoreKey::Node(&seed(1))),
        Err(OpenError::WrongSeed)
    ));
}

#[test]
fn passphrase_opens_no_store() {
    let group = Group::from_passphrase("tests", "correct horse battery").unwrap();
    let backend = MemoryBackend::new();
    let refused = open_key(&backend, StoreKey::Group(&group));
    assert!(matches!(refused, Err(OpenError::Passphrase)));
    assert!(backend.names().unwrap().is_empty());
    let refused = open(&backend).add_seed(StoreKey::Group(&group));
    assert!(matches!(refused, Err(KeyError::Passphrase)));
}

#[test]
fn rotation_rewrites_everything_and_locks_out_who_is_not_named() {
    let backend = MemoryBackend::new();
    let store = open(&backend);
    store.add_seed(StoreKey::Node(&seed(2))).unwrap();
    let addresses: Vec<_> = (0..30)
        .map(|number| store.store(&bytes(number, 9_000)).unwrap().address)
        .collect();
    store.pin(addresses[3]).unwrap();
    store.remove(addresses[4]).unwrap();
    let before = image(&backend);
    let third = NodeSeed::from_bytes([3; 32]);
    let keys = [StoreKey::Node(&seed(1)), StoreKey::Node(&third)];
    let rotated = store.rotate_key(&keys).unwrap();
    assert_eq!((rotated.key_generation, rotated.segments_left), (2, 0));
    for (number, address) in (0..).zip(&addresses) {
        if number != 4 {
            assert_eq!(store.retrieve(*address).unwrap(), bytes(number, 9_000));
        }
    }
    drop(store);
    let old: Vec<_> = before.iter().map(|(name, _)| name).collect();
    let kept = image(&backend);
    let kept = kept.iter().filter(|(name, _)| old.contains(&name));
    assert!(kept.into_iter().all(|(name, _)| name.starts_with("keys-")));
    assert!(matches!(
        open_key(&backend, StoreKey::Node(&seed(2))),
        Err(OpenError::WrongSeed)
    ));
    for key in keys {
        let store = open_key(&backend, key).unwrap();
        assert_eq!(store.stats().unwrap().objects, 29);
        assert_eq!(store.stats().unwrap().pinned, 1);
        assert!(store.verify().unwrap().is_well());
    }
    assert!(matches!(
        open(&backend).rotate_key(&[]),
        Err(KeyError::NoSeed)
    ));
}

#[test]
fn second_opening_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let key = seed(1);
        StorageOptions::default().open(&directory, StoreKey::Node(&key), Box::new(System))
    };
    let store = open().unwrap();
    assert!(matches!(open(), Err(OpenError::InUse)));
    drop(store);
    open().unwrap();
}

#[test]
fn future_version_is_refused_and_left_alone() {
    let backend = MemoryBackend::new();
    open(&backend).store(b"object").unwrap();
    for name in ["keys-a", "keys-b"] {
        let file = backend.open(name).unwrap();
        let mut content = vec![0; file.size().unwrap() as usize];
        file.read_at(0, &mut content).unwrap();
        content[9] = 2;
        let end = content.len() - 8;
        let check = stc::content_address(&content[..end]);
        content[end..].copy_from_slice(&check[..8]);
        file.write_at(0, &content).unwrap();
    }
    let before = image(&backend);
    let refused = open_key(&backend, StoreKey::Node(&seed(1)));
    assert!(matches!(
        refused,
        Err(OpenError::FutureVersion { found: 2, known: 1 })
    ));
    assert_eq!(image(&backend), before);
}

#[test]
fn segments_without_keys_are_not_taken_for_a_new_store() {
    let backend = MemoryBackend::new();
    open(&backend).store(b"object").unwrap();
    backend.remove("keys-a").unwrap();
    backend.remove("keys-b").unwrap();
    let refused = open_key(&backend, StoreKey::Node(&seed(1)));
    assert!(matches!(refused, Err(OpenError::KeysDamaged)));
}

#[test]
fn objects_that_are_stored_during_a_rotation_can_be_read_after_it() {
    let backend = MemoryBackend::new();
    let store = open(&backend);
    let addresses = std::thread::scope(|scope| {
        let storing = (0..3).map(|thread| {
            let store = &store;
            scope.spawn(move || {
                let mut addresses = Vec::new();
                for number in 0..150 {
                    let object = bytes(thread * 1000 + number, 40_000);
                    addresses.push(store.store(&object).unwrap().address);
                }
                let long = bytes(thread, (4 << 20) + 7);
                addresses.push(store.store(&long).unwrap().address);
                addresses
            })
        });
        let storing: Vec<_> = storing.collect();
        for _ in 0..15 {
            store.rotate_key(&[StoreKey::Node(&seed(1))]).unwrap();
        }
        let stored = storing.into_iter().map(|thread| thread.join().unwrap());
        stored.flatten().collect::<Vec<_>>()
    });
    for address in addresses {
        store.retrieve(address).unwrap();
    }
    assert!(store.verify().unwrap().is_well());
}

#[test]
fn slots_that_named_seeds_open_are_counted() {
    let store = open(&MemoryBackend::new());
    let (here, there) = (seed(1), seed(2));
    let mut group = Group::generate(&mut System);
    store.add_seed(StoreKey::Group(&group)).unwrap();
    group.next_epoch(&mut System).unwrap();
    let (here, there) = (StoreKey::Node(&here), StoreKey::Node(&there));
    let both = StoreKey::Group(&group);
    assert_eq!(store.slots_opened_by(&[here, here]).unwrap(), 1);
    assert_eq!(store.slots_opened_by(&[there, both]).unwrap(), 1);
    assert_eq!(store.slots_opened_by(&[here, both]).unwrap(), 2);
    let words = Group::from_passphrase("tests", "correct horse battery").unwrap();
    let refused = store.slots_opened_by(&[StoreKey::Group(&words)]);
    assert!(matches!(refused, Err(KeyError::Passphrase)));
}
