//! A receiver's checks, one segment at a time. spec: SEG-7, SEG-8.
//!
//! *Invariant*: what fails leaves no trace; the first segment that passes decides which stream is
//! read here, if none was pinned.

use super::header::{Header, Mark, Shape};
use super::keys::{SegmentContext, StreamKeys};
use super::signature::{StreamSignature, split_length};
use super::{OVERHEAD, OpenSegmentError, SegmentStreamId};
use crate::suite::Suite;
use std::fmt;

/// Opens the segments of one stream, in any order.
///
/// It remembers no numbers: a segment opens as often as it is given.
pub struct Opener {
    /// The contexts a stream may be of; its first segment shows which.
    roots: Vec<SegmentContext>,
    pinned: Option<SegmentStreamId>,
    /// The stream of the first segment that opened.
    stream: Option<Stream>,
}

/// A stream of which a segment was seen.
struct Stream {
    id: SegmentStreamId,
    suite: Suite,
    shape: Shape,
    keys: StreamKeys,
}

/// A segment that passed all checks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// What it says of itself, authentic now.
    pub header: Header,
    /// The length of the whole stream, if this is segment 0 of a bounded one.
    pub length: Option<u64>,
    /// What was in it.
    pub body: Body,
}

/// What was in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a body is data or a signature")]
pub enum Body {
    /// Data, from this offset of the body on.
    Data {
        /// Bytes before the data.
        offset: usize,
    },
    /// A signature, not verified yet.
    Signature(StreamSignature),
}

impl Opener {
    /// Reads the stream of the first segment that opens.
    pub fn new(context: impl Into<SegmentContext>) -> Self {
        Self {
            roots: vec![context.into()],
            pinned: None,
            stream: None,
        }
    }

    /// Reads the stream `id` and no other.
    pub fn pinned(context: impl Into<SegmentContext>, id: SegmentStreamId) -> Self {
        Self {
            pinned: Some(id),
            ..Self::new(context)
        }
    }

    /// Tries `context` too, until the first segment that opens has shown which one it is: for the
    /// epochs of a group ([`Group::contexts`](crate::Group::contexts)). Costs a derivation and a
    /// decryption for each segment that does not open.
    #[must_use]
    pub fn or_context(mut self, context: impl Into<SegmentContext>) -> Self {
        self.roots.push(context.into());
        self
    }

    /// The stream that is read here, once it is known.
    pub fn stream_id(&self) -> Option<SegmentStreamId> {
        let seen = self.stream.as_ref().map(|stream| stream.id);
        self.pinned.or(seen)
    }

    /// Whether a segment has opened.
    pub fn has_begun(&self) -> bool {
        self.stream.is_some()
    }

    /// Forgets the first segment that opened, for whoever refuses it for reasons of his own.
    pub fn forget(&mut self) {
        self.stream = None;
    }

    /// Bytes of the body of a segment of `len` bytes; `None` if no segment is so short.
    pub fn body_len(len: usize) -> Option<usize> {
        len.checked_sub(OVERHEAD)
    }

    /// Opens `segment`, which is said to be number `sequence`, into `body`, which must have
    /// [`body_len`](Self::body_len) bytes.
    ///
    /// # Errors
    ///
    /// [`OpenSegmentError`]; then `body` holds nothing of use, and nothing was remembered.
    #[inline]
    pub fn open(
        &mut self,
        segment: &[u8],
        sequence: u64,
        body: &mut [u8],
    ) -> Result<Opened, OpenSegmentError> {
        let header = Header::decode(segment)?;
        let (expected, actual) = (segment.len() - OVERHEAD, body.len());
        if expected != actual {
            return Err(OpenSegmentError::BadBuffer { expected, actual });
        }
        if let Some(expected) = self.stream_id()
            && expected != header.stream_id
        {
            let actual = header.stream_id;
            return Err(OpenSegmentError::ForeignStream { expected, actual });
        }
        if let Some(stream) = &mut self.stream {
            return stream.open(&header, segment, sequence, body);
        }
        let mut refused = OpenSegmentError::NotAuthentic;
        for root in &self.roots {
            let mut stream = Stream::of(root, &header);
            match stream.open(&header, segment, sequence, body) {
                Ok(opened) => {
                    self.stream = Some(stream);
                    return Ok(opened);
                }
                Err(OpenSegmentError::NotAuthentic) => {}
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

impl Stream {
    fn of(root: &SegmentContext, header: &Header) -> Self {
        Self {
            id: header.stream_id,
            suite: header.suite,
            shape: header.shape,
            keys: root.keys(header.suite, header.shape, header.stream_id),
        }
    }

    fn open(
        &mut self,
        header: &Header,
        segment: &[u8],
        sequence: u64,
        body: &mut [u8],
    ) -> Result<Opened, OpenSegmentError> {
        if (header.suite, header.shape) != (self.suite, self.shape) {
            return Err(OpenSegmentError::NotAuthentic);
        }
        self.keys
            .open(header, segment, body)
            .map_err(|_| OpenSegmentError::NotAuthentic)?;
        if header.sequence != sequence {
            return Err(OpenSegmentError::SequenceMismatch {
                claimed: sequence,
                sealed: header.sequence,
            });
        }
        self.read(header, body)
            .ok_or(OpenSegmentError::Malformed { sequence })
    }

    /// What is in the body of an authentic segment; `None` if it breaks the layout.
    #[inline]
    fn read(&self, header: &Header, body: &[u8]) -> Option<Opened> {
        let header = *header;
        if header.is_signature {
            let signature = StreamSignature::decode(&header, &self.keys.binding(), body)?;
            return Some(Opened {
                header,
                length: signature.length(),
                body: Body::Signature(signature),
            });
        }
        // A signed stream begins and ends with a signature.
        if self.shape.is_signed() && (header.sequence == 0 || header.mark == Mark::Last) {
            return None;
        }
        let has_length = header.sequence == 0 && self.shape.is_bounded();
        let (length, data) = split_length(has_length, body)?;
        Some(Opened {
            header,
            length,
            body: Body::Data {
                offset: body.len() - data.len(),
            },
        })
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("stream_id", &self.stream_id())
            .finish_non_exhaustive()
    }
}
