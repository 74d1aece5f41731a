//! Objects that arrive in blocks: any order, false ones among them, and crashes in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use stt_store::{
    Address, Backend, BinaryStorage, FinishError, MemoryBackend, ObjectPart, PartialObject, Pushed,
    Reference, StorageOptions, StoreKey,
};

use crate::crash_backend::{CrashBackend, Unsynced};
use crate::support::{Random, System, bytes, open, open_with, seed, small};

/// An object as somebody else has it.
struct Source {
    content: Vec<u8>,
    reference: Reference,
    parts: BTreeMap<ObjectPart, Vec<u8>>,
}

fn source(number: u64, len: usize) -> Source {
    let content = bytes(number, len);
    let store = open(&MemoryBackend::new());
    let reference = store.store(&content).unwrap();
    let blocks = store.open_blocks(reference.address).unwrap();
    let numbers = (0..=len as u64 >> 20).map(ObjectPart::Block);
    let parts = numbers.chain([ObjectPart::Page(0), ObjectPart::Top]);
    let parts = parts.filter_map(|part| Some((part, blocks.part(part).unwrap()?)));
    let parts = parts.collect();
    Source {
        content,
        reference,
        parts,
    }
}

impl Source {
    fn push(&self, partial: &mut PartialObject, part: ObjectPart) -> Pushed {
        partial.push(part, &self.parts[&part]).unwrap()
    }

    /// Pushes all that is missing, from the last block to the first, and finishes.
    fn complete(&self, mut partial: PartialObject) -> Reference {
        for part in partial.wanted_manifests() {
            assert_eq!(self.push(&mut partial, part), Pushed::Kept);
        }
        for number in (0..partial.block_count()).rev() {
            if !partial.has(number) {
                let pushed = self.push(&mut partial, ObjectPart::Block(number));
                assert_eq!(pushed, Pushed::Kept);
            }
        }
        partial.finish(self.reference.address).unwrap()
    }
}

const LONG: usize = (2 << 20) + 100;

#[test]
fn object_is_gathered_in_any_order_and_every_length() {
    for len in [0, 1, 1 << 20, (1 << 20) + 1, LONG] {
        let source = source(1, len);
        let store = open(&MemoryBackend::new());
        let partial = store.open_partial(source.reference).unwrap();
        assert_eq!(source.complete(partial), source.reference);
        assert_eq!(
            store.retrieve(source.reference.address).unwrap(),
            source.content
        );
        assert!(store.verify().unwrap().is_well());
    }
}

#[test]
fn part_that_is_not_what_its_name_says_is_not_kept() {
    let source = source(1, LONG);
    let store = open(&MemoryBackend::new());
    let mut partial = store.open_partial(source.reference).unwrap();
    let block = &source.parts[&ObjectPart::Block(0)];
    assert_eq!(
        partial.push(ObjectPart::Block(0), block).unwrap(),
        Pushed::Unasked
    );
    assert_eq!(
        partial.push(ObjectPart::Page(0), block).unwrap(),
        Pushed::False
    );
    assert_eq!(source.push(&mut partial, ObjectPart::Page(0)), Pushed::Kept);
    assert_eq!(
        partial.push(ObjectPart::Block(1), block).unwrap(),
        Pushed::False
    );
    assert_eq!(
        partial.push(ObjectPart::Block(3), block).unwrap(),
        Pushed::Unasked
    );
    assert_eq!(
        source.push(&mut partial, ObjectPart::Block(0)),
        Pushed::Kept
    );
    assert_eq!(
        source.push(&mut partial, ObjectPart::Block(0)),
        Pushed::Known
    );
    assert_eq!(partial.count_here(), 1);
}

