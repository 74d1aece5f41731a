//! The medium is told to begin with what is written, so that a sync has little to wait for.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use stt_store::{Backend, BackendFile, MemoryBackend, StorageOptions};

use crate::support::{bytes, open_with};

/// Memory that notes what is asked of its segments.
#[derive(Debug, Clone, Default)]
struct Noting {
    memory: MemoryBackend,
    calls: Arc<Mutex<Vec<Call>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Write { end: u64 },
    Begin { offset: u64, len: u64 },
    Sync,
}

#[derive(Debug)]
struct NotingFile {
    file: Arc<dyn BackendFile>,
    calls: Option<Arc<Mutex<Vec<Call>>>>,
}

impl Noting {
    fn noting(&self, name: &str, file: Arc<dyn BackendFile>) -> Arc<dyn BackendFile> {
        let calls = name.starts_with("seg-").then(|| Arc::clone(&self.calls));
        Arc::new(NotingFile { file, calls })
    }
}

impl NotingFile {
    fn note(&self, call: Call) {
        if let Some(calls) = &self.calls {
            calls.lock().push(call);
        }
    }
}

impl Backend for Noting {
    fn names(&self) -> io::Result<Vec<String>> {
        self.memory.names()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        Ok(self.noting(name, self.memory.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        Ok(self.noting(name, self.memory.create(name)?))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.memory.replace(name, bytes)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.memory.remove(name)
    }
}

impl BackendFile for NotingFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset + data.len() as u64;
        self.note(Call::Write { end });
        self.file.write_at(offset, data)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.file.set_size(size)
    }

    fn begin_sync(&self, offset: u64, len: u64) {
        self.note(Call::Begin { offset, len });
    }

    fn sync(&self) -> io::Result<()> {
        self.note(Call::Sync);
        self.file.sync()
    }
}

#[test]
fn the_medium_begins_with_a_long_object_long_before_its_sync() {
    let backend = Noting::default();
    let store = open_with(&StorageOptions::default(), &backend).unwrap();
    backend.calls.lock().clear();
    store.store(&bytes(1, 24 * MIB)).unwrap();
    // What is left for a sync is what was written after the medium was told last.
    let (mut written, mut begun, mut times) = (None, None, 0);
    for call in std::mem::take(&mut *backend.calls.lock()) {
        match call {
            Call::Write { end } => written = Some(end),
            Call::Begin { offset, len } => {
                assert!(
                    begun.is_none_or(|begun| begun == offset),
                    "a part is left out"
                );
                assert_eq!(Some(offset + len), written, "not what is written");
                begun = written;
                times += 1;
            }
            Call::Sync => {
                let left = written.unwrap_or_default() - begun.or(written).unwrap_or_default();
                assert!(left <= 5 * MIB as u64, "{left} bytes are left for the sync");
                begun = written.or(begun);
            }
        }
    }
    assert!(times >= 5, "the medium was told {times} times");
}

#[test]
fn the_medium_is_not_told_to_begin_with_little() {
    let backend = Noting::default();
    let store = open_with(&StorageOptions::default(), &backend).unwrap();
    for number in 0..20 {
        store.store(&bytes(number, 9000)).unwrap();
    }
    let calls = backend.calls.lock();
    let is_begin = |call: &&Call| matches!(call, Call::Begin { .. });
    assert_eq!(calls.iter().find(is_begin), None);
}

const MIB: usize = 1 << 20;
