//! Why a segment was not sealed, and why it was not opened.

use super::{MAX_BODY_LEN, MAX_UNSIGNED, OVERHEAD, SegmentStreamId};

/// Why nothing was sealed. All are faults of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealSegmentError {
    /// The segment with the last mark was sealed before.
    #[error("the stream has ended")]
    Ended,
    /// A stream has 2^64 - 1 segments.
    #[error("sequence numbers are exhausted")]
    Exhausted,
    /// The buffer is shorter or longer than a segment can be.
    #[error("segment of {len} bytes, not {min} to {}", MAX_BODY_LEN + OVERHEAD)]
    BadLength {
        /// Bytes of the buffer.
        len: usize,
        /// The least that would do.
        min: usize,
    },
    /// A signed stream begins and ends with a signature and has one after each 64 segments.
    #[error("a signature is due, at the latest after {MAX_UNSIGNED} segments")]
    SignatureDue,
    /// The stream was not begun as a signed one.
    #[error("the stream is not signed")]
    Unsigned,
}

/// Why a segment was not opened. Nothing of it was kept or released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenSegmentError {
    /// Shorter than the shortest segment: cut off, or none at all.
    #[error("{len} bytes are no segment, which has at least {OVERHEAD}")]
    TooShort {
        /// Its bytes.
        len: usize,
    },
    /// Longer than the longest segment.
    #[error("{len} bytes are no segment, which has at most {}", MAX_BODY_LEN + OVERHEAD)]
    TooLong {
        /// Its bytes.
        len: usize,
    },
    /// Made by a version this one does not know, or no segment.
    #[error("segment of unknown version {version}")]
    UnknownVersion {
        /// The first byte.
        version: u8,
    },
    /// A cipher this version does not know.
    #[error("segment with unknown suite {suite}")]
    UnknownSuite {
        /// The number.
        suite: u8,
    },
    /// Flags this version does not know.
    #[error("segment with unknown flags {flags:#04x}")]
    UnknownFlags {
        /// All flags.
        flags: u8,
    },
    /// Says that it is of another stream than the one pinned or first seen.
    #[error("segment of stream {actual}, not {expected}")]
    ForeignStream {
        /// The stream that is read here.
        expected: SegmentStreamId,
        /// The stream it names.
        actual: SegmentStreamId,
    },
    /// Sealed in another context, or changed since; which of them cannot be told.
    #[error("segment does not authenticate: another context, or changed bytes")]
    NotAuthentic,
    /// Authentic, but not the one it was said to be.
    #[error("segment {sealed} was handed in as {claimed}")]
    SequenceMismatch {
        /// The number it was handed in with.
        claimed: u64,
        /// The number it was sealed with.
        sealed: u64,
    },
    /// Authentic, but its body breaks the layout: a fault of whoever sealed it.
    #[error("segment {sequence} is authentic, but breaks the layout")]
    Malformed {
        /// Its number.
        sequence: u64,
    },
    /// The buffer for the body has another length than the body.
    #[error("buffer of {actual} bytes for a body of {expected}")]
    BadBuffer {
        /// Bytes of the body.
        expected: usize,
        /// Bytes of the buffer.
        actual: usize,
    },
}
