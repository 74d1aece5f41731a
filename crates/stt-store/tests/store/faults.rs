//! A medium that fails once and goes on, that is full at any byte, or that cannot be read in places.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;
use stt_store::{
    Address, Backend, BackendFile, Damage, Failure, MemoryBackend, ReadError, StoreError,
};

use crate::crash_backend::{CrashBackend, Unsynced};
use crate::support::{bytes, open, open_with, small};

/// Objects of a run; the fourth one has two blocks.
const OBJECTS: u64 = 11;

/// What may be there of each object: `true` there, `false` not; both when nobody knows.
type Known = BTreeMap<u64, Vec<bool>>;

fn object(number: u64) -> Vec<u8> {
    let lens = [300, 9_000, 30_000];
    let len = if number == 3 {
        (1 << 20) + 50
    } else {
        lens[number as usize % 3]
    };
    bytes(number, len)
}

/// Stores and removes, whatever fails, and opens the store again when it closed itself.
fn run(backend: &CrashBackend) -> Known {
    let mut known = Known::new();
    let mut store = open_with(&small(), backend).ok();
    for number in 0..OBJECTS {
        let Some(opened) = &store else {
            store = open_with(&small(), backend).ok();
            continue;
        };
        let stored = opened.store(&object(number));
        let removed = (number % 3 == 2 && known.contains_key(&(number - 1)))
            .then(|| opened.remove(Address::of(&object(number - 1))));
        known.insert(number, outcome(stored.is_ok(), true));
        if let Some(removed) = removed {
            let before = known[&(number - 1)].clone();
            let after = if removed.is_ok() {
                vec![false]
            } else {
                [before, vec![false]].concat()
            };
            known.insert(number - 1, after);
        }
        if matches!(opened.stats(), Err(Failure::Poisoned)) {
            store = None;
        }
    }
    if let Some(store) = &store {
        let _ = store.compact();
    }
    known
}

fn outcome(is_done: bool, done: bool) -> Vec<bool> {
    if is_done {
        vec![done]
    } else {
        vec![done, !done]
    }
}

fn check(backend: &CrashBackend, known: &Known, place: &str) {
    let store = open_with(&small(), backend).unwrap();
    for (number, states) in known {
        let found = store.retrieve(Address::of(&object(*number)));
        match found {
            Ok(found) => assert!(found == object(*number), "{place}: {number}"),
            Err(ReadError::Unknown { .. }) => {
                assert!(states.contains(&false), "{place}: {number} is gone");
                continue;
            }
            Err(error) => panic!("{place}: {number}: {error}"),
        }
        assert!(states.contains(&true), "{place}: {number} came back");
    }
    let verified = store.verify().unwrap();
    assert!(verified.is_well(), "{place}: {verified:?}");
}

#[test]
fn operation_that_fails_once_costs_nothing_that_was_acknowledged() {
    let backend = CrashBackend::default();
    run(&backend);
    let operations = backend.operations();
    for failing in 1..=operations {
        let is_applied = failing % 2 == 0;
        let backend = CrashBackend::default();
        backend.fail_once_at(failing, is_applied);
        let known = run(&backend);
        let place = format!("operation {failing}, applied {is_applied}");
        // The process ends, or the power goes.
        check(&backend.after_crash(Unsynced::Kept), &known, &place);
        check(&backend.after_crash(Unsynced::Dropped), &known, &place);
    }
}

#[test]
fn medium_that_is_full_at_any_byte_costs_nothing_that_was_acknowledged() {
    let backend = CrashBackend::default();
    backend.set_room(Some(1 << 30));
    run(&backend);
    for room in (0..2_600_000).step_by(48_611) {
        let backend = CrashBackend::default();
        backend.set_room(Some(room));
        let known = run(&backend);
        backend.set_room(None);
        let place = format!("room {room}");
        let Ok(store) = open_with(&small(), &backend) else {
            panic!("{place}: it does not open with room");
        };
        store.store(b"there is room again").unwrap();
        drop(store);
        check(&backend.after_crash(Unsynced::Dropped), &known, &place);
    }
}