#[test]
fn part_of_an_object_is_no_object() {
    let source = source(1, LONG);
    let address = source.reference.address;
    let store = open(&MemoryBackend::new());
    let mut partial = store.open_partial(source.reference).unwrap();
    source.push(&mut partial, ObjectPart::Page(0));
    source.push(&mut partial, ObjectPart::Block(1));
    partial.save().unwrap();
    assert!(!store.contains(address).unwrap());
    assert!(store.retrieve(address).is_err());
    assert!(store.pin(address).is_err());
    assert!(store.remove(address).is_err());
    assert_eq!(store.list().count(), 0);
    let stats = store.stats().unwrap();
    assert_eq!((stats.objects, stats.object_bytes), (0, 0));
    let finished = partial.finish(address);
    assert!(matches!(
        finished,
        Err(FinishError::Incomplete { missing: 2 })
    ));
}

#[test]
fn blocks_of_a_false_root_become_no_object() {
    let source = source(1, LONG);
    let mut claim = source.reference;
    claim.address = Address::of(b"something else");
    let store = open(&MemoryBackend::new());
    let mut partial = store.open_partial(claim).unwrap();
    for part in [
        ObjectPart::Page(0),
        ObjectPart::Block(0),
        ObjectPart::Block(1),
        ObjectPart::Block(2),
    ] {
        source.push(&mut partial, part);
    }
    partial.save().unwrap();
    let finished = partial.finish(source.reference.address);
    assert!(matches!(finished, Err(FinishError::FalseRoot { .. })));
    store.discard_partial(claim.address).unwrap();
    assert!(!store.contains(claim.address).unwrap());
    store.compact().unwrap();
    assert!(
        store.stats().unwrap().live_bytes < 10_000,
        "its blocks are gone"
    );
}

#[test]
fn what_was_saved_is_taken_up_again_and_what_was_not_is_not() {
    let source = source(1, LONG);
    let backend = MemoryBackend::new();
    let store = open(&backend);
    let mut partial = store.open_partial(source.reference).unwrap();
    source.push(&mut partial, ObjectPart::Page(0));
    source.push(&mut partial, ObjectPart::Block(2));
    partial.save().unwrap();
    source.push(&mut partial, ObjectPart::Block(0));
    drop(partial);
    drop(store);
    let store = open(&backend);
    let partial = store.open_partial(source.reference).unwrap();
    assert_eq!(partial.wanted_manifests(), []);
    assert!(partial.has(2) && !partial.has(1));
    source.complete(partial);
    assert_eq!(
        store.retrieve(source.reference.address).unwrap(),
        source.content
    );
}

#[test]
fn blocks_that_other_objects_have_are_not_asked_for_and_not_lost_with_them() {
    let source = source(1, LONG);
    let backend = MemoryBackend::new();
    let store = open(&backend);
    // Shares the first two blocks.
    let other = store.store(&source.content[..2 << 20]).unwrap();
    let mut partial = store.open_partial(source.reference).unwrap();
    source.push(&mut partial, ObjectPart::Page(0));
    assert!(partial.has(0) && partial.has(1) && !partial.has(2));
    store.remove(other.address).unwrap();
    store.compact().unwrap();
    partial.save().unwrap();
    drop(partial);
    store.compact().unwrap();
    drop(store);
    let store = open(&backend);
    let partial = store.open_partial(source.reference).unwrap();
    assert_eq!(partial.count_here(), 2);
    let other = store.store(&source.content[..2 << 20]).unwrap();
    drop(partial);
    store.discard_partial(source.reference.address).unwrap();
    store.compact().unwrap();
    assert!(store.retrieve(other.address).unwrap() == source.content[..2 << 20]);
    assert!(store.verify().unwrap().is_well());
}

#[test]
fn part_of_an_object_survives_a_rotation_and_the_loss_of_the_index() {
    let source = source(1, LONG);
    let backend = MemoryBackend::new();
    let store = open(&backend);
    let mut partial = store.open_partial(source.reference).unwrap();
    for part in [ObjectPart::Page(0), ObjectPart::Block(2)] {
        source.push(&mut partial, part);
        partial.save().unwrap();
    }
    drop(partial);
    store.rotate_key(&[StoreKey::Node(&seed(1))]).unwrap();
    drop(store);
    for name in backend.names().unwrap() {
        if name.starts_with("index-") {
            backend.remove(&name).unwrap();
        }
    }
    let store = open(&backend);
    let partial = store.open_partial(source.reference).unwrap();
    assert_eq!(
        (partial.count_here(), partial.wanted_manifests()),
        (1, vec![])
    );
    source.complete(partial);
    assert!(store.verify().unwrap().is_well());
}

