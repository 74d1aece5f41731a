//! A backend that counts syncs, and stops at one until it is let go.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};
use stt::storage::{Backend, BackendFile, MemoryBackend};

#[derive(Debug, Clone, Default)]
pub(crate) struct Counting {
    files: MemoryBackend,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    syncs: AtomicU64,
    is_shut: Mutex<bool>,
    changed: Condvar,
}

impl Counting {
    pub(crate) fn syncs(&self) -> u64 {
        self.gate.syncs.load(Ordering::Relaxed)
    }

    /// From now on nothing becomes durable.
    pub(crate) fn shut(&self) {
        *self.gate.is_shut.lock() = true;
    }

    pub(crate) fn let_go(&self) {
        *self.gate.is_shut.lock() = false;
        self.gate.changed.notify_all();
    }

    fn wrap(&self, file: Arc<dyn BackendFile>) -> Arc<dyn BackendFile> {
        let gate = Arc::clone(&self.gate);
        Arc::new(File { file, gate })
    }
}

impl Backend for Counting {
    fn names(&self) -> io::Result<Vec<String>> {
        self.files.names()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        Ok(self.wrap(self.files.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        Ok(self.wrap(self.files.create(name)?))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.files.replace(name, bytes)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove(name)
    }
}

#[derive(Debug)]
struct File {
    file: Arc<dyn BackendFile>,
    gate: Arc<Gate>,
}

impl BackendFile for File {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, data)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.file.set_size(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.gate.syncs.fetch_add(1, Ordering::Relaxed);
        let mut is_shut = self.gate.is_shut.lock();
        while *is_shut {
            self.gate.changed.wait(&mut is_shut);
        }
        self.file.sync()
    }
}
