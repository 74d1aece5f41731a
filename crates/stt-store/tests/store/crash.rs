//! The power goes at every write, sync and change of a name; then every promise is checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use stt_store::{Address, Backend, BinaryStorage, OpenError, StorageOptions, StoreKey};

use crate::crash_backend::{CrashBackend, Unsynced};
use crate::support::{System, bytes, seed};

/// What must be there: content, and whether it is pinned.
type State = BTreeMap<Address, (Vec<u8>, bool)>;

/// What was acknowledged, and what the operation under way would make of it.
#[derive(Clone, Default)]
struct Promise {
    state: State,
    next: Option<State>,
    /// Seeds that open the store: each set may be the one.
    seeds: Vec<Vec<u8>>,
}

type Action = fn(&BinaryStorage, &mut State) -> Option<()>;

fn options() -> StorageOptions {
    StorageOptions::default()
        .segment_len(64 << 10)
        .checkpoint_len(12 << 10)
}

fn open(backend: &CrashBackend, number: u8) -> Result<BinaryStorage, OpenError> {
    let key = seed(number);
    options().open_backend(
        Arc::new(backend.clone()),
        StoreKey::Node(&key),
        Box::new(System),
    )
}

fn address(number: u64, len: usize) -> Address {
    Address::of(&bytes(number, len))
}

fn put(store: &BinaryStorage, state: &mut State, number: u64, len: usize) -> Option<()> {
    let object = bytes(number, len);
    state.insert(Address::of(&object), (object.clone(), false));
    store.store(&object).ok().map(drop)
}

/// Operations, one after the other. `state` is changed before the store is asked.
const ACTIONS: &[Action] = &[
    |store, state| put(store, state, 1, 700),
    |store, state| put(store, state, 2, 9000),
    |store, state| {
        state.get_mut(&address(1, 700))?.1 = true;
        store.pin(address(1, 700)).ok()
    },
    |store, state| put(store, state, 3, (1 << 20) + 100),
    |store, state| {
        state.remove(&address(2, 9000));
        store.remove(address(2, 9000)).ok()
    },
    |store, state| put(store, state, 4, 30_000),
    |store, state| put(store, state, 5, 30_000),
    |store, state| put(store, state, 2, 9000),
    |store, state| {
        state.get_mut(&address(1, 700))?.1 = false;
        store.unpin(address(1, 700)).ok()
    },
    |store, state| {
        state.remove(&address(4, 30_000));
        store.remove(address(4, 30_000)).ok()
    },
    |store, state| {
        state.remove(&address(3, (1 << 20) + 100));
        store.remove(address(3, (1 << 20) + 100)).ok()
    },
    |store, _| store.compact().ok().map(drop),
    |store, state| put(store, state, 6, 100),
];

/// Does everything until the power goes; true if it never did.
fn run(backend: &CrashBackend, promise: &mut Promise) -> bool {
    promise.seeds = vec![vec![1]];
    let Ok(store) = open(backend, 1) else {
        return false;
    };
    for action in ACTIONS {
        let mut next = promise.state.clone();
        promise.next = Some(next.clone());
        let done = action(&store, &mut next);
        promise.next = Some(next.clone());
        if done.is_none() {
            return false;
        }
        promise.state = next;
        promise.next = None;
    }
    promise.seeds = vec![vec![1], vec![1, 2]];
    if store.add_seed(StoreKey::Node(&seed(2))).is_err() {
        return false;
    }
    promise.seeds = vec![vec![1, 2], vec![1, 3]];
    let keys = [StoreKey::Node(&seed(1)), StoreKey::Node(&seed(3))];
    if store.rotate_key(&keys).is_err() {
        return false;
    }
    promise.seeds = vec![vec![1, 3]];
    let mut next = promise.state.clone();
    let done = put(&store, &mut next, 7, 5000);
    promise.next = Some(next.clone());
    if done.is_none() {
        return false;
    }
    promise.state = next;
    promise.next = None;
    store.close().is_ok()
}

