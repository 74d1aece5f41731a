//! A directory that was copied while the store was in use: no file of it is of the same moment.

use std::collections::BTreeMap;

use stt_store::{Address, Backend, BinaryStorage, MemoryBackend, ReadError};

use crate::damage::content;
use crate::support::{Random, bytes, open_with, small};

type Image = BTreeMap<String, Vec<u8>>;

fn image(backend: &MemoryBackend) -> Image {
    let names = backend.names().unwrap().into_iter();
    names
        .map(|name| (name.clone(), content(backend, &name)))
        .collect()
}

/// The files while the store is used, moment after moment, and what was stored from when on.
fn history() -> (Vec<Image>, Vec<Vec<u8>>) {
    let backend = MemoryBackend::new();
    let store = open_with(&small().checkpoint_len(20_000), &backend).unwrap();
    let mut images = Vec::new();
    let mut objects = Vec::new();
    for number in 0..60 {
        let object = bytes(number, 500 + 60 * number as usize);
        store.store(&object).unwrap();
        objects.push(object);
        if number % 4 == 3 {
            store
                .remove(Address::of(&objects[number as usize - 2]))
                .unwrap();
        }
        images.push(image(&backend));
    }
    std::mem::forget(store);
    (images, objects)
}

/// Pages of 4,145 bytes, the first ones as they were at one moment, the others at a later one.
fn mixed(first: &[u8], later: &[u8], pages: usize) -> Vec<u8> {
    let at = (pages * 4145).min(first.len()).min(later.len());
    [&first[..at], &later[at..]].concat()
}

#[test]
fn directory_that_was_copied_while_in_use_gives_no_wrong_byte_and_does_not_panic() {
    let (images, objects) = history();
    let mut random = Random(99);
    for _ in 0..120 {
        let moment = random.below(images.len());
        let later = moment + random.below(images.len() - moment);
        let backend = MemoryBackend::new();
        for (name, now) in &images[moment] {
            let then = images[later].get(name).unwrap_or(now);
            let bytes = match random.below(3) {
                0 => now.clone(),
                1 => then.clone(),
                _ => mixed(now, then, random.below(now.len() / 4145 + 1)),
            };
            backend.replace(name, &bytes).unwrap();
        }
        // An error is an answer, too.
        if let Ok(store) = open_with(&small(), &backend) {
            check(&store, &objects);
            // What the index says may be wrong without a panic: that is for `verify` to find.
            let _ = store.verify();
        }
        let store = open_with(&small(), &backend).unwrap();
        check(&store, &objects);
        drop(store);
        // The log has everything, whatever became of the index.
        backend.remove("index-00000001").unwrap();
        let store = open_with(&small(), &backend).unwrap();
        for (number, object) in objects.iter().enumerate().take(moment + 1) {
            let may_be_gone = number % 4 == 1;
            let found = store.retrieve(Address::of(object));
            assert!(may_be_gone || found.unwrap() == *object);
        }
        assert!(store.verify().unwrap().is_well());
    }
}

/// Objects are right, or an error says that they are not.
fn check(store: &BinaryStorage, objects: &[Vec<u8>]) {
    for object in objects {
        match store.retrieve(Address::of(object)) {
            Ok(found) => assert!(found == *object),
            Err(ReadError::Damaged { .. } | ReadError::Unknown { .. }) => {}
            Err(ReadError::Failure(_)) => return,
            Err(error) => panic!("{error}"),
        }
    }
    let _ = store.store(b"goes on");
}
