//! Opening: the bytes of an object that was sealed.

use std::fmt;
use std::io::{self, Read};

use stc::segment::{Body, Mark, OpenSegmentError, Opened, Opener};

use super::{SEGMENT_LEN, SealedReference, context};
use crate::error::ReadError;
use crate::storage::BinaryStorage;

/// Why a sealed object was not read to its end. What came before is authentic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenSealedError {
    /// A part of it does not open: another key, or not what was sealed there.
    #[error("segment {sequence} of the sealed object does not open")]
    Segment {
        /// Its number, counted from 0.
        sequence: u64,
        /// Why.
        #[source]
        why: OpenSegmentError,
    },
    /// It ends before its end.
    #[error("the sealed object is cut off after {opened} bytes")]
    Truncated {
        /// Bytes that were read.
        opened: u64,
    },
    /// It is longer than it says.
    #[error("bytes follow the end of the sealed object")]
    Trailing,
}

/// Reads what a sealed object holds. An error of [`Read`] has a [`ReadError`] or an [`OpenSealedError`] inside.
pub struct SealedReader<R> {
    sealed: R,
    opener: Opener,
    /// The number of the next segment; `None` after the last.
    next: Option<u64>,
    /// Bytes of data that the stream has in all, once that is known.
    length: Option<u64>,
    opened: u64,
    segment: Vec<u8>,
    body: Vec<u8>,
    /// Where in `body` the data begin that were not handed out.
    at: usize,
}

impl BinaryStorage {
    /// Reads a sealed object that is here.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open_sealed(
        &self,
        reference: &SealedReference,
    ) -> Result<SealedReader<crate::ObjectReader>, ReadError> {
        let sealed = self.open_reader(reference.address())?;
        Ok(SealedReader::new(sealed, reference))
    }
}

impl<R: Read> SealedReader<R> {
    /// Reads what `sealed`, the bytes of a sealed object, holds.
    pub fn new(sealed: R, reference: &SealedReference) -> Self {
        Self {
            sealed,
            opener: Opener::new(&context(&reference.key)),
            next: Some(0),
            length: None,
            opened: 0,
            segment: Vec::new(),
            body: Vec::new(),
            at: 0,
        }
    }

    /// Opens the next segment; false at the end.
    fn open_next(&mut self) -> io::Result<bool> {
        let len = self.fill()?;
        let Some(sequence) = self.next else {
            return match len {
                0 => Ok(false),
                _ => Err(broken(OpenSealedError::Trailing)),
            };
        };
        let opened = self.opened;
        if len == 0 {
            return Err(broken(OpenSealedError::Truncated { opened }));
        }
        self.body.resize(Opener::body_len(len).unwrap_or(0), 0);
        let segment = self.opener.open(&self.segment, sequence, &mut self.body);
        let segment = segment.map_err(|why| broken(OpenSealedError::Segment { sequence, why }))?;
        self.take(&segment, sequence).map_err(broken)?;
        Ok(true)
    }

    /// Reads a whole segment, or what is left.
    fn fill(&mut self) -> io::Result<usize> {
        self.segment.clear();
        let mut part = self.sealed.by_ref().take(SEGMENT_LEN as u64);
        part.read_to_end(&mut self.segment)
    }

    fn take(&mut self, segment: &Opened, sequence: u64) -> Result<(), OpenSealedError> {
        let malformed = OpenSealedError::Segment {
            sequence,
            why: OpenSegmentError::Malformed { sequence },
        };
        let Body::Data { offset } = segment.body else {
            return Err(malformed);
        };
        self.length = self.length.or(segment.length);
        self.at = offset;
        self.opened += (self.body.len() - offset) as u64;
        let is_last = segment.header.mark() == Mark::Last;
        self.next = (!is_last).then_some(sequence + 1);
        match self.length {
            // spec: COPY-20, it is bounded.
            None => Err(malformed),
            Some(length) if is_last && self.opened != length => Err(OpenSealedError::Truncated {
                opened: self.opened,
            }),
            Some(_) => Ok(()),
        }
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.body.len() {
            if !self.open_next()? {
                return Ok(0);
            }
        }
        let rest = &self.body[self.at..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl<R> fmt::Debug for SealedReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SealedReader");
        shown.field("opened", &self.opened).finish_non_exhaustive()
    }
}

fn broken(error: OpenSealedError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
