//! Any sequence of operations does what it does to a map in memory.

use std::collections::BTreeMap;

use proptest::prelude::*;
use stt_store::{Address, Backend, BinaryStorage, MemoryBackend};

use crate::support::{bytes, open};

#[derive(Debug, Clone)]
enum Operation {
    Store(u64, usize),
    StoreAll(Vec<(u64, usize)>),
    Stream(u64, usize),
    Remove(u64, usize),
    Pin(u64, usize),
    Unpin(u64, usize),
    Retrieve(u64, usize),
    Compact,
    Reopen,
    LoseIndex,
}

fn object() -> impl Strategy<Value = (u64, usize)> {
    let len = prop_oneof![
        4 => Just(0_usize),
        8 => Just(900_usize),
        8 => Just(20_000_usize),
        1 => Just((1 << 20) + 3),
    ];
    (0_u64..6, len)
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{
        Compact, LoseIndex, Pin, Remove, Reopen, Retrieve, Store, StoreAll, Stream, Unpin,
    };
    prop_oneof![
        6 => object().prop_map(|(number, len)| Store(number, len)),
        2 => prop::collection::vec(object(), 0..6).prop_map(StoreAll),
        2 => object().prop_map(|(number, len)| Stream(number, len)),
        6 => object().prop_map(|(number, len)| Remove(number, len)),
        2 => object().prop_map(|(number, len)| Pin(number, len)),
        2 => object().prop_map(|(number, len)| Unpin(number, len)),
        3 => object().prop_map(|(number, len)| Retrieve(number, len)),
        2 => Just(Compact),
        2 => Just(Reopen),
        1 => Just(LoseIndex),
    ]
}

/// Address to content and pin.
type Model = BTreeMap<Address, (Vec<u8>, bool)>;

fn apply(store: &BinaryStorage, model: &mut Model, operation: &Operation) {
    let put = |model: &mut Model, object: Vec<u8>| {
        model.entry(Address::of(&object)).or_insert((object, false));
    };
    match *operation {
        Operation::Store(number, len) => {
            store.store(&bytes(number, len)).unwrap();
            put(model, bytes(number, len));
        }
        Operation::StoreAll(ref objects) => {
            let objects: Vec<_> = objects.iter().map(|(n, len)| bytes(*n, *len)).collect();
            let references = store.store_all(&objects).unwrap();
            assert_eq!(references.len(), objects.len());
            for object in objects {
                put(model, object);
            }
        }
        Operation::Stream(number, len) => {
            store.store_reader(&bytes(number, len)[..]).unwrap();
            put(model, bytes(number, len));
        }
        Operation::Remove(number, len) => {
            let address = Address::of(&bytes(number, len));
            let may_go = model.get(&address).is_some_and(|(_, pinned)| !pinned);
            assert_eq!(store.remove(address).is_ok(), may_go);
            if may_go {
                model.remove(&address);
            }
        }
        Operation::Pin(number, len) | Operation::Unpin(number, len) => {
            let address = Address::of(&bytes(number, len));
            let pinned = matches!(operation, Operation::Pin(..));
            let result = if pinned {
                store.pin(address)
            } else {
                store.unpin(address)
            };
            assert_eq!(result.is_ok(), model.contains_key(&address));
            if let Some(entry) = model.get_mut(&address) {
                entry.1 = pinned;
            }
        }
        Operation::Retrieve(number, len) => {
            let address = Address::of(&bytes(number, len));
            let found = store.retrieve(address).ok();
            assert!(found.as_ref() == model.get(&address).map(|(object, _)| object));
        }
        Operation::Compact => drop(store.compact().unwrap()),
        Operation::Reopen | Operation::LoseIndex => {}
    }
}

fn agree(store: &BinaryStorage, model: &Model) {
    let listed = store.list().map(|entry| {
        let entry = entry.unwrap();
        (entry.reference.address, entry.is_pinned)
    });
    let expected = model
        .iter()
        .map(|(address, (_, pinned))| (*address, *pinned));
    assert!(listed.eq(expected));
    for (address, (object, _)) in model {
        assert!(store.retrieve(*address).unwrap() == *object);
    }
    assert!(store.verify().unwrap().is_well());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn store_does_what_a_map_does(operations in prop::collection::vec(operation(), 1..40)) {
        let backend = MemoryBackend::new();
        let mut store = open(&backend);
        let mut model = Model::new();
        for operation in &operations {
            apply(&store, &mut model, operation);
            if matches!(operation, Operation::Reopen | Operation::LoseIndex) {
                drop(store);
                if matches!(operation, Operation::LoseIndex) {
                    backend.remove("index-00000001").unwrap();
                }
                store = open(&backend);
            }
        }
        agree(&store, &model);
        drop(store);
        backend.remove("index-00000001").unwrap();
        agree(&open(&backend), &model);
    }
}
