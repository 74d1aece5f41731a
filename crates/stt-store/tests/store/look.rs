//! A directory is looked at before a store is made in it.

use std::fs;

use stt_store::{BinaryStorage, DiskBackend, Found, StoreKey};

use crate::support::{System, seed};

#[test]
fn directory_is_empty_a_store_or_somebody_elses() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("store");
    let look = || DiskBackend::look(&directory).unwrap();
    assert_eq!(look(), Found::Nothing);
    fs::create_dir(&directory).unwrap();
    for begun in ["LOCK", "keys-a.new"] {
        fs::write(directory.join(begun), b"").unwrap();
        assert_eq!(look(), Found::Nothing, "{begun}");
    }
    fs::write(directory.join("index-of-my-photos"), b"mine").unwrap();
    assert_eq!(look(), Found::Foreign);
    fs::remove_file(directory.join("index-of-my-photos")).unwrap();

    let key = seed(1);
    let open = || BinaryStorage::open(&directory, StoreKey::Node(&key), Box::new(System)).unwrap();
    open().store(b"something").unwrap();
    assert_eq!(look(), Found::Store);
    for gone in ["keys-a", "keys-b", "LOCK"] {
        fs::remove_file(directory.join(gone)).unwrap();
        assert_eq!(look(), Found::Store, "without {gone}");
    }
    assert!(DiskBackend::look(directory.join("seg-0000000000000001")).is_err());
}