fn found(store: &BinaryStorage) -> State {
    let entry = |entry: Result<stt_store::Entry, _>| {
        let entry = entry.unwrap();
        let address = entry.reference.address;
        (address, (store.retrieve(address).unwrap(), entry.is_pinned))
    };
    store.list().map(entry).collect()
}

/// Opens what is left and compares it with what was promised.
fn check(backend: &CrashBackend, promise: &Promise, place: &str) {
    let opening = (1..=3).filter(|number| match open(&backend.clone(), *number) {
        Ok(_) => true,
        Err(OpenError::WrongSeed) => false,
        Err(error) => panic!("{place}: {error}"),
    });
    let opening: Vec<u8> = opening.collect();
    if opening.is_empty() && promise.state.is_empty() && promise.next.is_none() {
        return;
    }
    assert!(promise.seeds.contains(&opening), "{place}: {opening:?}");
    let store = open(backend, 1).unwrap();
    let state = found(&store);
    let is_promised = state == promise.state || Some(&state) == promise.next.as_ref();
    assert!(
        is_promised,
        "{place}: {:?}",
        state.keys().collect::<Vec<_>>()
    );
    let verified = store.verify().unwrap();
    assert!(verified.is_well(), "{place}: {verified:?}");
    // Life goes on, and a rotation that was broken off is completed.
    let mut next = state;
    put(&store, &mut next, 99, 2000).unwrap();
    store.compact().unwrap();
    drop(store);
    let index: Vec<String> = backend.names().unwrap();
    for name in index.iter().filter(|name| name.starts_with("index-")) {
        backend.remove(name).unwrap();
    }
    let store = open(backend, 1).unwrap();
    assert!(found(&store) == next, "{place}: after the index was lost");
    assert!(store.verify().unwrap().is_well(), "{place}: rebuilt");
}

#[test]
fn power_that_goes_at_any_operation_costs_nothing_that_was_acknowledged() {
    let mut stop = 0;
    loop {
        stop += 1;
        let is_applied = stop % 2 == 0;
        let backend = CrashBackend::default();
        backend.stop_at(stop, is_applied);
        let mut promise = Promise::default();
        if run(&backend, &mut promise) {
            break;
        }
        for unsynced in [
            Unsynced::Dropped,
            Unsynced::Kept,
            Unsynced::Mixed(stop * 3 + 1),
            Unsynced::Mixed(stop * 7 + 5),
        ] {
            let place = format!("operation {stop}, {unsynced:?}");
            check(&backend.after_crash(unsynced), &promise, &place);
        }
    }
    assert!(stop > 100, "{stop} operations are too few to show anything");
}

#[test]
fn power_that_goes_again_while_the_store_recovers_costs_nothing_either() {
    let backend = CrashBackend::default();
    backend.stop_at(70, false);
    let mut promise = Promise::default();
    assert!(!run(&backend, &mut promise));
    for stop in 1..40 {
        let crashed = backend.after_crash(Unsynced::Mixed(stop + 11));
        crashed.stop_at(stop, stop % 2 == 0);
        if let Ok(store) = open(&crashed, 1) {
            drop(store);
        }
        let place = format!("recovery, operation {stop}");
        check(
            &crashed.after_crash(Unsynced::Mixed(stop + 5)),
            &promise,
            &place,
        );
    }
}

#[test]
fn object_that_was_torn_while_it_was_written_is_not_believed() {
    for operation in 1..8 {
        for chance in 1..40 {
            let backend = CrashBackend::default();
            let store = open(&backend, 1).unwrap();
            store.store(b"acknowledged").unwrap();
            backend.stop_at(backend.operations() + operation, chance % 2 == 0);
            let torn = store.store(&bytes(5, 9000));
            drop(store);
            let store = open(&backend.after_crash(Unsynced::Mixed(chance * 31)), 1).unwrap();
            let state = found(&store);
            assert!(state.contains_key(&Address::of(b"acknowledged")));
            assert!(state.len() == 2 || torn.is_err());
            assert!(store.verify().unwrap().is_well());
        }
    }
}
