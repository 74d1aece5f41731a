//! A flipped byte, a cut file, a lost index: an error or no loss, and never a wrong byte.

use std::collections::BTreeMap;

use stt_store::{Address, Backend, Damage, Failure, MemoryBackend, ReadError};

use crate::support::{Random, bytes, open, open_with, small};

/// A closed store with some objects in it.
pub(crate) fn filled() -> (MemoryBackend, BTreeMap<Address, Vec<u8>>) {
    let backend = MemoryBackend::new();
    let store = open(&backend);
    let mut objects = BTreeMap::new();
    for number in 0..30 {
        let size = [0, 10, 3000, 9000][number as usize % 4] + number as usize;
        let object = bytes(number, size);
        objects.insert(store.store(&object).unwrap().address, object);
    }
    let long = bytes(100, (2 << 20) + 5);
    objects.insert(store.store(&long).unwrap().address, long);
    let gone = store.store(b"gone").unwrap().address;
    store.remove(gone).unwrap();
    store.close().unwrap();
    (backend, objects)
}

pub(crate) fn content(backend: &MemoryBackend, name: &str) -> Vec<u8> {
    let file = backend.open(name).unwrap();
    let mut content = vec![0; file.size().unwrap() as usize];
    file.read_at(0, &mut content).unwrap();
    content
}

pub(crate) fn copy_of(backend: &MemoryBackend) -> MemoryBackend {
    let copy = MemoryBackend::new();
    for name in backend.names().unwrap() {
        copy.replace(&name, &content(backend, &name)).unwrap();
    }
    copy
}

pub(crate) fn index_of(backend: &MemoryBackend) -> String {
    let names = backend.names().unwrap();
    names
        .into_iter()
        .find(|name| name.starts_with("index-"))
        .unwrap()
}

