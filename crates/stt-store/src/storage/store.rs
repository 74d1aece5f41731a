//! Storing: small objects in one record, longer ones in blocks while they are read.
//!
//! ```text
//! caller's thread:  read 1 MiB -> BLAKE3, seal, append ──┐
//! one more thread:            └-> SHA3-256 ──────────────┴─> object record -> sync -> answer
//! ```
//!
//! SHA3-256 is the slowest of these, so it has a thread for itself.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use stc::ContentHasher;

use super::request::{Body, Put, Refusal, Request};
use super::room::stored_len;
use super::{BinaryStorage, Core, Shared};
use crate::error::{Failure, StoreError};
use crate::index::BlockRow;
use crate::log::{HEAD_LEN, Kind, Note};
use crate::object::{Address, BLOCK_LEN, Builder, FAN_OUT, Name, Reference, name_of};

impl BinaryStorage {
    /// Stores `bytes` durably. What is here already is not stored again.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    pub fn store(&self, bytes: &[u8]) -> Result<Reference, StoreError> {
        if bytes.len() > BLOCK_LEN {
            return self.store_reader(bytes);
        }
        let mut references = self.store_all(&[bytes])?;
        references.pop().ok_or_else(|| Failure::Poisoned.into())
    }

    /// Stores several objects with one sync: much faster than one by one when they are small.
    ///
    /// # Errors
    /// The first [`StoreError`]; each object is stored whole or not at all.
    pub fn store_all(
        &self,
        objects: &[impl AsRef<[u8]> + Sync],
    ) -> Result<Vec<Reference>, StoreError> {
        let mut references = Vec::with_capacity(objects.len());
        let mut requests = Vec::with_capacity(objects.len());
        for (object, put) in objects.iter().zip(self.shared.prepare_all(objects)) {
            if let Some(put) = put {
                references.push(reference(&put));
                requests.push(Request::Put(put));
            } else {
                references.push(self.store_reader(object.as_ref())?);
            }
        }
        let mut is_rotated = false;
        for answer in self.shared.submit(requests) {
            match answer {
                Err(Refusal::Rotated) => is_rotated = true,
                other => other.map_err(refused)?,
            }
        }
        if is_rotated {
            // Once more under the new key; what is stored already is found.
            return self.store_all(objects);
        }
        Ok(references)
    }

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
        let mut upload = Upload::new(&self.shared);
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

