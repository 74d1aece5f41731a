//! Segments are decrypted into buffers that neighbours share.

use bytes::{Bytes, BytesMut};
use stc::segment::{MAX_BODY_LEN, OpenSegmentError, Opened, Opener};

/// An opener, and where it puts what it opens.
#[derive(Debug)]
pub(super) struct Unsealer {
    opener: Opener,
    /// Room for the next bodies; empty between them.
    buffer: BytesMut,
}

impl Unsealer {
    pub(super) fn new(opener: Opener) -> Self {
        Self {
            opener,
            buffer: BytesMut::new(),
        }
    }

    pub(super) fn opener(&self) -> &Opener {
        &self.opener
    }

    /// Forgets the stream of the first segment that opened.
    pub(super) fn forget(&mut self) {
        self.opener.forget();
    }

    /// Opens a segment and returns its body. One that is refused leaves nothing but room.
    pub(super) fn open(
        &mut self,
        segment: &[u8],
        sequence: u64,
    ) -> Result<(Opened, Bytes), OpenSegmentError> {
        // A length that no segment has costs no memory: opening it says so.
        let len = Opener::body_len(segment.len()).filter(|len| *len <= MAX_BODY_LEN);
        let len = len.unwrap_or_default();
        if len > SHARED_BUFFER / 4 {
            let mut body = BytesMut::zeroed(len);
            let opened = self.opener.open(segment, sequence, &mut body)?;
            return Ok((opened, body.freeze()));
        }
        if self.buffer.capacity() < len {
            self.buffer.reserve(SHARED_BUFFER);
        }
        self.buffer.resize(len, 0);
        match self.opener.open(segment, sequence, &mut self.buffer) {
            Ok(opened) => Ok((opened, self.buffer.split().freeze())),
            Err(error) => {
                self.buffer.clear();
                Err(error)
            }
        }
    }
}

/// Small segments are decrypted into shared buffers of this many bytes.
const SHARED_BUFFER: usize = 16 * 1_024;