/// Every object is there and right, or said to be damaged; returns how many are damaged.
pub(crate) fn check(backend: &MemoryBackend, objects: &BTreeMap<Address, Vec<u8>>) -> usize {
    let store = open(backend);
    let mut damaged = 0;
    for (address, object) in objects {
        match store.retrieve(*address) {
            Ok(found) => assert!(found == *object),
            Err(ReadError::Damaged { address: named, .. }) => {
                assert_eq!(named, *address);
                damaged += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let listed: Vec<_> = store
        .list()
        .map(|entry| entry.unwrap().reference.address)
        .collect();
    assert!(listed.iter().eq(objects.keys()));
    damaged
}

#[test]
fn flipped_byte_anywhere_is_named_and_never_read() {
    let (backend, objects) = filled();
    let mut random = Random(77);
    for name in backend.names().unwrap() {
        let clean = content(&backend, &name);
        for _ in 0..40 {
            let copy = copy_of(&backend);
            let at = random.below(clean.len());
            let mut bad = clean.clone();
            bad[at] ^= 1 << random.below(8);
            copy.replace(&name, &bad).unwrap();
            let damaged = check(&copy, &objects);
            assert!(damaged <= 1, "{name} {at}");
            let copy = copy_of(&backend);
            let store = open(&copy);
            copy.open(&name).unwrap().write_at(0, &bad).unwrap();
            let found = store.verify().unwrap();
            // Nobody may need that page of the index, or a checkpoint may have written it anew.
            let is_index = name.starts_with("index-");
            assert!(is_index || !found.is_well(), "{name} {at}");
            let named = |damage: &&Damage| matches!(damage, Damage::Object { .. });
            assert_eq!(
                found.damage.iter().filter(named).count(),
                damaged,
                "{name} {at}"
            );
        }
    }
}

#[test]
fn flipped_byte_of_a_segment_costs_one_object_even_if_the_index_is_lost() {
    let (backend, objects) = filled();
    let index = index_of(&backend);
    let mut random = Random(78);
    let names = backend.names().unwrap();
    for name in names.iter().filter(|name| name.starts_with("seg-")) {
        for _ in 0..20 {
            let copy = copy_of(&backend);
            copy.remove(&index).unwrap();
            let mut bad = content(&backend, name);
            let at = random.below(bad.len());
            bad[at] ^= 1 << random.below(8);
            copy.replace(name, &bad).unwrap();
            let store = open(&copy);
            let mut lost = 0;
            for (address, object) in &objects {
                match store.retrieve(*address) {
                    Ok(found) => assert!(found == *object),
                    Err(ReadError::Damaged { .. } | ReadError::Unknown { .. }) => lost += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(lost <= 1, "{name} {at}: {lost}");
        }
    }
}

#[test]
fn damaged_object_is_healed_by_storing_it_again() {
    let (backend, objects) = filled();
    let (address, object) = objects
        .iter()
        .max_by_key(|(_, object)| object.len())
        .unwrap();
    let names = backend.names().unwrap();
    let segments = names.iter().filter(|name| name.starts_with("seg-"));
    let largest = segments
        .max_by_key(|name| content(&backend, name).len())
        .unwrap();
    let mut bad = content(&backend, largest);
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    backend.replace(largest, &bad).unwrap();
    assert_eq!(check(&backend, &objects), 1);
    let store = open(&backend);
    assert!(!store.verify().unwrap().is_well());
    assert!(store.retrieve(*address).is_err());
    store.store(object).unwrap();
    assert!(store.retrieve(*address).unwrap() == *object);
    store.compact().unwrap();
    assert!(store.verify().unwrap().is_well());
}

#[test]
fn lost_index_is_rebuilt_with_everything_in_it() {
    let (backend, objects) = filled();
    let pinned = *objects.keys().next().unwrap();
    let store = open(&backend);
    store.pin(pinned).unwrap();
    let before = store.stats().unwrap();
    drop(store);
    backend.remove(&index_of(&backend)).unwrap();
    assert_eq!(check(&backend, &objects), 0);
    let store = open(&backend);
    let after = store.stats().unwrap();
    assert_eq!(before.live_bytes, after.live_bytes);
    assert_eq!((after.objects, after.pinned), (before.objects, 1));
    assert!(store.verify().unwrap().is_well());
}

#[test]
fn damaged_index_is_rebuilt_with_everything_in_it() {
    let (backend, objects) = filled();
    let index = index_of(&backend);
    let clean = content(&backend, &index);
    for page in 0..clean.len() / 4145 {
        let mut bad = clean.clone();
        bad[page * 4145 + 2000] ^= 0x10;
        backend.replace(&index, &bad).unwrap();
        // Most pages are met while reading; then the store says so, and opens well again.
        let store = open(&backend);
        let failed = objects
            .keys()
            .any(|address| match store.retrieve(*address) {
                Err(ReadError::Failure(Failure::IndexLost | Failure::Poisoned)) => true,
                other => {
                    assert!(other.unwrap() == objects[address], "page {page}");
                    false
                }
            });
        drop(store);
        if failed {
            assert_eq!(check(&backend, &objects), 0, "page {page}");
        }
    }
}

#[test]
fn bytes_appended_to_a_segment_are_cut_off() {
    let (backend, objects) = filled();
    for garbage in [&[0; 5000][..], &bytes(5, 70_000)] {
        let names = backend.names().unwrap();
        for name in names.iter().filter(|name| name.starts_with("seg-")) {
            let mut longer = content(&backend, name);
            longer.extend_from_slice(garbage);
            backend.replace(name, &longer).unwrap();
        }
        assert_eq!(check(&backend, &objects), 0);
        let store = open(&backend);
        store.store(b"goes on").unwrap();
        store.remove(Address::of(b"goes on")).unwrap();
        assert!(store.verify().unwrap().is_well());
    }
}

#[test]
fn cut_segment_costs_no_more_than_what_was_cut_off() {
    let (backend, objects) = filled();
    let names = backend.names().unwrap();
    for name in names.iter().filter(|name| name.starts_with("seg-")) {
        let copy = copy_of(&backend);
        let whole = content(&backend, name);
        copy.replace(name, &whole[..whole.len() - 400]).unwrap();
        let damaged = check(&copy, &objects);
        assert!(damaged <= 3, "{name}: {damaged}");
        let store = open(&copy);
        store.store(b"goes on").unwrap();
        drop(store);
        assert_eq!(
            open(&copy).retrieve(Address::of(b"goes on")).unwrap(),
            b"goes on"
        );
    }
}

#[test]
fn store_without_quota_after_one_with_a_quota_has_what_was_left() {
    let backend = MemoryBackend::new();
    let store = open_with(&small().quota(30_000), &backend).unwrap();
    for number in 0..10 {
        store.store(&bytes(number, 8000)).unwrap();
    }
    drop(store);
    assert_eq!(open(&backend).list().count(), 3);
}

#[test]
fn removed_object_does_not_come_back_when_its_removal_was_moved_and_the_index_is_lost() {
    let backend = MemoryBackend::new();
    let store = open(&backend);
    let put = |number, len| store.store(&bytes(number, len)).unwrap().address;
    // The first segment keeps most of what is in it, so it is not rewritten.
    put(1, 45_000);
    let gone = put(2, 10_000);
    // The second one has the removal, and is rewritten.
    let others = [put(3, 30_000), put(4, 20_000)];
    store.remove(gone).unwrap();
    put(5, 50_000);
    for address in others {
        store.remove(address).unwrap();
    }
    assert_eq!(store.compact().unwrap().segments_removed, 1);
    assert!(backend.open("seg-0000000000000001").is_ok());
    assert!(backend.open("seg-0000000000000002").is_err());
    drop(store);
    backend.remove(&index_of(&backend)).unwrap();
    let store = open(&backend);
    assert!(!store.contains(gone).unwrap());
    assert_eq!(store.list().count(), 2);
}

#[test]
fn block_that_was_stored_again_outlives_its_older_removal_when_both_are_read_from_the_log() {
    let block = bytes(1, 1 << 20);
    for tail in 0..8 {
        let backend = MemoryBackend::new();
        let one = [&block[..], &bytes(tail, 10)].concat();
        let other = [&block[..], &bytes(tail + 100, 10)].concat();
        let store = open_with(&small().checkpoint_len(1 << 30), &backend).unwrap();
        store.store(&one).unwrap();
        drop(store);
        // What comes now is in the log, and not in the index, when the process ends.
        let store = open_with(&small().checkpoint_len(1 << 30), &backend).unwrap();
        store.remove(Address::of(&one)).unwrap();
        store.store(&other).unwrap();
        std::mem::forget(store);
        let store = open(&backend);
        assert!(store.retrieve(Address::of(&other)).unwrap() == other);
        assert!(store.verify().unwrap().is_well());
        drop(store);
        backend.remove(&index_of(&backend)).unwrap();
        assert!(open(&backend).retrieve(Address::of(&other)).unwrap() == other);
    }
}

#[test]
fn index_that_was_cut_or_lengthened_anywhere_is_rebuilt() {
    let (backend, objects) = filled();
    let index = index_of(&backend);
    let clean = content(&backend, &index);
    let cuts = (0..clean.len())
        .step_by(4145)
        .flat_map(|at| [at, at + 1, at + 4144]);
    for cut in cuts.chain([clean.len() - 1]) {
        backend
            .replace(&index, &clean[..cut.min(clean.len())])
            .unwrap();
        // Reading may meet the end of it only later; then the next opening rebuilds it.
        let lost = |error: &ReadError| {
            matches!(
                error,
                ReadError::Failure(Failure::IndexLost | Failure::Poisoned)
            )
        };
        let store = open(&backend);
        let failed = objects
            .keys()
            .any(|address| match store.retrieve(*address) {
                Ok(found) => {
                    assert!(found == objects[address], "{cut}");
                    false
                }
                Err(error) => {
                    assert!(lost(&error), "{cut}: {error}");
                    true
                }
            });
        drop(store);
        if failed {
            assert_eq!(check(&backend, &objects), 0, "{cut}");
        }
    }
    for garbage in [&[0; 9000][..], &bytes(3, 4145), &bytes(4, 10_000)] {
        backend
            .replace(&index, &[&clean[..], garbage].concat())
            .unwrap();
        assert_eq!(check(&backend, &objects), 0);
    }
}
