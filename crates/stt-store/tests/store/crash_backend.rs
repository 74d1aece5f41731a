//! A backend that keeps what is live and what is durable apart, and stops at a chosen operation.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use stt_store::{Backend, BackendFile};

use crate::support::Random;

/// What becomes of writes that were not synced when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsynced {
    Dropped,
    Kept,
    /// Each one is dropped, kept or torn, by a sequence that begins with this number.
    Mixed(u64),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct CrashBackend(Arc<Mutex<Medium>>);

#[derive(Debug, Default)]
struct Medium {
    files: BTreeMap<String, Arc<Mutex<Content>>>,
    operations: u64,
    /// The operation at which everything ends.
    stop: Option<u64>,
    is_applied: bool,
    /// The operation that fails, as none does after it.
    failure: Option<u64>,
    /// Bytes that are left, if the medium is small.
    room: Option<u64>,
}

#[derive(Debug, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Debug)]
enum Pending {
    Write(usize, Vec<u8>),
    Size(usize),
}

#[derive(Debug)]
struct CrashFile {
    medium: Arc<Mutex<Medium>>,
    content: Arc<Mutex<Content>>,
}

impl CrashBackend {
    /// Stops at operation `stop`, which happens in part (`is_applied`) or not at all.
    pub(crate) fn stop_at(&self, stop: u64, is_applied: bool) {
        let mut medium = self.0.lock();
        medium.stop = Some(stop);
        medium.is_applied = is_applied;
    }

    /// Lets operation `number` fail, which happens in part (`is_applied`) or not at all; the medium goes on.
    pub(crate) fn fail_once_at(&self, number: u64, is_applied: bool) {
        let mut medium = self.0.lock();
        medium.failure = Some(number);
        medium.is_applied = is_applied;
    }

    pub(crate) fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    pub(crate) fn set_room(&self, room: Option<u64>) {
        self.0.lock().room = room;
    }

    /// What is there when the power comes back.
    pub(crate) fn after_crash(&self, unsynced: Unsynced) -> Self {
        let medium = self.0.lock();
        let mut random = match unsynced {
            Unsynced::Mixed(start) => Random(start),
            _ => Random(1),
        };
        let survive = |(name, content): (&String, &Arc<Mutex<Content>>)| {
            let content = content.lock();
            let mut durable = content.durable.clone();
            for pending in &content.pending {
                survive_one(&mut durable, pending, unsynced, &mut random);
            }
            let content = Content {
                live: durable.clone(),
                durable,
                pending: Vec::new(),
            };
            (name.clone(), Arc::new(Mutex::new(content)))
        };
        let files = medium.files.iter().map(survive).collect();
        let medium = Medium {
            files,
            ..Medium::default()
        };
        Self(Arc::new(Mutex::new(medium)))
    }
}

fn survive_one(durable: &mut Vec<u8>, pending: &Pending, unsynced: Unsynced, random: &mut Random) {
    let fate = match unsynced {
        Unsynced::Dropped => 0,
        Unsynced::Kept => 1,
        Unsynced::Mixed(_) => random.below(3),
    };
    match (pending, fate) {
        (_, 0) => {}
        (Pending::Size(size), _) => durable.resize(*size, 0),
        (Pending::Write(at, data), 1) => write(durable, *at, data),
        // Torn: any of its parts of 512 bytes may be missing.
        (Pending::Write(at, data), _) => {
            for (number, part) in data.chunks(512).enumerate() {
                if random.below(2) == 0 {
                    write(durable, at + number * 512, part);
                }
            }
        }
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

fn crashed() -> io::Error {
    io::Error::other("the power is gone")
}

impl Medium {
    /// Counts an operation; tells whether it happens, and whether the power is gone after it.
    fn operate(&mut self) -> io::Result<bool> {
        self.operations += 1;
        if self.failure == Some(self.operations) {
            return if self.is_applied {
                Ok(true)
            } else {
                Err(crashed())
            };
        }
        match self.stop {
            Some(stop) if self.operations == stop && self.is_applied => Ok(true),
            Some(stop) if self.operations >= stop => Err(crashed()),
            _ => Ok(false),
        }
    }

    fn take_room(&mut self, bytes: u64) -> io::Result<()> {
        match &mut self.room {
            Some(room) if *room < bytes => Err(io::ErrorKind::StorageFull.into()),
            Some(room) => {
                *room -= bytes;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn ended(is_end: bool) -> io::Result<()> {
    if is_end { Err(crashed()) } else { Ok(()) }
}

impl Backend for CrashBackend {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().files.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        let medium = Arc::clone(&self.0);
        let content = self.0.lock().files.get(name).cloned();
        let content = content.ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(CrashFile { medium, content }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        let is_end = self.0.lock().operate()?;
        self.0.lock().take_room(1)?;
        let content = Arc::default();
        self.0
            .lock()
            .files
            .insert(name.to_owned(), Arc::clone(&content));
        ended(is_end)?;
        let medium = Arc::clone(&self.0);
        Ok(Arc::new(CrashFile { medium, content }))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let is_end = self.0.lock().operate()?;
        self.0.lock().take_room(bytes.len() as u64)?;
        let content = Content {
            live: bytes.to_vec(),
            durable: bytes.to_vec(),
            pending: Vec::new(),
        };
        let content = Arc::new(Mutex::new(content));
        self.0.lock().files.insert(name.to_owned(), content);
        ended(is_end)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let is_end = self.0.lock().operate()?;
        let content = self.0.lock().files.remove(name);
        if let Some(content) = content {
            let len = content.lock().live.len() as u64;
            let mut medium = self.0.lock();
            medium.room = medium.room.map(|room| room + len);
        }
        ended(is_end)
    }
}

impl BackendFile for CrashFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.content.lock().live.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let content = self.content.lock();
        let start = offset as usize;
        let source = content.live.get(start..start + out.len());
        out.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let is_end = self.medium.lock().operate()?;
        let mut content = self.content.lock();
        let at = offset as usize;
        let more = (at + data.len()).saturating_sub(content.live.len());
        self.medium.lock().take_room(more as u64)?;
        write(&mut content.live, at, data);
        content.pending.push(Pending::Write(at, data.to_vec()));
        ended(is_end)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        let is_end = self.medium.lock().operate()?;
        let mut content = self.content.lock();
        let (old, new) = (content.live.len() as u64, size);
        let mut medium = self.medium.lock();
        medium.take_room(new.saturating_sub(old))?;
        medium.room = medium.room.map(|room| room + old.saturating_sub(new));
        drop(medium);
        content.live.resize(size as usize, 0);
        content.pending.push(Pending::Size(size as usize));
        ended(is_end)
    }

    fn sync(&self) -> io::Result<()> {
        let is_end = self.medium.lock().operate()?;
        let mut content = self.content.lock();
        let Content { live, durable, .. } = &mut *content;
        durable.clone_from(live);
        content.pending.clear();
        ended(is_end)
    }
}
