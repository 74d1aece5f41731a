//! The header of a segment: what it says of itself in the clear. spec: SEG-2, SEG-3.

use super::{HEADER_LEN, MAX_BODY_LEN, OVERHEAD, OpenSegmentError};
use crate::entropy::{Entropy, random_bytes};
use crate::suite::Suite;
use std::fmt;

/// Names a stream of segments: 16 random bytes, drawn by its sealer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentStreamId([u8; STREAM_ID_LEN]);

impl SegmentStreamId {
    /// The id of a stream that a sealer made.
    pub fn from_bytes(bytes: [u8; STREAM_ID_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; STREAM_ID_LEN] {
        &self.0
    }

    pub(super) fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(random_bytes(entropy))
    }
}

impl fmt::Display for SegmentStreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SegmentStreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentStreamId({self})")
    }
}

/// Whether more segments follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a stream ends or goes on")]
pub enum Mark {
    /// The stream goes on.
    More,
    /// The stream ends here, and this is authenticated.
    Last,
}

/// What is known of a stream's length when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a length is known or it is not")]
pub enum Extent {
    /// Nothing: it ends when it ends.
    Live,
    /// It has exactly this many bytes of data.
    Bounded(u64),
}

/// Flags that all segments of a stream share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape(u8);

impl Shape {
    pub(super) fn new(extent: Extent, is_signed: bool) -> Self {
        let bounded = match extent {
            Extent::Live => 0,
            Extent::Bounded(_) => BOUNDED,
        };
        Self(bounded | if is_signed { SIGNED } else { 0 })
    }

    pub(super) fn code(self) -> u8 {
        self.0
    }

    pub(super) fn is_bounded(self) -> bool {
        self.0 & BOUNDED != 0
    }

    pub(super) fn is_signed(self) -> bool {
        self.0 & SIGNED != 0
    }
}

/// What a segment says of itself. Authentic once the segment was opened, not before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub(super) suite: Suite,
    pub(super) shape: Shape,
    pub(super) mark: Mark,
    pub(super) is_signature: bool,
    pub(super) stream_id: SegmentStreamId,
    pub(super) sequence: u64,
}

impl Header {
    /// Reads the header of a segment.
    ///
    /// # Errors
    ///
    /// [`OpenSegmentError`]: the length is no segment's, or the version, suite or flags are unknown.
    #[inline]
    pub fn decode(segment: &[u8]) -> Result<Self, OpenSegmentError> {
        let len = segment.len();
        if len < OVERHEAD {
            return Err(OpenSegmentError::TooShort { len });
        }
        if len > MAX_BODY_LEN + OVERHEAD {
            return Err(OpenSegmentError::TooLong { len });
        }
        let (fields, _) = segment
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(OpenSegmentError::TooShort { len })?;
        let [version, suite, flags, ..] = *fields;
        if version != VERSION {
            return Err(OpenSegmentError::UnknownVersion { version });
        }
        let suite = Suite::from_code(suite).ok_or(OpenSegmentError::UnknownSuite { suite })?;
        let is_signature = flags & SIGNATURE != 0;
        if flags & !(LAST | BOUNDED | SIGNED | SIGNATURE) != 0
            || is_signature && flags & SIGNED == 0
        {
            return Err(OpenSegmentError::UnknownFlags { flags });
        }
        Ok(Self {
            suite,
            shape: Shape(flags & (BOUNDED | SIGNED)),
            mark: if flags & LAST == 0 {
                Mark::More
            } else {
                Mark::Last
            },
            is_signature,
            stream_id: SegmentStreamId(std::array::from_fn(|i| fields[3 + i])),
            sequence: u64::from_be_bytes(std::array::from_fn(|i| fields[19 + i])),
        })
    }

    #[inline]
    pub(super) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut fields = [0; HEADER_LEN];
        fields[0] = VERSION;
        fields[1] = self.suite.code();
        fields[2] = self.shape.0
            | if self.mark == Mark::Last { LAST } else { 0 }
            | if self.is_signature { SIGNATURE } else { 0 };
        fields[3..19].copy_from_slice(&self.stream_id.0);
        fields[19..].copy_from_slice(&self.sequence.to_be_bytes());
        fields
    }

    /// The cipher.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The stream.
    pub fn stream_id(&self) -> SegmentStreamId {
        self.stream_id
    }

    /// The place in the stream, from 0.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether the stream ends here.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Whether the length of the stream is sealed in its segment 0.
    pub fn is_bounded(&self) -> bool {
        self.shape.is_bounded()
    }

    /// Whether the stream carries signatures.
    pub fn is_signed(&self) -> bool {
        self.shape.is_signed()
    }
}

const VERSION: u8 = 1;
const STREAM_ID_LEN: usize = 16;

const LAST: u8 = 0x01;
const BOUNDED: u8 = 0x02;
const SIGNED: u8 = 0x04;
const SIGNATURE: u8 = 0x08;
