//! An object that arrives in blocks, in any order, from whoever.
//!
//! ```text
//! open ──> what is here of it already
//! push ──> compared with its name, sealed, appended          (not durable yet)
//! save ──> a list of what is here, and a record of it        (durable, and found by the next open)
//! finish ─> the object, in the place of the list
//! ```
//!
//! *Invariant*: what is pushed under a wrong name never reaches the log. spec: STORE-24, STORE-25.

use std::sync::Arc;

use parking_lot::RwLock;

use super::request::Request;
use super::room::stored_len;
use super::store::refused;
use super::upload::Upload;
use super::{BinaryStorage, ObjectBlocks, Shared};
use crate::error::{Failure, FinishError, StoreError};
use crate::object::{Address, Name, ObjectPart, Outline, Reference, name_of};

/// An object that is not whole yet. Its blocks may come in any order, and stay when this is dropped, as far as
/// they were [`save`](Self::save)d.
///
/// Nobody reads it by its address before it is finished. Of one address there should be one at a time: what
/// is saved last counts. When space is short, what was saved of an object that nobody gathers is evicted like an
/// object that was used then.
#[derive(Debug)]
pub struct PartialObject {
    shared: Arc<Shared>,
    upload: Upload,
    outline: Arc<RwLock<Outline>>,
    /// Whether a block is here, by its number.
    here: Vec<bool>,
    count: u64,
    is_unsaved: bool,
}

/// What became of a part that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is kept, or why it is not")]
pub enum Pushed {
    /// It is what its name says, and here.
    Kept,
    /// It was here already.
    Known,
    /// It is not what its name says.
    False,
    /// The object has no such part, or its name is not known before another manifest is here.
    Unasked,
}

impl BinaryStorage {
    /// Begins to gather an object, or goes on with what is here of it.
    ///
    /// # Errors
    /// [`StoreError`]: longer than the quota, or than any object.
    pub fn open_partial(&self, reference: Reference) -> Result<PartialObject, StoreError> {
        if let Some(quota) = self.shared.options.quota {
            let needed = stored_len(reference.length);
            if needed > quota {
                return Err(StoreError::QuotaTooSmall { needed, quota });
            }
        }
        PartialObject::open(&self.shared, reference)
    }

    /// Forgets what is here of an object that is not whole, durably.
    ///
    /// # Errors
    /// [`Failure`] of what lies below.
    pub fn discard_partial(&self, address: Address) -> Result<(), Failure> {
        let request = Request::Discard(*address.as_bytes());
        match self.shared.submit_one(request).map_err(refused) {
            Err(StoreError::Failure(failure)) => Err(failure),
            _ => Ok(()),
        }
    }
}

impl PartialObject {
    fn open(shared: &Arc<Shared>, reference: Reference) -> Result<Self, StoreError> {
        let too_long = StoreError::TooLong {
            max: super::upload::MAX_LEN,
        };
        let outline = Outline::new(reference).ok_or(too_long)?;
        let count = outline.block_count() as usize;
        let mut partial = Self {
            shared: Arc::clone(shared),
            upload: Upload::new(Arc::clone(shared)),
            outline: Arc::new(RwLock::new(outline)),
            here: vec![false; count],
            count: 0,
            is_unsaved: false,
        };
        partial.find_manifests()?;
        partial.find_blocks()?;
        Ok(partial)
    }

    /// What is gathered.
    pub fn reference(&self) -> Reference {
        *self.outline.read().reference()
    }

    /// How many blocks the object has; at least one.
    pub fn block_count(&self) -> u64 {
        self.here.len() as u64
    }

    /// Whether a block is here.
    pub fn has(&self, number: u64) -> bool {
        self.here.get(number as usize).is_some_and(|here| *here)
    }

    /// How many blocks are here.
    pub fn count_here(&self) -> u64 {
        self.count
    }

    /// The manifests that are to be pushed next. None, once the name of each block is known.
    pub fn wanted_manifests(&self) -> Vec<ObjectPart> {
        self.outline.read().wanted()
    }

