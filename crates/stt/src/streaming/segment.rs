//! One segment of a stream: its number and its bytes.

use bytes::Bytes;
use stc::segment::{Header, Mark, OpenSegmentError, SegmentStreamId};

/// An encrypted slice of a stream. Cloning shares the bytes, so encrypting once serves many.
///
/// Neighbours share one buffer of 16 KiB; whoever keeps one segment of many for long copies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    sequence: u64,
    bytes: Bytes,
}

impl Segment {
    pub(super) fn new(sequence: u64, bytes: Bytes) -> Self {
        Self { sequence, bytes }
    }

    /// Takes bytes that came from somewhere for a segment, and reads the number they name. Nothing
    /// is authentic before a decoder opened it.
    ///
    /// # Errors
    ///
    /// [`OpenSegmentError`] when they are none by length, version, suite or flags.
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, OpenSegmentError> {
        let bytes = bytes.into();
        let sequence = Header::decode(&bytes)?.sequence();
        Ok(Self { sequence, bytes })
    }

    /// Its place in the stream, from 0.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The bytes to send.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes to send.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The stream it names.
    pub fn stream_id(&self) -> Option<SegmentStreamId> {
        Header::decode(&self.bytes)
            .ok()
            .map(|header| header.stream_id())
    }

    /// Whether it says that the stream ends with it.
    pub fn is_last(&self) -> bool {
        Header::decode(&self.bytes).is_ok_and(|header| header.mark() == Mark::Last)
    }
}

impl From<Segment> for Bytes {
    fn from(segment: Segment) -> Self {
        segment.bytes
    }
}

impl AsRef<[u8]> for Segment {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
