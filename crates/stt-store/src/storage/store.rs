//! Storing what is in memory: objects of one block go into one record each, many of them with one
//! sync. Longer ones and streams: `writer.rs`.

use std::sync::Arc;
use std::thread;

use super::request::{Body, Put, Refusal, Request};
use super::{BinaryStorage, Shared};
use crate::error::{Failure, StoreError};
use crate::object::{Address, BLOCK_LEN, Name, Reference, name_of};

impl BinaryStorage {
    /// Stores `bytes` durably. What is here already is not stored again.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    pub fn store(&self, bytes: &[u8]) -> Result<Reference, StoreError> {
        if bytes.len() > BLOCK_LEN {
            return self.store_long(bytes);
        }
        self.shared.store_block(bytes)
    }

    /// Stores several objects with one sync: much faster than one by one when they are small.
    ///
    /// # Errors
    /// The first [`StoreError`]; each object is stored whole or not at all.
    pub fn store_all(
        &self,
        objects: &[impl AsRef<[u8]> + Sync],
    ) -> Result<Vec<Reference>, StoreError> {
        self.store_each(objects).into_iter().collect()
    }

    /// Stores several objects with one sync, and says of each what became of it.
    ///
    /// Objects of more than 1 MiB are stored one after the other, each with syncs of its own.
    pub fn store_each(
        &self,
        objects: &[impl AsRef<[u8]> + Sync],
    ) -> Vec<Result<Reference, StoreError>> {
        let mut results = Vec::with_capacity(objects.len());
        let mut requests = Vec::with_capacity(objects.len());
        let mut places = Vec::with_capacity(objects.len());
        for (object, put) in objects.iter().zip(self.shared.prepare_all(objects)) {
            if let Some(put) = put {
                places.push(results.len());
                results.push(Ok(reference(&put)));
                requests.push(Request::Put(put));
            } else {
                results.push(self.store_long(object.as_ref()));
            }
        }
        for (place, answer) in places.into_iter().zip(self.shared.submit(requests)) {
            match answer {
                Ok(()) => {}
                Err(Refusal::Rotated) => {
                    results[place] = self.shared.store_block(objects[place].as_ref());
                }
                Err(refusal) => results[place] = Err(refused(refusal)),
            }
        }
        results
    }
}

impl Shared {
    /// Stores an object of one block.
    pub(super) fn store_block(&self, bytes: &[u8]) -> Result<Reference, StoreError> {
        loop {
            let put = self.prepare(bytes);
            let reference = reference(&put);
            match self.submit_one(Request::Put(put)) {
                Ok(()) => return Ok(reference),
                // Once more, under the new key.
                Err(Refusal::Rotated) => {}
                Err(refusal) => return Err(refused(refusal)),
            }
        }
    }

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
        let mut sealed = Vec::new();
        let generation = self.seal_block_into(name, block, &mut sealed);
        (sealed, generation)
    }

    /// [`seal_block`](Self::seal_block) into memory that was used before.
    pub(super) fn seal_block_into(&self, name: &Name, block: &[u8], sealed: &mut Vec<u8>) -> u32 {
        let keys = Arc::clone(self.vault.read().current());
        sealed.clear();
        keys.block
            .seal_into(&mut self.entropy.clone(), name, block, sealed);
        keys.number
    }
}

pub(super) fn reference(put: &Put) -> Reference {
    Reference {
        address: Address::from_bytes(put.address),
        root: put.root,
        length: put.length,
    }
}

pub(super) fn refused(refusal: Refusal) -> StoreError {
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

/// Threads that hash and seal small objects.
const MAX_THREADS: usize = 4;
/// How many of them it takes for another thread to be worth it.
const OBJECTS_A_THREAD: usize = 32;
