//! Servers and networks that fail: typed errors, and nothing lost that was acknowledged.

use stt_store::{Address, BinaryStorage, Failure, OpenError, ReadError, StoreError};

use crate::proxy::Fault;
use crate::server::{Server, bytes};

const FAULTS: [Fault; 6] = [
    Fault::Answer(403),
    Fault::Answer(500),
    Fault::Answer(503),
    Fault::CutRequest(900),
    Fault::CutAnswer(40),
    Fault::Hang,
];

fn failure(error: StoreError) -> Failure {
    match error {
        StoreError::Failure(failure) => failure,
        other => panic!("{other}"),
    }
}

#[test]
fn change_that_fails_is_a_typed_error_and_what_was_acknowledged_is_there() {
    let server = Server::start();
    for (number, fault) in (0..).zip(FAULTS) {
        let index = tempfile::tempdir().unwrap();
        let store = server.open(index.path()).unwrap();
        let before = store.store(&bytes(number, 5_000)).unwrap().address;
        server.proxy.set(fault);
        let failed = failure(store.store(&bytes(number + 100, 5_000)).unwrap_err());
        let is_forbidden = matches!(failed, Failure::Unwritable(_));
        assert_eq!(
            is_forbidden,
            fault == Fault::Answer(403),
            "{fault:?}: {failed:?}"
        );
        // Nobody knows whether it was put: the store says no until it is opened again.
        let next = failure(store.store(b"next").unwrap_err());
        assert!(matches!(next, Failure::Poisoned), "{fault:?}: {next:?}");
        server.proxy.set(Fault::None);
        drop(store);
        let store = server.open(index.path()).unwrap();
        assert!(
            store.retrieve(before).unwrap() == bytes(number, 5_000),
            "{fault:?}"
        );
        let unknown = store.retrieve(Address::of(&bytes(number + 100, 5_000)));
        assert!(matches!(unknown, Ok(_) | Err(ReadError::Unknown { .. })));
        assert!(store.verify().unwrap().is_well(), "{fault:?}");
        store.close().unwrap();
    }
}

#[test]
fn read_that_fails_is_no_damage_and_succeeds_when_the_server_is_back() {
    let server = Server::start();
    let index = tempfile::tempdir().unwrap();
    let store = server.open(index.path()).unwrap();
    let addresses: Vec<_> = (0..6)
        .map(|number| store.store(&bytes(number, 200_000)).unwrap().address)
        .collect();
    for fault in FAULTS.into_iter().chain([Fault::CutAnswer(50_000)]) {
        server.proxy.set(fault);
        if matches!(fault, Fault::Answer(_) | Fault::Hang) {
            assert!(store.retrieve(addresses[0]).is_err(), "{fault:?}");
        }
        for address in &addresses {
            // Some of it may be here still; the rest is an error of the medium.
            match store.retrieve(*address) {
                Ok(found) => assert_eq!(Address::of(&found), *address),
                Err(ReadError::Failure(Failure::Io(_) | Failure::Unwritable(_))) => break,
                Err(error) => panic!("{fault:?}: {error:?}"),
            }
        }
        server.proxy.set(Fault::None);
        for address in &addresses {
            assert_eq!(
                Address::of(&store.retrieve(*address).unwrap()),
                *address,
                "{fault:?}"
            );
        }
    }
    assert!(store.verify().unwrap().is_well());
}

#[test]
fn opening_without_a_server_is_a_typed_error() {
    let mut server = Server::start();
    let index = tempfile::tempdir().unwrap();
    for fault in [Fault::Answer(403), Fault::Answer(500), Fault::CutAnswer(10)] {
        server.proxy.set(fault);
        let refused = server.open(index.path()).map(drop).unwrap_err();
        assert!(
            matches!(refused, OpenError::Failure(_)),
            "{fault:?}: {refused:?}"
        );
    }
    server.proxy.set(Fault::None);
    server.kill();
    let refused = server.open(index.path()).map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Failure(_)), "{refused:?}");
}

#[test]
fn server_that_is_killed_in_the_middle_of_a_put_keeps_what_was_acknowledged() {
    let mut server = Server::start();
    let index = tempfile::tempdir().unwrap();
    let mut stored = Vec::new();
    let kept = |store: &BinaryStorage, stored: &[u64]| {
        for number in stored {
            let object = bytes(*number, 150_000);
            assert!(store.retrieve(Address::of(&object)).unwrap() == object);
        }
    };
    for round in 0..4 {
        let store = server.open(index.path()).unwrap();
        kept(&store, &stored);
        // The server has a part of the request when it is killed.
        for number in round * 10..round * 10 + 3 {
            store.store(&bytes(number, 150_000)).unwrap();
            stored.push(number);
        }
        server.proxy.set(Fault::CutRequest(60_000));
        let number = round * 10 + 9;
        let failed = std::thread::scope(|scope| {
            let storing = scope.spawn(|| store.store(&bytes(number, 150_000)));
            std::thread::sleep(std::time::Duration::from_millis(round * 7));
            server.kill_and_restart();
            storing.join().unwrap()
        });
        if failed.is_ok() {
            stored.push(number);
        }
        drop(store);
    }
    let store = server.open(index.path()).unwrap();
    kept(&store, &stored);
    assert!(store.verify().unwrap().is_well());
}
