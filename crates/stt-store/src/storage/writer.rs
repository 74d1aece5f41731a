//! Storing what comes by and by: a reader is read in blocks, a writer gathers them.
//!
//! ```text
//! caller's thread:  1 MiB -> BLAKE3, seal, append ──┐
//! one more thread:      └─-> SHA3-256 ──────────────┴─> object record -> sync -> answer
//! ```
//!
//! SHA3-256 is the slowest of these, so it has a thread for itself. The medium works meanwhile too: what is
//! written is begun with at once, so that little is left for the sync.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use stc::ContentHasher;

use super::hashing::Hashing;
use super::upload::Upload;
use super::{BinaryStorage, Shared};
use crate::error::{Failure, StoreError};
use crate::object::{BLOCK_LEN, Reference};

/// Takes an object piece by piece, from whoever cannot hand over a reader.
///
/// Nothing is stored before [`finish`](Self::finish): a writer that is dropped leaves nothing. It holds
/// the store open, and at most 4 MiB in memory. `write` of [`io::Write`] fails with a
/// [`StoreError`] inside.
#[derive(Debug)]
pub struct ObjectWriter {
    shared: Arc<Shared>,
    /// What is not in the log yet: less than a block, or the first block.
    rest: Vec<u8>,
    hashing: Hashing,
    /// Begun with the second block.
    upload: Option<Upload>,
    /// Blocks that were appended: their memory serves later ones.
    used: VecDeque<Arc<Vec<u8>>>,
    failed: Option<StoreError>,
}

impl BinaryStorage {
    /// Stores everything that `reader` gives, durably, in memory for a few blocks.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    pub fn store_reader(&self, mut reader: impl Read) -> Result<Reference, StoreError> {
        let first = read_block(&mut reader, Vec::new())?;
        if first.len() < BLOCK_LEN {
            return self.store(&first);
        }
        let second = read_block(&mut reader, Vec::new())?;
        if second.is_empty() {
            return self.store(&first);
        }
        let mut upload = Upload::new(Arc::clone(&self.shared));
        let address = thread::scope(|scope| {
            let (to_hasher, blocks) = mpsc::sync_channel::<Arc<Vec<u8>>>(QUEUED_BLOCKS);
            let hasher = scope.spawn(move || {
                let mut hasher = ContentHasher::new();
                for block in blocks {
                    hasher.update(&block);
                }
                hasher.finish()
            });
            let mut used = VecDeque::new();
            let mut block = first;
            let mut next = Some(second);
            while !block.is_empty() {
                let shared = Arc::new(block);
                // It can only fail when the hasher panicked, which joining tells.
                let _ = to_hasher.send(Arc::clone(&shared));
                upload.push(&shared)?;
                used.push_back(shared);
                block = match next.take() {
                    Some(block) => block,
                    None => read_block(&mut reader, hashed(&mut used))?,
                };
            }
            drop(to_hasher);
            if !hasher.is_finished() {
                upload.settle()?;
            }
            let address: Result<_, StoreError> = Ok(hasher.join());
            address
        })?;
        upload.finish(address.map_err(|_| Failure::Poisoned)?)
    }

    /// Stores a long object that is in memory already, and is not copied there.
    pub(super) fn store_long(&self, bytes: &[u8]) -> Result<Reference, StoreError> {
        let mut upload = Upload::new(Arc::clone(&self.shared));
        let is_given_up = AtomicBool::new(false);
        let address = thread::scope(|scope| {
            let hasher = scope.spawn(|| {
                let mut hasher = ContentHasher::new();
                let blocks = bytes.chunks(BLOCK_LEN);
                for block in blocks.take_while(|_| !is_given_up.load(Ordering::Relaxed)) {
                    hasher.update(block);
                }
                hasher.finish()
            });
            let mut blocks = bytes.chunks(BLOCK_LEN);
            let pushed = blocks.try_for_each(|block| upload.push(block));
            let settled = |()| {
                if hasher.is_finished() {
                    return Ok(());
                }
                upload.settle()
            };
            let pushed = pushed.and_then(settled);
            is_given_up.store(pushed.is_err(), Ordering::Relaxed);
            let address = hasher.join();
            pushed.map(|()| address)
        })?;
        upload.finish(address.map_err(|_| Failure::Poisoned)?)
    }

    /// Begins an object that comes in pieces.
    pub fn open_writer(&self) -> ObjectWriter {
        ObjectWriter {
            shared: Arc::clone(&self.shared),
            rest: Vec::new(),
            hashing: Hashing::default(),
            upload: None,
            used: VecDeque::new(),
            failed: None,
        }
    }
}

