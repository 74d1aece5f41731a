//! The directory: who may read it, who may have it, and names in it that are not ours.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use stt_store::{BinaryStorage, OpenError, StoreKey};

use crate::support::{System, bytes, seed, small};

const DIRECTORY: &str = "STT_STORE_TEST_SECOND";

fn open(directory: &Path) -> Result<BinaryStorage, OpenError> {
    small().open(directory, StoreKey::Node(&seed(1)), Box::new(System))
}

#[test]
fn files_are_their_owners_alone_also_in_a_directory_that_is_not() {
    let above = tempfile::tempdir().unwrap();
    let made = above.path().join("made");
    let given = above.path().join("given");
    fs::create_dir(&given).unwrap();
    for directory in [&made, &given] {
        let store = open(directory).unwrap();
        store.store(&bytes(1, 100_000)).unwrap();
        store.rotate_key(&[StoreKey::Node(&seed(1))]).unwrap();
        drop(store);
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{:?}: {mode:o}", entry.file_name());
        }
    }
    let mode = fs::metadata(&made).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn link_in_the_directory_is_replaced_and_not_written_through() {
    let directory = tempfile::tempdir().unwrap();
    let precious = directory.path().join("precious");
    fs::write(&precious, b"somebody else's").unwrap();
    let store_at = directory.path().join("store");
    fs::create_dir(&store_at).unwrap();
    for name in [
        "keys-a.new",
        "keys-b",
        "seg-0000000000000001",
        "index-00000001",
    ] {
        // A link to a segment would be read as one; here there is no store yet.
        if !name.starts_with("seg-") && name != "index-00000001" {
            symlink(&precious, store_at.join(name)).unwrap();
        }
    }
    // `keys-b` leads to something that is no keys file, and there is no `keys-a`.
    assert!(matches!(open(&store_at), Err(OpenError::KeysDamaged)));
    fs::remove_file(store_at.join("keys-b")).unwrap();
    let store = open(&store_at).unwrap();
    store.store(b"object").unwrap();
    assert_eq!(fs::read(&precious).unwrap(), b"somebody else's");
}

/// The child: says whether it could open. Does nothing in a normal run.
#[test]
fn child_opens_what_is_in_use() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let refused = open(directory.as_ref()).map(drop);
    assert!(matches!(refused, Err(OpenError::InUse)), "{refused:?}");
}

/// Whether another process is refused because the directory is in use.
fn is_refused_elsewhere(directory: &Path) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "files::child_opens_what_is_in_use"]);
    let status = child.env(DIRECTORY, directory).output().unwrap().status;
    status.success()
}

#[test]
fn second_process_is_refused_even_if_somebody_removed_the_lock_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    assert!(is_refused_elsewhere(directory.path()));
    fs::remove_file(directory.path().join("LOCK")).unwrap();
    assert!(is_refused_elsewhere(directory.path()));
    assert!(matches!(open(directory.path()), Err(OpenError::InUse)));
    let object = store.store(b"goes on").unwrap();
    drop(store);
    assert!(!is_refused_elsewhere(directory.path()));
    assert_eq!(
        open(directory.path())
            .unwrap()
            .retrieve(object.address)
            .unwrap(),
        b"goes on"
    );
}

#[test]
fn segment_name_with_the_largest_number_is_nobodys_and_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let object = store.store(b"object").unwrap();
    drop(store);
    for name in [
        "seg-ffffffffffffffff",
        "seg-FFFF",
        "seg-",
        "index-zzzz.txt.bak",
    ] {
        fs::write(directory.path().join(name), b"not a segment").unwrap();
    }
    for number in 0..3 {
        let store = open(directory.path()).unwrap();
        store.store(&bytes(number, 70_000)).unwrap();
        assert_eq!(store.retrieve(object.address).unwrap(), b"object");
        assert!(store.verify().unwrap().is_well());
    }
    let name = directory.path().join("seg-ffffffffffffffff");
    assert_eq!(fs::read(name).unwrap(), b"not a segment");
}
