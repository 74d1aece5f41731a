//! Storing what comes by and by: a reader is read in blocks, a writer gathers them.
//!
//! ```text
//! caller's thread:  1 MiB -> BLAKE3, seal, append ──┐
//! one more thread:      └─-> SHA3-256 ──────────────┴─> object record -> sync -> answer
//! ```
//!
//! SHA3-256 is the slowest of these, so it has a thread for itself.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use stc::ContentHasher;

use super::upload::Upload;
use super::{BinaryStorage, Shared};
use crate::error::{Failure, StoreError};
use crate::object::{BLOCK_LEN, Reference};

/// Takes an object piece by piece, from whoever cannot hand over a reader.
///
/// Nothing is stored before [`finish`](Self::finish): a writer that is dropped leaves nothing. It holds
/// the store open, and at most 1 MiB of the object in memory. `write` of [`io::Write`] fails with a
/// [`StoreError`] inside.
#[derive(Debug)]
pub struct ObjectWriter {
    shared: Arc<Shared>,
    /// What is not in the log yet: less than a block, or the first block.
    rest: Vec<u8>,
    hasher: ContentHasher,
    /// Begun with the second block.
    upload: Option<Upload>,
    failed: Option<StoreError>,
}

impl BinaryStorage {
    /// Stores everything that `reader` gives, durably, in memory for a few blocks.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    pub fn store_reader(&self, mut reader: impl Read) -> Result<Reference, StoreError> {
        let first = read_block(&mut reader)?;
        if first.len() < BLOCK_LEN {
            return self.store(&first);
        }
        let second = read_block(&mut reader)?;
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
            let mut block = first;
            let mut next = Some(second);
            while !block.is_empty() {
                let shared = Arc::new(block);
                // It can only fail when the hasher panicked, which joining tells.
                let _ = to_hasher.send(Arc::clone(&shared));
                upload.push(&shared)?;
                block = match next.take() {
                    Some(block) => block,
                    None => read_block(&mut reader)?,
                };
            }
            drop(to_hasher);
            let address: Result<_, StoreError> = Ok(hasher.join());
            address
        })?;
        upload.finish(address.map_err(|_| Failure::Poisoned)?)
    }
}

impl BinaryStorage {
    /// Begins an object that comes in pieces.
    pub fn open_writer(&self) -> ObjectWriter {
        ObjectWriter {
            shared: Arc::clone(&self.shared),
            rest: Vec::new(),
            hasher: ContentHasher::new(),
            upload: None,
            failed: None,
        }
    }
}

impl ObjectWriter {
    /// Adds the next bytes, of any number. Cheapest in pieces of 1 MiB.
    ///
    /// # Errors
    /// [`StoreError`], the same one at every later call: the object is given up.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        self.check()?;
        while !bytes.is_empty() {
            if self.rest.len() == BLOCK_LEN {
                self.append_rest()?;
            }
            if self.rest.is_empty() && bytes.len() > BLOCK_LEN {
                let (block, more) = bytes.split_at(BLOCK_LEN);
                self.append(block)?;
                bytes = more;
                continue;
            }
            let count = bytes.len().min(BLOCK_LEN - self.rest.len());
            self.rest.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
        }
        Ok(())
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
        let address = std::mem::take(&mut self.hasher).finish();
        match self.upload.take() {
            Some(upload) => upload.finish(address),
            None => Err(Failure::Poisoned.into()),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn append_rest(&mut self) -> Result<(), StoreError> {
        let mut block = std::mem::take(&mut self.rest);
        self.append(&block)?;
        block.clear();
        self.rest = block;
        Ok(())
    }

    fn append(&mut self, block: &[u8]) -> Result<(), StoreError> {
        let shared = &self.shared;
        let upload = self
            .upload
            .get_or_insert_with(|| Upload::new(Arc::clone(shared)));
        let hasher = &mut self.hasher;
        let pushed = thread::scope(|scope| {
            let hashing = scope.spawn(|| hasher.update(block));
            let pushed = upload.push(block);
            let hashed = hashing.join();
            hashed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            pushed
        });
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

/// A block, shorter only at the end.
fn read_block(reader: &mut impl Read) -> Result<Vec<u8>, StoreError> {
    let mut block = Vec::new();
    let source = |error: io::Error| StoreError::Source(Arc::new(error));
    let limited = &mut reader.take(BLOCK_LEN as u64);
    block.reserve_exact(BLOCK_LEN);
    limited.read_to_end(&mut block).map_err(source)?;
    Ok(block)
}

/// Blocks that wait to be hashed.
const QUEUED_BLOCKS: usize = 4;
