//! Sealing: the bytes of a reader, as a stream of segments.

use std::io::{self, Read};

use stc::segment::{Extent, Mark, OVERHEAD, Sealer};
use stc::{Entropy, Suite};

use super::{ContentKey, SEGMENT_LEN, SealedReference, context};
use crate::entropy::SharedEntropy;
use crate::error::{Failure, ReadError, StoreError};
use crate::object::Address;
use crate::storage::BinaryStorage;

/// Why an object was not sealed. Nothing was stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The sealed one could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Failure> for SealError {
    fn from(failure: Failure) -> Self {
        Self::Read(failure.into())
    }
}

impl BinaryStorage {
    /// Stores a sealed copy of an object that is here, under a key of its own. Sealing it again makes another one.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, address: Address) -> Result<SealedReference, SealError> {
        let plain = self.open_reader(address)?;
        let mut entropy: SharedEntropy = self.entropy();
        let key = ContentKey::generate(&mut entropy);
        let length = plain.reference().length;
        let stored = self.store_reader(Sealing::new(plain, length, &key, &mut entropy));
        let object = stored.map_err(|error| match error {
            StoreError::Source(why) => match unread(&why) {
                Some(error) => error.into(),
                None => StoreError::Source(why).into(),
            },
            other => SealError::Store(other),
        })?;
        Ok(SealedReference { object, key })
    }
}

/// What made an object unreadable, if that made a reader of it fail.
fn unread(error: &io::Error) -> Option<ReadError> {
    error.get_ref()?.downcast_ref::<ReadError>().cloned()
}

/// Reads the sealed form of what `plain` gives.
struct Sealing<R> {
    plain: R,
    /// Bytes of `plain` that were not sealed yet.
    left: u64,
    sealer: Sealer,
    segment: Vec<u8>,
    /// Bytes of `segment` that were handed out.
    taken: usize,
}

impl<R: Read> Sealing<R> {
    fn new(plain: R, length: u64, key: &ContentKey, entropy: &mut dyn Entropy) -> Self {
        let suite = Suite::preferred().first().copied();
        let suite = suite.unwrap_or(Suite::ChaCha20Poly1305);
        Self {
            plain,
            left: length,
            sealer: Sealer::new(&context(key), suite, Extent::Bounded(length), entropy),
            segment: Vec::new(),
            taken: 0,
        }
    }

    /// Seals the next segment; false if the last one was sealed.
    fn seal_next(&mut self) -> io::Result<bool> {
        if self.sealer.next_sequence().is_none() {
            return Ok(false);
        }
        let offset = self.sealer.data_offset();
        let room = SEGMENT_LEN - offset - TAG_LEN;
        let len = self.left.min(room as u64) as usize;
        self.segment.resize(offset + len + TAG_LEN, 0);
        self.plain
            .read_exact(&mut self.segment[offset..offset + len])?;
        self.left -= len as u64;
        let mark = if self.left == 0 {
            Mark::Last
        } else {
            Mark::More
        };
        let sealed = self.sealer.seal_in_place(mark, &mut self.segment);
        sealed.map_err(io::Error::other)?;
        self.taken = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Sealing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.segment.len() && !self.seal_next()? {
            return Ok(0);
        }
        let rest = &self.segment[self.taken..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}

const TAG_LEN: usize = OVERHEAD - stc::segment::HEADER_LEN;
