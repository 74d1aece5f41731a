//! Reading: whole objects, ranges, and what the store knows of an object.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use super::{BinaryStorage, ObjectReader, Shared};
use crate::error::{Failure, Part, ReadError};
use crate::index::ObjectRow;
use crate::object::{Address, Name, Reference};

impl BinaryStorage {
    /// The object, whole. For long ones, [`open_reader`](Self::open_reader) needs less memory.
    ///
    /// # Errors
    /// [`ReadError`]: unknown, or damaged.
    pub fn retrieve(&self, address: Address) -> Result<Vec<u8>, ReadError> {
        let mut reader = self.open_reader(address)?;
        reader.read_whole()
    }

    /// A range of the object; only the blocks it touches are read.
    ///
    /// # Errors
    /// [`ReadError`]: unknown, damaged in this range, or the range lies outside.
    pub fn retrieve_range(
        &self,
        address: Address,
        range: Range<u64>,
    ) -> Result<Vec<u8>, ReadError> {
        self.open_reader(address)?.read_range(range)
    }

    /// A reader of the object, which can seek, and holds one block in memory.
    ///
    /// # Errors
    /// [`ReadError::Unknown`], or a [`Failure`].
    pub fn open_reader(&self, address: Address) -> Result<ObjectReader, ReadError> {
        let reader = self.open_reader_unused(address)?;
        self.shared.note_use(address);
        Ok(reader)
    }

    /// A reader that does not count as a use.
    pub(super) fn open_reader_unused(&self, address: Address) -> Result<ObjectReader, ReadError> {
        let row = self.shared.object(address)?;
        Ok(ObjectReader::new(
            Arc::clone(&self.shared),
            reference(address, &row),
        ))
    }

    /// Whether the object is here. Does not count as a use.
    ///
    /// # Errors
    /// [`Failure`] of what lies below.
    pub fn contains(&self, address: Address) -> Result<bool, Failure> {
        match self.shared.object(address) {
            Ok(_) => Ok(true),
            Err(ReadError::Failure(failure)) => Err(failure),
            Err(_) => Ok(false),
        }
    }

    /// The reference of an object that is here.
    ///
    /// # Errors
    /// [`ReadError::Unknown`], or a [`Failure`].
    pub fn reference(&self, address: Address) -> Result<Reference, ReadError> {
        let row = self.shared.object(address)?;
        Ok(reference(address, &row))
    }
}

impl Shared {
    pub(super) fn object(&self, address: Address) -> Result<ObjectRow, ReadError> {
        let view = self.index()?.view();
        let row = view.and_then(|view| view.object(address.as_bytes()));
        let row = self.watched(row)?.filter(|row| !row.is_partial);
        row.ok_or(ReadError::Unknown { address })
    }

    /// The block of this name, or `None` when it is damaged or gone.
    pub(super) fn block(&self, name: &Name) -> Result<Option<Vec<u8>>, Failure> {
        for _ in 0..ATTEMPTS {
            let view = self.index()?.view();
            let row = self.watched(view.and_then(|view| view.block(name)))?;
            let Some(row) = row else {
                return Ok(None);
            };
            // It may have been moved since we looked: then the index knows where to.
            if let Some(segment) = self.segments.find(row.place.segment) {
                return Ok(segment.read_block(row.place.offset, row.body, name)?);
            }
        }
        Ok(None)
    }

    /// Remembers that an object is damaged, so that storing it again heals it.
    pub(super) fn damaged(&self, address: Address, part: Part) -> ReadError {
        self.damaged.lock().insert(*address.as_bytes());
        ReadError::Damaged { address, part }
    }

    /// Remembers a use, until the next change writes it down.
    pub(super) fn note_use(&self, address: Address) {
        let count = {
            let mut used = self.used.lock();
            used.insert(*address.as_bytes());
            used.len()
        };
        if count >= MAX_USES
            && let Some(mut core) = self.core.try_lock()
        {
            // Reading does not fail because the order of use cannot be written down.
            let _ = self.change(&mut core, |_| Ok(()));
        }
    }
}

fn reference(address: Address, row: &ObjectRow) -> Reference {
    Reference {
        address,
        root: row.root,
        length: row.length,
    }
}

impl ObjectReader {
    fn read_whole(&mut self) -> Result<Vec<u8>, ReadError> {
        let length = self.reference().length;
        self.read_range(0..length)
    }

    /// The bytes of a range of the object, whatever the position.
    ///
    /// # Errors
    /// [`ReadError`]: damaged in this range, or the range lies outside.
    pub fn read_range(&mut self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let length = self.reference().length;
        if range.end > length || range.start > range.end {
            return Err(ReadError::OutOfRange {
                end: range.end.max(range.start),
                length,
            });
        }
        // An empty object has a block too, and it has to be well.
        self.check_empty()?;
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        let mut at = range.start;
        while at < range.end {
            let piece = self.piece(at)?;
            let count = (piece.len() as u64).min(range.end - at);
            bytes.extend_from_slice(&piece[..count as usize]);
            at += count;
        }
        Ok(bytes)
    }
}

impl Read for ObjectReader {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let at = self.position;
        let piece = self.piece(at).map_err(std::io::Error::other)?;
        let count = piece.len().min(out.len());
        out[..count].copy_from_slice(&piece[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

/// How often a block is looked for that was moved meanwhile.
const ATTEMPTS: usize = 8;
/// Uses that are remembered before they are written down.
const MAX_USES: usize = 4096;
