//! An object under way: its blocks go into the log one by one, and are held until it is whole.
//!
//! *Invariant*: a block that somebody holds is not dropped, whatever becomes of the objects that
//! named it before.

use std::sync::Arc;

use super::request::{Body, Put, Refusal, Request};
use super::room::stored_len;
use super::step::Step;
use super::store::{reference, refused};
use super::{Core, Shared};
use crate::error::{Failure, StoreError};
use crate::index::BlockRow;
use crate::log::{HEAD_LEN, Kind, Note};
use crate::object::{BLOCK_LEN, Builder, FAN_OUT, Name, Reference, name_of};

/// An object that is being stored: its blocks are in the log, and no object names them yet.
#[derive(Debug)]
pub(super) struct Upload {
    shared: Arc<Shared>,
    builder: Builder,
    names: Vec<Name>,
    length: u64,
    /// Bytes that were appended since the last sync of this object.
    unsynced: u64,
    era: Option<u64>,
    /// The last block, sealed: its memory serves the next one.
    sealed: Vec<u8>,
}

impl Upload {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            builder: Builder::default(),
            names: Vec::new(),
            length: 0,
            unsynced: 0,
            era: None,
            sealed: Vec::new(),
        }
    }

    /// Appends the next block; each but the last has the full length.
    pub(super) fn push(&mut self, block: &[u8]) -> Result<(), StoreError> {
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

    /// Makes the object of all blocks, durably. `address` is the hash of them.
    pub(super) fn finish(mut self, address: [u8; 32]) -> Result<Reference, StoreError> {
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
    pub(super) fn append(&mut self, name: Name, block: &[u8]) -> Result<(), StoreError> {
        // What is here already is read, so that a damaged block is healed by storing it again.
        let shared = Arc::clone(&self.shared);
        let is_here = shared.block(&name)?.is_some();
        let seal = |sealed: &mut _| shared.seal_block_into(&name, block, sealed);
        let generation = (!is_here).then(|| seal(&mut self.sealed));
        let core = &mut *shared.core.lock();
        let era = *self.era.get_or_insert(core.era);
        if era != core.era {
            return Err(Failure::NoSpace.into());
        }
        let is_still_here = is_here && shared.index()?.view()?.block(&name)?.is_some();
        if !is_still_here && !core.fresh.contains_key(&name) {
            // The master key may have been rotated since it was sealed; from here on it cannot.
            if generation != Some(core.writer.generation()) {
                seal(&mut self.sealed);
            }
            append_block(core, name, &self.sealed)
                .map_err(|failure| shared.recover(core, failure))?;
        }
        *core.held.entry(name).or_default() += 1;
        self.names.push(name);
        self.unsynced += block.len() as u64;
        if self.unsynced >= SYNC_LEN {
            self.sync(core)?;
        }
        Ok(())
    }

    /// Holds those of `names` that are here already, and says which are.
    pub(super) fn hold(&mut self, names: &[Name]) -> Result<Vec<bool>, StoreError> {
        let shared = Arc::clone(&self.shared);
        let core = &mut *shared.core.lock();
        self.era.get_or_insert(core.era);
        let view = shared.index()?.view()?;
        let mut are_here = Vec::with_capacity(names.len());
        for name in names {
            let is_here = core.fresh.contains_key(name) || view.block(name)?.is_some();
            if is_here {
                *core.held.entry(*name).or_default() += 1;
                self.names.push(*name);
            }
            are_here.push(is_here);
        }
        Ok(are_here)
    }

    /// Writes down, durably, what is held so far for an object that is not whole.
    pub(super) fn save(&mut self, address: [u8; 32]) -> Result<(), StoreError> {
        let mut builder = Builder::default();
        let held = self.names.clone();
        for name in &held {
            if let Some(page) = builder.push(*name, BLOCK_LEN) {
                self.append(name_of(&page), &page)?;
            }
        }
        let (root, pages) = builder.finish();
        for page in pages {
            self.append(name_of(&page), &page)?;
        }
        let put = Put {
            address,
            root,
            length: held.len() as u64 * BLOCK_LEN as u64,
            body: Body::Partial {
                names: self.names.clone(),
                era: self.era.unwrap_or_default(),
            },
        };
        let saved = self.shared.submit_one(Request::Put(put)).map_err(refused);
        // The list holds its own blocks now, and the next one has others.
        let list = self.names.split_off(held.len());
        self.shared.let_go.lock().extend(list);
        self.unsynced = 0;
        saved
    }

    /// Makes the object of `reference` of blocks that are held, durably.
    pub(super) fn finish_as(
        self,
        reference: Reference,
        names: Vec<Name>,
    ) -> Result<(), StoreError> {
        let put = Put {
            address: *reference.address.as_bytes(),
            root: reference.root,
            length: reference.length,
            body: Body::Appended {
                names,
                era: self.era.unwrap_or_default(),
            },
        };
        self.shared.submit_one(Request::Put(put)).map_err(refused)
    }

    /// Makes durable what was appended so far, while there is time for it: the object is being hashed still.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        if self.unsynced == 0 {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        self.sync(&mut shared.core.lock())
    }

    fn sync(&mut self, core: &mut Core) -> Result<(), StoreError> {
        self.unsynced = 0;
        let needed = stored_len(self.length);
        let change = |step: &mut Step<'_, '_>| match step.evict(needed, 0) {
            Err(Refusal::Failure(failure)) => Err(failure),
            other => Ok(other),
        };
        self.shared.change(core, change)?.map_err(refused)
    }
}

impl Drop for Upload {
    /// The next change lets go of what is held: dropping waits for nobody.
    fn drop(&mut self) {
        let names = std::mem::take(&mut self.names);
        self.shared.let_go.lock().extend(names);
    }
}

impl Core {
    /// Lets go of one hold on each block that `names` has.
    pub(super) fn let_go(&mut self, names: Vec<Name>) {
        for name in names {
            let Some(count) = self.held.get_mut(&name) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                self.held.remove(&name);
                self.fresh.remove(&name);
                self.abandoned.push(name);
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

/// The longest object: as many manifests as one manifest names.
pub(super) const MAX_LEN: u64 = FAN_OUT * FAN_OUT * BLOCK_LEN as u64;
/// How much of a long object is appended between two syncs.
const SYNC_LEN: u64 = 64 << 20;
