//! Why a stream of segments ended before its end.

use std::io;

use stc::segment::SealSegmentError;

/// Why an encoder gives no more segments. The stream has no end mark then, so its receivers see it
/// cut off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The source failed.
    #[error("source of the stream failed")]
    Source(#[source] io::Error),
    /// The source of a bounded stream ended early.
    #[error("source ended after {actual} bytes of {length}")]
    SourceTooShort {
        /// Bytes that were announced.
        length: u64,
        /// Bytes that came.
        actual: u64,
    },
    /// The source of a bounded stream has more bytes than announced.
    #[error("source has more than the {length} bytes announced")]
    SourceTooLong {
        /// Bytes that were announced.
        length: u64,
    },
    /// A stream of 2^64 segments is full.
    #[error("no more segments can be sealed")]
    Seal(#[from] SealSegmentError),
}
