//! Every byte of a small store in turn: flipped, or the last one that is left.

use std::collections::BTreeMap;

use stt_store::{Address, Backend, MemoryBackend, OpenError, ReadError};

use crate::damage::{content, copy_of, index_of};
use crate::support::{open, open_with, small};

/// A closed store of a few small objects, one of them pinned, and one that was removed.
fn tiny() -> (MemoryBackend, BTreeMap<Address, Vec<u8>>) {
    let backend = MemoryBackend::new();
    let store = open(&backend);
    let mut objects = BTreeMap::new();
    for object in [&b""[..], b"one", b"another one"] {
        objects.insert(store.store(object).unwrap().address, object.to_vec());
    }
    store.pin(Address::of(b"one")).unwrap();
    store.store(b"gone").unwrap();
    store.remove(Address::of(b"gone")).unwrap();
    store.close().unwrap();
    (backend, objects)
}

/// The names of everything but the index, which is told from `index_that_..` elsewhere.
fn files(backend: &MemoryBackend) -> Vec<String> {
    let names = backend.names().unwrap().into_iter();
    names.filter(|name| !name.starts_with("index-")).collect()
}

#[test]
fn every_flipped_byte_is_found_by_verify() {
    let (backend, _) = tiny();
    let mut count = 0;
    for name in files(&backend) {
        let clean = content(&backend, &name);
        let copy = copy_of(&backend);
        let store = open(&copy);
        let file = copy.open(&name).unwrap();
        assert!(store.verify().unwrap().is_well());
        for (at, byte) in (0_u64..).zip(&clean) {
            file.write_at(at, &[byte ^ (1 << (at % 8))]).unwrap();
            assert!(!store.verify().unwrap().is_well(), "{name} {at}");
            file.write_at(at, &[*byte]).unwrap();
            count += 1;
        }
        assert!(store.verify().unwrap().is_well(), "{name}");
    }
    assert!(count > 1800, "only {count} bytes");
}

/// How many objects cannot be read; those that can are right.
fn unreadable(backend: &MemoryBackend, objects: &BTreeMap<Address, Vec<u8>>) -> usize {
    let store = open(backend);
    assert!(!store.contains(Address::of(b"gone")).unwrap());
    let is_lost = |(address, object): &(&Address, &Vec<u8>)| match store.retrieve(**address) {
        Ok(found) => {
            assert!(found == **object);
            false
        }
        Err(ReadError::Damaged { .. } | ReadError::Unknown { .. }) => true,
        Err(error) => panic!("{error}"),
    };
    objects.iter().filter(is_lost).count()
}

#[test]
fn every_flipped_byte_costs_at_most_one_object_with_the_index_and_without() {
    let (backend, objects) = tiny();
    for name in files(&backend) {
        let clean = content(&backend, &name);
        for at in 0..clean.len() {
            let mut bad = clean.clone();
            bad[at] ^= 1 << (at % 8);
            let copy = copy_of(&backend);
            copy.replace(&name, &bad).unwrap();
            let lost = unreadable(&copy, &objects);
            assert!(lost <= 1, "{name} {at}: {lost}");
            let copy = copy_of(&backend);
            copy.replace(&name, &bad).unwrap();
            copy.remove(&index_of(&copy)).unwrap();
            let store = open(&copy);
            let there = objects.iter().filter(|(address, object)| {
                store
                    .retrieve(**address)
                    .is_ok_and(|found| found == **object)
            });
            assert!(there.count() >= objects.len() - 1, "{name} {at}");
        }
    }
}

#[test]
fn file_that_is_cut_anywhere_costs_what_was_cut_off_and_the_store_goes_on() {
    let (backend, objects) = tiny();
    for name in files(&backend) {
        let clean = content(&backend, &name);
        let mut before = objects.len();
        for len in 0..clean.len() {
            for is_index_lost in [false, true] {
                let copy = copy_of(&backend);
                copy.replace(&name, &clean[..len]).unwrap();
                if is_index_lost && len % 5 != 0 {
                    continue;
                }
                if is_index_lost {
                    copy.remove(&index_of(&copy)).unwrap();
                }
                if !is_index_lost {
                    let lost = unreadable(&copy, &objects);
                    assert!(lost <= before, "{name} {len}: {lost}");
                    before = lost;
                }
                let store = open(&copy);
                store.store(b"goes on").unwrap();
                drop(store);
                let store = open(&copy);
                assert_eq!(store.retrieve(Address::of(b"goes on")).unwrap(), b"goes on");
            }
        }
    }
}

#[test]
fn keys_that_are_both_cut_or_flipped_are_damaged_keys_and_nothing_is_written() {
    let (backend, _) = tiny();
    let clean = content(&backend, "keys-a");
    for at in 0..clean.len() {
        let mut flipped = clean.clone();
        flipped[at] ^= 0x20;
        for bad in [&clean[..at], &flipped] {
            let copy = copy_of(&backend);
            copy.replace("keys-a", bad).unwrap();
            copy.replace("keys-b", bad).unwrap();
            let refused = open_with(&small(), &copy).unwrap_err();
            assert!(matches!(refused, OpenError::KeysDamaged), "{at}: {refused}");
            assert_eq!(content(&copy, "keys-a"), bad);
        }
    }
}