    /// Reads what was saved, and what other objects have of it.
    pub fn blocks(&self) -> ObjectBlocks {
        ObjectBlocks::new(Arc::clone(&self.shared), Arc::clone(&self.outline))
    }

    /// Takes a part in, if it is what its name says. Durable with the next [`save`](Self::save).
    ///
    /// # Errors
    /// [`StoreError`]: the object is given up.
    pub fn push(&mut self, part: ObjectPart, bytes: &[u8]) -> Result<Pushed, StoreError> {
        let Some(name) = self.outline.read().name(part) else {
            return Ok(Pushed::Unasked);
        };
        if let ObjectPart::Block(number) = part
            && self.has(number)
        {
            return Ok(Pushed::Known);
        }
        if name_of(bytes) != name {
            return Ok(Pushed::False);
        }
        match part {
            ObjectPart::Block(number) => {
                self.upload.append(name, bytes)?;
                self.note(number);
                self.is_unsaved = true;
            }
            ObjectPart::Page(_) | ObjectPart::Top => {
                if !self.wanted_manifests().contains(&part) {
                    return Ok(Pushed::Known);
                }
                if !self.outline.write().learn_named(part, bytes) {
                    return Ok(Pushed::False);
                }
                self.upload.append(name, bytes)?;
                self.is_unsaved = true;
                self.find_manifests()?;
                self.find_blocks()?;
            }
        }
        Ok(Pushed::Kept)
    }

    /// Makes durable what is here; the next [`open_partial`](BinaryStorage::open_partial) finds it.
    ///
    /// # Errors
    /// [`StoreError`]: the object is given up.
    pub fn save(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.is_unsaved) {
            let address = *self.reference().address.as_bytes();
            self.upload.save(address)?;
        }
        Ok(())
    }

    /// Forgets a block that turned out to be damaged, so that it can be pushed again.
    pub fn lose(&mut self, number: u64) {
        if let Some(here) = self.here.get_mut(number as usize)
            && std::mem::take(here)
        {
            self.count -= 1;
        }
    }

    /// Stores the object durably. `address` is the SHA3-256 of all its blocks, made by whoever saw them
    /// pass by.
    ///
    /// # Errors
    /// [`FinishError`]; what is here is kept.
    pub fn finish(mut self, address: Address) -> Result<Reference, FinishError> {
        let reference = self.reference();
        let missing = self.block_count() - self.count;
        let names = self.outline.read().all();
        let Some(names) = names.filter(|_| missing == 0) else {
            self.save()?;
            return Err(FinishError::Incomplete { missing });
        };
        if address != reference.address {
            return Err(FinishError::FalseRoot { found: address });
        }
        self.upload.finish_as(reference, names)?;
        Ok(reference)
    }

    /// Learns from manifests that are here already.
    fn find_manifests(&mut self) -> Result<(), StoreError> {
        loop {
            let mut has_learned = false;
            for part in self.wanted_manifests() {
                let name = self.outline.read().name(part);
                let Some(name) = name else { continue };
                let Some(bytes) = self.shared.block(&name)? else {
                    continue;
                };
                if self.outline.write().learn_named(part, &bytes) {
                    has_learned = true;
                    self.upload.hold(&[name])?;
                }
            }
            if !has_learned {
                return Ok(());
            }
        }
    }

    /// Holds the blocks that are here already.
    fn find_blocks(&mut self) -> Result<(), StoreError> {
        let wanted: Vec<(u64, Name)> = {
            let outline = self.outline.read();
            let missing = (0..self.block_count()).filter(|number| !self.has(*number));
            let named = missing
                .filter_map(|number| Some((number, outline.name(ObjectPart::Block(number))?)));
            named.collect()
        };
        let names: Vec<Name> = wanted.iter().map(|(_, name)| *name).collect();
        let are_here = self.upload.hold(&names)?;
        for ((number, _), is_here) in wanted.into_iter().zip(are_here) {
            if is_here {
                self.note(number);
            }
        }
        Ok(())
    }

    fn note(&mut self, number: u64) {
        if let Some(here) = self.here.get_mut(number as usize)
            && !std::mem::replace(here, true)
        {
            self.count += 1;
        }
    }
}