impl Shared {
    /// Hashes and seals objects of one block, on more than one thread when there are many; `None`
    /// for longer ones.
    fn prepare_all(&self, objects: &[impl AsRef<[u8]> + Sync]) -> Vec<Option<Put>> {
        let prepare = |object: &[u8]| (object.len() <= BLOCK_LEN).then(|| self.prepare(object));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(MAX_THREADS).min(objects.len() / OBJECTS_A_THREAD);
        if threads < 2 {
            return objects
                .iter()
                .map(|object| prepare(object.as_ref()))
                .collect();
        }
        let part_len = objects.len().div_ceil(threads);
        thread::scope(|scope| {
            let parts = objects.chunks(part_len).map(|part| {
                let part = part.iter().map(|object| prepare(object.as_ref()));
                scope.spawn(move || part.collect::<Vec<_>>())
            });
            let parts: Vec<_> = parts.collect();
            let joined = parts.into_iter().map(|part| {
                let part = part.join();
                part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            joined.flatten().collect()
        })
    }

    /// Hashes and seals an object of one block.
    fn prepare(&self, bytes: &[u8]) -> Put {
        let root = name_of(bytes);
        let put = |body| Put {
            address: stc::content_address(bytes),
            root,
            length: bytes.len() as u64,
            body,
        };
        let (sealed, generation) = self.seal_block(&root, bytes);
        put(Body::Whole { sealed, generation })
    }

    /// Seals a block, and says under which generation.
    pub(super) fn seal_block(&self, name: &Name, block: &[u8]) -> (Vec<u8>, u32) {
        let keys = Arc::clone(self.vault.read().current());
        let sealed = keys.block.seal(&mut self.entropy.clone(), name, block);
        (sealed, keys.number)
    }
}

/// An object that is being stored: its blocks are in the log, and no object names them yet.
struct Upload<'a> {
    shared: &'a Shared,
    builder: Builder,
    names: Vec<Name>,
    length: u64,
    /// Bytes that were appended since the last sync of this object.
    unsynced: u64,
    era: Option<u64>,
}

impl<'a> Upload<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            builder: Builder::default(),
            names: Vec::new(),
            length: 0,
            unsynced: 0,
            era: None,
        }
    }

    fn push(&mut self, block: &[u8]) -> Result<(), StoreError> {
        self.length += block.len() as u64;
        if self.length > MAX_LEN {
            return Err(StoreError::TooLong { max: MAX_LEN });
        }
        let name = name_of(block);
        self.append(name, block)?;
        if let Some(page) = self.builder.push(name, block.len()) {
            self.append(name_of(&page), &page)?;
        }
        Ok(())
    }

    fn finish(mut self, address: [u8; 32]) -> Result<Reference, StoreError> {
        let (root, pages) = std::mem::take(&mut self.builder).finish();
        for page in pages {
            self.append(name_of(&page), &page)?;
        }
        let put = Put {
            address,
            root,
            length: self.length,
            body: Body::Appended {
                names: self.names.clone(),
                era: self.era.unwrap_or_default(),
            },
        };
        let reference = reference(&put);
        self.shared.submit_one(Request::Put(put)).map_err(refused)?;
        Ok(reference)
    }

    /// Appends a block, unless it is here already, and holds it.
    fn append(&mut self, name: Name, block: &[u8]) -> Result<(), StoreError> {
        // What is here already is read, so that a damaged block is healed by storing it again.
        let is_here = self.shared.block(&name)?.is_some();
        let sealed = (!is_here).then(|| self.shared.seal_block(&name, block));
        let core = &mut *self.shared.core.lock();
        let era = *self.era.get_or_insert(core.era);
        if era != core.era {
            return Err(Failure::NoSpace.into());
        }
        let is_still_here = is_here && self.shared.index()?.view()?.block(&name)?.is_some();
        if !is_still_here && !core.fresh.contains_key(&name) {
            // The master key may have been rotated since it was sealed; from here on it cannot.
            let current = core.writer.generation();
            let sealed = sealed.filter(|(_, generation)| *generation == current);
            let (sealed, _) = sealed.unwrap_or_else(|| self.shared.seal_block(&name, block));
            append_block(core, name, &sealed)
                .map_err(|failure| self.shared.recover(core, failure))?;
        }
        *core.held.entry(name).or_default() += 1;
        self.names.push(name);
        self.unsynced += block.len() as u64;
        if self.unsynced >= SYNC_LEN {
            self.unsynced = 0;
            let needed = stored_len(self.length);
            let refusal = self
                .shared
                .change(core, |step| match step.evict(needed, 0) {
                    Err(Refusal::Failure(failure)) => Err(failure),
                    other => Ok(other),
                })?;
            refusal.map_err(refused)?;
        }
        Ok(())
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let core = &mut *self.shared.core.lock();
        for name in &self.names {
            let Some(count) = core.held.get_mut(name) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                core.held.remove(name);
                core.fresh.remove(name);
                core.abandoned.push(*name);
            }
        }
    }
}

fn append_block(core: &mut Core, name: Name, sealed: &[u8]) -> Result<(), Failure> {
    let note = Note {
        root: name,
        ..Note::of(Kind::Block)
    };
    let body = sealed.len() as u32;
    let row = BlockRow {
        place: core.writer.append(note, sealed)?,
        body,
        uses: 0,
        size: HEAD_LEN + body,
    };
    core.fresh.insert(name, row);
    Ok(())
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

fn reference(put: &Put) -> Reference {
    Reference {
        address: Address::from_bytes(put.address),
        root: put.root,
        length: put.length,
    }
}

fn refused(refusal: Refusal) -> StoreError {
    match refusal {
        Refusal::QuotaTooSmall { needed, quota } => StoreError::QuotaTooSmall { needed, quota },
        Refusal::QuotaHeld {
            needed,
            held,
            quota,
        } => StoreError::QuotaHeld {
            needed,
            held,
            quota,
        },
        Refusal::TakenBack => Failure::NoSpace.into(),
        Refusal::Failure(failure) => failure.into(),
        Refusal::Rotated | Refusal::Unknown | Refusal::Pinned => Failure::Poisoned.into(),
    }
}

/// The longest object: as many manifests as one manifest names.
const MAX_LEN: u64 = FAN_OUT * FAN_OUT * BLOCK_LEN as u64;
/// Threads that hash and seal small objects.
const MAX_THREADS: usize = 4;
/// How many of them it takes for another thread to be worth it.
const OBJECTS_A_THREAD: usize = 32;
/// Blocks that wait to be hashed.
const QUEUED_BLOCKS: usize = 4;
/// How much of a long object is appended between two syncs.
const SYNC_LEN: u64 = 64 << 20;
