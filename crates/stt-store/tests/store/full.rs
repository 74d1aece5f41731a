//! A medium that is full, that may not be written to, or that fails.

use std::sync::Arc;

use stt_store::{Address, Failure, OpenError, StoreError, StoreKey};

use crate::crash_backend::CrashBackend;
use crate::support::{System, bytes, open, open_with, seed, small};

#[test]
fn full_medium_refuses_and_keeps_what_was_acknowledged() {
    let backend = CrashBackend::default();
    let store = open_with(&small().checkpoint_len(1 << 30), &backend).unwrap();
    store.store(b"first").unwrap();
    backend.set_room(Some(200_000));
    let mut stored = Vec::new();
    let refused = loop {
        let number = stored.len() as u64;
        match store.store(&bytes(number, 10_000)) {
            Ok(reference) => stored.push(reference.address),
            Err(error) => break error,
        }
    };
    let is_full = matches!(refused, StoreError::Failure(Failure::NoSpace));
    assert!(is_full, "{refused:?}");
    let long = store.store_reader(&bytes(77, 3 << 20)[..]);
    assert!(long.is_err());
    for (number, address) in (0..).zip(&stored) {
        assert_eq!(store.retrieve(*address).unwrap(), bytes(number, 10_000));
    }
    backend.set_room(None);
    store.store(b"there is room again").unwrap();
    drop(store);
    let store = open(&backend);
    assert_eq!(store.list().count(), stored.len() + 2);
    assert!(store.verify().unwrap().is_well());
}

#[test]
fn medium_that_fails_closes_the_store_and_opening_it_again_finds_everything() {
    let backend = CrashBackend::default();
    let store = open(&backend);
    store.store(b"first").unwrap();
    backend.stop_at(backend.operations() + 2, false);
    assert!(store.store(b"second").is_err());
    let later = store.store(b"third");
    assert!(matches!(later, Err(StoreError::Failure(Failure::Poisoned))));
    assert!(store.retrieve(Address::of(b"first")).is_err());
    drop(store);
    let medium = backend.after_crash(crate::crash_backend::Unsynced::Kept);
    let store = open(&medium);
    assert_eq!(store.retrieve(Address::of(b"first")).unwrap(), b"first");
}

#[cfg(unix)]
#[test]
fn directory_that_cannot_be_made_is_a_failure_with_a_reason() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, b"not a directory").unwrap();
    let options = small();
    let key = seed(1);
    let refused = options.open(file.join("store"), StoreKey::Node(&key), Box::new(System));
    assert!(matches!(refused, Err(OpenError::Failure(_))), "{refused:?}");
}

/// A backend that may be read only.
#[derive(Debug)]
struct ReadOnly(CrashBackend);

impl stt_store::Backend for ReadOnly {
    fn names(&self) -> std::io::Result<Vec<String>> {
        self.0.names()
    }
    fn open(&self, name: &str) -> std::io::Result<Arc<dyn stt_store::BackendFile>> {
        self.0.open(name)
    }
    fn create(&self, _: &str) -> std::io::Result<Arc<dyn stt_store::BackendFile>> {
        Err(std::io::ErrorKind::ReadOnlyFilesystem.into())
    }
    fn replace(&self, _: &str, _: &[u8]) -> std::io::Result<()> {
        Err(std::io::ErrorKind::PermissionDenied.into())
    }
    fn remove(&self, _: &str) -> std::io::Result<()> {
        Err(std::io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

#[test]
fn medium_that_may_not_be_written_to_is_said_to_be_so() {
    let backend = Arc::new(ReadOnly(CrashBackend::default()));
    let key = seed(1);
    let refused = small().open_backend(backend, StoreKey::Node(&key), Box::new(System));
    assert!(matches!(
        refused,
        Err(OpenError::Failure(Failure::Unwritable(_)))
    ));
}

/// Mounts a small file system; only root can, so there is none for others.
struct SmallMount(tempfile::TempDir);

impl SmallMount {
    fn new() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]);
        let status = mount.arg(directory.path()).status();
        let is_mounted = status.is_ok_and(|status| status.success());
        is_mounted.then_some(Self(directory))
    }
}

impl Drop for SmallMount {
    fn drop(&mut self) {
        let mut unmount = std::process::Command::new("umount");
        let _ = unmount.arg(self.0.path()).status();
    }
}

#[test]
fn full_file_system_keeps_what_was_acknowledged_and_takes_more_when_there_is_room() {
    let Some(mount) = SmallMount::new() else {
        return;
    };
    let filler = mount.0.path().join("filler");
    let open = || {
        let key = seed(1);
        let directory = mount.0.path().join("store");
        small().open(directory, StoreKey::Node(&key), Box::new(System))
    };
    let mut store = open().unwrap();
    std::fs::write(&filler, vec![1; 1 << 20]).unwrap();
    let mut stored = Vec::new();
    while let Ok(reference) = store.store(&bytes(stored.len() as u64, 10_000)) {
        stored.push(reference.address);
    }
    assert!(stored.len() > 20);
    std::fs::remove_file(&filler).unwrap();
    if store.store(b"there is room again").is_err() {
        // It was the index that met the end of the medium: the store closed itself.
        drop(store);
        store = open().unwrap();
        store.store(b"there is room again").unwrap();
    }
    for (number, address) in (0..).zip(&stored) {
        assert_eq!(store.retrieve(*address).unwrap(), bytes(number, 10_000));
    }
    assert!(store.verify().unwrap().is_well());
}