impl ObjectWriter {
    /// Adds the next bytes, of any number.
    ///
    /// # Errors
    /// [`StoreError`], the same one at every later call: the object is given up.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        self.check()?;
        while !bytes.is_empty() {
            if self.rest.len() == BLOCK_LEN {
                self.append_rest()?;
            }
            if self.rest.capacity() == 0 {
                self.rest = self.memory();
            }
            let count = bytes.len().min(BLOCK_LEN - self.rest.len());
            self.rest.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Adds the next bytes; nothing is copied as long as all pieces are of 1 MiB.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_owned(&mut self, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.check()?;
        if self.rest.len() == BLOCK_LEN && !bytes.is_empty() {
            self.append_rest()?;
        }
        if self.rest.is_empty() && bytes.len() <= BLOCK_LEN {
            self.rest = bytes;
            return Ok(());
        }
        self.push(&bytes)
    }

    /// Memory of an earlier piece, empty, to read the next one into; new memory at the beginning.
    pub fn memory(&mut self) -> Vec<u8> {
        let mut memory = hashed(&mut self.used);
        memory.clear();
        memory
    }

    /// Stores the object durably.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    pub fn finish(mut self) -> Result<Reference, StoreError> {
        self.check()?;
        if self.upload.is_none() {
            return self.shared.store_block(&self.rest);
        }
        if !self.rest.is_empty() {
            self.append_rest()?;
        }
        let address = self.hashing.finish()?;
        match self.upload.take() {
            Some(upload) => upload.finish(address),
            None => Err(Failure::Poisoned.into()),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn append_rest(&mut self) -> Result<(), StoreError> {
        let block = Arc::new(std::mem::take(&mut self.rest));
        let shared = &self.shared;
        let upload = self
            .upload
            .get_or_insert_with(|| Upload::new(Arc::clone(shared)));
        let begun = self.hashing.begin(Arc::clone(&block));
        let pushed = begun
            .map_err(StoreError::from)
            .and_then(|()| upload.push(&block));
        if self.used.len() == USED_BLOCKS {
            self.used.pop_front();
        }
        self.used.push_back(block);
        pushed.inspect_err(|error| {
            self.failed = Some(error.clone());
            // What it holds is given free at once.
            self.upload = None;
        })
    }
}

impl io::Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The memory of the oldest block, once it is hashed; as a rule it is when the queue is full.
fn hashed(used: &mut VecDeque<Arc<Vec<u8>>>) -> Vec<u8> {
    let is_hashed = |block: &Arc<Vec<u8>>| Arc::strong_count(block) == 1;
    let oldest = used.pop_front_if(|block| is_hashed(block));
    oldest.and_then(Arc::into_inner).unwrap_or_default()
}

/// A block in `memory`, shorter only at the end.
fn read_block(reader: &mut impl Read, memory: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    let mut block = memory;
    let source = |error: io::Error| StoreError::Source(Arc::new(error));
    let limited = &mut reader.take(BLOCK_LEN as u64);
    block.clear();
    block.reserve_exact(BLOCK_LEN);
    limited.read_to_end(&mut block).map_err(source)?;
    Ok(block)
}

/// Blocks of a writer whose memory is kept: one is being hashed, the other one is hashed.
const USED_BLOCKS: usize = 2;
/// Blocks that wait to be hashed.
const QUEUED_BLOCKS: usize = 8;
