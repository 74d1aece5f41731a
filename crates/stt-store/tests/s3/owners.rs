//! Two who want the same store: one is refused, or cannot have anything acknowledged.

use stt_store::{OpenError, Takeover};

use crate::server::{Server, bytes};

#[test]
fn second_opening_is_refused_until_the_first_is_closed() {
    let server = Server::start();
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = server.open(one.path()).unwrap();
    assert!(matches!(server.open(one.path()), Err(OpenError::InUse)));
    assert!(matches!(server.open(other.path()), Err(OpenError::InUse)));
    let address = store.store(b"object").unwrap().address;
    store.close().unwrap();
    let store = server.open(other.path()).unwrap();
    assert_eq!(store.retrieve(address).unwrap(), b"object");
}

#[test]
fn owner_that_was_fenced_off_has_nothing_acknowledged_and_loses_nothing_that_was() {
    let server = Server::start();
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let former = server.open(one.path()).unwrap();
    let acknowledged = former.store(&bytes(1, 5_000)).unwrap().address;
    let owner = server.open_as(other.path(), Takeover::FenceOff).unwrap();
    assert!(former.store(&bytes(2, 5_000)).is_err());
    assert!(former.store(&bytes(3, 300_000)).is_err());
    assert!(owner.retrieve(acknowledged).unwrap() == bytes(1, 5_000));
    for number in 10..30 {
        owner.store(&bytes(number, 30_000)).unwrap();
    }
    drop(former);
    assert!(owner.retrieve(acknowledged).unwrap() == bytes(1, 5_000));
    assert!(owner.verify().unwrap().is_well());
    owner.close().unwrap();
    // The index of the former owner is of no use any more, and not believed.
    let store = server.open(one.path()).unwrap();
    assert_eq!(store.list().count(), 21);
    assert!(store.verify().unwrap().is_well());
}

#[test]
fn former_owner_cannot_begin_a_segment_either() {
    let server = Server::start();
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let former = server.open(one.path()).unwrap();
    // Nothing was stored yet: the next thing it does is to begin the first segment.
    let owner = server.open_as(other.path(), Takeover::FenceOff).unwrap();
    assert!(former.store(b"too late").is_err());
    owner.store(b"in time").unwrap();
    drop((former, owner));
    let store = server.open(other.path()).unwrap();
    assert_eq!(store.list().count(), 1);
}

#[test]
fn owner_that_died_here_is_not_in_the_way_here() {
    let server = Server::start();
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copy = tempfile::tempdir().unwrap();
    let store = server.open(here.path()).unwrap();
    let address = store.store(&bytes(1, 5_000)).unwrap().address;
    // What a process that is killed leaves behind: its index, and no word in the object store.
    for entry in std::fs::read_dir(here.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    assert!(matches!(
        server.open(elsewhere.path()),
        Err(OpenError::InUse)
    ));
    let again = server.open(copy.path()).unwrap();
    assert!(again.retrieve(address).unwrap() == bytes(1, 5_000));
    again.store(&bytes(2, 5_000)).unwrap();
    // The one that was believed dead cannot go on where the other one did.
    assert!(store.store(&bytes(3, 5_000)).is_err());
}
