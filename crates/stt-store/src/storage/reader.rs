//! Reads an object block by block; each is authenticated before a byte of it is handed out.

use std::fmt;
use std::io::{self, Seek, SeekFrom};
use std::sync::Arc;

use super::Shared;
use crate::error::{Part, ReadError};
use crate::object::{BLOCK_LEN, FAN_OUT, Manifest, Name, Reference, block_len};

/// A reader of one object. Holds the store open, one block and one list of names in memory.
///
/// An error of [`Read`](io::Read) has a [`ReadError`] inside. An object that is removed while it
/// is read ends in one: nothing is made up.
pub struct ObjectReader {
    shared: Arc<Shared>,
    reference: Reference,
    pub(super) position: u64,
    /// The manifest of depth 0 that was used last, and its number.
    page: Option<(u64, Manifest)>,
    /// The block that was used last, and its number.
    block: Option<(u64, Vec<u8>)>,
}

impl ObjectReader {
    pub(super) fn new(shared: Arc<Shared>, reference: Reference) -> Self {
        Self {
            shared,
            reference,
            position: 0,
            page: None,
            block: None,
        }
    }

    /// What is read.
    pub fn reference(&self) -> Reference {
        self.reference
    }

    /// What is left from `at` on of the block there; empty at the end.
    pub(super) fn piece(&mut self, at: u64) -> Result<&[u8], ReadError> {
        if at >= self.reference.length {
            return Ok(&[]);
        }
        let number = at / BLOCK_LEN as u64;
        if self.block.as_ref().is_none_or(|(held, _)| *held != number) {
            self.block = None;
            let block = self.load(number)?;
            self.block = Some((number, block));
        }
        let block = self.block.as_ref().map_or(&[][..], |(_, block)| block);
        let start = (at % BLOCK_LEN as u64) as usize;
        Ok(block.get(start..).unwrap_or_default())
    }

    /// Reads the block of an object that has no bytes.
    pub(super) fn check_empty(&mut self) -> Result<(), ReadError> {
        if self.reference.length == 0 {
            self.load(0)?;
        }
        Ok(())
    }

    fn load(&mut self, number: u64) -> Result<Vec<u8>, ReadError> {
        let name = self.name(number)?;
        let block = self.shared.block(&name)?;
        let len = block_len(self.reference.length, number);
        block
            .filter(|block| block.len() == len)
            .ok_or_else(|| self.damaged(Part::Block(number)))
    }

    /// The name of a block of the object.
    fn name(&mut self, number: u64) -> Result<Name, ReadError> {
        let Some(depth) = Manifest::depth_of(self.reference.length) else {
            return Ok(self.reference.root);
        };
        let page = number / FAN_OUT;
        if self.page.as_ref().is_none_or(|(held, _)| *held != page) {
            self.page = Some((page, self.load_page(depth, page)?));
        }
        let names = self.page.as_ref().map(|(_, manifest)| &manifest.names);
        let name = names.and_then(|names| names.get((number % FAN_OUT) as usize));
        name.copied().ok_or_else(|| self.damaged(Part::Manifest))
    }

    fn load_page(&self, depth: u8, page: u64) -> Result<Manifest, ReadError> {
        let length = self.reference.length;
        let top = self.manifest(&self.reference.root, depth, length)?;
        if depth == 0 {
            return Ok(top);
        }
        let name = top.names.get(page as usize);
        let name = name.ok_or_else(|| self.damaged(Part::Manifest))?;
        let page_len = FAN_OUT * BLOCK_LEN as u64;
        let covered = (length - page * page_len).min(page_len);
        self.manifest(name, 0, covered)
    }

    fn manifest(&self, name: &Name, depth: u8, covered: u64) -> Result<Manifest, ReadError> {
        let block = self.shared.block(name)?;
        block
            .and_then(|block| Manifest::decode(&block, depth, covered))
            .ok_or_else(|| self.damaged(Part::Manifest))
    }

    /// A block that cannot be read: gone with its object, or damaged.
    fn damaged(&self, part: Part) -> ReadError {
        match self.shared.object(self.reference.address) {
            Ok(_) => self.shared.damaged(self.reference.address, part),
            Err(error) => error,
        }
    }
}

impl Seek for ObjectReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(offset) => (self.reference.length, offset),
            SeekFrom::Current(offset) => (self.position, offset),
        };
        let position = base.checked_add_signed(offset);
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader")
            .field("reference", &self.reference)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