#[test]
fn part_of_an_object_that_nobody_gathers_makes_room_for_others() {
    let source = source(1, LONG);
    let backend = MemoryBackend::new();
    let options = small().quota(4 << 20);
    let store = open_with(&options, &backend).unwrap();
    let mut partial = store.open_partial(source.reference).unwrap();
    for part in [
        ObjectPart::Page(0),
        ObjectPart::Block(0),
        ObjectPart::Block(1),
    ] {
        source.push(&mut partial, part);
    }
    partial.save().unwrap();
    drop(partial);
    store.store(&bytes(9, LONG)).unwrap();
    let partial = store.open_partial(source.reference).unwrap();
    assert_eq!(partial.count_here(), 0);
    let too_long = Reference {
        length: 5 << 20,
        ..source.reference
    };
    assert!(store.open_partial(too_long).is_err());
}

fn crash_options() -> StorageOptions {
    StorageOptions::default()
        .segment_len(64 << 10)
        .checkpoint_len(12 << 10)
}

fn reopen(backend: &CrashBackend) -> BinaryStorage {
    crash_options()
        .open_backend(
            Arc::new(backend.clone()),
            StoreKey::Node(&seed(1)),
            Box::new(System),
        )
        .unwrap()
}

/// Gathers until the power goes; returns how many blocks were saved by then, and whether it got to the end.
fn gather(backend: &CrashBackend, source: &Source) -> Option<(u64, bool)> {
    let key = seed(1);
    let opened = crash_options().open_backend(
        Arc::new(backend.clone()),
        StoreKey::Node(&key),
        Box::new(System),
    );
    let store = opened.ok()?;
    let mut saved = 0;
    let mut run = || -> Option<()> {
        store.store(b"another").ok()?;
        let mut partial = store.open_partial(source.reference).ok()?;
        partial
            .push(ObjectPart::Page(0), &source.parts[&ObjectPart::Page(0)])
            .ok()?;
        for number in [2, 0, 1] {
            let part = ObjectPart::Block(number);
            partial.push(part, &source.parts[&part]).ok()?;
            partial.save().ok()?;
            saved += 1;
        }
        partial.finish(source.reference.address).ok()?;
        Some(())
    };
    let is_done = run().is_some();
    Some((saved, is_done))
}

#[test]
fn power_that_goes_while_an_object_is_gathered_costs_nothing_that_was_saved() {
    let source = source(1, LONG);
    let mut random = Random(7);
    for stop in 1.. {
        let backend = CrashBackend::default();
        backend.stop_at(stop, stop % 2 == 0);
        let Some((saved, is_done)) = gather(&backend, &source) else {
            continue;
        };
        if is_done {
            assert!(stop > 40, "{stop} operations are too few to show anything");
            return;
        }
        for unsynced in [Unsynced::Dropped, Unsynced::Mixed(random.next() | 1)] {
            let crashed = backend.after_crash(unsynced);
            for is_index_lost in [false, true] {
                if is_index_lost {
                    for name in crashed.names().unwrap() {
                        if name.starts_with("index-") {
                            crashed.remove(&name).unwrap();
                        }
                    }
                }
                let store = reopen(&crashed);
                assert!(store.verify().unwrap().is_well(), "operation {stop}");
                if store.contains(source.reference.address).unwrap() {
                    assert_eq!(saved, 3);
                    continue;
                }
                let partial = store.open_partial(source.reference).unwrap();
                assert!(
                    partial.count_here() >= saved,
                    "operation {stop}: {saved} were saved"
                );
                if is_index_lost {
                    source.complete(partial);
                    let found = store.retrieve(source.reference.address).unwrap();
                    assert!(found == source.content);
                    assert!(store.verify().unwrap().is_well());
                }
            }
        }
    }
}