#[test]
fn full_medium_says_that_nothing_was_changed_only_if_nothing_was() {
    for room in (5_000..400_000).step_by(7_919) {
        let backend = CrashBackend::default();
        let store = open_with(&small(), &backend).unwrap();
        backend.set_room(Some(room));
        let mut number = 0;
        let refused = loop {
            match store.store(&object(number * 3 + 4)) {
                Ok(_) => number += 1,
                Err(error) => break error,
            }
        };
        backend.set_room(None);
        if matches!(refused, StoreError::Failure(Failure::NoSpace)) {
            let refused = Address::of(&object(number * 3 + 4));
            assert!(!store.contains(refused).unwrap(), "room {room}");
            store.store(b"the store goes on").unwrap();
            std::mem::forget(store);
            let store = open_with(&small(), &backend).unwrap();
            assert!(!store.contains(refused).unwrap(), "room {room}");
        }
    }
}

/// The name of a file, and what of it cannot be read.
type Bad = Arc<Mutex<Option<(String, Range<u64>)>>>;

/// A medium of which a part of one file cannot be read.
#[derive(Debug, Clone, Default)]
struct BadSectors {
    files: MemoryBackend,
    bad: Bad,
}

#[derive(Debug)]
struct BadFile {
    name: String,
    file: Arc<dyn BackendFile>,
    bad: Bad,
}

impl BadSectors {
    fn wrap(&self, name: &str, file: Arc<dyn BackendFile>) -> Arc<dyn BackendFile> {
        let (name, bad) = (name.to_owned(), Arc::clone(&self.bad));
        Arc::new(BadFile { name, file, bad })
    }
}

impl Backend for BadSectors {
    fn names(&self) -> io::Result<Vec<String>> {
        self.files.names()
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        Ok(self.wrap(name, self.files.open(name)?))
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        Ok(self.wrap(name, self.files.create(name)?))
    }
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.files.replace(name, bytes)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove(name)
    }
}

impl BackendFile for BadFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset + out.len() as u64;
        let is_bad = |(name, range): &(String, Range<u64>)| {
            *name == self.name && offset < range.end && range.start < end
        };
        if self.bad.lock().as_ref().is_some_and(is_bad) {
            return Err(io::Error::other("a bad sector"));
        }
        self.file.read_at(offset, out)
    }
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, data)
    }
    fn set_size(&self, size: u64) -> io::Result<()> {
        self.file.set_size(size)
    }
    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

#[test]
fn sector_that_cannot_be_read_is_named_and_does_not_close_the_store() {
    let medium = BadSectors::default();
    let store = open(&medium);
    let address = |number| Address::of(&bytes(number, 9_000));
    for number in 0..12 {
        store.store(&bytes(number, 9_000)).unwrap();
    }
    // The second object, in the first segment.
    *medium.bad.lock() = Some(("seg-0000000000000001".to_owned(), 12_000..12_512));
    assert!(matches!(
        store.retrieve(address(1)),
        Err(ReadError::Failure(Failure::Io(_)))
    ));
    let found = store.verify().unwrap();
    let objects = found.damage.iter().filter_map(|damage| match damage {
        Damage::Object { address, .. } => Some(*address),
        _ => None,
    });
    assert_eq!(objects.collect::<Vec<_>>(), [address(1)]);
    assert!(found.damage.contains(&Damage::Unreadable { segment: 1 }));
    // Clearing space away meets it, and the store goes on.
    for number in [0, 2, 3, 4, 5] {
        store.remove(address(number)).unwrap();
    }
    for number in 20..60 {
        store.store(&bytes(number, 9_000)).unwrap();
        store.remove(address(number)).unwrap();
    }
    assert!(store.compact().is_err());
    store.store(b"goes on").unwrap();
    assert!(store.retrieve(address(7)).unwrap() == bytes(7, 9_000));
    // The medium is well again, or its copy is.
    *medium.bad.lock() = None;
    assert!(store.retrieve(address(1)).unwrap() == bytes(1, 9_000));
    store.compact().unwrap();
    assert!(store.verify().unwrap().is_well());
}
