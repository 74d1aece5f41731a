//! The parts of an object as they are named: for whoever gives them to others, one by one.

use std::sync::Arc;

use parking_lot::RwLock;

use super::{BinaryStorage, Shared};
use crate::error::{Failure, ReadError};
use crate::object::{Address, ObjectPart, Outline, Reference};

/// Reads blocks and manifests of an object in any order. Holds the store open, and the manifests that it
/// needed in memory: 32 bytes a block.
///
/// A handle: clones share the manifests.
#[derive(Debug, Clone)]
pub struct ObjectBlocks {
    shared: Arc<Shared>,
    outline: Arc<RwLock<Outline>>,
}

impl BinaryStorage {
    /// The parts of an object that is here.
    ///
    /// # Errors
    /// [`ReadError::Unknown`], or a [`Failure`].
    pub fn open_blocks(&self, address: Address) -> Result<ObjectBlocks, ReadError> {
        let reference = self.reference(address)?;
        let outline = Outline::new(reference).ok_or(ReadError::Unknown { address })?;
        self.shared.note_use(address);
        Ok(ObjectBlocks::new(
            Arc::clone(&self.shared),
            Arc::new(RwLock::new(outline)),
        ))
    }
}

impl ObjectBlocks {
    pub(super) fn new(shared: Arc<Shared>, outline: Arc<RwLock<Outline>>) -> Self {
        Self { shared, outline }
    }

    /// What is read.
    pub fn reference(&self) -> Reference {
        *self.outline.read().reference()
    }

    /// A part, compared with its name; `None` when it is not here, or damaged.
    ///
    /// # Errors
    /// [`Failure`] of what lies below.
    pub fn part(&self, part: ObjectPart) -> Result<Option<Vec<u8>>, Failure> {
        // At most the topmost manifest and a page stand before a block.
        for _ in 0..3 {
            let name = self.outline.read().name(part);
            if let Some(name) = name {
                return self.shared.block(&name);
            }
            if !self.learn_towards(part)? {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Shows that a block is here, to whoever has it too and chose the salt: BLAKE3 of it, keyed with the salt. `None` when
    /// it is not here, or damaged.
    ///
    /// # Errors
    /// [`Failure`] of what lies below.
    pub fn prove(&self, block: u64, salt: &[u8; 32]) -> Result<Option<[u8; 32]>, Failure> {
        let bytes = self.part(ObjectPart::Block(block))?;
        Ok(bytes.map(|bytes| *blake3::keyed_hash(salt, &bytes).as_bytes()))
    }

    /// Reads the manifest that is needed next for the name of `part`; false if that is not possible.
    fn learn_towards(&self, part: ObjectPart) -> Result<bool, Failure> {
        let wanted = {
            let outline = self.outline.read();
            if part.len_in(outline.reference()).is_none() {
                return Ok(false);
            }
            outline.wanted_for(part)
        };
        let name = wanted.and_then(|wanted| Some((wanted, self.outline.read().name(wanted)?)));
        let Some((wanted, name)) = name else {
            return Ok(false);
        };
        let Some(bytes) = self.shared.block(&name)? else {
            return Ok(false);
        };
        Ok(self.outline.write().learn_named(wanted, &bytes))
    }
}
